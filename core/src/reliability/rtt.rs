//! The round trip, estimated by RFC 9002 section 5 (the constants are those of RFC 6298), in whole microseconds.

use core::time::Duration;

use crate::saved::saved;
use crate::time::micros;

/// Timers are not finer than this (RFC 9002 section 6.1.2).
const GRANULARITY_US: u64 = 1_000;

/// Assumed until measured. RFC 9002 section 6.2.2 takes 333 ms, safe for any path on earth; players of one game sit
/// closer, the handshake measures before the first packet anyway, and a lost first packet should not cost a second.
const INITIAL_RTT_US: u64 = 100_000;

/// A longer sample counts as this: nothing on earth takes longer, but a clock that jumps an hour while an answer is under
/// way would else stop all repair for as long.
const SAMPLE_MAX_US: u64 = 10_000_000;

/// Smoothed round trip, its deviation, and the least and latest samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rtt {
    smoothed_us: u64,
    deviation_us: u64,
    min_us: u64,
    latest_us: u64,
    /// The latest sample without the peer's delay, as far as that is believed.
    latest_path_us: u64,
    is_measured: bool,
}

saved!(Rtt {
    smoothed_us,
    deviation_us,
    min_us,
    latest_us,
    latest_path_us,
    is_measured
});

impl Rtt {
    pub(crate) const fn new() -> Self {
        Self {
            smoothed_us: INITIAL_RTT_US,
            deviation_us: INITIAL_RTT_US / 2,
            min_us: 0,
            latest_us: 0,
            latest_path_us: 0,
            is_measured: false,
        }
    }

    /// Takes in a sample: an answer came after `latest`, of which the peer says it waited `ack_delay` (already clipped
    /// to what it may wait). RFC 9002 section 5.3.
    pub(crate) fn on_sample(&mut self, latest: Duration, ack_delay: Duration) {
        let latest_us = micros(latest).min(SAMPLE_MAX_US);
        self.latest_us = latest_us;
        if !self.is_measured {
            self.is_measured = true;
            self.min_us = latest_us;
            self.smoothed_us = latest_us;
            self.latest_path_us = latest_us;
            self.deviation_us = latest_us / 2;
            return;
        }
        // The least round trip ignores the peer's claim (section 5.2), and no claim brings a sample below it.
        self.min_us = self.min_us.min(latest_us);
        let adjusted_us = match latest_us.checked_sub(micros(ack_delay)) {
            Some(adjusted_us) if adjusted_us >= self.min_us => adjusted_us,
            Some(_) | None => latest_us,
        };
        self.latest_path_us = adjusted_us;
        self.deviation_us = (3 * self.deviation_us + self.smoothed_us.abs_diff(adjusted_us)) / 4;
        self.smoothed_us = (7 * self.smoothed_us + adjusted_us) / 8;
    }

    /// The path may be another one: the least round trip starts anew from the latest (RFC 9002 section 5.2).
    pub(crate) const fn forget_min(&mut self) {
        self.min_us = self.latest_us;
    }

    /// Whether there was a sample yet; until then the smoothed value is a guess.
    pub(crate) const fn is_measured(&self) -> bool {
        self.is_measured
    }

    /// Latest sample in microseconds, the peer's delay included; 0 before the first.
    pub(crate) const fn latest_us(&self) -> u64 {
        self.latest_us
    }

    /// Smoothed round trip in microseconds; a guess before the first sample.
    pub(crate) const fn smoothed_us(&self) -> u64 {
        self.smoothed_us
    }

    /// Mean deviation in microseconds (`rttvar`).
    pub(crate) const fn deviation_us(&self) -> u64 {
        self.deviation_us
    }

    /// Least sample in microseconds, 0 before the first.
    pub(crate) const fn min_us(&self) -> u64 {
        self.min_us
    }

    /// What the smoothed round trip has above the least, in microseconds: time in queues, and noise.
    pub(crate) const fn queueing_delay_us(&self) -> u64 {
        if self.is_measured {
            self.smoothed_us.saturating_sub(self.min_us)
        } else {
            0
        }
    }

    /// A packet older than this, with a later one acknowledged, is lost: 9/8 of a round trip (RFC 9002 section 6.1.2).
    /// Unlike there the latest sample counts without the peer's delay, which for unreliable data is half a second: a
    /// packet acknowledged so lazily would hold up the repair of a reliable one.
    pub(crate) fn loss_delay(&self) -> Duration {
        let rtt_us = self.smoothed_us.max(self.latest_path_us);
        Duration::from_micros((rtt_us + rtt_us / 8).max(GRANULARITY_US))
    }

    /// Wait for an answer that the peer may delay by `ack_delay_max` (RFC 9002 section 6.2.1), before any backoff.
    pub(crate) fn probe_timeout(&self, ack_delay_max: Duration) -> Duration {
        let wait_us = self.smoothed_us + (4 * self.deviation_us).max(GRANULARITY_US);
        Duration::from_micros(wait_us).saturating_add(ack_delay_max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    proptest! {
        /// RFC 9002 section 5.3 in fractions of a microsecond: what is kept in whole ones differs by the rounding of a
        /// sum that forgets an eighth and a quarter each time. And no history leaves the bounds of its samples.
        #[test]
        fn whatever_comes_it_is_the_rfcs_mean_and_within_its_samples(
            samples in prop::collection::vec((1u64..12_000_000, 0u64..600_000), 1..120),
        ) {
            let mut rtt = Rtt::new();
            let (mut smoothed, mut deviation, mut least) = (0.0_f64, 0.0_f64, u64::MAX);
            let (mut low, mut high) = (u64::MAX, 0);
            for (index, (latest, delay)) in samples.into_iter().enumerate() {
                rtt.on_sample(Duration::from_micros(latest), Duration::from_micros(delay));
                let latest = latest.min(10_000_000);
                least = least.min(latest);
                let adjusted = match latest >= least + delay {
                    true => latest - delay,
                    false => latest,
                } as f64;
                if index == 0 {
                    (smoothed, deviation) = (latest as f64, latest as f64 / 2.0);
                } else {
                    deviation = 0.75 * deviation + 0.25 * (smoothed - adjusted).abs();
                    smoothed = 0.875 * smoothed + 0.125 * adjusted;
                }
                (low, high) = (low.min(latest), high.max(latest));
                prop_assert_eq!((rtt.min_us(), rtt.latest_us()), (least, latest));
                prop_assert!((rtt.smoothed_us() as f64 - smoothed).abs() <= 9.0);
                prop_assert!((rtt.deviation_us() as f64 - deviation).abs() <= 16.0);
                prop_assert!((low.saturating_sub(1)..=high).contains(&rtt.smoothed_us()));
                prop_assert!(rtt.deviation_us() <= high);
                prop_assert_eq!(rtt.queueing_delay_us(), rtt.smoothed_us().saturating_sub(least));
                let probe = rtt.probe_timeout(ms(25));
                prop_assert!(probe >= Duration::from_micros(rtt.smoothed_us() + 26_000));
                prop_assert!(probe <= Duration::from_micros(5 * high + 26_000));
                let repair = rtt.loss_delay();
                prop_assert!(repair >= Duration::from_micros(rtt.smoothed_us() * 9 / 8));
                prop_assert!(repair <= Duration::from_micros((high * 9 / 8).max(1_000)));
            }
        }
    }

    #[test]
    fn the_first_sample_replaces_the_guess() {
        let mut rtt = Rtt::new();
        assert!(!rtt.is_measured());
        assert_eq!(rtt.probe_timeout(ms(25)), ms(325));
        rtt.on_sample(ms(40), ms(10));
        assert!(rtt.is_measured());
        assert_eq!(rtt.smoothed_us(), 40_000);
        assert_eq!(rtt.deviation_us(), 20_000);
        assert_eq!(rtt.min_us(), 40_000);
        assert_eq!(rtt.probe_timeout(ms(25)), ms(145));
    }

    #[test]
    fn later_samples_are_smoothed_by_an_eighth_and_a_quarter() {
        let mut rtt = Rtt::new();
        rtt.on_sample(ms(40), ms(0));
        rtt.on_sample(ms(80), ms(0));
        assert_eq!(rtt.smoothed_us(), 45_000);
        assert_eq!(rtt.deviation_us(), 25_000);
        assert_eq!(rtt.min_us(), 40_000);
        assert_eq!(rtt.loss_delay(), ms(90));
    }

    #[test]
    fn a_claimed_delay_counts_only_above_the_least_round_trip() {
        let mut honest = Rtt::new();
        honest.on_sample(ms(40), ms(0));
        honest.on_sample(ms(60), ms(20));
        assert_eq!(honest.smoothed_us(), 40_000);
        let mut liar = Rtt::new();
        liar.on_sample(ms(40), ms(0));
        liar.on_sample(ms(60), ms(21));
        assert_eq!(liar.smoothed_us(), 42_500);
    }

    #[test]
    fn a_lazy_acknowledgement_does_not_slow_the_repair_of_losses() {
        let mut rtt = Rtt::new();
        rtt.on_sample(ms(40), ms(0));
        rtt.on_sample(ms(540), ms(500));
        assert_eq!(rtt.latest_us(), 540_000);
        assert_eq!(rtt.loss_delay(), ms(45));
    }

    #[test]
    fn a_clock_that_jumps_an_hour_does_not_stop_repair_for_an_hour() {
        let mut rtt = Rtt::new();
        rtt.on_sample(ms(40), ms(0));
        rtt.on_sample(Duration::from_secs(3_600), ms(0));
        assert!(rtt.probe_timeout(ms(25)) < Duration::from_secs(12));
        for _ in 0..50 {
            rtt.on_sample(ms(40), ms(0));
        }
        assert!(rtt.probe_timeout(ms(25)) < Duration::from_millis(500));
        assert!(rtt.loss_delay() < Duration::from_millis(200));
    }

    #[test]
    fn timers_are_never_finer_than_a_millisecond() {
        let mut rtt = Rtt::new();
        rtt.on_sample(Duration::ZERO, Duration::ZERO);
        assert_eq!(rtt.loss_delay(), ms(1));
        assert_eq!(rtt.probe_timeout(ms(0)), ms(1));
    }

    #[test]
    fn a_new_path_may_have_a_longer_least_round_trip() {
        let mut rtt = Rtt::new();
        rtt.on_sample(ms(40), ms(0));
        rtt.on_sample(ms(90), ms(0));
        rtt.forget_min();
        assert_eq!(rtt.min_us(), 90_000);
    }
}
