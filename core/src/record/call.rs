//! One call at the endpoint's boundary: what went in, and what is kept of what came out.

use alloc::borrow::Cow;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::channel::options::{Priority, SendOptions};
use crate::channel::qos::Qos;
use crate::congestion::CongestionControl;
use crate::crypto::{ConnectToken, ServerIdentity};
use crate::discovery::Prefix;
use crate::id::{ChannelId, PeerId};
use crate::time::Instant;
use crate::transmit::Arrival;

/// A call as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// 1, 2, 3, ...
    pub number: u64,
    /// Where it begins in the recording, in bytes.
    pub offset: u64,
    /// The time of the call; of the last one that told the time, where this does not.
    pub at: Instant,
    /// What went in.
    pub call: Call<'a>,
    /// What came out.
    pub outcome: Outcome,
    /// What the long-term key agreed on with the sender of the datagram.
    pub(super) agreed: Option<[u8; 32]>,
    /// What the datagram's connect token said.
    pub(super) token: Option<&'a [u8]>,
}

/// What was called, with all that went in beside the time.
///
/// `Display` tells the sizes of datagrams and messages, not their content.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named and described as the verbs of Endpoint")]
pub enum Call<'a> {
    HandleDatagram {
        arrival: Arrival,
        datagram: &'a [u8],
    },
    HandleTimeout,
    PollTransmit,
    PollEvent,
    Connect {
        to: SocketAddr,
        server: ServerIdentity,
    },
    Send {
        peer: PeerId,
        channel: ChannelId,
        payload: &'a [u8],
        options: SendOptions,
    },
    Flush,
    Ping {
        peer: PeerId,
    },
    Probe {
        to: SocketAddr,
    },
    Disconnect {
        peer: PeerId,
        code: u32,
        text: &'a str,
    },
    Discover {
        targets: Cow<'a, [SocketAddr]>,
        timeout: Duration,
    },
    SetPlayers {
        players: u32,
    },
    SetAnnouncePort {
        port: u16,
    },
    SetAnnounceTargets {
        targets: Cow<'a, [SocketAddr]>,
    },
    SetInterfaces {
        interfaces: Cow<'a, [Prefix]>,
    },
    Ban {
        address: IpAddr,
    },
    Unban {
        address: IpAddr,
    },
    SetAccepting {
        accepting: bool,
    },
    SetCongestion {
        peer: PeerId,
        congestion: CongestionControl,
    },
    SetQos {
        peer: PeerId,
        channel: ChannelId,
        qos: Qos,
    },
    Rebind {
        is_other_network: bool,
    },
    HandleTooLong {
        to: SocketAddr,
        len: usize,
    },
    ConnectWithToken {
        to: SocketAddr,
        token: Cow<'a, ConnectToken>,
    },
    SetUnixTime {
        since_epoch: Duration,
    },
    /// No call: the state was what its hash says, and from here on a ring had a generation of its own.
    Checkpoint,
    /// The recording ends here.
    End {
        reason: EndReason,
    },
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandleDatagram { arrival, datagram } => {
                write!(
                    f,
                    "handle_datagram({} B from {})",
                    datagram.len(),
                    arrival.from
                )
            }
            Self::HandleTimeout => f.write_str("handle_timeout"),
            Self::PollTransmit => f.write_str("poll_transmit"),
            Self::PollEvent => f.write_str("poll_event"),
            Self::Connect { to, .. } => write!(f, "connect({to})"),
            Self::Send {
                peer,
                channel,
                payload,
                options,
            } => {
                write!(f, "send({peer} {channel}, {} B", payload.len())?;
                show_options(options, f)
            }
            Self::Flush => f.write_str("flush"),
            Self::Ping { peer } => write!(f, "ping({peer})"),
            Self::Probe { to } => write!(f, "probe({to})"),
            Self::Disconnect { peer, code, .. } => write!(f, "disconnect({peer}, code {code})"),
            Self::Discover { targets, .. } => write!(f, "discover({} targets)", targets.len()),
            Self::SetPlayers { players } => write!(f, "set_players({players})"),
            Self::SetAnnouncePort { port } => write!(f, "set_announce_port({port})"),
            Self::SetAnnounceTargets { targets } => {
                write!(f, "set_announce_targets({} targets)", targets.len())
            }
            Self::SetInterfaces { interfaces } => {
                write!(f, "set_interfaces({} prefixes)", interfaces.len())
            }
            Self::Ban { address } => write!(f, "ban({address})"),
            Self::Unban { address } => write!(f, "unban({address})"),
            Self::SetAccepting { accepting } => write!(f, "set_accepting({accepting})"),
            Self::SetCongestion { peer, congestion } => {
                write!(f, "set_congestion({peer}, {congestion})")
            }
            Self::SetQos { peer, channel, qos } => write!(f, "set_qos({peer} {channel}, {qos})"),
            Self::Rebind { is_other_network } => {
                let network = if *is_other_network {
                    "another"
                } else {
                    "the same"
                };
                write!(f, "rebind({network} network)")
            }
            Self::HandleTooLong { to, len } => write!(f, "handle_too_long({len} B to {to})"),
            Self::ConnectWithToken { to, token } => {
                write!(f, "connect_with_token({to}, client {})", token.client_id())
            }
            Self::SetUnixTime { since_epoch } => {
                write!(f, "set_unix_time({} s)", since_epoch.as_secs())
            }
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::End { reason } => write!(f, "end of the recording: {reason}"),
        }
    }
}

fn show_options(options: &SendOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match options.priority {
        Priority::Low => f.write_str(", low")?,
        Priority::Normal => {}
        Priority::High => f.write_str(", high")?,
    }
    if let Some(time_to_live) = options.time_to_live {
        write!(f, ", for {time_to_live:?}")?;
    }
    if let Some(key) = options.key {
        write!(f, ", key {key}")?;
    }
    f.write_str(if options.receipt { ", receipt)" } else { ")" })
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is kept of what a call gave back. The hash is that of all outputs up to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing, or a command was done. What a command returned is in the hash of the next datagram or event.
    Nothing,
    /// A command was refused.
    Refused(Refused),
    /// A datagram left.
    Transmit {
        /// Where it went.
        to: SocketAddr,
        /// Its bytes.
        len: usize,
        /// With its content and all before it.
        hash: u32,
    },
    /// An event was handed out.
    Event {
        /// With its content and all before it.
        hash: u32,
    },
    /// The endpoint's whole state.
    State {
        /// Of the state alone.
        hash: u64,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Refused(refused) => write!(f, "refused: {refused}"),
            Self::Transmit { to, len, hash } => {
                write!(
                    f,
                    "a datagram of {len} B to {to} (outputs so far {hash:08x})"
                )
            }
            Self::Event { hash } => write!(f, "an event (outputs so far {hash:08x})"),
            Self::State { hash } => write!(f, "a state ({hash:016x})"),
        }
    }
}

/// Why a command was refused: all reasons of all commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "described at the errors of the commands")]
pub enum Refused {
    BadAddress,
    AlreadyConnected,
    Full,
    UnknownPeer,
    NotConnected,
    UnknownChannel,
    TooLarge,
    QueueFull,
    Busy,
    NoTarget,
    TooManyTargets,
    OutOfRange,
    Serving,
    NotInToken,
    TokenExpired,
    TokenTooLong,
}

impl Refused {
    const ALL: [Self; 16] = [
        Self::BadAddress,
        Self::AlreadyConnected,
        Self::Full,
        Self::UnknownPeer,
        Self::NotConnected,
        Self::UnknownChannel,
        Self::TooLarge,
        Self::QueueFull,
        Self::Busy,
        Self::NoTarget,
        Self::TooManyTargets,
        Self::OutOfRange,
        Self::Serving,
        Self::NotInToken,
        Self::TokenExpired,
        Self::TokenTooLong,
    ];

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadAddress => "an address that cannot be dialled",
            Self::AlreadyConnected => "already connected",
            Self::Full => "all places are taken",
            Self::UnknownPeer => "no such peer",
            Self::NotConnected => "not connected",
            Self::UnknownChannel => "no such channel",
            Self::TooLarge => "too large",
            Self::QueueFull => "the queue is full",
            Self::Busy => "busy",
            Self::NoTarget => "no target",
            Self::TooManyTargets => "too many targets",
            Self::OutOfRange => "out of range",
            Self::Serving => "others have connected to it",
            Self::NotInToken => "a token for other addresses",
            Self::TokenExpired => "an expired token",
            Self::TokenTooLong => "a token that is too long",
        })
    }
}

/// Why a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EndReason {
    /// The owner ended it.
    Finished,
    /// The owner did not take what was recorded, and memory is bounded.
    NotTaken,
    /// The owner panicked, perhaps inside the last call.
    Panicked,
}

impl EndReason {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Finished),
            1 => Some(Self::NotTaken),
            2 => Some(Self::Panicked),
            _ => None,
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "as asked",
            Self::NotTaken => "what was recorded was not taken in time",
            Self::Panicked => "its owner panicked",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Refused;

    #[test]
    fn every_reason_has_its_code() {
        for (code, refused) in Refused::ALL.into_iter().enumerate() {
            assert_eq!(refused as usize, code);
            assert_eq!(Refused::from_code(code as u8), Some(refused));
        }
        assert_eq!(Refused::from_code(Refused::ALL.len() as u8), None);
    }
}
