//! The way of a datagram from the endpoint that hands it out to the network: whose it is, and what the trace says.

use std::fmt::Display;
use std::net::SocketAddr;

use tickwire_core::trace::Content;
use tickwire_core::{Arrival, Transmit};

use super::World;
use crate::address;
use crate::capture::{Course, Tag};
use crate::host::HostId;
use crate::nat::realms::Way;
use crate::trace::Direction;

impl World {
    /// Sends each datagram of a transmit to where its address leads.
    pub(super) fn transmit(&mut self, from: HostId, transmit: Transmit, bytes: &[u8]) {
        let src = SocketAddr::new(self.address(from).ip(), address::port(transmit.socket));
        for datagram in bytes.chunks(transmit.segment_size.unwrap_or(bytes.len()).max(1)) {
            let host = &mut self.hosts[from.index()];
            let sent = host.guard.on_sent(&host.endpoint, transmit.to, datagram);
            self.expect(from, sent);
            let content = self.describe(from);
            let tag = self.capture_sent(from, src, &transmit, datagram, content.as_ref());
            let text = content.filter(|_| self.trace.is_recording());
            let text = text.map(|content| content.to_string()).unwrap_or_default();
            let way = (src, transmit.to);
            match self.realms.way(self.now, from, way, self.hosts.len()) {
                Way::To { host, src, dst } => {
                    let arrival = arrival(src, dst, &transmit);
                    let passage = self
                        .network
                        .send(self.now, (from, host), arrival, datagram, tag);
                    self.capture_course(tag, Some(host), passage.into());
                    self.row(from, Some(host), datagram, &text, &passage);
                }
                Way::Everybody => {
                    self.capture_course(tag, None, Course::Everybody);
                    self.broadcast(from, arrival(src, transmit.to, &transmit), datagram, tag);
                    self.row(from, None, datagram, &text, &"to everybody");
                }
                Way::Nobody => self.row(from, None, datagram, &text, &"✗ no such host"),
                Way::Stopped(cause) => {
                    self.faults.count_drop(cause);
                    self.capture_course(tag, None, Course::Stopped(cause));
                    self.row(from, None, datagram, &text, &cause);
                }
            }
        }
    }

    /// Everybody on the sender's LAN but itself gets it.
    fn broadcast(&mut self, from: HostId, arrival: Arrival, bytes: &[u8], tag: Option<Tag>) {
        for to in self.hosts().filter(|to| *to != from) {
            if self.realms.realm(to) == self.realms.realm(from) {
                let passage = self.network.send(self.now, (from, to), arrival, bytes, tag);
                self.capture_stopped(tag, to, passage);
            }
        }
    }

    /// What the sender says about the datagram it has just handed out; nothing if nobody records it.
    fn describe(&mut self, from: HostId) -> Option<Content> {
        let content = self.hosts[from.index()].endpoint.poll_trace();
        let is_wanted = self.capture.is_some() || self.trace.is_recording();
        assert!(
            content.is_some() || !is_wanted,
            "a datagram without a line of trace"
        );
        content
    }

    fn row(
        &mut self,
        from: HostId,
        to: Option<HostId>,
        bytes: &[u8],
        text: &str,
        mark: &dyn Display,
    ) {
        self.trace.on_sent(self.now, from, to, bytes);
        let direction = Direction {
            from,
            from_name: &self.hosts[from.index()].name,
            to,
            to_name: to.map_or("*", |to| &self.hosts[to.index()].name),
        };
        self.trace.row(self.now, direction, bytes, text, mark);
    }
}

/// A datagram as its receiver sees it.
fn arrival(src: SocketAddr, dst: SocketAddr, transmit: &Transmit) -> Arrival {
    Arrival {
        from: src,
        to: Some(dst.ip()),
        socket: address::socket(dst.port()),
        ecn: transmit.ecn,
    }
}
