//! One connection: its life, its keys, and the way of a packet in and out.
//!
//! | file         | idea                                                          |
//! |--------------|---------------------------------------------------------------|
//! | `keys`       | when keys change, and when they are used up |
//! | `lifecycle`  | the states and what moves between them                        |
//! | `handshake`  | how both sides come to keys                                   |
//! | `receive`    | a datagram's way in: number, tag, frames                      |
//! | `acks`       | what acknowledgements say of our packets, and who has to know |
//! | `transmit`   | a datagram's way out: is there reason to send, may it leave   |
//! | `packet`     | building one packet                                           |
//! | `intent`     | what was to go into it, to check what did                     |
//! | `path`       | challenges and responses; what a change of address means       |
//! | `rebind`     | a client moves to another socket                              |
//! | `mtu`        | probes of longer datagrams; what is done when they get shorter |
//! | `timers`     | deadlines, each derived from the state it belongs to          |
//! | `budget`     | what the owner may send in this tick                          |
//! | `audit`      | what no state of a peer may be                                |
//! | `journal`    | what holds messages back, for who asks                        |
//!
//! A peer never calls up: its endpoint asks it before the next poll what it wants ([`Peer::transmit_at`],
//! [`Peer::deadline`]), so nothing has to be kept in step.

mod acks;
mod audit;
mod budget;
#[cfg(test)]
mod forge;
mod handshake;
mod intent;
mod journal;
mod keys;
mod lifecycle;
mod mtu;
pub(crate) mod packet;
mod path;
mod rebind;
mod receive;
mod timers;
mod transmit;

pub(crate) use handshake::{Accepted, Dialled, HelloKey, hello_key};
pub(crate) use lifecycle::State;
pub(crate) use receive::Refused;

use self::path::TokenState;

use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr};

use crate::channel::{Inbox, Outbox};
use crate::config::Config;
use crate::crypto::Keys;
use crate::event::Role;
use crate::id::PeerId;
use crate::machine::admission::Holder;
use crate::path::Path;
use crate::path::keepalive::Keepalive;
use crate::path::mtu::Mtu;
use crate::reliability::received::Received;
use crate::reliability::recovery::Recovery;
use crate::repeat::Repeat;
use crate::saved::saved;
use crate::stats::PeerStats;
use crate::time::{Instant, micros};
use crate::wire::DATAGRAM_BASE;
use crate::wire::packet::ConnectionId;

/// The remote endpoint as we know it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) address: SocketAddr,
    /// Our address as the peer knows it, where the socket told.
    local: Option<IpAddr>,
    pub(crate) role: Role,
    pub(crate) state: State,
    /// What the peer puts into datagrams to us.
    pub(crate) local_id: ConnectionId,
    /// What we put into datagrams to it.
    remote_id: ConnectionId,
    keys: Option<Keys>,
    /// Packets that did not open with any of them.
    forged: u64,
    reset_token: Option<[u8; 16]>,
    /// The HELLO with which the client began: by it a server knows a repeated one, and of two attempts in opposite
    /// directions the one with the lesser key lives.
    pub(crate) began_with: HelloKey,
    /// What a client's token said.
    holder: Option<Box<Holder>>,
    received: Received,
    /// The largest number of an authentic packet, also of one that found no room and counts as not received.
    newest: u64,
    pub(crate) recovery: Recovery,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    pub(crate) last_heard: Instant,
    last_sent: Instant,
    /// The owner flushed: what is queued leaves now.
    flush: bool,
    /// A probe is to be sent outside the congestion window.
    probe: bool,
    /// And another after it, of small messages that have no copies.
    probe_again: bool,
    /// And this one is to be short: see [`follow_probe`](Self::follow_probe).
    short_probe: bool,
    ping: Ping,
    /// A client repeats its first packet until it hears from the server.
    confirm: Option<Repeat>,
    pub(crate) path: Path,
    pub(crate) mtu: Mtu,
    keepalive: Keepalive,
    token: TokenState,
    /// Number of the packet that brought `reset_token`; 0 if it is that of the handshake.
    token_from: u64,
    datagrams_sent: u64,
    datagrams_received: u64,
    bytes_sent: u64,
    bytes_received: u64,
    messages_sent: u64,
}

saved!(Peer {
    id,
    address,
    local,
    role,
    state,
    local_id,
    remote_id,
    keys,
    forged,
    reset_token,
    began_with,
    holder,
    received,
    newest,
    recovery,
    outbox,
    inbox,
    last_heard,
    last_sent,
    flush,
    probe,
    probe_again,
    short_probe,
    ping,
    confirm,
    path,
    mtu,
    keepalive,
    token,
    token_from,
    datagrams_sent,
    datagrams_received,
    bytes_sent,
    bytes_received,
    messages_sent,
});

/// Where the owner's ping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    Idle,
    /// A PING is to be sent; `asked`: the owner waits for its answer.
    Wanted {
        asked: bool,
    },
    InFlight {
        asked: bool,
    },
}

saved!(enum Ping { 0 = Idle, 1 = Wanted { asked }, 2 = InFlight { asked } });

/// The names and addresses a peer is born with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) id: PeerId,
    pub(crate) address: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) role: Role,
    pub(crate) local_id: ConnectionId,
    pub(crate) remote_id: ConnectionId,
}

impl Peer {
    fn new(now: Instant, birth: Birth, state: State, config: &Config) -> Self {
        Self {
            id: birth.id,
            address: birth.address,
            local: birth.local,
            role: birth.role,
            state,
            local_id: birth.local_id,
            remote_id: birth.remote_id,
            keys: None,
            forged: 0,
            reset_token: None,
            began_with: [0; 32],
            holder: None,
            received: Received::new(config.ack_delay_max),
            newest: 0,
            recovery: Recovery::new(config.congestion, DATAGRAM_BASE, config.ack_delay_max)
                .with_ecn(config.ecn),
            outbox: Outbox::new(config),
            inbox: Inbox::new(config),
            last_heard: now,
            last_sent: now,
            flush: false,
            probe: false,
            probe_again: false,
            short_probe: false,
            ping: Ping::Idle,
            confirm: None,
            path: Path::default(),
            mtu: Mtu::new(config.mtu_discovery, config.datagram_size_max()),
            keepalive: Keepalive::new(config, birth.role),
            token: TokenState::Told,
            token_from: 0,
            datagrams_sent: 0,
            datagrams_received: 0,
            bytes_sent: 0,
            bytes_received: 0,
            messages_sent: 0,
        }
    }

    pub(crate) fn stats(&self) -> PeerStats {
        let rtt = self.recovery.rtt();
        PeerStats {
            rtt_us: if rtt.is_measured() {
                rtt.smoothed_us()
            } else {
                0
            },
            rtt_min_us: rtt.min_us(),
            jitter_us: rtt.deviation_us(),
            loss_permille: self.recovery.loss_permille(),
            datagrams_sent: self.datagrams_sent,
            datagrams_received: self.datagrams_received,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            messages_sent: self.messages_sent,
            messages_received: self.inbox.messages_received,
            retransmissions: self.outbox.retransmissions,
            packets_lost: self.recovery.packets_lost(),
            copies_sent: self.outbox.copies.sent,
            copy_bytes_sent: self.outbox.copies.bytes,
            parities_sent: self.outbox.parities_sent,
            parity_bytes_sent: self.outbox.parity_bytes_sent,
            parities_used: self.inbox.parities_used,
            loss_run_tenths: self.recovery.loss_run_tenths(),
            probes_sent: self.recovery.probes(),
            key_updates: self.keys.as_ref().map_or(0, Keys::generation),
            keepalives_sent: self.keepalive.sent,
            keepalive_interval_us: micros(self.keepalive.interval()),
            paths_asked: self.path.counts.asked,
            path_changes: self.path.counts.changed,
            paths_failed: self.path.counts.failed,
            datagram_size_bytes: self.mtu.size() as u64,
            ecn: self.recovery.ecn_state(),
            marks_told: self.recovery.marks_told(),
            marks_received: self.received.marks().ce,
            congestion_window_bytes: self.recovery.congestion_window(),
            pacing_rate: self.recovery.pacing_rate(),
            queueing_delay_us: rtt.queueing_delay_us(),
            in_flight_bytes: self.recovery.in_flight(),
            queued_bytes: self.outbox.queued_bytes() as u64,
            receive_buffered_bytes: self.inbox.buffered_bytes() as u64,
            drops: self.inbox.drops,
        }
    }
}

#[cfg(test)]
mod tests;
