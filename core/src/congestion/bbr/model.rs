//! The path: its rate, its least round trip, and how its acknowledgements bunch. "Updating Network Path Model Parameters".

use core::time::Duration;

use super::super::Progress;
use super::{WINDOW_MAX, scale};
use crate::saved::saved;
use crate::time::{Instant, micros};

/// "`MinRTTFilterLen`", "`ProbeRTTInterval`".
const ROUND_TRIP_FOR: Duration = Duration::from_secs(10);
const PROBE_RTT_EVERY: Duration = Duration::from_secs(5);
/// Round trips in one slot of "`extra_acked_filter`".
const EXTRA_ROUNDS: u64 = 5;
/// Round trips are not believed to be longer.
const ROUND_TRIP_MAX_US: u64 = 60_000_000;
/// Rounds without growth that mean a full pipe.
const FULL_ROUNDS: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: Instant,
    pub(super) delivered: u64,
    /// "`RS.tx_in_flight`".
    pub(super) sent_in_flight: u64,
    /// "`RS.delivery_rate`" and "`RS.delivered`" of the latest acknowledgement.
    pub(super) rate: u64,
    pub(super) volume: u64,
    pub(super) round_count: u64,
    next_round: u64,
    /// "`max_bw_filter`": this cycle, the one before.
    bandwidth: [u64; 2],
    latest_us: u64,
    least_us: Option<u64>,
    least_at: Instant,
    probed_us: Option<u64>,
    pub(super) probed_at: Instant,
    extra_since: Instant,
    extra_delivered: u64,
    extra: [u64; 2],
    extra_slot_at: u64,
    full_bandwidth: u64,
    full_count: u32,
    pub(super) is_full_now: bool,
    /// "`full_bw_reached`".
    pub(super) is_full: bool,
}

saved!(Model {
    now,
    delivered,
    sent_in_flight,
    rate,
    volume,
    round_count,
    next_round,
    bandwidth,
    latest_us,
    least_us,
    least_at,
    probed_us,
    probed_at,
    extra_since,
    extra_delivered,
    extra,
    extra_slot_at,
    full_bandwidth,
    full_count,
    is_full_now,
    is_full
});

impl Model {
    /// An acknowledgement: "`UpdateRound`" and "`UpdateMaxBw`". Whether a round trip begins.
    pub(super) fn begin(&mut self, progress: &Progress) -> bool {
        self.now = progress.now;
        self.delivered = progress.delivered;
        self.sent_in_flight = progress.sent_in_flight.min(WINDOW_MAX);
        let rate = progress.rate.map_or(0, |rate| rate.bytes_per_second);
        self.rate = rate.min(WINDOW_MAX);
        self.volume = progress.delivered.saturating_sub(progress.prior_delivered);
        let is_round_start = progress.prior_delivered >= self.next_round;
        if is_round_start {
            self.start_round();
            self.round_count += 1;
        }
        if self.rate >= self.max_bandwidth() || !progress.is_app_limited {
            self.bandwidth[0] = self.bandwidth[0].max(self.rate);
        }
        is_round_start
    }

    /// "`StartRound`".
    pub(super) const fn start_round(&mut self) {
        self.next_round = self.delivered;
    }

    pub(super) fn max_bandwidth(&self) -> u64 {
        self.bandwidth[0].max(self.bandwidth[1])
    }

    /// "`AdvanceMaxBwFilter`".
    pub(super) const fn advance_bandwidth(&mut self) {
        self.bandwidth = [0, self.bandwidth[0]];
    }

    /// "`min_rtt`".
    pub(super) const fn round_trip_us(&self) -> Option<u64> {
        self.least_us
    }

    /// What the latest round trip had above the least.
    pub(super) fn queue_us(&self) -> u64 {
        self.latest_us.saturating_sub(self.least_us.unwrap_or(0))
    }

    /// "`UpdateMinRTT`". Whether it is time to look for it anew.
    pub(super) fn take_round_trip(&mut self, progress: &Progress) -> bool {
        let now = progress.now;
        let is_due = now > self.probed_at + PROBE_RTT_EVERY;
        if let Some(round_trip_us) = progress.round_trip_us {
            let round_trip_us = round_trip_us.clamp(1, ROUND_TRIP_MAX_US);
            self.latest_us = round_trip_us;
            if is_due || self.probed_us.is_none_or(|least| round_trip_us < least) {
                self.probed_us = Some(round_trip_us);
                self.probed_at = now;
            }
        }
        let Some(probed_us) = self.probed_us else {
            return false;
        };
        let is_old = now > self.least_at + ROUND_TRIP_FOR;
        if is_old || self.least_us.is_none_or(|least| probed_us < least) {
            self.least_us = Some(probed_us);
            self.least_at = self.probed_at;
        }
        is_due
    }

    pub(super) const fn restart_aggregation(&mut self, now: Instant) {
        self.extra_since = now;
        self.extra_delivered = 0;
    }

    /// "`UpdateACKAggregation`".
    pub(super) fn aggregate(&mut self, progress: &Progress, bandwidth: u64, cwnd: u64) {
        let since = progress.now.saturating_duration_since(self.extra_since);
        let mut expected = scale(bandwidth, micros(since), 1_000_000);
        if self.extra_delivered <= expected {
            self.restart_aggregation(progress.now);
            expected = 0;
        }
        self.extra_delivered = self.extra_delivered.saturating_add(progress.acked_bytes);
        let extra = self.extra_delivered.saturating_sub(expected).min(cwnd);
        let rounds = if self.is_full { EXTRA_ROUNDS } else { 1 };
        if self.round_count >= self.extra_slot_at + rounds {
            self.extra_slot_at = self.round_count;
            self.extra = [0, if self.is_full { self.extra[0] } else { 0 }];
        }
        self.extra[0] = self.extra[0].max(extra);
    }

    pub(super) fn extra_acked(&self) -> u64 {
        self.extra[0].max(self.extra[1])
    }

    /// "`ResetFullBW`", with a rate to begin with.
    pub(super) const fn look_for_full(&mut self, rate: u64) {
        self.full_bandwidth = rate;
        self.full_count = 0;
        self.is_full_now = false;
    }

    /// "`CheckFullBWReached`".
    pub(super) fn check_full(&mut self, progress: &Progress, is_round_start: bool) {
        let is_silent = progress.rate.is_none() || progress.is_app_limited;
        if self.is_full_now || !is_round_start || is_silent {
            return;
        }
        if self.rate >= self.full_bandwidth.saturating_add(self.full_bandwidth / 4) {
            self.look_for_full(self.rate);
            return;
        }
        self.full_count += 1;
        self.is_full_now = self.full_count >= FULL_ROUNDS;
        self.is_full |= self.is_full_now;
    }
}
