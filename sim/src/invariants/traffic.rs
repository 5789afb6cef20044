//! I1: nobody unproven gets more than he sent, and no answer is longer than what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use tickwire_core::Endpoint;

use super::Broken;

/// Bytes from and to addresses at which nobody has proved to be.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Addresses of peers: who was connected once may be told that it is over.
    proven: BTreeSet<SocketAddr>,
    /// The one of them that was asked for last: of a few peers the same are asked for again and again.
    latest: Option<SocketAddr>,
    unproven: BTreeMap<SocketAddr, Account>,
}

#[derive(Debug, Default)]
struct Account {
    received: u64,
    longest: usize,
    sent: u64,
}

/// Datagrams of our own accord: a HELLO, a probe. Discovery, which is text, has limits of its own.
const HELLO: u8 = 0xC0;
const PROBE: u8 = 0xC4;
const TEXT_END: u8 = 0x80;

impl Traffic {
    pub(super) fn on_received(&mut self, from: SocketAddr, len: usize) {
        if self.is_proven(from) {
            return;
        }
        let account = self.unproven.entry(from).or_default();
        account.received += len as u64;
        account.longest = account.longest.max(len);
    }

    pub(super) fn on_sent(
        &mut self,
        endpoint: &Endpoint,
        to: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Broken> {
        let is_own = |first: &u8| matches!(*first, HELLO | PROBE) || *first < TEXT_END;
        if self.is_proven(to) || datagram.first().is_some_and(is_own) {
            return Ok(());
        }
        let is_at = |peer| endpoint.peer_address(peer) == Some(to);
        if endpoint.peers().any(is_at) {
            self.unproven.remove(&to);
            self.proven.insert(to);
            return Ok(());
        }
        self.charge(to, datagram.len())
    }

    fn charge(&mut self, to: SocketAddr, len: usize) -> Result<(), Broken> {
        let account = self.unproven.entry(to).or_default();
        account.sent += len as u64;
        if account.sent > account.received || len > account.longest {
            return Err(format!(
                "I1: {to} proved nothing, sent {account:?} and was sent {len} bytes more"
            ));
        }
        Ok(())
    }

    fn is_proven(&mut self, address: SocketAddr) -> bool {
        if self.latest == Some(address) {
            return true;
        }
        let is_proven = self.proven.contains(&address);
        if is_proven {
            self.latest = Some(address);
        }
        is_proven
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_core::{Config, Entropy, Instant};

    #[test]
    fn an_answer_longer_than_what_came_is_seen() {
        let endpoint = Endpoint::new(Config::default(), Entropy::from_seed(1), Instant::ZERO);
        let stranger = SocketAddr::from(([10, 0, 0, 9], 9));
        let mut traffic = Traffic::default();
        let send = |traffic: &mut Traffic, first: u8, len: usize| {
            let mut datagram = vec![0; len];
            datagram[0] = first;
            traffic.on_sent(&endpoint, stranger, &datagram)
        };
        traffic.on_received(stranger, 20);
        assert_eq!(send(&mut traffic, 0xC3, 17), Ok(()));
        assert!(send(&mut traffic, 0xC3, 17).is_err(), "34 bytes for 20");
        traffic.on_received(stranger, 20);
        traffic.on_received(stranger, 20);
        assert!(
            send(&mut traffic, 0xC1, 25).is_err(),
            "longer than any that came"
        );
        assert_eq!(send(&mut traffic, PROBE, 900), Ok(()), "of our own accord");
    }
}
