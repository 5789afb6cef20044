//! Redacted recording: when datagrams left and arrived, and what became of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Endpoint;
use crate::notice::Notice;
use crate::record::{EndReason, Redactor};
use crate::time::Instant;
use crate::transmit::{Ecn, Transmit};

/// Recording without secrets.
impl Endpoint {
    /// Begins a redacted recording, anew if there is one: sizes, times and losses of datagrams, nothing of what is in
    /// them, no address and no key. At any time; a full recording goes on beside it. See
    /// [`take_redacted`](Self::take_redacted).
    pub fn record_redacted(&mut self, now: Instant) {
        self.redactor = Some(Box::new(Redactor::new(now)));
        self.watch();
    }

    /// Keeps the latest of a redacted recording in memory from here on, in `bytes_max` bytes (64 KiB at least), to be
    /// [dumped](Self::dump_redacted_ring) once something went wrong: cheap enough to be always on. Besides every other
    /// recording; a second one takes the place of the first. `None` ends it.
    pub fn keep_redacted_ring(&mut self, now: Instant, bytes_max: Option<usize>) {
        self.redacted_ring = bytes_max.map(|bytes_max| Box::new(Redactor::ring(now, bytes_max)));
        self.watch();
    }

    /// What the ring keeps as a redacted recording of its own; `None` without a ring. The ring goes on.
    #[must_use]
    pub fn dump_redacted_ring(&self, reason: EndReason) -> Option<Vec<u8>> {
        Some(self.redacted_ring.as_ref()?.dump(reason))
    }

    fn watch(&mut self) {
        let is_watched = self.redactor.is_some() || self.redacted_ring.is_some();
        self.machine.notices().watch(is_watched);
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
            redactor.finish(reason);
            redactor.take(out);
        }
        self.watch();
    }

    /// Whether a redacted recording is under way.
    #[must_use]
    pub fn is_recording_redacted(&self) -> bool {
        self.redactor
            .as_ref()
            .is_some_and(|redactor| redactor.is_recording())
    }

    pub(super) fn redact_arrival(&mut self, now: Instant, len: usize, ecn: Option<Ecn>) {
        self.redact(|redactor, notices| redactor.on_arrival(now, len, ecn, notices));
    }

    pub(super) fn redact_timeout(&mut self, now: Instant) {
        self.redact(|redactor, notices| redactor.on_timeout(now, notices));
    }

    pub(super) fn redact_transmit(&mut self, now: Instant, transmit: Option<&Transmit>) {
        if let Some(transmit) = transmit {
            self.redact(|redactor, notices| redactor.on_transmit(now, transmit.len, notices));
        }
    }

    fn redact(&mut self, mut tell: impl FnMut(&mut Redactor, &[Notice])) {
        if self.redactor.is_none() && self.redacted_ring.is_none() {
            return;
        }
        let notices = self.machine.notices();
        if let Some(redactor) = &mut self.redactor {
            tell(redactor, notices.list());
        }
        if let Some(ring) = &mut self.redacted_ring {
            tell(ring, notices.list());
        }
        notices.clear();
    }
}
