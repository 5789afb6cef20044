//! A client moves to another socket: what it means for the rest.

use super::{Peer, State};
use crate::event::{Event, RebindStage, Role};
use crate::machine::shared::Shared;
use crate::time::Instant;
use crate::wire::frame::PathData;

impl Peer {
    /// The owner's socket is another one. Tells whether this connection moves: one that is not complete goes on with its
    /// handshake, by the new socket.
    pub(crate) fn rebind(
        &mut self,
        now: Instant,
        is_other_network: bool,
        shared: &mut Shared,
    ) -> bool {
        self.local = None;
        let is_connected = matches!(self.state, State::Connected | State::Closing(_));
        if !is_connected || self.role != Role::Client {
            return false;
        }
        let patience = self.path_patience();
        let way = self.way();
        let rng = &mut shared.path_rng;
        self.path.rebind(now, way, is_other_network, patience, rng);
        // What is under way to the old socket is lost, which says nothing about the new way.
        self.recovery.on_path_changed(now, false, None);
        self.keepalive.begin_anew(&shared.config);
        self.tell_rebinding(RebindStage::Started);
        self.begin_probe(now, shared);
        true
    }

    /// A client heard its server answer.
    pub(super) fn on_path_response(&mut self, now: Instant, data: PathData, shared: &mut Shared) {
        let Some((rtt, is_other_network)) = self.path.on_answer(now, data) else {
            return;
        };
        if is_other_network {
            self.recovery.on_path_changed(now, true, Some(rtt));
            if self.mtu.on_network_changed() {
                self.on_shorter(shared);
            }
        }
        self.tell_rebinding(RebindStage::Done { rtt });
    }

    pub(super) fn tell_rebinding(&mut self, stage: RebindStage) {
        self.inbox.push(Event::Rebinding {
            peer: self.id,
            stage,
        });
    }
}
