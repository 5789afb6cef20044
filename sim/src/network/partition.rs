//! Groups of hosts that cannot reach each other.

use std::collections::BTreeMap;

use crate::faults::DropCause;
use crate::host::HostId;

/// The directions that are cut.
#[derive(Debug, Default)]
pub(crate) struct Partitions(BTreeMap<(HostId, HostId), DropCause>);

impl Partitions {
    /// Cuts every direction between one of `left` and one of `right`.
    pub(crate) fn cut(&mut self, left: &[HostId], right: &[HostId]) {
        for (a, b) in pairs(left, right) {
            self.0.insert((a, b), DropCause::Partition);
            self.0.insert((b, a), DropCause::Partition);
        }
    }

    /// Cuts every direction from one of `from` to one of `to`, and leaves the way back.
    pub(crate) fn cut_one_way(&mut self, from: &[HostId], to: &[HostId]) {
        for direction in pairs(from, to) {
            self.0
                .entry(direction)
                .or_insert(DropCause::OneWayPartition);
        }
    }

    /// Joins everybody.
    pub(crate) fn repair(&mut self) {
        self.0.clear();
    }

    /// What stops a datagram of this direction.
    pub(crate) fn stops(&self, direction: (HostId, HostId)) -> Option<DropCause> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&direction).copied()
    }
}

fn pairs<'a>(
    left: &'a [HostId],
    right: &'a [HostId],
) -> impl Iterator<Item = (HostId, HostId)> + 'a {
    left.iter().flat_map(|a| right.iter().map(|b| (*a, *b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: HostId = HostId::new(0);
    const B: HostId = HostId::new(1);
    const C: HostId = HostId::new(2);

    #[test]
    fn a_partition_cuts_both_ways_between_groups_and_not_within() {
        let mut partitions = Partitions::default();
        partitions.cut(&[A, B], &[C]);
        assert_eq!(partitions.stops((A, C)), Some(DropCause::Partition));
        assert_eq!(partitions.stops((C, B)), Some(DropCause::Partition));
        assert_eq!(partitions.stops((A, B)), None);
        partitions.repair();
        assert_eq!(partitions.stops((A, C)), None);
    }

    #[test]
    fn a_one_way_partition_leaves_the_way_back() {
        let mut partitions = Partitions::default();
        partitions.cut_one_way(&[A], &[B]);
        assert_eq!(partitions.stops((A, B)), Some(DropCause::OneWayPartition));
        assert_eq!(partitions.stops((B, A)), None);
    }
}
