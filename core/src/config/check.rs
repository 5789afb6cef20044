//! What a configuration must fulfil: ranges, and caps on memory that hold what one largest message needs.

use core::time::Duration;

use super::{ChannelConfig, Config, KeepaliveInterval};
use crate::channel::message_cost;
use crate::channel::parity::{GROUP_MAX, GROUP_MIN};
use crate::channel::qos::Qos;
use crate::crypto::SERVERS_MAX;
use crate::error::{ConfigError, QosError};
use crate::id::ChannelId;
use crate::wire::{DATAGRAM_BASE, DATAGRAM_MAX};

const MESSAGE_SIZE_LIMIT: usize = 1 << 20;
const CHANNELS_MAX: usize = 31;

impl Config {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.channels.is_empty() || self.channels.len() > CHANNELS_MAX {
            return Err(ConfigError::ChannelCount(self.channels.len()));
        }
        for (index, channel) in self.channels.iter().enumerate() {
            self.check_channel(index, channel)?;
        }
        self.check_counts()?;
        self.check_times()
    }

    fn check_channel(&self, index: usize, channel: &ChannelConfig) -> Result<(), ConfigError> {
        let size_max = channel.message_size_max;
        if size_max == 0 || size_max > MESSAGE_SIZE_LIMIT {
            return Err(ConfigError::MessageSize {
                channel: index,
                size_max,
            });
        }
        if channel.parity != 0 {
            let (least, most) = (GROUP_MIN, GROUP_MAX);
            in_range(
                "parity",
                channel.parity,
                least,
                most,
                "0, or 2 to 16 fragments",
            )?;
        }
        self.check_channel_qos(index, channel)?;
        let needed_bytes = message_cost(size_max);
        let caps = [
            ("send_queue_bytes_max", channel.send_queue_bytes_max),
            ("receive_bytes_max", channel.receive_bytes_max),
            ("connection_bytes_max", self.connection_bytes_max),
            ("unread_bytes_max", self.unread_bytes_max),
        ];
        for (cap, cap_bytes) in caps {
            if cap_bytes < needed_bytes {
                return Err(ConfigError::CapBelowMessage {
                    cap,
                    cap_bytes,
                    needed_bytes,
                    channel: index,
                });
            }
        }
        Ok(())
    }

    fn check_channel_qos(&self, index: usize, channel: &ChannelConfig) -> Result<(), ConfigError> {
        match self.qos_error(channel, &channel.qos) {
            None => Ok(()),
            Some(QosError::OutOfRange { field, allowed }) => {
                Err(ConfigError::OutOfRange { field, allowed })
            }
            Some(_) => Err(ConfigError::RateTooLow { channel: index }),
        }
    }

    /// Whether a channel can be served so.
    pub(crate) fn check_qos(&self, channel: ChannelId, qos: &Qos) -> Result<(), QosError> {
        let channel = self.channels.get(channel.index());
        let channel = channel.ok_or(QosError::UnknownChannel)?;
        self.qos_error(channel, qos).map_or(Ok(()), Err)
    }

    fn qos_error(&self, channel: &ChannelConfig, qos: &Qos) -> Option<QosError> {
        if let Some((field, allowed)) = qos.fault() {
            return Some(QosError::OutOfRange { field, allowed });
        }
        let is_carried = qos.carries(channel.message_size_max, self.delivery_timeout / 2);
        (channel.delivery.is_reliable() && !is_carried).then_some(QosError::RateTooLow)
    }

    fn check_counts(&self) -> Result<(), ConfigError> {
        let peers_limit = if self.connection_id_len == 2 {
            30_000
        } else {
            60_000
        };
        in_range(
            "peers_max",
            self.peers_max,
            1,
            peers_limit,
            "1 to 60000, or 30000 with 2-byte connection ids",
        )?;
        in_range("half_open_max", self.half_open_max, 1, 5_000, "1 to 5000")?;
        in_range("unproven_max", self.unproven_max, 0, 5_000, "0 to 5000")?;
        in_range(
            "unproven_per_second",
            self.unproven_per_second,
            1,
            100_000,
            "1 to 100000",
        )?;
        in_range(
            "connection_id_len",
            self.connection_id_len,
            2,
            8,
            "2 to 8 bytes",
        )?;
        in_range(
            "datagram_size_max",
            self.datagram_size_max(),
            DATAGRAM_BASE,
            DATAGRAM_MAX,
            "1200 to 1452 bytes",
        )?;
        if self.datagram_size_max() > DATAGRAM_BASE && !self.mtu_discovery {
            return Err(ConfigError::OutOfRange {
                field: "datagram_size_max",
                allowed: "1200 bytes where mtu_discovery is off: nothing would tell whether longer ones arrive",
            });
        }
        in_range(
            "redundancy_percent_max",
            self.redundancy_percent_max,
            0,
            100,
            "0 to 100 percent",
        )?;
        in_range(
            "packets_per_key",
            self.packets_per_key,
            100,
            1 << 22,
            "100 to 4194304 packets",
        )?;
        if self.ciphers.is_empty() {
            return Err(ConfigError::OutOfRange {
                field: "ciphers",
                allowed: "at least one suite",
            });
        }
        if let Some(tick) = self.tick {
            in_range(
                "tick.rate_hz",
                tick.rate_hz.get(),
                1,
                1_000,
                "1 to 1000 steps a second",
            )?;
            in_range(
                "tick.catch_up_max",
                tick.catch_up_max,
                1,
                1_000,
                "1 to 1000 steps",
            )?;
        }
        if let Some(authority) = &self.tokens {
            in_range(
                "tokens.used_bytes_max",
                authority.used_bytes_max,
                1 << 10,
                64 << 20,
                "1 KiB to 64 MiB",
            )?;
            in_range(
                "tokens.address",
                authority.addresses.len(),
                0,
                SERVERS_MAX,
                "8 addresses at most",
            )?;
        }
        let Some(announce) = &self.announce else {
            return Ok(());
        };
        in_range("announce.name", announce.name.len(), 1, 64, "1 to 64 bytes")?;
        in_range(
            "announce.interval",
            announce.interval.unwrap_or(Duration::from_secs(1)),
            Duration::from_secs(1),
            Duration::from_secs(3_600),
            "1 s to 1 h",
        )
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let millis = Duration::from_millis;
        let secs = Duration::from_secs;
        in_range(
            "idle_timeout",
            self.idle_timeout,
            secs(1),
            secs(600),
            "1 s to 10 min",
        )?;
        if let KeepaliveInterval::Fixed(interval) = self.keepalive_interval {
            in_range(
                "keepalive_interval",
                interval,
                millis(100),
                self.idle_timeout / 2,
                "100 ms to half the idle timeout",
            )?;
        }
        in_range(
            "handshake_timeout",
            self.handshake_timeout,
            millis(500),
            secs(60),
            "500 ms to 1 min",
        )?;
        in_range(
            "delivery_timeout",
            self.delivery_timeout,
            secs(1),
            secs(600),
            "1 s to 10 min",
        )?;
        in_range(
            "close_timeout",
            self.close_timeout,
            millis(0),
            secs(60),
            "0 to 1 min",
        )?;
        in_range(
            "coalesce_delay",
            self.coalesce_delay,
            millis(0),
            millis(50),
            "0 to 50 ms",
        )?;
        in_range(
            "unreliable_age_max",
            self.unreliable_age_max,
            millis(10),
            secs(10),
            "10 ms to 10 s",
        )?;
        in_range(
            "ack_delay_max",
            self.ack_delay_max,
            millis(0),
            millis(100),
            "0 to 100 ms",
        )
    }
}

fn in_range<T: PartialOrd>(
    field: &'static str,
    value: T,
    least: T,
    most: T,
    allowed: &'static str,
) -> Result<(), ConfigError> {
    if value < least || value > most {
        return Err(ConfigError::OutOfRange { field, allowed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use crate::config::Config;

    #[test]
    fn longer_datagrams_than_1200_bytes_need_somebody_who_finds_out_whether_they_arrive() {
        let off = || Config::builder().mtu_discovery(false);
        let on = || Config::builder().mtu_discovery(true);
        let size = |config: Config| config.datagram_size_max();
        assert_eq!(off().build().map(size), Ok(1_200));
        assert_eq!(on().build().map(size), Ok(1_452));
        assert_eq!(on().datagram_size_max(1_300).build().map(size), Ok(1_300));
        let refused = off().datagram_size_max(1_201).build();
        assert_eq!(
            refused.map_err(|error| error.to_string()).map(size),
            Err("datagram_size_max must be 1200 bytes where mtu_discovery is off: nothing would tell whether longer ones arrive".to_string())
        );
    }
}
