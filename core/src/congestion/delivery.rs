//! How fast packets arrive: draft-ietf-ccwg-bbr section 4.1, of which the names are.
//!
//! Each packet takes along what had arrived when it left. When it arrives itself, what arrived since then, over the time
//! from that instant to this, is a rate: of the slower of sending and arriving, so that acknowledgements that come in
//! heaps do not make it too high.

use super::{LostPacket, RateSample};
use crate::saved::saved;
use crate::time::Instant;

/// What a packet takes along.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    delivered: u64,
    lost: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    is_app_limited: bool,
    /// With itself.
    in_flight: u64,
}

saved!(Flight {
    delivered,
    lost,
    delivered_at,
    first_sent_at,
    is_app_limited,
    in_flight
});

/// What arrived so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delivery {
    delivered: u64,
    lost: u64,
    delivered_at: Instant,
    /// When the newest packet that arrived had left.
    first_sent_at: Instant,
    /// Until so much is delivered, packets were sent while the application had no more.
    app_limited_until: u64,
    /// A packet that left when so much was delivered ends the round trip.
    round_until: u64,
}

saved!(Delivery {
    delivered,
    lost,
    delivered_at,
    first_sent_at,
    app_limited_until,
    round_until
});

/// The newest packet of one acknowledgement, to be compared with the state at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    flight: Flight,
    sent_at: Instant,
}

saved!(Newest { flight, sent_at });

impl Newest {
    /// What was in flight as it left, itself included.
    pub(super) const fn in_flight(&self) -> u64 {
        self.flight.in_flight
    }

    /// What had arrived then.
    pub(super) const fn delivered(&self) -> u64 {
        self.flight.delivered
    }

    pub(super) const fn is_app_limited(&self) -> bool {
        self.flight.is_app_limited
    }
}

impl Delivery {
    /// A packet leaves while `in_flight` others are. `is_app_limited`: there is nothing to send after it.
    pub(super) fn on_sent(
        &mut self,
        now: Instant,
        bytes: u64,
        in_flight: u64,
        is_app_limited: bool,
    ) -> Flight {
        if in_flight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        let flight = Flight {
            delivered: self.delivered,
            lost: self.lost,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            is_app_limited: self.app_limited_until > self.delivered,
            in_flight: in_flight + bytes,
        };
        if is_app_limited {
            self.app_limited_until = self.delivered + in_flight + bytes;
        }
        flight
    }

    /// A packet arrived; call for each of an acknowledgement, with what was the newest so far.
    pub(super) fn on_acked(
        &mut self,
        now: Instant,
        sent_at: Instant,
        bytes: u64,
        flight: &Flight,
        newest: &mut Option<Newest>,
    ) {
        self.delivered += bytes;
        self.delivered_at = now;
        let is_newest = newest
            .as_ref()
            .is_none_or(|newest| sent_at >= newest.sent_at);
        if is_newest {
            self.first_sent_at = sent_at;
            *newest = Some(Newest {
                flight: *flight,
                sent_at,
            });
        }
    }

    /// A packet was declared lost.
    pub(super) const fn on_lost(
        &mut self,
        now: Instant,
        number: u64,
        bytes: u64,
        flight: &Flight,
    ) -> LostPacket {
        self.lost += bytes;
        LostPacket {
            now,
            number,
            bytes,
            sent_in_flight: flight.in_flight,
            lost: self.lost - flight.lost,
            delivered: self.delivered,
            is_app_limited: flight.is_app_limited,
        }
    }

    /// Bytes lost since the newest packet had left.
    pub(super) const fn lost_since(&self, newest: &Newest) -> u64 {
        self.lost - newest.flight.lost
    }

    /// Another path: what is sent from here on tells of that one alone.
    pub(super) const fn restart(&mut self, now: Instant) {
        self.delivered_at = now;
        self.first_sent_at = now;
        self.app_limited_until = 0;
        self.round_until = self.delivered;
    }

    /// Whether the acknowledgement ends a round trip.
    pub(super) fn ends_round(&mut self, newest: &Newest) -> bool {
        let is_over = newest.flight.delivered >= self.round_until;
        if is_over {
            self.round_until = self.delivered;
        }
        is_over
    }

    /// The rate that the acknowledgement tells. What came in less than the least round trip tells nothing.
    pub(super) fn rate(&self, newest: &Newest, rtt_min_us: u64) -> Option<RateSample> {
        let flight = &newest.flight;
        let sending = newest
            .sent_at
            .saturating_duration_since(flight.first_sent_at);
        let arriving = self
            .delivered_at
            .saturating_duration_since(flight.delivered_at);
        let interval_us = u64::try_from(sending.max(arriving).as_micros()).ok()?;
        if interval_us < rtt_min_us.max(1) {
            return None;
        }
        let bytes = u128::from(self.delivered - flight.delivered);
        let bytes_per_second = bytes * 1_000_000 / u128::from(interval_us);
        Some(RateSample {
            bytes_per_second: u64::try_from(bytes_per_second).ok()?,
            is_app_limited: flight.is_app_limited,
        })
    }

    /// Bytes that ever arrived.
    pub(super) const fn delivered(&self) -> u64 {
        self.delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// A packet of 1,000 bytes each `gap_ms`, answered 50 ms later in heaps of `heap`.
    fn rate_of(gap_ms: u64, heap: u64, is_app_limited: bool) -> RateSample {
        let mut delivery = Delivery::default();
        let mut flying = VecDeque::new();
        let mut sample = None;
        for millis in 0..1_000 {
            if millis % gap_ms == 0 {
                let in_flight = 1_000 * flying.len() as u64;
                let flight = delivery.on_sent(at(millis), 1_000, in_flight, is_app_limited);
                flying.push_back((millis, flight));
            }
            let mut newest = None;
            if millis % heap == 0 {
                while let Some((sent, flight)) = flying.front().copied()
                    && sent + 50 <= millis
                {
                    delivery.on_acked(at(millis), at(sent), 1_000, &flight, &mut newest);
                    flying.pop_front();
                }
            }
            if let Some(newest) = newest {
                sample = delivery.rate(&newest, 50_000).or(sample);
            }
        }
        sample.expect("there were samples")
    }

    #[test]
    fn a_steady_flow_has_its_rate() {
        let sample = rate_of(2, 1, false);
        assert_eq!(sample.bytes_per_second, 500_000);
        assert!(!sample.is_app_limited);
    }

    #[test]
    fn answers_in_heaps_do_not_raise_the_rate() {
        let sample = rate_of(2, 20, false);
        assert!(sample.bytes_per_second <= 500_000, "{sample:?}");
        assert!(sample.bytes_per_second >= 350_000, "{sample:?}");
    }

    #[test]
    fn an_application_with_little_to_say_tells_nothing_of_the_path() {
        assert!(rate_of(17, 1, true).is_app_limited);
    }

    #[test]
    fn a_round_trip_ends_when_what_left_after_its_beginning_arrives() {
        let mut delivery = Delivery::default();
        let mut ends = 0;
        let mut flying = VecDeque::new();
        for millis in 0..1_000 {
            let in_flight = 1_000 * flying.len() as u64;
            flying.push_back((
                millis,
                delivery.on_sent(at(millis), 1_000, in_flight, false),
            ));
            if let Some((sent, flight)) = flying
                .front()
                .copied()
                .filter(|(sent, _)| sent + 50 <= millis)
            {
                flying.pop_front();
                let mut newest = None;
                delivery.on_acked(at(millis), at(sent), 1_000, &flight, &mut newest);
                ends += u32::from(delivery.ends_round(&newest.expect("one arrived")));
            }
        }
        assert!(
            (18..=20).contains(&ends),
            "{ends} round trips of 50 ms in a second"
        );
    }
}
