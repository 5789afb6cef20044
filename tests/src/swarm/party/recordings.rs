//! Recordings of a party, from any moment on.

use tickwire_core::Instant;
use tickwire_core::record::EndReason;
use tickwire_sim::mix::Play;

use super::Party;

/// Small, so that it turns over.
const RING_BYTES: usize = 192 * 1024;

impl Party {
    /// Everybody's calls are recorded from a moment in the middle on, and kept in a small ring as well.
    pub(in super::super) fn record_from_the_middle(&mut self) {
        let end = self.play.as_ref().map_or(Instant::ZERO, Play::end);
        let middle = self.rng.between(0, end.as_micros());
        self.record_at = Some(Instant::from_micros(middle));
    }

    pub(super) fn begin_recordings(&mut self) {
        if self.record_at.is_none_or(|at| self.world.now() < at) {
            return;
        }
        self.record_at = None;
        // A liar's cipher changes what it sends, which no replay knows of.
        for host in self.hosts.iter().filter(|host| !self.liars.contains(host)) {
            self.world.start_recording(*host);
            self.world
                .act(*host, |endpoint, _| endpoint.keep_ring(Some(RING_BYTES)));
            self.recorded.push((*host, self.world.restarts(*host)));
        }
    }

    /// What was recorded of everybody who did not crash since: the hash of the state now, the recording, and the ring's.
    pub(in super::super) fn recordings(&mut self) -> Vec<(u64, Vec<u8>, Option<Vec<u8>>)> {
        let (mut all, recorded) = (Vec::new(), std::mem::take(&mut self.recorded));
        for (host, life) in recorded {
            if self.world.restarts(host) != life {
                continue;
            }
            let recording = self.world.end_recording(host);
            let endpoint = self.world.view(host);
            let ring = endpoint.dump_ring(EndReason::Finished);
            all.push((endpoint.state_hash(), recording, ring));
        }
        all
    }
}
