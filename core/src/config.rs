//! Everything that may be set, with its default, unit and range. A [`Config`] that exists is valid.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::channel::qos::Qos;
use crate::congestion::CongestionControl;
use crate::crypto::{CipherSuite, Crypto, Portable, SecretKey, TokenAuthority};
use crate::error::ConfigError;
use crate::planted::Planted;
use crate::saved::saved;
use crate::wire::{DATAGRAM_BASE, DATAGRAM_MAX};

mod check;

/// What a channel promises about its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Delivery {
    /// Each message at most once, in any order; lost ones stay lost.
    Unreliable,
    /// At most once and never an older message after a newer one: stale ones are dropped.
    Sequenced,
    /// Each message exactly once, in any order.
    Reliable,
    /// Each message exactly once, in the order sent.
    Ordered,
}

saved!(enum Delivery { 0 = Unreliable, 1 = Sequenced, 2 = Reliable, 3 = Ordered });

impl Delivery {
    /// Whether a lost message is sent again.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Reliable | Self::Ordered)
    }
}

/// One channel: a stream of messages with one delivery promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// The promise.
    pub delivery: Delivery,
    /// Longest message, in bytes: 1 to 1,048,576. Longer than one datagram means fragments. Default 64 KiB.
    /// The caps below must hold one message of this length at its cost, about 1.07 times its length.
    pub message_size_max: usize,
    /// Bytes that may wait here to be sent or acknowledged, with [`MESSAGE_COST`](crate::MESSAGE_COST) for each message. When
    /// full, a reliable channel's `send` refuses with `QueueFull`; an unreliable one drops its oldest. Default 256 KiB.
    pub send_queue_bytes_max: usize,
    /// Credit the peer gets: bytes it may have in flight to this channel or unread by our owner, counted
    /// as for the send queue. Default 256 KiB.
    pub receive_bytes_max: usize,
    /// Reliable channels: small messages may ride along again in later datagrams, within
    /// [`redundancy_percent_max`](ConfigBuilder::redundancy_percent_max). Default yes.
    pub redundancy: bool,
    /// Fragments of a long message for which one more datagram leaves, 2 to 16, by which any one of them that is lost comes back
    /// at once: without waiting a round trip on reliable channels, and at all on unreliable ones. 0 is off, the default.
    pub parity: u8,
    /// Who goes first, shares and rate, for connections as they begin. Default an equal among equals, without a limit.
    pub qos: Qos,
}

impl ChannelConfig {
    /// A channel of this delivery with the defaults above.
    #[must_use]
    pub const fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            message_size_max: 64 * 1024,
            send_queue_bytes_max: 256 * 1024,
            receive_bytes_max: 256 * 1024,
            redundancy: true,
            parity: 0,
            qos: Qos::new(),
        }
    }

    /// Sets the longest message, in bytes.
    #[must_use]
    pub const fn message_size_max(mut self, bytes: usize) -> Self {
        self.message_size_max = bytes;
        self
    }

    /// Sets the bound of the send queue, in bytes.
    #[must_use]
    pub const fn send_queue_bytes_max(mut self, bytes: usize) -> Self {
        self.send_queue_bytes_max = bytes;
        self
    }

    /// Sets the credit given to the peer, in bytes.
    #[must_use]
    pub const fn receive_bytes_max(mut self, bytes: usize) -> Self {
        self.receive_bytes_max = bytes;
        self
    }

    /// Sets whether small messages may ride along again.
    #[must_use]
    pub const fn redundancy(mut self, on: bool) -> Self {
        self.redundancy = on;
        self
    }

    /// Sets for how many fragments of a long message a parity leaves, 2 to 16; 0 for none.
    #[must_use]
    pub const fn parity(mut self, fragments: u8) -> Self {
        self.parity = fragments;
        self
    }

    /// Sets who goes first, shares and rate.
    #[must_use]
    pub const fn qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }
}

/// After how much silence a connection speaks though nothing is to be said. `Duration::into` makes it fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeepaliveInterval {
    /// As long as the translators (NAT) on the way bear it, which is found out while the connection is idle: from a sixth of
    /// the idle timeout, 15 s at most, up to a third of it, 100 s at most. The default.
    ///
    /// Who accepts connections from behind a translator of its own chooses a fixed one.
    #[default]
    Adaptive,
    /// Always so long: 100 ms to half the idle timeout.
    Fixed(Duration),
}

impl From<Duration> for KeepaliveInterval {
    fn from(interval: Duration) -> Self {
        Self::Fixed(interval)
    }
}

/// The fixed-step tick clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickConfig {
    /// Steps a second, 1 to 1,000.
    pub rate_hz: NonZeroU32,
    /// Steps handed out at once, at most, when the owner is late; the rest is skipped and reported. Default 5.
    pub catch_up_max: u32,
}

impl TickConfig {
    /// A clock of `rate_hz` steps a second that catches up at most 5 steps at once.
    #[must_use]
    pub const fn new(rate_hz: NonZeroU32) -> Self {
        Self {
            rate_hz,
            catch_up_max: 5,
        }
    }

    /// The time from one step to the next.
    pub(crate) fn length(self) -> Duration {
        Duration::from_secs(1) / self.rate_hz.get()
    }
}

/// What a server tells those who look for it on the LAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceConfig {
    /// Name shown to players, at most 64 bytes of UTF-8.
    pub name: String,
    /// Port of the game socket, as clients reach it.
    pub port: u16,
    /// Places for players.
    pub players_max: u32,
    /// Sends the answer unasked this often, to the targets of the endpoint's owner; `None` (default) never.
    pub interval: Option<Duration>,
}

/// A valid configuration; made by [`Config::builder`].
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) protocol_id: u64,
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) accepts: bool,
    pub(crate) peers_max: u32,
    pub(crate) half_open_max: u32,
    pub(crate) unproven_max: u32,
    pub(crate) unproven_per_second: u32,
    pub(crate) connection_id_len: u8,
    /// `None`: whatever goes with `mtu_discovery`.
    pub(crate) datagram_size_max: Option<usize>,
    pub(crate) mtu_discovery: bool,
    pub(crate) connection_bytes_max: usize,
    pub(crate) unread_bytes_max: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) keepalive_interval: KeepaliveInterval,
    pub(crate) handshake_timeout: Duration,
    pub(crate) delivery_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) coalesce_delay: Duration,
    pub(crate) ack_delay_max: Duration,
    pub(crate) redundancy_percent_max: u8,
    pub(crate) congestion: CongestionControl,
    pub(crate) ecn: bool,
    pub(crate) unreliable_age_max: Duration,
    pub(crate) packets_per_key: u64,
    pub(crate) ciphers: Vec<CipherSuite>,
    pub(crate) crypto: Arc<dyn Crypto>,
    pub(crate) identity: Option<SecretKey>,
    pub(crate) tokens: Option<TokenAuthority>,
    pub(crate) tick: Option<TickConfig>,
    pub(crate) announce: Option<AnnounceConfig>,
    pub(crate) planted: Planted,
}

impl Config {
    /// Starts from the defaults: a client with one channel of each delivery, in the order of [`Delivery`].
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder {
            config: Self::default(),
        }
    }

    /// The channels; a [`ChannelId`](crate::ChannelId) is a position in here.
    #[must_use]
    pub fn channels(&self) -> &[ChannelConfig] {
        &self.channels
    }

    /// Longest datagram the endpoint makes, in bytes of UDP payload.
    #[must_use]
    pub fn datagram_size_max(&self) -> usize {
        let usual = match self.mtu_discovery {
            true => DATAGRAM_MAX,
            false => DATAGRAM_BASE,
        };
        self.datagram_size_max.unwrap_or(usual)
    }

    /// The implementation of the ciphers.
    #[must_use]
    pub fn crypto(&self) -> &Arc<dyn Crypto> {
        &self.crypto
    }

    /// The same with another implementation of the ciphers, which must give the same bytes.
    #[must_use]
    pub fn with_crypto(self, crypto: Arc<dyn Crypto>) -> Self {
        Self { crypto, ..self }
    }

    /// Memory for clients whose tokens were used.
    pub(crate) fn used_tokens_bytes_max(&self) -> usize {
        let authority = self.tokens.as_ref();
        authority.map_or(0, |authority| authority.used_bytes_max)
    }

    /// Places for peers and for clients that have not proved themselves.
    pub(crate) const fn slots_max(&self) -> u32 {
        self.peers_max + self.half_open_max
    }

    /// Places for peers.
    #[must_use]
    pub fn peers_max(&self) -> u32 {
        self.peers_max
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            protocol_id: 0,
            channels: vec![
                ChannelConfig::new(Delivery::Unreliable),
                ChannelConfig::new(Delivery::Sequenced),
                ChannelConfig::new(Delivery::Reliable),
                ChannelConfig::new(Delivery::Ordered),
            ],
            accepts: false,
            peers_max: 32,
            half_open_max: 64,
            unproven_max: 6,
            unproven_per_second: 250,
            connection_id_len: 2,
            datagram_size_max: None,
            mtu_discovery: true,
            connection_bytes_max: 256 * 1024,
            unread_bytes_max: 16 * 1024 * 1024,
            idle_timeout: Duration::from_secs(10),
            keepalive_interval: KeepaliveInterval::Adaptive,
            handshake_timeout: Duration::from_secs(5),
            delivery_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            coalesce_delay: Duration::from_millis(1),
            ack_delay_max: Duration::from_millis(40),
            redundancy_percent_max: 40,
            congestion: CongestionControl::default(),
            ecn: true,
            unreliable_age_max: Duration::from_millis(100),
            packets_per_key: 1 << 20,
            ciphers: vec![CipherSuite::Aes128Gcm, CipherSuite::ChaCha20Poly1305],
            crypto: Arc::new(Portable),
            identity: None,
            tokens: None,
            tick: None,
            announce: None,
            planted: Planted::default(),
        }
    }
}

/// Collects settings; [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.config.$name = $name;
            self
        })*
    };
}

#[cfg(feature = "planted")]
impl ConfigBuilder {
    /// Makes the endpoint make a mistake.
    #[doc(hidden)]
    pub fn planted(mut self, bug: crate::Bug) -> Self {
        self.config.planted.bug = Some(bug);
        self
    }

    /// Numbers of the first packet and of the first message of each channel, the same on both sides: to begin near a wrap.
    #[doc(hidden)]
    pub fn first_numbers(mut self, packet: u64, message: u64) -> Self {
        self.config.planted.first_packet = packet;
        self.config.planted.first_message = message;
        self
    }
}

impl ConfigBuilder {
    /// Longest datagram made, in bytes of UDP payload, 1,200 to 1,452. Default 1,452 with
    /// [`mtu_discovery`](Self::mtu_discovery), which alone can find out whether any longer than 1,200 arrive, and 1,200 without:
    /// more is refused then.
    pub fn datagram_size_max(mut self, datagram_size_max: usize) -> Self {
        self.config.datagram_size_max = Some(datagram_size_max);
        self
    }

    setters! {
        /// Names the application and its build: peers with another id are refused. Default 0.
        protocol_id: u64,
        /// Replaces all channels, 1 to 31.
        channels: Vec<ChannelConfig>,
        /// Whether peers may connect to this endpoint. Default no.
        accepts: bool,
        /// Connected peers, at most, 1 to 60,000 (30,000 with 2-byte connection ids). Default 32.
        peers_max: u32,
        /// Handshakes that wait for the client's proof, at most, 1 to 5,000. Default 64.
        half_open_max: u32,
        /// From so many half-open handshakes on a client must first prove its address, with a cookie that the server does not have to
        /// remember: one more round trip, 0 (always) to 5,000. Default 6, which take 48 KiB of memory; the other places are left to those who did.
        unproven_max: u32,
        /// The same beyond so many handshakes a second, 1 to 100,000: each costs a server about a sixth of a millisecond. Default 250.
        unproven_per_second: u32,
        /// Bytes of the connection ids that peers put into datagrams to this endpoint, 2 to 8. Default 2.
        connection_id_len: u8,
        /// Whether longer datagrams than 1,200 bytes are tried once there is much to send and the path takes it quickly, and shorter ones
        /// used where these do not arrive any more (RFC 8899). Default yes. Without it all datagrams have 1,200 bytes at most, or 548 where the handshake
        /// found that longer ones do not arrive.
        mtu_discovery: bool,
        /// Credit that a peer gets over all reliable channels together, in bytes; also the bound of
        /// its unreliable messages in reassembly and unread. Default 256 KiB.
        connection_bytes_max: usize,
        /// Bytes of messages unread by the owner, over all peers. Default 16 MiB.
        unread_bytes_max: usize,
        /// Silence after which a connection ends, 1 s to 10 min. Default 10 s.
        idle_timeout: Duration,
        /// Time for a handshake, 500 ms to 1 min. Default 5 s.
        handshake_timeout: Duration,
        /// Time a reliable message may stay unacknowledged once sent, 1 s to 10 min. Default 30 s.
        delivery_timeout: Duration,
        /// Time that `disconnect` may spend on delivering what is queued, 0 to 1 min. Default 5 s.
        close_timeout: Duration,
        /// How long a message waits for company in its datagram if the owner does not `flush`, 0 to 50 ms. Default 1 ms.
        coalesce_delay: Duration,
        /// How long the acknowledgement of a reliable message waits for a datagram to ride in, 0 to 100 ms. Default
        /// 40 ms: longer than a tick at 30 Hz, so that a game's acknowledgements cost no datagrams of their own.
        ack_delay_max: Duration,
        /// Bytes that copies of small reliable messages may add to what is sent without them, in percent, 0 (never) to 100.
        /// Copies leave only where losses are measured. Default 40.
        redundancy_percent_max: u8,
        /// The congestion controller that connections begin with; see
        /// [`Endpoint::set_congestion`](crate::Endpoint::set_congestion) for the rest of their life.
        congestion: CongestionControl,
        /// Whether packets are marked so that queues can tell of congestion before they drop any (ECN, RFC 3168), and marks of
        /// packets received are told to their senders. Marks that do not work on a path are seen and left alone. Default yes.
        ecn: bool,
        /// How long an unreliable message may wait to leave, 10 ms to 10 s; then it is dropped. Default 100 ms.
        unreliable_age_max: Duration,
        /// Packets sent after which a connection goes on with other keys, 100 to 4,194,304 (2^22), half of what RFC 9001 section 6.6
        /// allows. Default 1,048,576 (2^20). The peer follows, whatever its own number is.
        packets_per_key: u64,
        /// Cipher suites in order of preference; the server's order decides. Default AES-128-GCM, ChaCha20-Poly1305.
        ciphers: Vec<CipherSuite>,
        /// The implementation of the ciphers. Default [`Portable`]; drivers bring a faster one.
        crypto: Arc<dyn Crypto>,
        /// The server's long-term key. Without one the endpoint draws its own from its entropy, and
        /// clients cannot know the server again after a restart.
        identity: Option<SecretKey>,
        /// The authority whose connect tokens are taken. Default none: tokens are refused, and anybody may join.
        tokens: Option<TokenAuthority>,
        /// The tick clock. Default none.
        tick: Option<TickConfig>,
        /// What to answer to discovery queries. Default nothing.
        announce: Option<AnnounceConfig>,
    }

    /// Silence after which a keepalive is sent: a `Duration` for one that is always the same, 100 ms to half the idle timeout,
    /// or [`KeepaliveInterval::Adaptive`], the default.
    pub fn keepalive_interval(mut self, interval: impl Into<KeepaliveInterval>) -> Self {
        self.config.keepalive_interval = interval.into();
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first setting that is out of range, or a cap on memory that is below
    /// what one largest message needs.
    pub fn build(self) -> Result<Config, ConfigError> {
        self.config.check()?;
        Ok(self.config)
    }
}
