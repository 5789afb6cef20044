//! What a replay prints.

use serde::Serialize;
use tickwire_core::record::{Call, Output, Record, Recording};
use tickwire_core::{Event, Instant};
use tickwire_sim::{Divergence, Replay, ReplayReport};

use crate::output;

/// The JSON object of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    identical: bool,
    /// How often it was replayed, all alike, unless the first was not identical.
    times: u32,
    /// Records of the file, its end included.
    records: u64,
    calls: u64,
    span_ms: u64,
    datagrams_in: u64,
    datagrams_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    messages_in: u64,
    message_bytes_in: u64,
    events: u64,
    refusals: u64,
    /// Of all datagrams and events that came out, in their order.
    outputs_hash: String,
    /// Version of Tickwire that made the recording.
    recorded_by: String,
    divergence: Option<Place>,
    /// What the endpoint panicked with, where that is how the recording ends; empty if it was its owner.
    panic: Option<String>,
}

/// The first call that gives anything else than it gave.
#[derive(Debug, Serialize)]
struct Place {
    record: u64,
    offset: u64,
    at_ms: u64,
    call: String,
    recorded: String,
    replayed: String,
    datagram: Option<String>,
    /// All of it, as people read it.
    #[serde(skip)]
    text: String,
}

impl Summary {
    pub(super) fn new(recording: &Recording, report: &ReplayReport, times: u32) -> Self {
        let stats = &report.stats;
        let born_at = stats.born_at;
        Self {
            identical: report.is_identical(),
            times,
            records: recording.record_count(),
            calls: stats.calls,
            span_ms: millis(stats.ended_at, born_at),
            datagrams_in: stats.datagrams_in,
            datagrams_out: stats.datagrams_out,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            messages_in: stats.messages_in,
            message_bytes_in: stats.message_bytes_in,
            events: stats.events,
            refusals: stats.refusals,
            outputs_hash: format!("{:08x}", stats.outputs_hash),
            recorded_by: recording.software().to_owned(),
            divergence: report
                .divergence
                .as_ref()
                .map(|divergence| Place::new(divergence, born_at)),
            panic: report
                .panic
                .as_ref()
                .map(|panic| panic.message.clone().unwrap_or_default()),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let counts = format!(
            "{}.{:03} s, {} calls: {} datagrams in ({} B), {} out ({} B), {} messages sent, {} events, {} refusals; \
             outputs {}",
            self.span_ms / 1_000,
            self.span_ms % 1_000,
            self.calls,
            self.datagrams_in,
            self.bytes_in,
            self.datagrams_out,
            self.bytes_out,
            self.messages_in,
            self.events,
            self.refusals,
            self.outputs_hash
        );
        let Some(place) = &self.divergence else {
            let end = match self.panic.as_deref() {
                None => String::new(),
                Some("") => "\nit ends with a panic of the program, not of the endpoint".to_owned(),
                Some(message) => {
                    let message = output::clean(&output::one_line(message));
                    format!("\nit ends in a panic, as it did then: {message}")
                }
            };
            let times = match self.times {
                1 => String::new(),
                times => format!(", {times} times of {times}"),
            };
            return format!(
                "{counts}\nidentical: all that came out is what came out then{times}{end}"
            );
        };
        let mut text = format!("{counts}\ndiverged: {}", place.text);
        if self.recorded_by != env!("CARGO_PKG_VERSION") {
            let by = output::clean(&self.recorded_by);
            text.push_str(&format!(
                "\n  it was recorded by version {by}, this is {}",
                env!("CARGO_PKG_VERSION")
            ));
        }
        text
    }
}

impl Place {
    fn new(divergence: &Divergence, born_at: Instant) -> Self {
        Self {
            record: divergence.record,
            offset: divergence.offset,
            at_ms: millis(divergence.at, born_at),
            call: divergence.call.clone(),
            recorded: divergence.recorded.to_string(),
            replayed: divergence.replayed.to_string(),
            datagram: divergence.datagram.clone(),
            text: divergence.to_string(),
        }
    }
}

fn millis(at: Instant, since: Instant) -> u64 {
    (at.as_nanos() - since.as_nanos()) / 1_000_000
}

/// Runs a replay and prints a line for each call that anything went in or came out with.
pub(super) fn traced(replay: Replay<'_>, born_at: Instant) -> anyhow::Result<ReplayReport> {
    let mut result = Ok(());
    let report = replay.run_with(|record, output| {
        let Some(what) = line(record, output) else {
            return;
        };
        if result.is_ok() {
            let at = Instant::from_nanos(record.at.as_nanos() - born_at.as_nanos());
            result = output::line(&output::clean(&format!("{:>14}  {what}", at.to_string())));
        }
    });
    result.map(|()| report)
}

fn line(record: &Record<'_>, output: &Output) -> Option<String> {
    if let Some(transmit) = &output.transmit {
        let text = output.trace.as_deref().unwrap_or_default();
        return Some(format!("→ {}  {} B  {text}", transmit.to, transmit.len));
    }
    if let Some(Event::Message {
        peer,
        channel,
        payload,
    }) = &output.event
    {
        let len = payload.len();
        return Some(format!("  a message of {len} B from {peer} on {channel}"));
    }
    if let Some(event) = &output.event {
        return Some(format!("  {event:?}"));
    }
    match &record.call {
        Call::HandleDatagram { arrival, datagram } => {
            Some(format!("← {}  {} B", arrival.from, datagram.len()))
        }
        Call::HandleTimeout | Call::PollTransmit | Call::PollEvent | Call::Flush => None,
        Call::Connect { .. }
        | Call::Send { .. }
        | Call::Ping { .. }
        | Call::Probe { .. }
        | Call::Disconnect { .. }
        | Call::Discover { .. }
        | Call::SetPlayers { .. }
        | Call::SetAnnouncePort { .. }
        | Call::SetAnnounceTargets { .. }
        | Call::SetInterfaces { .. }
        | Call::Ban { .. }
        | Call::Unban { .. }
        | Call::SetAccepting { .. }
        | Call::SetCongestion { .. }
        | Call::SetQos { .. }
        | Call::Rebind { .. }
        | Call::HandleTooLong { .. }
        | Call::ConnectWithToken { .. }
        | Call::SetUnixTime { .. }
        | Call::Checkpoint
        | Call::End { .. } => Some(format!("  {}", record.call)),
    }
}
