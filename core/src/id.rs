//! Names of peers, channels and messages.

use core::fmt;

use crate::saved::saved;

/// Names a peer for as long as its owner may hold the name.
///
/// A slot index with a generation: once a peer is gone its id never names another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    slot: u32,
    generation: u32,
}

saved!(PeerId { slot, generation });

impl PeerId {
    /// The id with these parts, for tests and recordings: only an id that an endpoint handed out names a peer.
    #[must_use]
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }

    pub(crate) const fn generation(self) -> u32 {
        self.generation
    }

    pub(crate) const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// `p3.1`: slot 3, generation 1.
impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}.{}", self.slot, self.generation)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names a channel: its position in [`Config::channels`](crate::Config::channels), 0 to 30.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct ChannelId(u8);

impl ChannelId {
    /// The channel at `index`. Whether it exists is known only to a [`Config`](crate::Config).
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// Position in the configuration.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn as_u8(self) -> u8 {
        self.0
    }
}

saved!(ChannelId(index));

/// `ch2`.
impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ch{}", self.0)
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names a message among those sent to one peer on one channel: 0, 1, 2, ...
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u64);

impl MessageId {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Number of messages sent to this peer on this channel before this one.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

saved!(MessageId(number));

/// `m17`.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
