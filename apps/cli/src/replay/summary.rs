//! `tickwire replay --summary`: what a recording tells of the network.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use tickwire_sim::Survey;
use tickwire_sim::survey::{PeerSummary, RoundTrips, WaySummary};

/// The JSON object of `--summary --json`.
#[derive(Debug, Serialize)]
pub(super) struct Network {
    redacted: bool,
    span_ms: u64,
    peers: Vec<Peer>,
}

#[derive(Debug, Serialize)]
struct Peer {
    peer: u32,
    to_peer: Way,
    from_peer: Way,
    round_trip: Option<Times>,
    repeated: u64,
    forged: u64,
    congestion_marks: u64,
}

#[derive(Debug, Serialize)]
struct Way {
    datagrams: u64,
    bytes: u64,
    lost: u64,
    loss_permille: u64,
    unknown: u64,
    overtaken: u64,
    /// Losses in a row: how many rows of 1, of 2 to 5, of more, and the longest.
    rows_of_1: u64,
    rows_of_2_to_5: u64,
    rows_of_more: u64,
    longest_row: u64,
}

#[derive(Debug, Serialize)]
struct Times {
    measured: u64,
    min_us: u64,
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
    max_us: u64,
}

impl Network {
    pub(super) fn new(survey: &Survey, redacted: bool) -> Self {
        let peers = survey.peers.iter().map(|peer| Peer::new(&peer.summary()));
        Self {
            redacted,
            span_ms: u64::try_from(survey.span().as_millis()).unwrap_or(u64::MAX),
            peers: peers.collect(),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let (seconds, millis) = (self.span_ms / 1_000, self.span_ms % 1_000);
        let count = self.peers.len();
        let peers = if count == 1 { "peer" } else { "peers" };
        let mut text = format!("{seconds}.{millis:03} s, {count} {peers}");
        for peer in &self.peers {
            peer.write(&mut text);
        }
        text
    }
}

impl Peer {
    fn new(summary: &PeerSummary) -> Self {
        Self {
            peer: summary.peer,
            to_peer: Way::new(&summary.to_peer),
            from_peer: Way::new(&summary.from_peer),
            round_trip: summary.round_trips.as_ref().map(Times::new),
            repeated: summary.repeated,
            forged: summary.forged,
            congestion_marks: summary.congestion_marks,
        }
    }

    fn write(&self, text: &mut String) {
        let _ = write!(text, "\npeer {}", self.peer);
        let _ = write!(text, "\n  to it        {}", self.to_peer.text());
        let _ = write!(text, "\n  from it      {}", self.from_peer.text());
        match &self.round_trip {
            Some(times) => {
                let _ = write!(text, "\n  round trip   {}", times.text());
            }
            None => text.push_str("\n  round trip   never measured"),
        }
        let others = [
            (self.repeated, "arrived twice"),
            (self.forged, "arrived damaged"),
            (self.congestion_marks, "marked for congestion"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(text, "\n  {count} {what}");
        }
    }
}

impl Way {
    fn new(summary: &WaySummary) -> Self {
        Self {
            datagrams: summary.datagrams,
            bytes: summary.bytes,
            lost: summary.lost,
            loss_permille: summary.loss_permille(),
            unknown: summary.unknown,
            overtaken: summary.overtaken,
            rows_of_1: summary.losses.single,
            rows_of_2_to_5: summary.losses.short,
            rows_of_more: summary.losses.long,
            longest_row: summary.losses.longest,
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} datagrams ({} B), {} lost ({}.{} %)",
            self.datagrams,
            self.bytes,
            self.lost,
            self.loss_permille / 10,
            self.loss_permille % 10
        );
        if self.lost > 0 {
            let _ = write!(
                text,
                ": {} alone, {} in rows of 2 to 5, {} in longer rows, {} in the longest",
                self.rows_of_1, self.rows_of_2_to_5, self.rows_of_more, self.longest_row
            );
        }
        for (count, what) in [
            (self.overtaken, "overtaken"),
            (self.unknown, "of unknown fate"),
        ] {
            if count > 0 {
                let _ = write!(text, "; {count} {what}");
            }
        }
        text
    }
}

impl Times {
    fn new(times: &RoundTrips) -> Self {
        Self {
            measured: times.count,
            min_us: micros(times.min),
            p50_us: micros(times.p50),
            p95_us: micros(times.p95),
            p99_us: micros(times.p99),
            max_us: micros(times.max),
        }
    }

    fn text(&self) -> String {
        let ms = |us: u64| format!("{}.{} ms", us / 1_000, us % 1_000 / 100);
        format!(
            "{} at least, {} at the median, {} for 95 %, {} for 99 %, {} at most; measured {} times",
            ms(self.min_us),
            ms(self.p50_us),
            ms(self.p95_us),
            ms(self.p99_us),
            ms(self.max_us),
            self.measured
        )
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
