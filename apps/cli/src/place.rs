//! Where to reach a server: an address or a host's name, as the user writes it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::failure::failed;

/// Port of the game when none is given.
pub(crate) const GAME_PORT: u16 = 8080;
/// Port of discovery when none is given.
pub(crate) const DISCOVERY_PORT: u16 = 8081;

/// Time to look up a host's name.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The address that stands for all of this host's.
pub(crate) fn any_address(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    }
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
    /// An IPv6 address and its interface, by number or name: `fe80::1%2`, `fe80::1%eth0`.
    Scoped(String),
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
            Host::Scoped(name) | Host::Name(name) => look_up(name, port).await,
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
        let (host, port) = split_port(text)?;
        let host = match host.parse() {
            Ok(address) => Host::Address(address),
            Err(_) if is_scoped(host) => Host::Scoped(host.to_owned()),
            Err(_) => host_name(host)?,
        };
        Self::of(host, port)
    }
}

/// `[HOST]:PORT`, `[HOST]`, an IPv6 address without brackets, `HOST:PORT` or `HOST`.
fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or_else(expected_place)?,
        None if text.matches(':').count() > 1 => (text, ""),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if text.starts_with('[') && !host.contains(':') {
        return Err(expected_place());
    }
    if rest.is_empty() {
        return Ok((host, None));
    }
    let port = rest.strip_prefix(':').and_then(decimal_port);
    Ok((host, Some(port.ok_or_else(expected_place)?)))
}

fn is_scoped(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._@".contains(c);
    text.split_once('%').is_some_and(|(address, interface)| {
        address.parse::<Ipv6Addr>().is_ok() && !interface.is_empty() && interface.chars().all(plain)
    })
}

impl Place {
    fn of(host: Host, port: Option<u16>) -> Result<Self, String> {
        if port == Some(0) {
            return Err(
                "port 0 cannot be reached: give the port that the server printed".to_owned(),
            );
        }
        if let Host::Address(address) = &host {
            if address.is_unspecified() {
                return Err(
                    "this stands for all addresses of a host: give one of them, such as 127.0.0.1"
                        .to_owned(),
                );
            }
            if needs_scope(&SocketAddr::new(*address, 0)) {
                return Err(expected_scope());
            }
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

pub(crate) fn decimal_port(text: &str) -> Option<u16> {
    // `parse` alone would take `+80`.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Every network has these addresses.
pub(crate) fn needs_scope(address: &SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

pub(crate) fn expected_scope() -> String {
    "a link-local address needs the network interface too, as in [fe80::1%2]:8080".to_owned()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (Host::Address(address), Some(port)) => {
                write!(f, "{}", SocketAddr::new(*address, port))
            }
            (Host::Address(address), None) => write!(f, "{address}"),
            (Host::Scoped(address), Some(port)) => write!(f, "[{address}]:{port}"),
            (Host::Name(name), Some(port)) => write!(f, "{name}:{port}"),
            (Host::Scoped(name) | Host::Name(name), None) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "[fe80::1%eth0]:8080",
            "fe80::1%eth0",
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
            "[host]:80",
            "[::1]80",
            "[::1",
            "fe80::1",
            "[fe80::1]:80",
            "fe80::1%",
            "fe80::1%a b",
            "host%eth0:80",
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
    async fn a_scope_by_number_is_kept() {
        let place: Place = "[fe80::1%2]:9".parse().expect("an address");
        let address = place.resolve(GAME_PORT).await.expect("it is in numbers");
        assert_eq!(address.to_string(), "[fe80::1%2]:9");
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
