//! What crossed the wire: text for people to review and a hash for machines to compare.
//!
//! ```text
//!        ms  dir    bytes  datagram
//!     0.000  C→S     1200  Hello(NK, known key)                        ✗ dropped
//!    50.000  C→S     1200  Hello(NK, known key)
//!    75.000  C←S       94  Welcome(accepted)
//!   100.000  C               is connected with 10.0.0.2:7000, key b89b0ce9..
//! ```
//!
//! A row with an arrow is a datagram at the time it was sent, with what its sender says it holds and, at the end,
//! what the network did to it. The arrow points to the receiver, and the host that was added first stands on
//! its left. A row without one is what a host's owner was told. Times count from the start of the recording.

use std::fmt::{self, Write as _};

use tickwire_core::{Event, Instant};

use crate::host::HostId;
use crate::narrate::narrate;

/// Width of the description, so that the marks behind it line up.
const DESCRIPTION_WIDTH: usize = 52;

/// A datagram as it was sent, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// When.
    pub at: Instant,
    /// Who sent it.
    pub from: HostId,
    /// To whom; `None` to everybody or nobody.
    pub to: Option<HostId>,
    /// What crossed the wire.
    pub bytes: Vec<u8>,
    /// What it holds, as its sender says.
    pub text: String,
}

/// The wire of one world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    hash: WireHash,
    /// When recording began; `None` as long as nobody asked for it.
    start: Option<Instant>,
    text: String,
    datagrams: Vec<Datagram>,
}

/// Who sent a datagram to whom, by id and name; no receiver's id if it went to everybody or nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Direction<'a> {
    pub(crate) from: HostId,
    pub(crate) from_name: &'a str,
    pub(crate) to: Option<HostId>,
    pub(crate) to_name: &'a str,
}

impl Trace {
    /// Begins the recording anew.
    pub(crate) fn start(&mut self, now: Instant) {
        self.start = Some(now);
        self.datagrams.clear();
        self.text.clear();
        self.text.push_str("       ms  dir    bytes  datagram\n");
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.start.is_some()
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.0
    }

    /// Every datagram counts for the hash, recorded or not.
    pub(crate) fn on_sent(&mut self, now: Instant, from: HostId, to: Option<HostId>, bytes: &[u8]) {
        self.hash.add(now.as_nanos());
        self.hash.add(HostId::pair_number_or_all(from, to));
        self.hash.add_bytes(bytes);
    }

    /// Keeps the datagram and adds its row, if recording.
    pub(crate) fn row(
        &mut self,
        now: Instant,
        direction: Direction<'_>,
        bytes: &[u8],
        description: &str,
        mark: &dyn fmt::Display,
    ) {
        let Some(start) = self.start else { return };
        self.datagrams.push(Datagram {
            at: now,
            from: direction.from,
            to: direction.to,
            bytes: bytes.to_vec(),
            text: description.to_owned(),
        });
        let time = Clock(start, now);
        let line = format!(
            "{time}  {direction}  {len:>7}  {description:DESCRIPTION_WIDTH$}  {mark}",
            direction = direction.arrow(),
            len = bytes.len(),
        );
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds what a host's owner was told, if recording.
    pub(crate) fn event(&mut self, now: Instant, host: &str, event: &Event) {
        let Some(start) = self.start else { return };
        if let Some(words) = narrate(event) {
            let time = Clock(start, now);
            writeln!(self.text, "{time}  {host:<14}  {words}").expect("a String takes everything");
        }
    }

    /// Adds a remark between the rows, if recording.
    pub(crate) fn note(&mut self, now: Instant, remark: &str) {
        let Some(start) = self.start else { return };
        let time = Clock(start, now);
        writeln!(self.text, "{time}  ·  {remark}").expect("a String takes everything");
    }
}

impl Direction<'_> {
    /// `C→S`, or `C←S` if the host added first receives.
    fn arrow(self) -> String {
        let (from, to) = (self.from_name, self.to_name);
        match self.to {
            Some(to_id) if to_id < self.from => format!("{to}←{from}"),
            Some(_) | None => format!("{from}→{to}"),
        }
    }
}

/// Milliseconds since a start, in a column.
#[derive(Clone, Copy)]
struct Clock(Instant, Instant);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.1.saturating_duration_since(self.0).as_micros();
        write!(f, "{:>5}.{:03}", micros / 1_000, micros % 1_000)
    }
}

/// FNV-1a of 64 bits, taken over words of eight bytes instead of bytes: the same on every platform.
#[derive(Clone, Copy, Debug)]
struct WireHash(u64);

impl Default for WireHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl WireHash {
    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        // Multiplication only carries upwards; this brings the high bits down again.
        self.0 ^= self.0 >> 32;
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
        self.add(bytes.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fate;

    const CLIENT: HostId = HostId::new(0);
    const SERVER: HostId = HostId::new(1);

    fn direction(from: HostId, to: HostId) -> Direction<'static> {
        let name = |host| if host == CLIENT { "C" } else { "S" };
        Direction {
            from,
            from_name: name(from),
            to: Some(to),
            to_name: name(to),
        }
    }

    #[test]
    fn a_trace_reads_like_a_table() {
        let mut trace = Trace::default();
        trace.start(Instant::from_millis(100));
        let at = |ms: u64| Instant::from_millis(100 + ms);
        let (up, down) = (direction(CLIENT, SERVER), direction(SERVER, CLIENT));
        trace.row(at(0), up, &[0; 1_200], "Hello(version 1)", &Fate::Drop);
        trace.note(at(30), "the player waits");
        trace.row(at(60), up, &[0; 1_200], "Hello(version 1)", &Fate::Deliver);
        trace.row(at(85), down, &[0; 180], "Welcome", &Fate::Delay(10));
        trace.event(at(120), "C", &Event::DiscoveryEnded);
        insta::assert_snapshot!(trace.text(), @r"
           ms  dir    bytes  datagram
        0.000  C→S     1200  Hello(version 1)                                      ✗ dropped
       30.000  ·  the player waits
       60.000  C→S     1200  Hello(version 1)
       85.000  C←S      180  Welcome                                               » delayed 10 ms
      120.000  C               ends its search
        ");
    }

    #[test]
    fn nothing_is_written_before_the_recording_starts() {
        let mut trace = Trace::default();
        let up = direction(CLIENT, SERVER);
        trace.row(Instant::ZERO, up, &[0; 5], "x", &Fate::Deliver);
        trace.note(Instant::ZERO, "x");
        assert_eq!(trace.text(), "");
    }

    #[test]
    fn datagrams_are_kept_from_the_start_of_the_recording_on() {
        let mut trace = Trace::default();
        trace.row(
            Instant::ZERO,
            direction(CLIENT, SERVER),
            b"before",
            "",
            &Fate::Deliver,
        );
        trace.start(Instant::ZERO);
        trace.row(
            Instant::ZERO,
            direction(SERVER, CLIENT),
            b"lost",
            "x",
            &Fate::Drop,
        );
        let kept = Datagram {
            at: Instant::ZERO,
            from: SERVER,
            to: Some(CLIENT),
            bytes: b"lost".to_vec(),
            text: "x".to_owned(),
        };
        assert_eq!(trace.datagrams(), [kept]);
    }

    #[test]
    fn the_hash_tells_time_direction_length_and_content_apart() {
        let hash = |ms, from, to, bytes: &[u8]| {
            let mut trace = Trace::default();
            trace.on_sent(Instant::from_millis(ms), from, Some(to), bytes);
            trace.hash()
        };
        let hashes = [
            hash(1, CLIENT, SERVER, b"hello"),
            hash(2, CLIENT, SERVER, b"hello"),
            hash(1, SERVER, CLIENT, b"hello"),
            hash(1, CLIENT, SERVER, b"hello\0"),
            hash(1, CLIENT, SERVER, b"hallo"),
        ];
        for (i, one) in hashes.iter().enumerate() {
            assert!(hashes[i + 1..].iter().all(|other| other != one));
        }
        assert_eq!(hashes[0], hash(1, CLIENT, SERVER, b"hello"));
    }
}
