//! Values of options: parsers that say what they expect.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use tickwire_core::{CongestionControl, PublicKey, UnknownCongestionControl};

use crate::hex;
use crate::place::{decimal_port, expected_scope, needs_scope};

/// Longest time of any option: a year, in seconds.
const SECONDS_MAX: f64 = 31_536_000.0;

/// A time of more than 0 seconds, fractions allowed, at most a year.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || "expected seconds above 0 and up to 31536000, such as 10 or 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    // Not a number compares false with everything.
    if !(seconds > 0.0 && seconds <= SECONDS_MAX) {
        return Err(expected());
    }
    let duration = Duration::from_secs_f64(seconds);
    if duration.is_zero() {
        return Err(expected());
    }
    Ok(duration)
}

/// The name of a congestion controller.
pub(crate) fn congestion(text: &str) -> Result<CongestionControl, String> {
    text.parse()
        .map_err(|error: UnknownCongestionControl| format!("expected {error}"))
}

/// A parser of whole numbers in this range.
pub(crate) fn whole<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + fmt::Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (min, max) = (range.start(), range.end());
        number.ok_or_else(|| format!("expected a whole number from {min} to {max}"))
    }
}

/// An address of this host to listen on: `127.0.0.1:8080`, `[::1]:8080`, or `:8080` for all IPv4 interfaces.
pub(crate) fn bind_address(text: &str) -> Result<SocketAddr, String> {
    let expected =
        || "expected ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080".to_owned();
    if let Some(port) = text.strip_prefix(':') {
        let port = decimal_port(port).ok_or_else(expected)?;
        return Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = decimal_port(port).ok_or_else(expected)?;
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let address: SocketAddr = text.parse().map_err(|_| expected())?;
    if is_of_many(address.ip()) {
        return Err("this stands for many hosts: give an address of this host".to_owned());
    }
    if needs_scope(&address) {
        return Err(expected_scope());
    }
    Ok(address)
}

fn is_of_many(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == Ipv4Addr::BROADCAST
}

/// A server's public key, 64 hexadecimal digits.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, String> {
    let Some(bytes) = hex::decode(text) else {
        return Err("expected the 64 hexadecimal digits that the server prints".to_owned());
    };
    Ok(PublicKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_finite_and_above_zero() {
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "inf", "nan", "1e300", "1e-12", "", "ten", "10s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        let number = whole(1_u16..=65_535);
        assert_eq!((number("1"), number("65535")), (Ok(1), Ok(65_535)));
        for bad in ["", "0", "-1", "65536", "99999999999999999999", "1.5", "x"] {
            let expected = "expected a whole number from 1 to 65535";
            assert_eq!(number(bad), Err(expected.to_owned()), "{bad}");
        }
    }

    #[test]
    fn bind_addresses_have_a_port() {
        let address = |text: &str| bind_address(text).map(|address| address.to_string());
        assert_eq!(address("0.0.0.0:0"), Ok("0.0.0.0:0".to_owned()));
        assert_eq!(address(":8080"), Ok("0.0.0.0:8080".to_owned()));
        assert_eq!(address("localhost:1"), Ok("127.0.0.1:1".to_owned()));
        assert_eq!(address("[::1]:8080"), Ok("[::1]:8080".to_owned()));
        for bad in [
            "",
            ":",
            "8080",
            "1.2.3.4",
            "1.2.3.4:65536",
            ":+80",
            "example.org:80",
            "255.255.255.255:80",
            "239.0.0.1:80",
            "[ff02::1]:80",
            "[fe80::1]:80",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
