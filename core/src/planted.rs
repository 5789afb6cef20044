//! Mistakes on purpose: with the feature `planted` an endpoint can be told to make one of them, so that tests can see that
//! the simulator's swarm finds it. Without the feature, which is off by default and for tests only, no endpoint can.
//!
//! Each mistake is one condition where it is made. They are modelled on what really went wrong elsewhere (the incident
//! is named), and on what easily goes wrong in any protocol.

use alloc::vec::Vec;
#[cfg(feature = "planted")]
use core::sync::atomic::{AtomicUsize, Ordering};

#[cfg(feature = "planted")]
use crate::record::codec;
use crate::saved::{Loader, Saved};
use crate::wire::{DecodeError, Reader};

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A mistake that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $name,)*
        }

        #[cfg(feature = "planted")]
        impl Bug {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    /// The replay window lets the newest packet in a second time.
    NewestTakenTwice,
    /// A reliable message that comes again is passed on again.
    MessageTakenTwice,
    /// What a lost packet carried counts as delivered.
    LostCountsAsDelivered,
    /// Reassembly has no bound (quinn, RUSTSEC-2026-0185).
    ReassemblyUnbounded,
    /// After a probe no deadline is set.
    TimerForgotten,
    /// Credit whose packet was lost is not told again.
    LostCreditForgotten,
    /// A packet of acknowledgements takes no number of its own, so that a nonce is used twice.
    NumberUsedTwice,
    /// The end of a connection is told as often as its CLOSE comes.
    EndToldTwice,
    /// Messages behind a CLOSE in its packet are passed on.
    MessageAfterEnd,
    /// Bytes unread when a connection ends stay in the books for ever (quic-go, CVE-2024-22189).
    UnreadNeverFreed,
    /// A packet's number counts before its tag was checked (snow, RUSTSEC-2024-0011).
    NumberBeforeTag,
    /// A packet counts as a sign of life before its tag was checked.
    HeardBeforeTag,
    /// Message ids are expanded without looking beyond the wrap of their 16 bits (netcode's replay check).
    IdWrapForgotten,
    /// A RESET needs no token.
    ResetFromAnybody,
    /// The work for an acknowledgement grows with the numbers it names (RakNet's ACK ranges).
    AckRangeWalked,
    /// An acknowledgement of what was never sent is believed (optimistic acknowledgement, RFC 9000 section 21.4).
    AckOfUnsentBelieved,
    /// A compact acknowledgement is read even in a packet that was overtaken.
    OvertakenAckRead,
    /// A packet is acknowledged though a message in it found no room.
    AckBeforeKept,
    /// A half-open connection that expired stays in the books (LSQUIC, CVE-2025-54939; laminar #187).
    HalfOpenKept,
    /// The answer to a probe is longer than the probe.
    ProbeReplyTooLong,
    /// A RESET answers anything, shorter datagrams than itself too.
    ResetForAnything,
    /// A full congestion window does not keep the driver from being woken at once, again and again.
    SpinOnFullWindow,
    /// The congestion window is not asked.
    WindowIgnored,
    /// Time runs back when the owner's clock does.
    TimeRunsBack,
    /// The name of a connection that is gone is given to the next in its slot.
    NameUsedAgain,
    /// A sequenced message older than one before it is passed on.
    StalePassedOn,
    /// Datagrams are a few bytes longer than the path is said to carry.
    DatagramTooLong,
    /// A loss that an acknowledgement tells of is counted twice.
    LossCountedTwice,
    /// What is sent depends on what ran before in the same process.
    PastRemembered,
    /// A key update changes the key phase and, after the first time, the key no more.
    KeyKept,
}

/// What is planted in an endpoint: nothing, and of no size, without the feature.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted {
    #[cfg(feature = "planted")]
    pub(crate) bug: Option<Bug>,
    #[cfg(feature = "planted")]
    pub(crate) first_packet: u64,
    #[cfg(feature = "planted")]
    pub(crate) first_message: u64,
}

/// It follows from the settings.
impl Saved for Planted {
    fn save(&self, _: &mut Vec<u8>) {}

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        Ok(from.config().planted)
    }
}

impl Planted {
    /// Some more bytes in a datagram.
    pub(crate) fn excess(self) -> usize {
        if self.has(Bug::DatagramTooLong) { 8 } else { 0 }
    }

    /// Whether the past says so, which is not in the state.
    pub(crate) fn past_says_so(self) -> bool {
        self.has(Bug::PastRemembered) && past()
    }
}

#[cfg(feature = "planted")]
fn past() -> bool {
    static PAST: AtomicUsize = AtomicUsize::new(0);
    let past = PAST.fetch_add(1, Ordering::Relaxed);
    (past / 3 ^ past / 64) % 2 == 1
}

#[cfg(not(feature = "planted"))]
const fn past() -> bool {
    false
}

#[cfg(feature = "planted")]
impl Planted {
    pub(crate) fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Number of the first packet in each direction.
    pub(crate) const fn first_packet(self) -> u64 {
        self.first_packet
    }

    /// Number of the first message of each channel.
    pub(crate) const fn first_message(self) -> u64 {
        self.first_message
    }

    /// A recording's settings end with it.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        let bug = self.bug.map_or(0, |bug| bug as u64 + 1);
        for number in [bug, self.first_packet, self.first_message] {
            codec::put_number(number, out);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bug: usize = codec::small(reader, "planted")?;
        Ok(Self {
            bug: bug.checked_sub(1).and_then(|at| Bug::ALL.get(at).copied()),
            first_packet: codec::number(reader, "first_packet")?,
            first_message: codec::number(reader, "first_message")?,
        })
    }
}

#[cfg(not(feature = "planted"))]
#[expect(clippy::unused_self, reason = "with the feature it is asked")]
impl Planted {
    pub(crate) const fn has(self, _: Bug) -> bool {
        false
    }

    pub(crate) const fn first_packet(self) -> u64 {
        0
    }

    pub(crate) const fn first_message(self) -> u64 {
        0
    }

    pub(crate) const fn put(self, _: &mut Vec<u8>) {}

    #[expect(clippy::unnecessary_wraps, reason = "with the feature it reads")]
    pub(crate) const fn read(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {})
    }
}
