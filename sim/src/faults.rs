//! How often each kind of fault struck: what makes a test that passed mean something.
//!
//! A run that was to survive storms and saw none has shown nothing. So every model counts what it does by kind, a
//! [`World`](crate::World) sums, and a test over many seeds asserts that no kind was left out.

use std::fmt;
use std::ops::AddAssign;

use tickwire_core::Ecn;

macro_rules! fault_counts {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// How often each kind of fault struck. Counts datagrams unless it says otherwise.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct FaultCounts {
            $($(#[$doc])* pub $kind: u64,)*
        }

        impl FaultCounts {
            /// Every kind with its count, in a fixed order.
            pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($kind), self.$kind),)*].into_iter()
            }
        }

        impl AddAssign for FaultCounts {
            fn add_assign(&mut self, other: Self) {
                $(self.$kind += other.$kind;)*
            }
        }
    };
}

fault_counts! {
    // Links.
    /// Lost, each for itself.
    lost,
    /// Lost in a burst (Gilbert-Elliott).
    lost_in_burst,
    /// Arrived twice.
    duplicated,
    /// Repeated many times.
    stormed,
    /// Delayed to fall behind others.
    reordered,
    /// Took longer than the latency by chance.
    jittered,
    /// Arrived with one bit flipped.
    bit_flipped,
    /// Arrived with a run of bytes overwritten.
    overwritten,
    /// Arrived without their end.
    truncated,
    /// Arrived with more bytes than they had.
    extended,
    /// Arrived with the end of another.
    spliced,
    /// Waited 100 ms or longer in the queue before a slow link.
    bloated,
    /// Found the queue before a slow link full.
    queue_full,
    /// Dropped by CoDel.
    codel,
    /// Found others' traffic in the queue before a slow link.
    crowded,
    /// Marked as having met congestion (CE), by a queue or by a path that does so to all.
    ecn_marked,
    /// Lost their mark of congestion.
    ecn_bleached,
    /// Got another mark than their sender's, but not CE.
    ecn_mangled,
    /// Lost because they had a mark of congestion.
    ecn_dropped,
    /// Longer than the link's MTU.
    too_large,
    /// Sent into a blackhole.
    blackholed,
    /// Sent while a flapping link was down.
    flapped,
    /// Held back and then released with others.
    held,
    /// Sent between two sides of a partition.
    partitioned,
    /// Sent against a partition of one direction.
    partitioned_one_way,
    // Hosts.
    /// Clocks that began to drift.
    clock_drifted,
    /// Clocks that jumped ahead.
    clock_jumped_ahead,
    /// Clocks that jumped back.
    clock_jumped_back,
    /// Hosts that stood still.
    stalled,
    /// Waited for a host that stood still.
    delivered_late,
    /// Found the buffer of a host that stood still full.
    buffer_full,
    /// Deadlines that fired late.
    woken_late,
    /// Hosts that crashed.
    crashed,
    /// Sent to a host that had crashed.
    sent_to_the_dead,
    /// Times that a socket took nothing though something was to be sent.
    send_blocked,
    /// Owners that stopped to read.
    looked_away,
    // Attackers.
    /// Made by somebody without keys.
    forged,
    /// Packets of a peer that lies, with valid keys.
    lied,
    // NATs.
    /// Came to an address that no mapping has.
    nat_unmapped,
    /// Came from somebody whom the filter does not let in.
    nat_filtered,
    /// Mappings that ended by a timeout.
    nat_expired,
    /// Found no place for a new mapping.
    nat_full,
    /// Sent to a neighbour by way of a NAT that does not turn around.
    nat_not_turned,
    /// Sent through a NAT that lets no UDP out.
    nat_blocked,
    /// Times that a NAT forgot everything.
    nat_rebooted,
    /// Times that a NAT gave all its mappings other ports.
    nat_rebound,
    /// Times that a NAT moved to another address.
    nat_renumbered,
}

/// Only what occurred: `lost 3, duplicated 1`.
impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (kind, count) in self.kinds().filter(|(_, count)| *count > 0) {
            write!(f, "{separator}{kind} {count}")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str("no faults")?;
        }
        Ok(())
    }
}

/// Why a datagram was dropped on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropCause {
    /// Chance, or a schedule.
    Loss,
    /// A burst of losses.
    Burst,
    /// Longer than the MTU.
    TooLarge,
    /// A blackhole.
    Blackhole,
    /// A flapping link that is down.
    Flapping,
    /// A queue without room.
    QueueFull,
    /// A queue that is kept short.
    Codel,
    /// A path that lets nothing pass that has a mark of congestion.
    Ecn,
    /// A partition.
    Partition,
    /// A partition of this direction only.
    OneWayPartition,
    /// The receiver has crashed.
    Dead,
    /// The receiver stands still and its buffer is full.
    BufferFull,
    /// No mapping of the NAT has this address.
    NatUnmapped,
    /// The NAT's filter.
    NatFiltered,
    /// The NAT has no place for a new mapping.
    NatFull,
    /// The NAT does not turn datagrams around.
    NatNotTurned,
    /// The NAT lets no UDP out.
    NatBlocked,
}

impl FaultCounts {
    /// What a path did to a mark of congestion.
    pub(crate) fn count_ecn(&mut self, before: Option<Ecn>, after: Option<Ecn>) {
        match after {
            _ if before == after => {}
            Some(Ecn::Ce) => self.ecn_marked += 1,
            Some(Ecn::Ect0 | Ecn::Ect1) => self.ecn_mangled += 1,
            None => self.ecn_bleached += 1,
        }
    }

    pub(crate) fn count_drop(&mut self, cause: DropCause) {
        *match cause {
            DropCause::Loss => &mut self.lost,
            DropCause::Burst => &mut self.lost_in_burst,
            DropCause::TooLarge => &mut self.too_large,
            DropCause::Blackhole => &mut self.blackholed,
            DropCause::Flapping => &mut self.flapped,
            DropCause::QueueFull => &mut self.queue_full,
            DropCause::Codel => &mut self.codel,
            DropCause::Ecn => &mut self.ecn_dropped,
            DropCause::Partition => &mut self.partitioned,
            DropCause::OneWayPartition => &mut self.partitioned_one_way,
            DropCause::Dead => &mut self.sent_to_the_dead,
            DropCause::BufferFull => &mut self.buffer_full,
            DropCause::NatUnmapped => &mut self.nat_unmapped,
            DropCause::NatFiltered => &mut self.nat_filtered,
            DropCause::NatFull => &mut self.nat_full,
            DropCause::NatNotTurned => &mut self.nat_not_turned,
            DropCause::NatBlocked => &mut self.nat_blocked,
        } += 1;
    }
}

/// As a wire trace marks it.
impl fmt::Display for DropCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loss => "✗ dropped",
            Self::Burst => "✗ dropped in a burst",
            Self::TooLarge => "✗ too large",
            Self::Blackhole => "✗ blackhole",
            Self::Flapping => "✗ link down",
            Self::QueueFull => "✗ queue full",
            Self::Codel => "✗ dropped by CoDel",
            Self::Ecn => "✗ dropped for its ECN mark",
            Self::Partition => "✗ partition",
            Self::OneWayPartition => "✗ one-way partition",
            Self::Dead => "✗ host down",
            Self::BufferFull => "✗ buffer full",
            Self::NatUnmapped => "✗ NAT: no mapping",
            Self::NatFiltered => "✗ NAT: filtered",
            Self::NatFull => "✗ NAT: full",
            Self::NatNotTurned => "✗ NAT: no hairpin",
            Self::NatBlocked => "✗ NAT: UDP blocked",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_print_only_what_occurred() {
        let mut counts = FaultCounts::default();
        assert_eq!(counts.to_string(), "no faults");
        counts.count_drop(DropCause::Loss);
        counts.count_drop(DropCause::Codel);
        counts += counts;
        assert_eq!(counts.to_string(), "lost 2, codel 2");
        assert!(counts.kinds().count() >= 30);
    }
}
