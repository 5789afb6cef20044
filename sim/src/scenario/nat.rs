//! The keys of a NAT.

use std::time::Duration;

use super::document::Section;
use super::error::ScenarioError;
use crate::ms;
use crate::nat::{Dependence, Hairpin, Nat, Pooling, Ports, Refresh};

/// Keys of `[clients.nat]`.
pub(crate) const KEYS: &[&str] = &[
    "shared",
    "mapping",
    "filtering",
    "ports",
    "addresses",
    "hairpin",
    "unreplied_timeout",
    "stream_timeout",
    "refresh",
    "quota",
    "block_udp",
    "carrier",
];

/// A NAT, and the one it is behind.
#[derive(Clone, Debug)]
pub(crate) struct NatKeys {
    pub(crate) nat: Nat,
    /// Whether all of the group are behind one.
    pub(crate) is_shared: bool,
    pub(crate) carrier: bool,
    /// As it was written, to compare.
    text: String,
}

impl PartialEq for NatKeys {
    fn eq(&self, other: &Self) -> bool {
        (self.is_shared, self.carrier, &self.text) == (other.is_shared, other.carrier, &other.text)
    }
}

/// A NAT that nobody notices, until its address changes.
pub(crate) fn unnoticed() -> Nat {
    Nat::new()
        .filtering(Dependence::Independent)
        .timeouts(ms(86_400_000), ms(86_400_000))
}

/// What carriers have between their customers and the world.
pub(crate) fn carrier() -> Nat {
    Nat::new()
        .mapping(Dependence::AddressAndPort)
        .ports(Ports::Contiguous { block: 512 })
}

impl NatKeys {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, ScenarioError> {
        let nat = axes(section)?;
        let time = |key| section.time(key, ms(100)..=Duration::from_secs(86_400));
        let nat = nat.timeouts(
            time("unreplied_timeout")?.unwrap_or(ms(30_000)),
            time("stream_timeout")?.unwrap_or(ms(120_000)),
        );
        let quota = section.count("quota", 1..=65_000)?.unwrap_or(4_096);
        let nat = nat.quota(usize::try_from(quota).unwrap_or(usize::MAX));
        let nat = match section.flag("block_udp")? {
            Some(true) => nat.block_udp(),
            Some(false) | None => nat,
        };
        Ok(Self {
            text: nat.to_string(),
            nat,
            is_shared: section.flag("shared")?.unwrap_or(false),
            carrier: section.flag("carrier")?.unwrap_or(false),
        })
    }
}

fn axes(section: &Section<'_>) -> Result<Nat, ScenarioError> {
    let dependences = [
        ("independent", Dependence::Independent),
        ("address", Dependence::Address),
        ("address-and-port", Dependence::AddressAndPort),
    ];
    let mut nat = Nat::new();
    if let Some(dependence) = section.choice("mapping", &dependences)? {
        nat = nat.mapping(dependence);
    }
    if let Some(dependence) = section.choice("filtering", &dependences)? {
        nat = nat.filtering(dependence);
    }
    let ports = [
        ("preserve", Ports::Preserve),
        ("preserve-else-random", Ports::PreserveElseRandom),
        ("sequential", Ports::Sequential { step: 1 }),
        ("random", Ports::Random),
        ("contiguous", Ports::Contiguous { block: 64 }),
    ];
    if let Some(ports) = section.choice("ports", &ports)? {
        nat = nat.ports(ports);
    }
    if let Some(addresses) = section.count("addresses", 1..=8)? {
        let addresses = u8::try_from(addresses).unwrap_or(1);
        nat = nat.pooling(Pooling::Paired { addresses });
    }
    let hairpins = [
        ("off", Hairpin::Off),
        ("internal-source", Hairpin::InternalSource),
        ("external-source", Hairpin::ExternalSource),
    ];
    if let Some(hairpin) = section.choice("hairpin", &hairpins)? {
        nat = nat.hairpin(hairpin);
    }
    let refreshes = [("outbound", Refresh::Outbound), ("both", Refresh::Both)];
    if let Some(refresh) = section.choice("refresh", &refreshes)? {
        nat = nat.refresh(refresh);
    }
    Ok(nat)
}
