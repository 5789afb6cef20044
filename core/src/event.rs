//! What the endpoint tells its owner.

use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;

use crate::crypto::PublicKey;
use crate::discovery::ServerInfo;
use crate::id::{ChannelId, MessageId, PeerId};
use crate::saved::saved;

/// Something that happened, returned by [`Endpoint::poll_event`](crate::Endpoint::poll_event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A handshake is complete: the peer proved its address and messages can flow.
    Connected {
        /// The new peer.
        peer: PeerId,
        /// Its address.
        address: SocketAddr,
        /// Who began.
        role: Role,
        /// The server's long-term key, on the side that dialled. With
        /// [`ServerIdentity::TrustOnFirstUse`](crate::ServerIdentity) the owner compares it with the
        /// one it knows; with `Known` it is that key.
        server_key: Option<PublicKey>,
        /// Who the client is, on the side that accepted, if it joined with a connect token.
        client: Option<TokenClient>,
    },
    /// A message arrived. Its bytes point into a shared block: copy what is kept for long.
    Message {
        /// Sender.
        peer: PeerId,
        /// Channel.
        channel: ChannelId,
        /// The message, whole.
        payload: Bytes,
    },
    /// A message sent with a receipt was acknowledged by the peer's endpoint.
    Delivered {
        /// Receiver of the message.
        peer: PeerId,
        /// Its channel.
        channel: ChannelId,
        /// Its id, as `send` returned it.
        message: MessageId,
        /// Time from `send` to the acknowledgement.
        after: Duration,
    },
    /// A message sent with a receipt was given up, as its options asked. It is not known to have arrived, and may have.
    Abandoned {
        /// Receiver of the message.
        peer: PeerId,
        /// Its channel.
        channel: ChannelId,
        /// Its id, as `send_with` returned it.
        message: MessageId,
        /// Why.
        why: Abandonment,
    },
    /// The answer to [`Endpoint::ping`](crate::Endpoint::ping).
    Pong {
        /// Who answered.
        peer: PeerId,
        /// Round trip, the peer's delay taken out.
        rtt: Duration,
    },
    /// The answer to [`Endpoint::probe`](crate::Endpoint::probe): an endpoint listens there.
    ProbeAnswered {
        /// Who answered.
        address: SocketAddr,
        /// Round trip.
        rtt: Duration,
    },
    /// A client's packets come from another address, and it proved that it is there: from now on everything goes there.
    PathChanged {
        /// Who moved.
        peer: PeerId,
        /// Where it was.
        from: SocketAddr,
        /// Where it is.
        to: SocketAddr,
    },
    /// How [`Endpoint::rebind`](crate::Endpoint::rebind) goes on, for each connection that moves.
    Rebinding {
        /// Which.
        peer: PeerId,
        /// How far it came.
        stage: RebindStage,
    },
    /// A connection, or an attempt at one, has ended. Exactly one for each peer id; the last event of its peer.
    Disconnected {
        /// Whose connection.
        peer: PeerId,
        /// Why.
        reason: CloseReason,
        /// Reliable messages that were accepted by `send` and not acknowledged.
        undelivered: u32,
    },
    /// A simulation step is due.
    Tick {
        /// Its number: 0, 1, 2, ...
        tick: u64,
        /// Steps left out just before this one because the owner was too far behind (see [`TickConfig`](crate::TickConfig)).
        skipped: u64,
        /// How long after its deadline the step was handed out.
        late: Duration,
    },
    /// A server answered a discovery query for the first time, or with changed values.
    ServerFound(ServerInfo),
    /// A server found earlier was not heard of for its time to live.
    ServerExpired(ServerInfo),
    /// A discovery query has run its time; all its answers were reported before this.
    DiscoveryEnded,
}

saved!(enum Event {
    0 = Connected { peer, address, role, server_key, client },
    1 = Message { peer, channel, payload },
    2 = Delivered { peer, channel, message, after },
    3 = Pong { peer, rtt },
    4 = ProbeAnswered { address, rtt },
    5 = Disconnected { peer, reason, undelivered },
    6 = Tick { tick, skipped, late },
    7 = ServerFound(server),
    8 = ServerExpired(server),
    9 = DiscoveryEnded,
    10 = Abandoned { peer, channel, message, why },
    11 = PathChanged { peer, from, to },
    12 = Rebinding { peer, stage },
});

/// A client as the authority named it in its connect token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenClient {
    /// Who it is, by the authority's books.
    pub id: u64,
    /// What the authority says of it, at most 256 bytes. `Debug` shows their number only.
    pub user_data: Bytes,
}

saved!(TokenClient { id, user_data });

impl fmt::Debug for TokenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TokenClient {{ id: {}, user_data: {} B }}",
            self.id,
            self.user_data.len()
        )
    }
}

/// How far a client's move to another socket came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RebindStage {
    /// All that is sent from here on leaves by the new socket.
    Started,
    /// The server was asked whether it hears the client there.
    Validating,
    /// It does, and the client hears it.
    Done {
        /// Round trip of the question.
        rtt: Duration,
    },
    /// No answer came in time. The connection goes on trying until its idle timeout.
    Failed,
}

saved!(enum RebindStage { 0 = Started, 1 = Validating, 2 = Done { rtt }, 3 = Failed });

/// Why a message was given up before it was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Abandonment {
    /// Its time to live was over.
    Expired,
    /// A newer message with the same key took its place.
    Superseded,
}

saved!(enum Abandonment { 0 = Expired, 1 = Superseded });

/// Which side began a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This endpoint dialled.
    Client,
    /// This endpoint accepted.
    Server,
}

saved!(enum Role { 0 = Client, 1 = Server });

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Our owner called `disconnect`.
    Local(Farewell),
    /// The peer's owner called `disconnect`.
    Remote(Farewell),
    /// Nothing authentic arrived for the idle timeout.
    IdleTimeout,
    /// No answer to the handshake in time.
    HandshakeTimeout,
    /// The server refused, and said why.
    Refused(Refusal),
    /// A reliable message stayed without acknowledgement for the delivery timeout though the peer is alive.
    Undeliverable {
        /// The channel it was sent on.
        channel: ChannelId,
    },
    /// The peer broke the protocol.
    Violation(Violation),
    /// The peer says that we broke the protocol.
    PeerSawViolation(Violation),
    /// The peer ended the connection because we did not acknowledge its reliable messages in time.
    PeerCouldNotDeliver,
    /// The peer lost its state, by a restart for example, and proved it with its reset token.
    Reset,
    /// The same client came again: from the same address with a new handshake, or from any with a newer connect token. Or it
    /// dialled us while we dialled it, and its attempt went first.
    Replaced,
    /// The connection came to a limit that a cipher or packet numbers have, here or on the peer's side: the peer acknowledged
    /// nothing while millions of packets left, so that keys could not be changed, or an attacker forged 2^36 packets or more.
    Exhausted,
}

saved!(enum CloseReason {
    0 = Local(farewell), 1 = Remote(farewell), 2 = IdleTimeout, 3 = HandshakeTimeout, 4 = Refused(refusal),
    5 = Undeliverable { channel }, 6 = Violation(violation), 7 = PeerSawViolation(violation), 8 = PeerCouldNotDeliver,
    9 = Reset, 10 = Replaced, 11 = Exhausted,
});

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(farewell) => write!(f, "closed here: {farewell}"),
            Self::Remote(farewell) => write!(f, "closed by the peer: {farewell}"),
            Self::IdleTimeout => {
                f.write_str("nothing was heard from the peer for the idle timeout")
            }
            Self::HandshakeTimeout => f.write_str("no answer to the handshake"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Undeliverable { channel } => {
                write!(
                    f,
                    "a reliable message on {channel} was not acknowledged in time"
                )
            }
            Self::Violation(violation) => write!(f, "the peer broke the protocol: {violation}"),
            Self::PeerSawViolation(violation) => {
                write!(f, "the peer says this side broke the protocol: {violation}")
            }
            Self::PeerCouldNotDeliver => {
                f.write_str("the peer got no acknowledgement of its reliable messages in time")
            }
            Self::Reset => f.write_str("the peer lost its state, probably by a restart"),
            Self::Replaced => f.write_str("the same client connected again"),
            Self::Exhausted => {
                f.write_str("a limit of the cipher or of packet numbers was reached")
            }
        }
    }
}

/// An application's reason to close: a code of its own and a text of at most [`Farewell::TEXT_MAX`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Farewell {
    /// The application's code; 0 by custom means nothing special.
    pub code: u32,
    text: String,
}

saved!(Farewell { code, text });

impl Farewell {
    /// Longest text, in bytes of UTF-8.
    pub const TEXT_MAX: usize = 100;

    /// A farewell; a longer text is cut at a character's end.
    #[must_use]
    pub fn new(code: u32, text: &str) -> Self {
        let mut end = text.len().min(Self::TEXT_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            code,
            text: String::from(&text[..end]),
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text.as_str(), self.code) {
            ("", code) => write!(f, "code {code}"),
            (text, 0) => f.write_str(text),
            (text, code) => write!(f, "{text} (code {code})"),
        }
    }
}

/// Why a server does not take a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// All places are taken.
    Full,
    /// The server speaks another version of the protocol: `server`.
    WrongVersion {
        /// The server's protocol version.
        server: u8,
    },
    /// The server runs another application, or another build of it.
    WrongProtocolId,
    /// The two sides configure their channels differently, or one gives less credit than a largest message of the other
    /// needs.
    WrongChannels,
    /// The client's address is banned.
    Banned,
    /// The server has another long-term key than the client expects.
    WrongKey,
    /// The endpoint does not accept connections.
    NotAccepting,
    /// The two sides share no cipher suite.
    NoCipher,
    /// The server takes only clients with a connect token.
    TokenMissing,
    /// The server cannot open the connect token: it is of another authority, or changed; or the server takes none.
    TokenInvalid,
    /// The connect token has expired.
    TokenExpired,
    /// The connect token is good for other servers.
    TokenElsewhere,
    /// The connect token was used here before.
    TokenUsed,
    /// A newer connect token of the same client was used here before.
    TokenOutdated,
    /// The server remembers as many used connect tokens as it may, and cannot take those of other clients until some expire.
    TokensFull,
    /// The server cannot tell whether the connect token has expired: its owner did not tell it the time.
    TokenClock,
}

saved!(enum Refusal {
    0 = Full, 1 = WrongVersion { server }, 2 = WrongProtocolId, 3 = WrongChannels, 4 = Banned, 5 = WrongKey,
    6 = NotAccepting, 7 = NoCipher, 8 = TokenMissing, 9 = TokenInvalid, 10 = TokenExpired, 11 = TokenElsewhere,
    12 = TokenUsed, 13 = TokenOutdated, 14 = TokensFull, 15 = TokenClock,
});

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the server is full"),
            Self::WrongVersion { server } => {
                write!(
                    f,
                    "the server speaks protocol version {server}, not {}",
                    crate::PROTOCOL_VERSION
                )
            }
            Self::WrongProtocolId => {
                f.write_str("the server runs another application or another build of it")
            }
            Self::WrongChannels => f.write_str("the server's channels are configured differently"),
            Self::Banned => f.write_str("this address is banned"),
            Self::WrongKey => f.write_str("the server has another key than the expected one"),
            Self::NotAccepting => f.write_str("the endpoint does not accept connections"),
            Self::NoCipher => f.write_str("no cipher suite in common"),
            Self::TokenMissing => f.write_str("the server takes only clients with a connect token"),
            Self::TokenInvalid => f.write_str("the server cannot open the connect token"),
            Self::TokenExpired => f.write_str("the connect token has expired"),
            Self::TokenElsewhere => f.write_str("the connect token is good for other servers"),
            Self::TokenUsed => f.write_str("the connect token was used before"),
            Self::TokenOutdated => f.write_str("a newer connect token of this client was used"),
            Self::TokensFull => f.write_str("the server remembers as many used tokens as it may"),
            Self::TokenClock => f.write_str("the server was not told the time"),
        }
    }
}

/// How a peer with valid keys broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// A frame that cannot be decoded.
    BadFrame,
    /// An acknowledgement of a packet never sent.
    AckOfUnsent,
    /// A channel that is not configured.
    UnknownChannel,
    /// More bytes than the credit given, or a message id beyond the window.
    OverCredit,
    /// A message, or its fragments together, above the channel's limit.
    TooLarge,
    /// Fragments that contradict each other.
    BadFragment,
    /// Keys changed too early, or older ones used after newer ones.
    KeyUpdate,
}

saved!(enum Violation {
    0 = BadFrame, 1 = AckOfUnsent, 2 = UnknownChannel, 3 = OverCredit, 4 = TooLarge, 5 = BadFragment, 6 = KeyUpdate,
});

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadFrame => "a frame that cannot be decoded",
            Self::AckOfUnsent => "an acknowledgement of a packet never sent",
            Self::UnknownChannel => "a channel that is not configured",
            Self::OverCredit => "more reliable data than it was given credit for",
            Self::TooLarge => "a message above the channel's limit",
            Self::BadFragment => "fragments that contradict each other",
            Self::KeyUpdate => "keys changed too early, or older ones used after newer ones",
        })
    }
}
