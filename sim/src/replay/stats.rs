//! What a recording holds, counted while it is replayed.

use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::record::{Call, Outcome, Output, Record};

/// Counts of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayStats {
    /// All calls, polls that gave nothing included.
    pub calls: u64,
    /// Datagrams handed in.
    pub datagrams_in: u64,
    /// UDP payload bytes handed in.
    pub bytes_in: u64,
    /// Datagrams handed out.
    pub datagrams_out: u64,
    /// UDP payload bytes handed out.
    pub bytes_out: u64,
    /// Messages offered by the owner.
    pub messages_in: u64,
    /// Bytes of these.
    pub message_bytes_in: u64,
    /// Events handed out.
    pub events: u64,
    /// Commands refused.
    pub refusals: u64,
    /// The endpoint's birth.
    pub born_at: Instant,
    /// The latest call.
    pub ended_at: Instant,
    /// Hash of everything that came out.
    pub outputs_hash: u32,
}

impl ReplayStats {
    pub(super) const fn new(born_at: Instant) -> Self {
        Self {
            calls: 0,
            datagrams_in: 0,
            bytes_in: 0,
            datagrams_out: 0,
            bytes_out: 0,
            messages_in: 0,
            message_bytes_in: 0,
            events: 0,
            refusals: 0,
            born_at,
            ended_at: born_at,
            outputs_hash: 0,
        }
    }

    /// Time from birth to the latest call.
    #[must_use]
    pub const fn span(&self) -> Duration {
        self.ended_at.saturating_duration_since(self.born_at)
    }

    pub(super) fn count(&mut self, record: &Record<'_>, output: &Output) {
        self.ended_at = record.at;
        if matches!(record.call, Call::Checkpoint | Call::End { .. }) {
            return;
        }
        self.calls += 1;
        if let Call::HandleDatagram { datagram, .. } = &record.call {
            self.datagrams_in += 1;
            self.bytes_in += datagram.len() as u64;
        }
        if let Call::Send { payload, .. } = &record.call {
            self.messages_in += 1;
            self.message_bytes_in += payload.len() as u64;
        }
        match output.outcome {
            Outcome::Nothing | Outcome::State { .. } => {}
            Outcome::Refused(_) => self.refusals += 1,
            Outcome::Transmit { len, hash, .. } => {
                self.datagrams_out += 1;
                self.bytes_out += len as u64;
                self.outputs_hash = hash;
            }
            Outcome::Event { hash } => {
                self.events += 1;
                self.outputs_hash = hash;
            }
        }
    }
}
