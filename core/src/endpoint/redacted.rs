//! Redacted recording: when datagrams left and arrived, and what became of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Endpoint;
use crate::record::{EndReason, Redactor};
use crate::time::Instant;
use crate::transmit::{Ecn, Transmit};

/// Recording without secrets.
impl Endpoint {
    /// Begins a redacted recording, anew if there is one: sizes, times and losses of datagrams, nothing of what is in
    /// them, no address and no key. At any time; a full recording goes on beside it. See
    /// [`take_redacted`](Self::take_redacted).
    pub fn record_redacted(&mut self, now: Instant) {
        self.machine.notices().watch(true);
        self.redactor = Some(Box::new(Redactor::new(now)));
    }

    /// Appends to `out` what was recorded since the last time, in whole blocks of 16 KiB or one second. Take it after
    /// every turn: once 4 MiB wait to be taken the recording ends, and says so. Without one nothing happens.
    pub fn take_redacted(&mut self, out: &mut Vec<u8>) {
        if let Some(redactor) = &mut self.redactor {
            redactor.take(out);
        }
    }

    /// Ends the redacted recording and appends to `out` all that was not taken yet. Without one nothing happens.
    pub fn end_redacted(&mut self, out: &mut Vec<u8>) {
        self.end_redacted_as(EndReason::Finished, out);
    }

    /// As [`end_redacted`](Self::end_redacted), for this reason.
    pub fn end_redacted_as(&mut self, reason: EndReason, out: &mut Vec<u8>) {
        if let Some(mut redactor) = self.redactor.take() {
            self.machine.notices().watch(false);
            redactor.finish(reason);
            redactor.take(out);
        }
    }

    /// Whether a redacted recording is under way.
    #[must_use]
    pub fn is_recording_redacted(&self) -> bool {
        self.redactor
            .as_ref()
            .is_some_and(|redactor| redactor.is_recording())
    }

    pub(super) fn redact_arrival(&mut self, now: Instant, len: usize, ecn: Option<Ecn>) {
        if let Some(redactor) = &mut self.redactor {
            redactor.on_arrival(now, len, ecn, self.machine.notices());
        }
    }

    pub(super) fn redact_timeout(&mut self, now: Instant) {
        if let Some(redactor) = &mut self.redactor {
            redactor.on_timeout(now, self.machine.notices());
        }
    }

    pub(super) fn redact_transmit(&mut self, now: Instant, transmit: Option<&Transmit>) {
        if let (Some(redactor), Some(transmit)) = (&mut self.redactor, transmit) {
            redactor.on_transmit(now, transmit.len, self.machine.notices());
        }
    }
}
