//! What the owner may send in this tick so that nothing waits.

use core::time::Duration;

use super::Peer;
use crate::config::Config;
use crate::id::ChannelId;
use crate::time::Instant;

/// Where no tick is set: 60 Hz.
const TICK: Duration = Duration::from_micros(16_667);
/// What a full datagram has beside its messages, about: header, frame, acknowledgement and tag.
const OVERHEAD: u64 = 48;

impl Peer {
    /// Payload bytes that would leave within a tick, beside what waits already.
    pub(crate) fn budget(&self, now: Instant, config: &Config) -> u64 {
        let (all, _) = self.payload_budgets(now, config);
        let (_, waiting) = self.outbox.waiting_bytes(now + tick(config), all);
        all.saturating_sub(waiting)
    }

    /// Likewise of one channel: its queue, its credit and its rate count too, and unreliable messages go before all others.
    pub(crate) fn channel_budget(&self, now: Instant, channel: ChannelId, config: &Config) -> u64 {
        let Some(settings) = config.channels.get(channel.index()) else {
            return 0;
        };
        let (all, fresh) = self.payload_budgets(now, config);
        let until = now + tick(config);
        let (waiting_fresh, waiting) = self.outbox.waiting_bytes(until, all.max(fresh));
        let left = match settings.delivery.is_reliable() {
            true => all.saturating_sub(waiting),
            false => fresh.saturating_sub(waiting_fresh),
        };
        let by_rate = self.outbox.rate_bytes(channel, until);
        left.min(self.outbox.room_bytes(channel)).min(by_rate)
    }

    /// All in all, and if unreliable.
    fn payload_budgets(&self, now: Instant, config: &Config) -> (u64, u64) {
        if !self.is_established() {
            return (0, 0);
        }
        let size = self.mtu.size() as u64;
        let payload =
            |bytes: u64| bytes / size * (size - OVERHEAD) + (bytes % size).saturating_sub(OVERHEAD);
        let (all, fresh) = self.recovery.budget(now, tick(config));
        (payload(all), payload(fresh))
    }
}

fn tick(config: &Config) -> Duration {
    config.tick.map_or(TICK, |tick| {
        Duration::from_nanos(1_000_000_000 / u64::from(tick.rate_hz.get()))
    })
}
