//! Calls as bytes. Must agree with `decode`; a property test in `recording` sees to that.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::addresses::AddressWriter;
use super::call::Call;
use super::codec::{put_address, put_bytes, put_duration, put_ip, put_number};
use super::tag::{self, VARIANT};
use crate::channel::options::{Priority, SendOptions};
use crate::crypto::ServerIdentity;
use crate::id::PeerId;
use crate::transmit::{Arrival, Ecn, Socket};

/// What the writer and the reader remember from one record to the next, beside the time.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) addresses: AddressWriter,
    /// How the latest datagram arrived; its sender is of no interest.
    arrival: Option<Arrival>,
    /// Whom the latest message was for.
    receiver: Option<PeerId>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            addresses: AddressWriter::new(),
            arrival: None,
            receiver: None,
        }
    }

    /// As new.
    pub(super) fn forget(&mut self) {
        self.addresses.forget();
        self.arrival = None;
        self.receiver = None;
    }

    /// The tag of a call, without time and output.
    pub(super) fn tag(&self, call: &Call<'_>) -> u8 {
        let variant = |is_set: bool| if is_set { VARIANT } else { 0 };
        match call {
            Call::Checkpoint => tag::CHECKPOINT,
            Call::End { .. } => tag::END,
            Call::HandleDatagram { arrival, .. } => {
                tag::HANDLE_DATAGRAM | variant(self.is_new_way(arrival))
            }
            Call::HandleTimeout => tag::HANDLE_TIMEOUT,
            Call::PollTransmit => tag::POLL_TRANSMIT,
            Call::PollEvent => tag::POLL_EVENT,
            Call::Connect { server, .. } => {
                tag::CONNECT | variant(matches!(server, ServerIdentity::Known(_)))
            }
            Call::Send { peer, .. } => tag::SEND | variant(self.receiver == Some(*peer)),
            Call::Flush => tag::FLUSH,
            Call::Ping { .. } => tag::PING,
            Call::Probe { .. } => tag::PROBE,
            Call::Disconnect { .. } => tag::DISCONNECT,
            Call::Discover { .. } => tag::DISCOVER,
            Call::SetPlayers { .. } => tag::SET_PLAYERS,
            Call::SetAnnouncePort { .. } => tag::SET_ANNOUNCE_PORT,
            Call::SetAnnounceTargets { .. } => tag::SET_ANNOUNCE_TARGETS,
            Call::SetInterfaces { .. } => tag::SET_INTERFACES,
            Call::Ban { .. } => tag::BAN,
            Call::Unban { .. } => tag::UNBAN,
            Call::SetCongestion { .. } => tag::SET_CONGESTION,
            Call::SetQos { .. } => tag::SET_QOS,
            Call::SetAccepting { accepting } => tag::SET_ACCEPTING | variant(*accepting),
            Call::Rebind { is_other_network } => tag::REBIND | variant(*is_other_network),
            Call::HandleTooLong { .. } => tag::HANDLE_TOO_LONG,
            Call::ConnectWithToken { .. } => tag::CONNECT_WITH_TOKEN,
            Call::SetUnixTime { .. } => tag::SET_UNIX_TIME,
        }
    }

    fn is_new_way(&self, arrival: &Arrival) -> bool {
        self.arrival.is_none_or(|before| {
            let Arrival {
                from: _,
                to,
                socket,
                ecn,
            } = before;
            to != arrival.to || socket != arrival.socket || ecn != arrival.ecn
        })
    }

    /// Appends what went into a call: what follows the tag and the time.
    pub(super) fn put(&mut self, call: &Call<'_>, out: &mut Vec<u8>) {
        match call {
            Call::HandleDatagram { arrival, datagram } => self.put_datagram(arrival, datagram, out),
            Call::HandleTimeout
            | Call::PollTransmit
            | Call::PollEvent
            | Call::Flush
            | Call::Checkpoint => {}
            Call::Connect { to, server } => {
                self.addresses.put(*to, out);
                if let ServerIdentity::Known(key) = server {
                    out.extend_from_slice(key.as_bytes());
                }
            }
            Call::Send {
                peer,
                channel,
                payload,
                options,
            } => {
                if self.receiver != Some(*peer) {
                    put_peer(*peer, out);
                }
                self.receiver = Some(*peer);
                let (channel, asks) = (u64::from(channel.as_u8()), *options != SendOptions::new());
                put_number(channel << 1 | u64::from(asks), out);
                if asks {
                    put_options(options, out);
                }
                put_bytes(payload, out);
            }
            Call::Ping { peer } => put_peer(*peer, out),
            Call::Probe { to } => self.addresses.put(*to, out),
            Call::Disconnect { peer, code, text } => {
                put_peer(*peer, out);
                put_number((*code).into(), out);
                put_bytes(text.as_bytes(), out);
            }
            Call::Discover { targets, timeout } => {
                put_duration(*timeout, out);
                put_addresses(targets, out);
            }
            Call::SetPlayers { players } => put_number((*players).into(), out),
            Call::SetAnnouncePort { port } => put_number((*port).into(), out),
            Call::SetAnnounceTargets { targets } => put_addresses(targets, out),
            Call::SetInterfaces { interfaces } => {
                put_number(interfaces.len() as u64, out);
                for prefix in interfaces.iter() {
                    put_ip(prefix.address, out);
                    out.push(prefix.len);
                }
            }
            Call::Ban { address } | Call::Unban { address } => put_ip(*address, out),
            Call::SetAccepting { .. } | Call::Rebind { .. } => {}
            Call::SetCongestion { peer, congestion } => {
                put_peer(*peer, out);
                congestion.put(out);
            }
            Call::SetQos { peer, channel, qos } => {
                put_peer(*peer, out);
                out.push(channel.as_u8());
                qos.put(out);
            }
            Call::HandleTooLong { to, len } => {
                self.addresses.put(*to, out);
                put_number(*len as u64, out);
            }
            Call::ConnectWithToken { to, token } => {
                self.addresses.put(*to, out);
                put_bytes(&token.encode(), out);
            }
            Call::SetUnixTime { since_epoch } => put_duration(*since_epoch, out),
            Call::End { reason } => out.push(*reason as u8),
        }
    }

    fn put_datagram(&mut self, arrival: &Arrival, datagram: &[u8], out: &mut Vec<u8>) {
        if self.is_new_way(arrival) {
            put_way(arrival, out);
        }
        self.arrival = Some(*arrival);
        self.addresses.put(arrival.from, out);
        put_bytes(datagram, out);
    }
}

fn put_options(options: &SendOptions, out: &mut Vec<u8>) {
    let mut bits = match options.priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    };
    let has = [
        (options.time_to_live.is_some(), tag::options::TIME_TO_LIVE),
        (options.key.is_some(), tag::options::KEY),
        (options.receipt, tag::options::RECEIPT),
    ];
    for (_, bit) in has.into_iter().filter(|(is_set, _)| *is_set) {
        bits |= bit;
    }
    out.push(bits);
    if let Some(time_to_live) = options.time_to_live {
        put_duration(time_to_live, out);
    }
    if let Some(key) = options.key {
        out.extend_from_slice(&key.to_be_bytes());
    }
}

fn put_way(arrival: &Arrival, out: &mut Vec<u8>) {
    let mut bits = match arrival.ecn {
        None => 0,
        Some(Ecn::Ect0) => 1,
        Some(Ecn::Ect1) => 2,
        Some(Ecn::Ce) => 3,
    } << tag::arrival::ECN_SHIFT;
    if arrival.socket == Socket::Discovery {
        bits |= tag::arrival::DISCOVERY_SOCKET;
    }
    if arrival.to.is_some() {
        bits |= tag::arrival::HAS_LOCAL;
    }
    out.push(bits);
    if let Some(to) = arrival.to {
        put_ip(to, out);
    }
}

fn put_peer(peer: PeerId, out: &mut Vec<u8>) {
    put_number(peer.slot() as u64, out);
    put_number(peer.generation().into(), out);
}

fn put_addresses(addresses: &[SocketAddr], out: &mut Vec<u8>) {
    put_number(addresses.len() as u64, out);
    addresses
        .iter()
        .for_each(|address| put_address(*address, out));
}
