//! Values of options: parsers that say what they expect.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use tickwire_core::PublicKey;

use crate::failure::failed;
use crate::hex;

/// Port of the game when none is given.
pub(crate) const GAME_PORT: u16 = 8080;
/// Port of discovery when none is given.
pub(crate) const DISCOVERY_PORT: u16 = 8081;

/// Longest time of any option: a year, in seconds.
const SECONDS_MAX: f64 = 31_536_000.0;
/// Time to look up a host's name.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

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
    text.parse().map_err(|_| expected())
}

/// A server's public key, 64 hexadecimal digits.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, String> {
    let Some(bytes) = hex::decode(text) else {
        return Err("expected the 64 hexadecimal digits that the server prints".to_owned());
    };
    Ok(PublicKey::from_bytes(bytes))
}

/// A place in the network as the user writes it: `HOST:PORT`, or `HOST` with the port left to the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// With a scope, as in `[fe80::1%2]:8080`.
    Socket(SocketAddr),
    Name(String),
}

impl Place {
    /// Its address: a name is looked up, and the first answer taken (IPv4 before IPv6).
    ///
    /// # Errors
    ///
    /// If the name has no address.
    pub(crate) async fn resolve(&self, default_port: u16) -> anyhow::Result<SocketAddr> {
        let port = self.port.unwrap_or(default_port);
        match &self.host {
            // Endpoints know IPv4 peers by IPv4 addresses only.
            Host::Address(address) => Ok(SocketAddr::new(address.to_canonical(), port)),
            Host::Socket(address) => Ok(*address),
            Host::Name(name) => look_up(name, port).await,
        }
    }
}

async fn look_up(name: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let advice = "check the spelling, or give the address in numbers";
    let lookup = tokio::net::lookup_host((name, port));
    let addresses = match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => {
            return Err(failed(format!(
                "cannot find host {name}: {error}; {advice}"
            )));
        }
        Err(_) => {
            return Err(failed(format!(
                "cannot find host {name}: no answer from the name service; {advice}"
            )));
        }
    };
    addresses
        .min_by_key(SocketAddr::is_ipv6)
        .ok_or_else(|| failed(format!("host {name} has no address; {advice}")))
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Self::of_socket(address);
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
            return Self::of(Host::Address(address), None);
        }
        let Some((name, port)) = text.rsplit_once(':') else {
            return Self::of(host_name(text)?, None);
        };
        let port = decimal_port(port).ok_or_else(expected_place)?;
        Self::of(host_name(name)?, Some(port))
    }
}

impl Place {
    fn of_socket(address: SocketAddr) -> Result<Self, String> {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => Host::Socket(address),
            SocketAddr::V4(_) | SocketAddr::V6(_) => Host::Address(address.ip()),
        };
        Self::of(host, Some(address.port()))
    }

    fn of(host: Host, port: Option<u16>) -> Result<Self, String> {
        if port == Some(0) {
            return Err(
                "port 0 cannot be reached: give the port that the server printed".to_owned(),
            );
        }
        if matches!(&host, Host::Address(address) if address.is_unspecified()) {
            return Err(
                "this stands for all addresses of a host: give one of them, such as 127.0.0.1"
                    .to_owned(),
            );
        }
        Ok(Self { host, port })
    }
}

/// Letters, digits, dots and hyphens (RFC 1123 section 2.1), and underscores, which are in use.
/// Dots and digits only would be a mistyped address.
fn host_name(text: &str) -> Result<Host, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let good = !text.is_empty()
        && text.len() <= 253
        && text.chars().all(plain)
        && !text.starts_with(['-', '.'])
        && text.chars().any(|c| c.is_ascii_alphabetic());
    if !good {
        return Err(expected_place());
    }
    Ok(Host::Name(text.to_owned()))
}

fn expected_place() -> String {
    "expected HOST:PORT, such as 192.168.1.5:8080, [::1]:8080 or example.org:8080".to_owned()
}

fn decimal_port(text: &str) -> Option<u16> {
    // `parse` alone would take `+80`.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (Host::Socket(address), _) => write!(f, "{address}"),
            (Host::Address(address), Some(port)) => {
                write!(f, "{}", SocketAddr::new(*address, port))
            }
            (Host::Address(address), None) => write!(f, "{address}"),
            (Host::Name(name), Some(port)) => write!(f, "{name}:{port}"),
            (Host::Name(name), None) => f.write_str(name),
        }
    }
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
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_keep_what_was_written() {
        for good in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "::1",
            "localhost",
            "game.example.org:9",
            "[fe80::1%2]:8080",
        ] {
            let place = good.parse::<Place>();
            assert_eq!(place.map(|place| place.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn places_that_cannot_be_reached_are_refused() {
        for bad in [
            "",
            ":8080",
            "host:",
            "host:0",
            "host:65536",
            "127.0.0.1:0",
            "0.0.0.0:8080",
            "[::]:8080",
            "1.2.3",
            "300.1.1.1:8080",
            "no such host:80",
            "http://host:80",
            "-host:80",
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_default_port_is_used_only_when_none_is_given() {
        let place: Place = "127.0.0.1".parse().expect("an address");
        let address = place.resolve(GAME_PORT).await.expect("it needs no lookup");
        assert_eq!(address.to_string(), "127.0.0.1:8080");
        let place: Place = "127.0.0.1:9".parse().expect("an address");
        let address = place.resolve(GAME_PORT).await.expect("it needs no lookup");
        assert_eq!(address.to_string(), "127.0.0.1:9");
        let place: Place = "[::ffff:127.0.0.1]:9".parse().expect("an address");
        let address = place.resolve(GAME_PORT).await.expect("it needs no lookup");
        assert_eq!(address.to_string(), "127.0.0.1:9");
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_a_failure_not_bad_input() {
        let place: Place = "nowhere.invalid:80".parse().expect("a name");
        let error = place
            .resolve(GAME_PORT)
            .await
            .expect_err("RFC 6761 promises it");
        assert_eq!(crate::failure::exit_code(&error), 1);
    }
}
