//! What somebody on the wire overhears: the latest datagram to each host, and the latest that began a connection.

use std::collections::BTreeMap;

use tickwire_core::Arrival;

use crate::host::HostId;

/// A datagram as its receiver would see it.
pub(crate) type Heard = (Arrival, Vec<u8>);

/// First byte of a client's first datagram.
const HELLO: u8 = 0xC0;

/// The latest of each kind to each host.
#[derive(Debug, Default)]
pub(crate) struct Overheard {
    latest: BTreeMap<HostId, Heard>,
    hello: BTreeMap<HostId, Heard>,
}

impl Overheard {
    pub(super) fn add(&mut self, to: HostId, arrival: Arrival, bytes: &[u8]) {
        let is_hello = bytes.first() == Some(&HELLO);
        let kept = if is_hello {
            &mut self.hello
        } else {
            &mut self.latest
        };
        kept.insert(to, (arrival, bytes.to_vec()));
    }

    /// The latest that is no HELLO.
    pub(crate) fn latest(&self, to: HostId) -> Option<&Heard> {
        self.latest.get(&to)
    }

    pub(crate) fn hello(&self, to: HostId) -> Option<&Heard> {
        self.hello.get(&to)
    }
}
