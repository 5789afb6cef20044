//! Notices: what is seen inside of the fate of packets, for whoever watches from outside.
//!
//! A packet's fate shows in no output: that one was acknowledged or lost is known to its connection alone. Who watches,
//! as a redacted recording does, has it noted. Nothing depends on a notice, and unwatched they cost a branch.

use alloc::vec::Vec;
use core::time::Duration;

use crate::id::PeerId;

/// Something that happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A packet left.
    PacketSent { peer: PeerId, number: u64 },
    /// A datagram of a handshake left.
    HandshakeSent { peer: PeerId },
    /// An authentic packet arrived that had not arrived before.
    PacketTaken { peer: PeerId, number: u64 },
    /// A packet arrived again, or much too late.
    PacketRepeated { peer: PeerId },
    /// A packet arrived whose tag is wrong.
    PacketForged { peer: PeerId },
    /// The answer of a handshake arrived.
    HandshakeTaken { peer: PeerId },
    /// An acknowledgement names all packets from `first` to `last`; most of them not for the first time.
    Acknowledged {
        peer: PeerId,
        first: u64,
        last: u64,
        /// Round trip of `last`, without the peer's delay, where the acknowledgement gives one.
        round_trip: Option<Duration>,
    },
    /// A packet was declared lost. It may still be acknowledged.
    Lost {
        peer: PeerId,
        number: u64,
        cause: LossCause,
    },
}

impl Notice {
    /// Whose packet it was.
    pub(crate) const fn peer(self) -> PeerId {
        match self {
            Self::PacketSent { peer, .. }
            | Self::HandshakeSent { peer }
            | Self::PacketTaken { peer, .. }
            | Self::PacketRepeated { peer }
            | Self::PacketForged { peer }
            | Self::HandshakeTaken { peer }
            | Self::Acknowledged { peer, .. }
            | Self::Lost { peer, .. } => peer,
        }
    }
}

/// Why a packet is presumed lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LossCause {
    /// One sent three or more later was acknowledged (RFC 9002 section 6.1.1).
    Overtaken,
    /// A later one was acknowledged, and it is older than 9/8 of a round trip (RFC 9002 section 6.1.2).
    Late,
    /// It was unanswered so long that its place was needed for a probe.
    Forgotten,
    /// One that left later, by more than packets overtake each other here, was acknowledged (RFC 8985 section 6.2).
    Outrun,
}

impl LossCause {
    pub(crate) const ALL: [Self; 4] = [Self::Overtaken, Self::Late, Self::Forgotten, Self::Outrun];
}

/// The notices of one call, if anybody watches.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    is_watched: bool,
    list: Vec<Notice>,
}

impl Notices {
    pub(crate) fn watch(&mut self, on: bool) {
        self.is_watched = on;
        self.list.clear();
    }

    pub(crate) const fn is_watched(&self) -> bool {
        self.is_watched
    }

    pub(crate) fn push(&mut self, notice: Notice) {
        if self.is_watched {
            self.list.push(notice);
        }
    }

    /// All, in the order in which they were noted.
    pub(crate) fn list(&self) -> &[Notice] {
        &self.list
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }
}
