//! Messages that have not left in full, by priority.

use alloc::collections::VecDeque;

use crate::channel::options::Priority;
use crate::saved::saved;

/// Ids of unsent messages: the first of the highest priority leaves next.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    low: VecDeque<u64>,
    normal: VecDeque<u64>,
    high: VecDeque<u64>,
}

saved!(Lanes { low, normal, high } if Lanes::is_sound);

impl Lanes {
    fn is_sound(&self, _: &crate::config::Config) -> bool {
        let mut lanes = [&self.low, &self.normal, &self.high].into_iter();
        lanes.all(|lane| lane.iter().is_sorted_by(|a, b| a < b))
    }

    fn lane(&mut self, priority: Priority) -> &mut VecDeque<u64> {
        match priority {
            Priority::Low => &mut self.low,
            Priority::Normal => &mut self.normal,
            Priority::High => &mut self.high,
        }
    }

    /// Ids only grow.
    pub(super) fn push(&mut self, priority: Priority, id: u64) {
        self.lane(priority).push_back(id);
    }

    /// Which leaves next.
    pub(super) fn first(&self) -> Option<u64> {
        let lower = || self.normal.front().or_else(|| self.low.front());
        self.high.front().or_else(lower).copied()
    }

    /// The first of each priority, the highest priority first.
    pub(super) fn fronts(&self) -> impl Iterator<Item = u64> + '_ {
        let fronts = [self.high.front(), self.normal.front(), self.low.front()];
        fronts.into_iter().flatten().copied()
    }

    /// It is not unsent any more.
    pub(super) fn remove(&mut self, priority: Priority, id: u64) {
        let lane = self.lane(priority);
        if lane.front() == Some(&id) {
            lane.pop_front();
            return;
        }
        if let Ok(position) = lane.binary_search(&id) {
            lane.remove(position);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.high.is_empty() && self.normal.is_empty() && self.low.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.low.len() + self.normal.len() + self.high.len()
    }

    /// All ids, the highest priority first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let lanes = [&self.high, &self.normal, &self.low];
        lanes.into_iter().flatten().copied()
    }
}
