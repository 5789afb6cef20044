//! What a world tells its capture. Without one, nothing of this happens.

use std::net::SocketAddr;

use tickwire_core::trace::Content;
use tickwire_core::{Instant, Transmit};

use super::World;
use crate::capture::{
    Capture, CaptureLimits, CapturedDatagram, CapturedHost, Course, Landing, Sample, Tag,
};
use crate::faults::DropCause;
use crate::host::HostId;
use crate::network::Passage;

/// Pictures of what happened.
impl World {
    /// Begins to keep all that crosses the wire, with the keys of connections made from here on.
    pub fn capture(&mut self, limits: CaptureLimits) {
        self.settle();
        self.capture = Some(Box::new(Capture::new(self.now, limits)));
        self.hosts().for_each(|host| self.set_trace(host));
    }

    /// Ends a capture and gives it out; `None` if there was none.
    pub fn take_capture(&mut self) -> Option<Capture> {
        self.settle();
        let mut capture = self.capture.take()?;
        self.hosts().for_each(|host| self.set_trace(host));
        capture.ended_at = self.now;
        let host = |id: HostId| CapturedHost {
            name: self.hosts[id.index()].name.clone(),
            address: self.address(id),
        };
        capture.hosts = self.hosts().map(host).collect();
        Some(*capture)
    }

    /// A host sends a datagram: keeps it, until it is known what becomes of it.
    pub(super) fn capture_sent(
        &mut self,
        from: HostId,
        source: SocketAddr,
        transmit: &Transmit,
        bytes: &[u8],
        content: Option<&Content>,
    ) -> Option<Tag> {
        let capture = self.capture.as_mut()?;
        let endpoint = &mut self.hosts[from.index()].endpoint;
        while let Some(line) = endpoint.poll_key_log() {
            capture.on_keys(self.now, line);
        }
        capture.on_sent(CapturedDatagram {
            sent_at: self.now,
            from,
            to: None,
            source,
            destination: transmit.to,
            ecn: transmit.ecn,
            bytes: bytes.to_vec(),
            content: content.cloned().unwrap_or(Content::Unknown),
            course: Course::Nobody,
            landings: Vec::new(),
        })
    }

    /// What the network decided about it.
    pub(super) fn capture_course(&mut self, tag: Option<Tag>, to: Option<HostId>, course: Course) {
        if let Some(capture) = &mut self.capture {
            capture.on_course(tag, to, course);
        }
    }

    /// One of the many to whom a datagram went.
    pub(super) fn capture_stopped(&mut self, tag: Option<Tag>, host: HostId, passage: Passage) {
        if let (Some(capture), Passage::Stopped(cause)) = (&mut self.capture, passage) {
            let lost = Some(cause);
            let at = self.now;
            let ecn = None;
            capture.on_landed(
                tag,
                Landing {
                    at,
                    host,
                    lost,
                    ecn,
                },
            );
        }
    }

    /// What was lost on its way since the last time.
    pub(super) fn capture_drops(&mut self) {
        while let Some((tag, at, host)) = self.network.poll_dropped() {
            if let Some(capture) = &mut self.capture {
                let lost = Some(DropCause::Codel);
                let landing = Landing {
                    at,
                    host,
                    lost,
                    ecn: None,
                };
                capture.on_landed(Some(tag), landing);
            }
        }
    }

    /// How a host's connections are doing.
    pub(super) fn capture_sample(&mut self, host: HostId) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        if !capture.wants_sample(self.now, host) {
            return;
        }
        let endpoint = &self.hosts[host.index()].endpoint;
        for peer in endpoint.peers() {
            let found = endpoint.peer_address(peer).zip(endpoint.peer_stats(peer));
            if let Some((address, stats)) = found {
                let at: Instant = self.now;
                capture.on_sample(Sample {
                    at,
                    host,
                    peer,
                    address,
                    stats,
                });
            }
        }
    }
}

impl From<Passage> for Course {
    fn from(passage: Passage) -> Self {
        match passage {
            Passage::Met(fate) => Self::Met(fate),
            Passage::Stopped(cause) => Self::Stopped(cause),
        }
    }
}
