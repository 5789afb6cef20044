//! A list of addresses that get the same datagram, round by round.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::DiscoveryQuery;

use crate::saved::saved;

#[derive(Debug)]
pub(super) struct Targets {
    addresses: Vec<SocketAddr>,
    /// Position of the next address of this round; the length once the round is done.
    next: usize,
}

saved!(Targets { addresses, next });

impl Targets {
    /// The first [`DiscoveryQuery::TARGETS_MAX`] of `addresses` that have a port.
    pub(super) fn new(addresses: &[SocketAddr]) -> Self {
        let with_port = addresses.iter().filter(|address| address.port() != 0);
        let addresses: Vec<_> = with_port
            .take(DiscoveryQuery::TARGETS_MAX)
            .copied()
            .collect();
        let next = addresses.len();
        Self { addresses, next }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().copied()
    }

    /// Begins a round; a round still under way goes on instead, so that the last addresses get their turn.
    pub(super) fn start_round(&mut self) {
        if !self.is_round_waiting() {
            self.next = 0;
        }
    }

    pub(super) fn cancel_round(&mut self) {
        self.next = self.addresses.len();
    }

    pub(super) fn is_round_waiting(&self) -> bool {
        self.next < self.addresses.len()
    }

    pub(super) fn poll(&mut self) -> Option<SocketAddr> {
        let address = *self.addresses.get(self.next)?;
        self.next += 1;
        Some(address)
    }
}
