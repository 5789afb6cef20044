//! The choice of an outside address and port for a new mapping.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::behaviour::{Pooling, Ports};
use super::table::Table;
use crate::address::NAT_ADDRESSES;
use crate::rng::Rng;

/// Lowest port that is given out; those below are for servers.
const PORT_MIN: u16 = 1_024;
const PORTS: u32 = 65_536 - PORT_MIN as u32;

/// What a NAT remembers to choose by.
#[derive(Clone, Debug)]
pub(crate) struct Chooser {
    first: Ipv4Addr,
    /// Which of its addresses is the first in use.
    offset: u8,
    rng: Rng,
    last_port: u16,
    /// Inside addresses in the order in which they were first seen.
    subscribers: Vec<IpAddr>,
}

impl Default for Chooser {
    fn default() -> Self {
        Self::new(Ipv4Addr::UNSPECIFIED, Rng::new(0))
    }
}

impl Chooser {
    pub(crate) fn new(first: Ipv4Addr, rng: Rng) -> Self {
        Self {
            first,
            offset: 0,
            rng,
            last_port: PORT_MIN - 1,
            subscribers: Vec::new(),
        }
    }

    pub(crate) fn forget(&mut self) {
        self.last_port = PORT_MIN - 1;
        self.subscribers.clear();
    }

    pub(crate) fn renumber(&mut self, addresses: u8) {
        self.offset = (self.offset + addresses) % NAT_ADDRESSES;
    }

    fn outside(&self, index: u8) -> IpAddr {
        let number = (self.offset + index) % NAT_ADDRESSES;
        Ipv4Addr::from_bits(self.first.to_bits() + u32::from(number)).into()
    }

    fn subscriber(&mut self, inside: IpAddr) -> usize {
        let known = self.subscribers.iter().position(|known| *known == inside);
        known.unwrap_or_else(|| {
            self.subscribers.push(inside);
            self.subscribers.len() - 1
        })
    }
}

impl Table {
    /// Which of `addresses` outside addresses this is.
    pub(crate) fn outside_index(&self, address: IpAddr, addresses: u8) -> Option<u8> {
        (0..addresses).find(|index| self.chooser.outside(*index) == address)
    }

    /// A free outside address for an inside one; `None` if the rules leave none.
    pub(crate) fn free(
        &mut self,
        ports: Ports,
        pooling: Pooling,
        src: SocketAddr,
    ) -> Option<SocketAddr> {
        let subscriber = self.chooser.subscriber(src.ip());
        let addresses = pooling.addresses();
        let index = match pooling {
            Pooling::Paired { .. } => subscriber as u64 % u64::from(addresses),
            Pooling::Arbitrary { .. } => self.chooser.rng.below(addresses.into()),
        };
        let address = self.chooser.outside(u8::try_from(index).unwrap_or(0));
        let port = self.free_port(ports, address, src.port(), subscriber)?;
        Some(SocketAddr::new(address, port))
    }

    fn free_port(&mut self, ports: Ports, address: IpAddr, wanted: u16, nth: usize) -> Option<u16> {
        let is_free = |port: &u16| self.is_free(SocketAddr::new(address, *port));
        match ports {
            Ports::Preserve => Some(wanted).filter(is_free),
            Ports::PreserveElseRandom if is_free(&wanted) => Some(wanted),
            Ports::PreserveElseRandom | Ports::Random => self.random_port(address),
            Ports::Sequential { step } => {
                let mut last = self.chooser.last_port;
                let port = (0..PORTS).find_map(|_| {
                    last = last.checked_add(step.max(1)).unwrap_or(PORT_MIN);
                    Some(last).filter(is_free)
                })?;
                self.chooser.last_port = port;
                Some(port)
            }
            Ports::Contiguous { block } => {
                let block = u32::from(block.max(1));
                let start = u32::try_from(nth).unwrap_or(u32::MAX).checked_mul(block)?;
                (0..block)
                    .filter_map(|port| u16::try_from(u32::from(PORT_MIN) + start + port).ok())
                    .find(is_free)
            }
        }
    }

    fn random_port(&mut self, address: IpAddr) -> Option<u16> {
        let mut offset = u32::try_from(self.chooser.rng.below(PORTS.into())).unwrap_or(0);
        (0..PORTS).find_map(|_| {
            offset = (offset + 1) % PORTS;
            let port = u16::try_from(u32::from(PORT_MIN) + offset).ok()?;
            Some(port).filter(|port| self.is_free(SocketAddr::new(address, *port)))
        })
    }
}
