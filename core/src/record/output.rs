//! What calls give back, as numbers for the running hash. Every field counts; enums by numbers of their own, which
//! do not depend on the compiler.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::call::{Outcome, Refused};
use super::hash::OutputHash;
use crate::discovery::ServerInfo;
use crate::error::{
    CongestionError, ConnectError, DiscoverError, PingError, QosError, RebindError, SendError,
};
use crate::event::{
    Abandonment, CloseReason, Event, Farewell, RebindStage, Refusal, Role, Violation,
};
use crate::id::{MessageId, PeerId};
use crate::transmit::{Ecn, Socket, Transmit};
use crate::wire::Kind;

/// What a command or [`poll_event`](crate::Endpoint::poll_event) gives back.
pub(crate) trait Output {
    /// Adds it to the hash, and tells what its record keeps.
    fn note(&self, hash: &mut OutputHash) -> Outcome;
}

impl Output for Option<Event> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        let Some(event) = self else {
            return Outcome::Nothing;
        };
        note_event(event, hash);
        Outcome::Event { hash: hash.value() }
    }
}

impl Output for Result<PeerId, ConnectError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        match self {
            Ok(peer) => note_peer(*peer, hash),
            Err(ConnectError::BadAddress) => return refused(Refused::BadAddress, hash),
            Err(ConnectError::AlreadyConnected) => return refused(Refused::AlreadyConnected, hash),
            Err(ConnectError::Full) => return refused(Refused::Full, hash),
            Err(ConnectError::NotInToken) => return refused(Refused::NotInToken, hash),
            Err(ConnectError::TokenExpired) => return refused(Refused::TokenExpired, hash),
            Err(ConnectError::TokenTooLong) => return refused(Refused::TokenTooLong, hash),
        }
        Outcome::Nothing
    }
}

impl Output for Result<MessageId, SendError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        let error = match self {
            Ok(message) => {
                hash.number(message.number());
                return Outcome::Nothing;
            }
            Err(error) => *error,
        };
        let reason = match error {
            SendError::UnknownPeer => Refused::UnknownPeer,
            SendError::NotConnected => Refused::NotConnected,
            SendError::UnknownChannel => Refused::UnknownChannel,
            SendError::TooLarge { size, size_max } => {
                hash.number(size as u64);
                hash.number(size_max as u64);
                Refused::TooLarge
            }
            SendError::QueueFull => Refused::QueueFull,
        };
        refused(reason, hash)
    }
}

impl Output for Result<(), QosError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        match self {
            Ok(()) => Outcome::Nothing,
            Err(QosError::UnknownPeer) => refused(Refused::UnknownPeer, hash),
            Err(QosError::UnknownChannel) => refused(Refused::UnknownChannel, hash),
            Err(QosError::OutOfRange { .. } | QosError::RateTooLow) => {
                refused(Refused::OutOfRange, hash)
            }
        }
    }
}

impl Output for Result<usize, RebindError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        match self {
            Ok(moving) => {
                hash.number(*moving as u64);
                Outcome::Nothing
            }
            Err(RebindError::Serving) => refused(Refused::Serving, hash),
        }
    }
}

impl Output for Result<(), CongestionError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        match self {
            Ok(()) => Outcome::Nothing,
            Err(CongestionError::UnknownPeer) => refused(Refused::UnknownPeer, hash),
        }
    }
}

impl Output for Result<(), PingError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        match self {
            Ok(()) => Outcome::Nothing,
            Err(PingError::UnknownPeer) => refused(Refused::UnknownPeer, hash),
            Err(PingError::NotConnected) => refused(Refused::NotConnected, hash),
        }
    }
}

impl Output for Result<(), DiscoverError> {
    fn note(&self, hash: &mut OutputHash) -> Outcome {
        match self {
            Ok(()) => Outcome::Nothing,
            Err(DiscoverError::Busy) => refused(Refused::Busy, hash),
            Err(DiscoverError::NoTarget) => refused(Refused::NoTarget, hash),
            Err(DiscoverError::TooManyTargets) => refused(Refused::TooManyTargets, hash),
        }
    }
}

fn refused(reason: Refused, hash: &mut OutputHash) -> Outcome {
    hash.number(reason as u64);
    Outcome::Refused(reason)
}

/// Of a packet: it depends on every byte before it, and on the key. Two packets that differ have the same one with a
/// chance of 2^-128, and it is a twentieth of what there is to read.
const TAG_LEN: usize = 16;

/// A datagram with all that is said about it.
pub(super) fn note_transmit(transmit: &Transmit, bytes: &[u8], hash: &mut OutputHash) -> Outcome {
    let Transmit {
        to,
        from,
        socket,
        len,
        segment_size,
        ecn,
        ttl,
    } = *transmit;
    note_address(to, hash);
    let socket = match socket {
        Socket::Game => 0,
        Socket::Discovery => 1,
    };
    let ecn = match ecn {
        None => 0,
        Some(Ecn::Ect0) => 1,
        Some(Ecn::Ect1) => 2,
        Some(Ecn::Ce) => 3,
    };
    let ttl = ttl.map_or(0, |ttl| u64::from(ttl) + 1);
    // One word for all that is small.
    hash.number(socket | ecn << 8 | ttl << 16 | u64::from(from.is_some()) << 32);
    hash.number(segment_size.map_or(0, |size| size as u64 + 1));
    if let Some(from) = from {
        note_ip(from, hash);
    }
    let is_packet = matches!(bytes.first().copied().map(Kind::of), Some(Kind::Packet));
    match bytes.last_chunk::<TAG_LEN>() {
        Some(tag) if is_packet && segment_size.is_none() => {
            hash.number(len as u64);
            hash.bytes(tag);
        }
        Some(_) | None => hash.bytes(bytes),
    }
    Outcome::Transmit {
        to,
        len,
        hash: hash.value(),
    }
}

fn note_event(event: &Event, hash: &mut OutputHash) {
    match event {
        Event::Connected {
            peer,
            address,
            role,
            server_key,
            client,
        } => {
            hash.number(1);
            note_peer(*peer, hash);
            note_address(*address, hash);
            hash.number(match role {
                Role::Client => 0,
                Role::Server => 1,
            });
            hash.bytes(server_key.as_ref().map_or(&[], |key| &key.as_bytes()[..]));
            if let Some(client) = client {
                hash.number(client.id);
                hash.bytes(&client.user_data);
            }
        }
        Event::Message {
            peer,
            channel,
            payload,
        } => {
            hash.number(2);
            note_peer(*peer, hash);
            hash.number(channel.index() as u64);
            hash.bytes(payload);
        }
        Event::Delivered {
            peer,
            channel,
            message,
            after,
        } => {
            hash.number(3);
            note_peer(*peer, hash);
            hash.number(channel.index() as u64);
            hash.number(message.number());
            note_duration(*after, hash);
        }
        Event::Abandoned {
            peer,
            channel,
            message,
            why,
        } => {
            hash.number(11);
            note_peer(*peer, hash);
            hash.number(channel.index() as u64);
            hash.number(message.number());
            hash.number(match why {
                Abandonment::Expired => 0,
                Abandonment::Superseded => 1,
            });
        }
        Event::Pong { peer, rtt } => {
            hash.number(4);
            note_peer(*peer, hash);
            note_duration(*rtt, hash);
        }
        Event::ProbeAnswered { address, rtt } => {
            hash.number(5);
            note_address(*address, hash);
            note_duration(*rtt, hash);
        }
        Event::Disconnected {
            peer,
            reason,
            undelivered,
        } => {
            hash.number(6);
            note_peer(*peer, hash);
            note_reason(reason, hash);
            hash.number((*undelivered).into());
        }
        Event::Tick {
            tick,
            skipped,
            late,
        } => {
            hash.number(7);
            hash.number(*tick);
            hash.number(*skipped);
            note_duration(*late, hash);
        }
        Event::ServerFound(server) => {
            hash.number(8);
            note_server(server, hash);
        }
        Event::ServerExpired(server) => {
            hash.number(9);
            note_server(server, hash);
        }
        Event::DiscoveryEnded => hash.number(10),
        Event::Rebinding { peer, stage } => {
            hash.number(12);
            note_peer(*peer, hash);
            match stage {
                RebindStage::Started => hash.number(0),
                RebindStage::Validating => hash.number(1),
                RebindStage::Done { rtt } => {
                    hash.number(2);
                    note_duration(*rtt, hash);
                }
                RebindStage::Failed => hash.number(3),
            }
        }
        Event::PathChanged { peer, from, to } => {
            hash.number(11);
            note_peer(*peer, hash);
            note_address(*from, hash);
            note_address(*to, hash);
        }
    }
}

fn note_reason(reason: &CloseReason, hash: &mut OutputHash) {
    match reason {
        CloseReason::Local(farewell) => note_farewell(1, farewell, hash),
        CloseReason::Remote(farewell) => note_farewell(2, farewell, hash),
        CloseReason::IdleTimeout => hash.number(3),
        CloseReason::HandshakeTimeout => hash.number(4),
        CloseReason::Refused(refusal) => {
            hash.number(5);
            hash.number(refusal_number(*refusal));
        }
        CloseReason::Undeliverable { channel } => {
            hash.number(6);
            hash.number(channel.index() as u64);
        }
        CloseReason::Violation(violation) => {
            hash.number(7);
            hash.number(violation_number(*violation));
        }
        CloseReason::PeerSawViolation(violation) => {
            hash.number(8);
            hash.number(violation_number(*violation));
        }
        CloseReason::PeerCouldNotDeliver => hash.number(9),
        CloseReason::Reset => hash.number(10),
        CloseReason::Replaced => hash.number(11),
        CloseReason::Exhausted => hash.number(12),
    }
}

const fn refusal_number(refusal: Refusal) -> u64 {
    match refusal {
        Refusal::Full => 1,
        Refusal::WrongVersion { server } => 2 | (server as u64) << 8,
        Refusal::WrongProtocolId => 3,
        Refusal::WrongChannels => 4,
        Refusal::Banned => 5,
        Refusal::WrongKey => 6,
        Refusal::NotAccepting => 7,
        Refusal::NoCipher => 8,
        Refusal::TokenMissing => 9,
        Refusal::TokenInvalid => 10,
        Refusal::TokenExpired => 11,
        Refusal::TokenElsewhere => 12,
        Refusal::TokenUsed => 13,
        Refusal::TokenOutdated => 14,
        Refusal::TokensFull => 15,
        Refusal::TokenClock => 16,
    }
}

const fn violation_number(violation: Violation) -> u64 {
    match violation {
        Violation::BadFrame => 1,
        Violation::AckOfUnsent => 2,
        Violation::UnknownChannel => 3,
        Violation::OverCredit => 4,
        Violation::TooLarge => 5,
        Violation::BadFragment => 6,
        Violation::KeyUpdate => 7,
    }
}

fn note_farewell(kind: u64, farewell: &Farewell, hash: &mut OutputHash) {
    hash.number(kind);
    hash.number(farewell.code.into());
    hash.bytes(farewell.text().as_bytes());
}

fn note_server(server: &ServerInfo, hash: &mut OutputHash) {
    let ServerInfo {
        id,
        name,
        address,
        players,
        players_max,
    } = server;
    hash.number(id.is_some().into());
    hash.number(id.unwrap_or(0));
    hash.bytes(name.as_bytes());
    note_address(*address, hash);
    hash.number((*players).into());
    hash.number((*players_max).into());
}

fn note_peer(peer: PeerId, hash: &mut OutputHash) {
    hash.number((peer.slot() as u64) << 32 | u64::from(peer.generation()));
}

fn note_duration(duration: Duration, hash: &mut OutputHash) {
    hash.number(duration.as_secs());
    hash.number(duration.subsec_nanos().into());
}

fn note_address(address: SocketAddr, hash: &mut OutputHash) {
    note_ip(address.ip(), hash);
    hash.number(address.port().into());
    if let SocketAddr::V6(v6) = address {
        hash.number(u64::from(v6.flowinfo()) << 32 | u64::from(v6.scope_id()));
    }
}

fn note_ip(ip: IpAddr, hash: &mut OutputHash) {
    match ip {
        IpAddr::V4(ip) => hash.number(ip.to_bits().into()),
        IpAddr::V6(ip) => hash.bytes(&ip.octets()),
    }
}
