//! Refusals of commands: one small enum for each command. A refused command has no effect.

use core::error::Error;
use core::fmt;

/// Why [`Endpoint::connect`](crate::Endpoint::connect) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// Port 0 or an unspecified address cannot be dialled.
    BadAddress,
    /// There is already a connection, or an attempt, to this address.
    AlreadyConnected,
    /// All places are taken (`Config::peers_max`).
    Full,
    /// The connect token is not good for this address.
    NotInToken,
    /// The connect token has expired, by the time that the endpoint was told.
    TokenExpired,
    /// The connect token does not fit into a HELLO of 548 bytes beside the credits of so many channels.
    TokenTooLong,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadAddress => "cannot connect to an unspecified address or port 0",
            Self::AlreadyConnected => "there is already a connection to this address",
            Self::Full => "all places for peers are taken",
            Self::NotInToken => "the connect token is not good for this address",
            Self::TokenExpired => "the connect token has expired",
            Self::TokenTooLong => "the connect token is too long for the first datagram beside the credits of so many channels",
        })
    }
}

impl Error for ConnectError {}

/// Why [`Endpoint::send`](crate::Endpoint::send) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// No such peer, or it is gone.
    UnknownPeer,
    /// The handshake is not complete yet, or the connection is closing.
    NotConnected,
    /// The channel is not configured.
    UnknownChannel,
    /// The message is longer than the channel allows.
    TooLarge {
        /// Bytes offered.
        size: usize,
        /// Bytes allowed.
        size_max: usize,
    },
    /// The queue is at its bound: the network, or the receiver, takes less than is sent. Try again
    /// after the next event or drop the message.
    QueueFull,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPeer => f.write_str("no such peer"),
            Self::NotConnected => f.write_str("the peer is not connected"),
            Self::UnknownChannel => f.write_str("the channel is not configured"),
            Self::TooLarge { size, size_max } => {
                write!(
                    f,
                    "the message has {size} bytes, the channel allows {size_max}"
                )
            }
            Self::QueueFull => f.write_str("the send queue is full"),
        }
    }
}

impl Error for SendError {}

/// Why [`Endpoint::ping`](crate::Endpoint::ping) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PingError {
    /// No such peer, or it is gone.
    UnknownPeer,
    /// The handshake is not complete yet, or the connection is closing.
    NotConnected,
}

impl fmt::Display for PingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownPeer => "no such peer",
            Self::NotConnected => "the peer is not connected",
        })
    }
}

impl Error for PingError {}

/// Why [`Endpoint::rebind`](crate::Endpoint::rebind) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RebindError {
    /// Others have connected to this endpoint. They know it by its address, and would lose it.
    Serving,
}

impl fmt::Display for RebindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serving => "peers that connected to this endpoint would lose it",
        })
    }
}

impl Error for RebindError {}

/// Why [`Endpoint::set_congestion`](crate::Endpoint::set_congestion) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CongestionError {
    /// No such peer, or it is gone.
    UnknownPeer,
}

impl fmt::Display for CongestionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownPeer => "no such peer",
        })
    }
}

impl Error for CongestionError {}

/// Why [`Endpoint::set_qos`](crate::Endpoint::set_qos) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QosError {
    /// No such peer, or it is gone.
    UnknownPeer,
    /// No channel has this number.
    UnknownChannel,
    /// A value is outside its range.
    OutOfRange {
        /// Which.
        field: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// At this rate the longest message of the channel would not leave within half of `delivery_timeout`, and the connection
    /// would end.
    RateTooLow,
}

impl fmt::Display for QosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPeer => f.write_str("no such peer"),
            Self::UnknownChannel => f.write_str("no such channel"),
            Self::OutOfRange { field, allowed } => write!(f, "{field} must be {allowed}"),
            Self::RateTooLow => f.write_str(
                "at this rate the channel's longest message does not leave within half of `delivery_timeout`",
            ),
        }
    }
}

impl Error for QosError {}

/// Why [`Endpoint::discover`](crate::Endpoint::discover) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscoverError {
    /// A query is under way; it ends with `Event::DiscoveryEnded`.
    Busy,
    /// The query names no target.
    NoTarget,
    /// The query names more targets than [`DiscoveryQuery::TARGETS_MAX`](crate::DiscoveryQuery::TARGETS_MAX).
    TooManyTargets,
}

impl fmt::Display for DiscoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "a discovery query is under way",
            Self::NoTarget => "the query names no target",
            Self::TooManyTargets => "the query names too many targets",
        })
    }
}

impl Error for DiscoverError {}

/// What makes a [`Config`](crate::Config) impossible, found by its builder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No channel, or more than 31.
    ChannelCount(usize),
    /// `message_size_max` of a channel is 0 or above 1 MiB.
    MessageSize {
        /// Position of the channel.
        channel: usize,
        /// Bytes asked for.
        size_max: usize,
    },
    /// A cap on memory is below what one largest message of a channel needs.
    CapBelowMessage {
        /// Which cap, by its field's name.
        cap: &'static str,
        /// Bytes the cap allows.
        cap_bytes: usize,
        /// Bytes one message of the channel may need.
        needed_bytes: usize,
        /// Position of the channel.
        channel: usize,
    },
    /// A field is outside its range.
    OutOfRange {
        /// The field's name.
        field: &'static str,
        /// What is allowed, in words with units.
        allowed: &'static str,
    },
    /// At its rate the longest message of a reliable channel would not leave within half of `delivery_timeout`, and its
    /// connection would end.
    RateTooLow {
        /// Position of the channel.
        channel: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChannelCount(count) => {
                write!(f, "{count} channels are configured, 1 to 31 are possible")
            }
            Self::MessageSize { channel, size_max } => {
                write!(
                    f,
                    "channel {channel} allows messages of {size_max} bytes, 1 to 1048576 are possible"
                )
            }
            Self::CapBelowMessage {
                cap,
                cap_bytes,
                needed_bytes,
                channel,
            } => write!(
                f,
                "{cap} is {cap_bytes} bytes, but one message of channel {channel} may need {needed_bytes}"
            ),
            Self::OutOfRange { field, allowed } => write!(f, "{field} must be {allowed}"),
            Self::RateTooLow { channel } => write!(
                f,
                "at its rate the longest message of channel {channel} does not leave within half of delivery_timeout"
            ),
        }
    }
}

impl Error for ConfigError {}
