//! How numbers, addresses and times are written. A number is an unsigned LEB128: seven bits a byte, the least
//! significant first, the highest bit set in all bytes but the last; 1 to 10 bytes for 64 bits.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::time::Duration;

use crate::wire::{DecodeError, Reader};

pub(crate) fn put_number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn number(reader: &mut Reader<'_>, field: &'static str) -> Result<u64, DecodeError> {
    let error = reader.error(field);
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = reader.u8(field)?;
        let bits = u64::from(byte & 0x7F);
        // The tenth byte has room for one bit.
        if shift == 63 && bits > 1 {
            return Err(error);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(error)
}

/// A number that must fit a smaller type.
pub(crate) fn small<T: TryFrom<u64>>(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<T, DecodeError> {
    let error = reader.error(field);
    T::try_from(number(reader, field)?).map_err(|_| error)
}

pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(crate) fn bytes<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
) -> Result<&'a [u8], DecodeError> {
    let len = small(reader, field)?;
    reader.take(len, field)
}

pub(crate) fn text<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
) -> Result<&'a str, DecodeError> {
    let error = reader.error(field);
    core::str::from_utf8(bytes(reader, field)?).map_err(|_| error)
}

/// A byte that is 0 or 1.
pub(crate) fn flag(reader: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    let error = reader.error(field);
    match reader.u8(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(error),
    }
}

pub(crate) fn put_duration(duration: Duration, out: &mut Vec<u8>) {
    put_number(duration.as_secs(), out);
    put_number(duration.subsec_nanos().into(), out);
}

pub(crate) fn duration(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Duration, DecodeError> {
    let seconds = number(reader, field)?;
    let error = reader.error(field);
    let nanos: u32 = small(reader, field)?;
    if nanos >= 1_000_000_000 {
        return Err(error);
    }
    Ok(Duration::new(seconds, nanos))
}

/// 4 or 6, then the address as in its header on the wire.
pub(crate) fn put_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
}

pub(crate) fn ip(reader: &mut Reader<'_>, field: &'static str) -> Result<IpAddr, DecodeError> {
    let error = reader.error(field);
    match reader.u8(field)? {
        4 => Ok(Ipv4Addr::from(reader.array::<4>(field)?).into()),
        6 => Ok(Ipv6Addr::from(reader.array::<16>(field)?).into()),
        _ => Err(error),
    }
}

/// The IP address, the port, and for IPv6 the flow label and the scope, which are part of what a socket reports.
pub(crate) fn put_address(address: SocketAddr, out: &mut Vec<u8>) {
    put_ip(address.ip(), out);
    out.extend_from_slice(&address.port().to_be_bytes());
    if let SocketAddr::V6(v6) = address {
        put_number(v6.flowinfo().into(), out);
        put_number(v6.scope_id().into(), out);
    }
}

pub(crate) fn address(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<SocketAddr, DecodeError> {
    let ip = ip(reader, field)?;
    let port = reader.u16(field)?;
    match ip {
        IpAddr::V4(_) => Ok(SocketAddr::new(ip, port)),
        IpAddr::V6(ip) => {
            let (flow, scope) = (small(reader, field)?, small(reader, field)?);
            Ok(SocketAddrV6::new(ip, port, flow, scope).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out);
        out
    }

    #[test]
    fn a_number_above_64_bits_is_refused() {
        let mut bytes = [0xFF; 10];
        bytes[9] = 1;
        assert_eq!(number(&mut Reader::new(&bytes), "n"), Ok(u64::MAX));
        for last in [2, 0x7F, 0x80, 0xFF] {
            bytes[9] = last;
            assert!(number(&mut Reader::new(&bytes), "n").is_err());
        }
    }

    proptest! {
        /// What is written is the shortest of all forms: a longer one is read, too, as the same number.
        #[test]
        fn numbers_are_written_in_the_fewest_bytes(value: u64, shift in 0u32..64, longer in 0usize..9) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_number(value, &mut out);
            prop_assert_eq!(out.len() as u32, (64 - value.leading_zeros()).div_ceil(7).max(1));
            let len = (out.len() + longer).min(10);
            if len > out.len() {
                *out.last_mut().expect("one byte at least") |= 0x80;
                out.resize(len - 1, 0x80);
                out.push(0);
            }
            let mut reader = Reader::new(&out);
            prop_assert_eq!(number(&mut reader, "number"), Ok(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn numbers_survive(value: u64, shift in 0u32..64) {
            let value = value >> shift;
            let out = written(|out| put_number(value, out));
            prop_assert_eq!(number(&mut Reader::new(&out), "n"), Ok(value));
        }

        #[test]
        fn addresses_survive(v6: [u16; 8], v4: [u8; 4], port: u16, flow: u32, scope: u32) {
            let both: [SocketAddr; 2] = [
                SocketAddr::new(IpAddr::from(v4), port),
                SocketAddrV6::new(v6.into(), port, flow, scope).into(),
            ];
            for value in both {
                let out = written(|out| put_address(value, out));
                prop_assert_eq!(address(&mut Reader::new(&out), "a"), Ok(value));
            }
        }

        #[test]
        fn durations_survive(seconds: u64, nanos in 0u32..1_000_000_000) {
            let value = Duration::new(seconds, nanos);
            let out = written(|out| put_duration(value, out));
            prop_assert_eq!(duration(&mut Reader::new(&out), "d"), Ok(value));
        }
    }
}
