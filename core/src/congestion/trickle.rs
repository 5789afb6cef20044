//! What may leave although the congestion window is full: a little, if it is all there is to say.
//!
//! Losses make a window small, also where they have nothing to do with congestion. A player's inputs and what they must tell
//! reliably are a few kilobytes a second; held back they are worthless when they leave, and the path hardly notices
//! them. RFC 8085 section 3.1.3 knows such flows: below a datagram each round trip or so control serves nothing. So whoever has
//! no more to say than fits into one datagram says it, at most at [`RATE`], as long as anything arrives at all. Bulk never
//! passes here: it has more to say.

use core::time::Duration;

use crate::saved::saved;
use crate::time::Instant;

/// Bytes a second: what a busy player sends at 60 Hz, twice.
const RATE: u64 = 24_000;
/// Bytes that may leave together.
const BURST: u64 = 2_400;
/// Without an acknowledgement for so long there may be no path any more: nothing but probes leaves then.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// A bucket of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trickle {
    bytes: u64,
    filled_at: Instant,
}

saved!(Trickle { bytes, filled_at });

impl Trickle {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: BURST,
            filled_at: Instant::ZERO,
        }
    }

    /// When a datagram of `bytes` may leave, if one may: `now`, or later. `acked_at`: when something was last acknowledged.
    pub(crate) fn at(&self, now: Instant, bytes: u64, acked_at: Instant) -> Option<Instant> {
        if now.saturating_duration_since(acked_at) >= SILENCE_MAX {
            return None;
        }
        let missing = bytes.min(BURST).saturating_sub(self.bytes);
        let nanos = (missing * 1_000_000_000).div_ceil(RATE);
        Some((self.filled_at + Duration::from_nanos(nanos)).max(now))
    }

    /// `bytes` left although the window was full.
    pub(crate) fn on_sent(&mut self, now: Instant, bytes: u64) {
        let elapsed = now.saturating_duration_since(self.filled_at).as_nanos();
        let gained = elapsed * u128::from(RATE) / 1_000_000_000;
        let gained = u64::try_from(gained).unwrap_or(u64::MAX);
        let bytes_now = self.bytes.saturating_add(gained).min(BURST);
        self.bytes = bytes_now.saturating_sub(bytes);
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_busy_player_is_never_held_back() {
        let mut trickle = Trickle::new();
        for tick in 0..600 {
            let now = at(tick * 16);
            assert_eq!(trickle.at(now, 1_200, now), Some(now), "tick {tick}");
            trickle.on_sent(now, 250);
        }
    }

    #[test]
    fn more_than_the_rate_waits_for_its_turn() {
        let mut trickle = Trickle::new();
        let (mut now, mut sent) = (at(0), 0);
        while now < at(10_000) {
            now = trickle.at(now, 1_200, now).expect("it is answered");
            trickle.on_sent(now, 1_200);
            sent += 1_200;
        }
        assert!(
            (RATE * 10..=RATE * 10 + 2 * BURST).contains(&sent),
            "{sent}"
        );
    }

    #[test]
    fn a_silent_path_gets_nothing() {
        let trickle = Trickle::new();
        assert!(trickle.at(at(999), 1_200, at(0)).is_some());
        assert_eq!(trickle.at(at(1_000), 1_200, at(0)), None);
    }
}
