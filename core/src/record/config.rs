//! Every setting of a [`Config`], in the order of its fields. The compiler asks for new ones here.
//!
//! Left out are the implementation of the ciphers, since any gives the same bytes, and the long-term key and the keys of the
//! authority for connect tokens, whose results are recorded instead.

use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::codec::{self, duration, flag, number, put_bytes, put_duration, put_number, small};
use crate::channel::qos::Qos;
use crate::config::{
    AnnounceConfig, ChannelConfig, Config, Delivery, KeepaliveInterval, TickConfig,
};
use crate::congestion::CongestionControl;
use crate::crypto::{CipherSuite, TokenAuthority};
use crate::planted::Planted;
use crate::wire::{DecodeError, Reader};

pub(super) fn put(config: &Config, out: &mut Vec<u8>) {
    let Config {
        protocol_id,
        channels,
        accepts,
        peers_max,
        half_open_max,
        unproven_max,
        unproven_per_second,
        connection_id_len,
        datagram_size_max,
        mtu_discovery,
        connection_bytes_max,
        unread_bytes_max,
        idle_timeout,
        keepalive_interval,
        handshake_timeout,
        delivery_timeout,
        close_timeout,
        coalesce_delay,
        ack_delay_max,
        redundancy_percent_max,
        congestion,
        ecn,
        unreliable_age_max,
        packets_per_key,
        ciphers,
        crypto: _,
        identity: _,
        tokens,
        tick,
        announce,
        planted,
    } = config;
    put_number(*protocol_id, out);
    put_number(channels.len() as u64, out);
    channels
        .iter()
        .for_each(|channel| put_channel(channel, out));
    out.push((*accepts).into());
    put_number((*peers_max).into(), out);
    put_number((*half_open_max).into(), out);
    put_number((*unproven_max).into(), out);
    put_number((*unproven_per_second).into(), out);
    put_number((*connection_id_len).into(), out);
    put_number(datagram_size_max.unwrap_or(0) as u64, out);
    out.push((*mtu_discovery).into());
    put_number(*connection_bytes_max as u64, out);
    put_number(*unread_bytes_max as u64, out);
    put_duration(*idle_timeout, out);
    put_keepalive(*keepalive_interval, out);
    put_duration(*handshake_timeout, out);
    put_duration(*delivery_timeout, out);
    put_duration(*close_timeout, out);
    put_duration(*coalesce_delay, out);
    put_duration(*ack_delay_max, out);
    put_number((*redundancy_percent_max).into(), out);
    congestion.put(out);
    out.push((*ecn).into());
    put_duration(*unreliable_age_max, out);
    put_number(*packets_per_key, out);
    put_number(ciphers.len() as u64, out);
    out.extend(ciphers.iter().map(|suite| match suite {
        CipherSuite::Aes128Gcm => 0,
        CipherSuite::ChaCha20Poly1305 => 1,
    }));
    put_tokens(tokens.as_ref(), out);
    put_tick(tick.as_ref(), out);
    put_announce(announce.as_ref(), out);
    planted.put(out);
}

/// Reads what [`put`] wrote and checks it, as the builder does.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Config, DecodeError> {
    let error = reader.error("configuration");
    let builder = Config::builder()
        .protocol_id(number(reader, "protocol id")?)
        .channels(list(reader, "channels", read_channel)?)
        .accepts(flag(reader, "accepts")?)
        .peers_max(small(reader, "peers_max")?)
        .half_open_max(small(reader, "half_open_max")?)
        .unproven_max(small(reader, "unproven_max")?)
        .unproven_per_second(small(reader, "unproven_per_second")?)
        .connection_id_len(small(reader, "connection_id_len")?);
    let mut builder = match small(reader, "datagram_size_max")? {
        0 => builder,
        bytes => builder.datagram_size_max(bytes),
    };
    builder = builder
        .mtu_discovery(flag(reader, "mtu_discovery")?)
        .connection_bytes_max(small(reader, "connection_bytes_max")?)
        .unread_bytes_max(small(reader, "unread_bytes_max")?);
    builder = builder
        .idle_timeout(duration(reader, "idle_timeout")?)
        .keepalive_interval(read_keepalive(reader)?)
        .handshake_timeout(duration(reader, "handshake_timeout")?)
        .delivery_timeout(duration(reader, "delivery_timeout")?)
        .close_timeout(duration(reader, "close_timeout")?)
        .coalesce_delay(duration(reader, "coalesce_delay")?)
        .ack_delay_max(duration(reader, "ack_delay_max")?)
        .redundancy_percent_max(small(reader, "redundancy_percent_max")?)
        .congestion(CongestionControl::read(reader)?)
        .ecn(flag(reader, "ecn")?)
        .unreliable_age_max(duration(reader, "unreliable_age_max")?)
        .packets_per_key(number(reader, "packets_per_key")?)
        .ciphers(list(reader, "ciphers", read_cipher)?)
        .tokens(read_tokens(reader)?)
        .tick(read_tick(reader)?)
        .announce(read_announce(reader)?);
    let mut config = builder.build().map_err(|_| error)?;
    config.planted = Planted::read(reader)?;
    Ok(config)
}

/// Whether it is fixed, and then how long.
fn put_keepalive(interval: KeepaliveInterval, out: &mut Vec<u8>) {
    match interval {
        KeepaliveInterval::Adaptive => out.push(0),
        KeepaliveInterval::Fixed(interval) => {
            out.push(1);
            put_duration(interval, out);
        }
    }
}

fn read_keepalive(reader: &mut Reader<'_>) -> Result<KeepaliveInterval, DecodeError> {
    Ok(match flag(reader, "keepalive_interval")? {
        true => KeepaliveInterval::Fixed(duration(reader, "keepalive_interval")?),
        false => KeepaliveInterval::Adaptive,
    })
}

/// Elements after their number. Nothing is reserved in advance: the number is not to be trusted.
pub(super) fn list<T>(
    reader: &mut Reader<'_>,
    field: &'static str,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let len: usize = small(reader, field)?;
    (0..len).map(|_| read(reader)).collect()
}

fn put_channel(channel: &ChannelConfig, out: &mut Vec<u8>) {
    let ChannelConfig {
        delivery,
        message_size_max,
        send_queue_bytes_max,
        receive_bytes_max,
        redundancy,
        parity,
        qos,
    } = channel;
    out.push(match delivery {
        Delivery::Unreliable => 0,
        Delivery::Sequenced => 1,
        Delivery::Reliable => 2,
        Delivery::Ordered => 3,
    });
    put_number(*message_size_max as u64, out);
    put_number(*send_queue_bytes_max as u64, out);
    put_number(*receive_bytes_max as u64, out);
    out.push((*redundancy).into());
    out.push(*parity);
    qos.put(out);
}

fn read_channel(reader: &mut Reader<'_>) -> Result<ChannelConfig, DecodeError> {
    let error = reader.error("delivery");
    let delivery = match reader.u8("delivery")? {
        0 => Delivery::Unreliable,
        1 => Delivery::Sequenced,
        2 => Delivery::Reliable,
        3 => Delivery::Ordered,
        _ => return Err(error),
    };
    Ok(ChannelConfig {
        delivery,
        message_size_max: small(reader, "message_size_max")?,
        send_queue_bytes_max: small(reader, "send_queue_bytes_max")?,
        receive_bytes_max: small(reader, "receive_bytes_max")?,
        redundancy: flag(reader, "redundancy")?,
        parity: reader.u8("parity")?,
        qos: Qos::read(reader)?,
    })
}

fn read_cipher(reader: &mut Reader<'_>) -> Result<CipherSuite, DecodeError> {
    let error = reader.error("cipher");
    match reader.u8("cipher")? {
        0 => Ok(CipherSuite::Aes128Gcm),
        1 => Ok(CipherSuite::ChaCha20Poly1305),
        _ => Err(error),
    }
}

/// Without the keys: what they opened is recorded instead.
fn put_tokens(authority: Option<&TokenAuthority>, out: &mut Vec<u8>) {
    out.push(authority.is_some().into());
    let Some(authority) = authority else { return };
    out.push(authority.required.into());
    put_number(authority.used_bytes_max as u64, out);
    put_number(authority.addresses.len() as u64, out);
    let addresses = authority.addresses.iter().copied();
    addresses.for_each(|address| codec::put_address(address, out));
}

fn read_tokens(reader: &mut Reader<'_>) -> Result<Option<TokenAuthority>, DecodeError> {
    if !flag(reader, "tokens")? {
        return Ok(None);
    }
    let authority = TokenAuthority::recorded()
        .required(flag(reader, "tokens.required")?)
        .used_bytes_max(small(reader, "tokens.used_bytes_max")?);
    let addresses = list(reader, "tokens.address", |reader| {
        codec::address(reader, "tokens.address")
    })?;
    Ok(Some(
        addresses
            .into_iter()
            .fold(authority, TokenAuthority::address),
    ))
}

fn put_tick(tick: Option<&TickConfig>, out: &mut Vec<u8>) {
    out.push(tick.is_some().into());
    let Some(TickConfig {
        rate_hz,
        catch_up_max,
    }) = tick
    else {
        return;
    };
    put_number(rate_hz.get().into(), out);
    put_number((*catch_up_max).into(), out);
}

fn read_tick(reader: &mut Reader<'_>) -> Result<Option<TickConfig>, DecodeError> {
    if !flag(reader, "tick")? {
        return Ok(None);
    }
    let error = reader.error("tick.rate_hz");
    let rate_hz = small(reader, "tick.rate_hz")?;
    Ok(Some(TickConfig {
        rate_hz: NonZeroU32::new(rate_hz).ok_or(error)?,
        catch_up_max: small(reader, "tick.catch_up_max")?,
    }))
}

fn put_announce(announce: Option<&AnnounceConfig>, out: &mut Vec<u8>) {
    out.push(announce.is_some().into());
    let Some(AnnounceConfig {
        name,
        port,
        players_max,
        interval,
    }) = announce
    else {
        return;
    };
    put_bytes(name.as_bytes(), out);
    put_number((*port).into(), out);
    put_number((*players_max).into(), out);
    out.push(interval.is_some().into());
    if let Some(interval) = interval {
        put_duration(*interval, out);
    }
}

fn read_announce(reader: &mut Reader<'_>) -> Result<Option<AnnounceConfig>, DecodeError> {
    if !flag(reader, "announce")? {
        return Ok(None);
    }
    Ok(Some(AnnounceConfig {
        name: String::from(codec::text(reader, "announce.name")?),
        port: small(reader, "announce.port")?,
        players_max: small(reader, "announce.players_max")?,
        interval: match flag(reader, "announce.interval")? {
            true => Some(duration(reader, "announce.interval")?),
            false => None,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::options::Priority;
    use crate::channel::qos::RateLimit;
    use crate::crypto::TokenKey;
    use alloc::format;
    use core::time::Duration;

    fn written(config: &Config) -> Vec<u8> {
        let mut out = Vec::new();
        put(config, &mut out);
        out
    }

    fn unusual() -> Config {
        let channel = ChannelConfig::new(Delivery::Ordered)
            .message_size_max(1_000)
            .redundancy(false)
            .parity(16)
            .qos(
                Qos::new()
                    .priority(Priority::High)
                    .weight(100)
                    .rate(RateLimit::new(99_999, 1_501)),
            );
        Config::builder()
            .protocol_id(u64::MAX)
            .channels(alloc::vec![channel; 31])
            .accepts(true)
            .peers_max(777)
            .half_open_max(78)
            .unproven_max(0)
            .unproven_per_second(99_998)
            .connection_id_len(8)
            .datagram_size_max(1_451)
            .mtu_discovery(true)
            .connection_bytes_max(300_000)
            .unread_bytes_max(usize::MAX)
            .idle_timeout(Duration::from_millis(9_001))
            .keepalive_interval(Duration::from_millis(333))
            .handshake_timeout(Duration::from_nanos(600_000_001))
            .delivery_timeout(Duration::from_secs(7))
            .close_timeout(Duration::ZERO)
            .coalesce_delay(Duration::from_micros(1_500))
            .ack_delay_max(Duration::from_millis(12))
            .redundancy_percent_max(7)
            .congestion(CongestionControl::Fixed {
                bytes_per_second: core::num::NonZeroU64::MAX,
            })
            .ecn(false)
            .unreliable_age_max(Duration::from_millis(77))
            .packets_per_key(12_345)
            .ciphers(alloc::vec![CipherSuite::ChaCha20Poly1305])
            .tokens(Some(
                TokenAuthority::new(TokenKey::from_bytes([7; 32]))
                    .required(false)
                    .address(([192, 0, 2, 1], 7_000).into())
                    .address(([0, 0, 0, 0, 0, 0, 0, 1], 7_001).into())
                    .used_bytes_max(1_025),
            ))
            .tick(NonZeroU32::new(144).map(TickConfig::new))
            .announce(Some(AnnounceConfig {
                name: "Größe 7".into(),
                port: 9,
                players_max: 64,
                interval: Some(Duration::from_secs(3)),
            }))
            .build()
            .expect("unusual and valid")
    }

    #[test]
    fn every_setting_survives() {
        for config in [Config::default(), unusual()] {
            let bytes = written(&config);
            let mut reader = Reader::new(&bytes);
            let read = read(&mut reader).expect("just written");
            assert!(reader.is_empty());
            assert_eq!(format!("{read:?}"), format!("{config:?}"));
        }
    }

    #[test]
    fn a_configuration_that_could_not_be_built_is_refused() {
        let config = Config {
            peers_max: 0,
            ..Config::default()
        };
        assert!(read(&mut Reader::new(&written(&config))).is_err());
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = written(&unusual());
        for len in 0..bytes.len() {
            assert!(read(&mut Reader::new(&bytes[..len])).is_err(), "{len}");
        }
    }
}
