//! What happens next: who wakes when, and who was given commands. No step looks at every host.

use std::collections::BTreeSet;

use tickwire_core::Instant;

use crate::host::HostId;

/// The hosts that have something before them.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    wakes: BTreeSet<(Instant, HostId)>,
    /// When each host wakes, by host.
    wake_at: Vec<Option<Instant>>,
    /// Hosts whose commands may have left something to poll.
    touched: BTreeSet<HostId>,
}

impl Agenda {
    /// A host was added; it has not been looked at.
    pub(super) fn add(&mut self, host: HostId) {
        self.wake_at.push(None);
        self.touch(host);
    }

    /// A command may have left something to poll.
    pub(super) fn touch(&mut self, host: HostId) {
        self.touched.insert(host);
    }

    /// Everything was polled.
    pub(super) fn on_drained(&mut self, host: HostId) {
        self.touched.remove(&host);
    }

    /// The first touched host that is not before `from`.
    pub(super) fn touched(&self, from: HostId) -> Option<HostId> {
        self.touched.range(from..).next().copied()
    }

    /// Sets when a host wakes.
    pub(super) fn wake(&mut self, host: HostId, at: Option<Instant>) {
        let before = std::mem::replace(&mut self.wake_at[host.index()], at);
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.wakes.remove(&(before, host));
        }
        if let Some(at) = at {
            self.wakes.insert((at, host));
        }
    }

    /// When the first wakes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// The first host whose time has come, by number.
    pub(super) fn due(&self, now: Instant) -> Option<HostId> {
        let due = self.wakes.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, host)| *host).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn agenda(hosts: u16) -> Agenda {
        let mut agenda = Agenda::default();
        (0..hosts).for_each(|host| agenda.add(HostId::new(host)));
        agenda
    }

    #[test]
    fn hosts_wake_by_time_and_at_one_time_by_number() {
        let mut agenda = agenda(3);
        let [a, b, c] = [0, 1, 2].map(HostId::new);
        agenda.wake(c, Some(at(5)));
        agenda.wake(b, Some(at(7)));
        assert_eq!((agenda.next(), agenda.due(at(4))), (Some(at(5)), None));
        assert_eq!(agenda.due(at(5)), Some(c));
        assert_eq!(agenda.due(at(8)), Some(b), "late, but lower");
        agenda.wake(b, None);
        agenda.wake(a, Some(at(6)));
        agenda.wake(c, Some(at(9)));
        assert_eq!((agenda.next(), agenda.due(at(8))), (Some(at(6)), Some(a)));
    }

    #[test]
    fn who_was_touched_stays_so_until_drained() {
        let mut agenda = agenda(2);
        let [a, b] = [0, 1].map(HostId::new);
        agenda.on_drained(a);
        assert_eq!(agenda.touched(a), Some(b), "new ones are");
        agenda.touch(a);
        assert_eq!(agenda.touched(a), Some(a));
        agenda.on_drained(b);
        assert_eq!(agenda.touched(b), None);
    }
}
