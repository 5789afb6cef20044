//! What stands between an endpoint and its world, and what goes wrong there.
//!
//! A driver reads datagrams, sets a timer and writes datagrams. Real ones are late to wake, stand still while the
//! operating system swaps or the laptop sleeps, find the socket's send buffer full, and die.

use std::time::Duration;

use tickwire_core::{Arrival, Instant};

use crate::clock::Clock;
use crate::faults::DropCause;
use crate::rng::Rng;

/// Bytes that a socket keeps for a driver that does not read: Linux's `net.core.rmem_default`.
const BUFFER_BYTES: usize = 212_992;

/// What happens to a datagram that comes to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reception {
    /// The driver reads it now.
    Now,
    /// It waits in the socket.
    Later,
    Dropped(DropCause),
}

impl Reception {
    /// What took it.
    pub(crate) fn dropped(self) -> Option<DropCause> {
        match self {
            Self::Dropped(cause) => Some(cause),
            Self::Now | Self::Later => None,
        }
    }
}

/// A driver's state. New ones are punctual and never stop.
#[derive(Debug)]
pub(crate) struct Driver {
    rng: Rng,
    is_down: bool,
    stalled_until: Option<Instant>,
    blocked_until: Option<Instant>,
    /// What came while it stood still, in order.
    waiting: Vec<(Arrival, Vec<u8>)>,
    waiting_bytes: usize,
    buffer_bytes: usize,
    lateness_max: Duration,
    /// The endpoint's deadline that lateness was last drawn for, and how late that one fires.
    late_for: Option<Instant>,
    lateness: Duration,
}

impl Driver {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            rng,
            is_down: false,
            stalled_until: None,
            blocked_until: None,
            waiting: Vec::new(),
            waiting_bytes: 0,
            buffer_bytes: BUFFER_BYTES,
            lateness_max: Duration::ZERO,
            late_for: None,
            lateness: Duration::ZERO,
        }
    }

    pub(crate) fn crash(&mut self) {
        self.restart();
        self.is_down = true;
    }

    /// A new process, on the same machine.
    pub(crate) fn restart(&mut self) {
        self.is_down = false;
        self.stalled_until = None;
        self.blocked_until = None;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    pub(crate) fn is_down(&self) -> bool {
        self.is_down
    }

    pub(crate) fn stall(&mut self, until: Instant) {
        self.stalled_until = self.stalled_until.max(Some(until));
    }

    pub(crate) fn block(&mut self, until: Instant) {
        self.blocked_until = self.blocked_until.max(Some(until));
    }

    pub(crate) fn be_late(&mut self, lateness_max: Duration) {
        self.lateness_max = lateness_max;
    }

    pub(crate) fn buffer(&mut self, bytes: usize) {
        self.buffer_bytes = bytes;
    }

    /// Ends everything but death.
    pub(crate) fn heal(&mut self, now: Instant) {
        self.lateness_max = Duration::ZERO;
        self.lateness = Duration::ZERO;
        self.buffer_bytes = BUFFER_BYTES;
        self.blocked_until = None;
        if self.stalled_until.is_some() {
            self.stalled_until = Some(now);
        }
    }

    /// Whether it runs at all.
    pub(crate) fn is_running(&self) -> bool {
        !self.is_down && self.stalled_until.is_none()
    }

    /// Whether the socket takes datagrams.
    pub(crate) fn can_send(&self) -> bool {
        self.blocked_until.is_none()
    }

    /// A datagram comes: whether it is read, and if not, keeps or drops it.
    pub(crate) fn receive(&mut self, arrival: Arrival, bytes: &[u8]) -> Reception {
        if self.is_down {
            return Reception::Dropped(DropCause::Dead);
        }
        if self.stalled_until.is_none() {
            return Reception::Now;
        }
        if self.waiting_bytes + bytes.len() > self.buffer_bytes {
            return Reception::Dropped(DropCause::BufferFull);
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push((arrival, bytes.to_vec()));
        Reception::Later
    }

    /// The time has come for something: takes what has waited, if it stood still until now.
    pub(crate) fn wake(&mut self, now: Instant) -> Vec<(Arrival, Vec<u8>)> {
        let is_over = |until: &mut Instant| *until <= now;
        self.blocked_until.take_if(is_over);
        if self.stalled_until.take_if(is_over).is_none() {
            return Vec::new();
        }
        self.waiting_bytes = 0;
        std::mem::take(&mut self.waiting)
    }

    /// Whether the deadline that fires now is late on purpose.
    pub(crate) fn is_late(&self) -> bool {
        !self.lateness.is_zero()
    }

    /// When it wakes next, in the world's time, for an endpoint with this deadline in its host's.
    pub(crate) fn wake_at(
        &mut self,
        now: Instant,
        clock: &Clock,
        deadline: Option<Instant>,
    ) -> Option<Instant> {
        if self.is_down {
            return None;
        }
        if self.stalled_until.is_some() {
            return self.stalled_until;
        }
        if !self.lateness_max.is_zero() && deadline != self.late_for {
            let nanos = u64::try_from(self.lateness_max.as_nanos()).unwrap_or(u64::MAX);
            self.lateness = Duration::from_nanos(self.rng.between(0, nanos));
            self.late_for = deadline;
        }
        let due = deadline.map(|deadline| clock.when(deadline) + self.lateness);
        match self.blocked_until {
            // What is due now may be a datagram that the socket does not take.
            Some(until) => Some(
                due.filter(|due| *due > now)
                    .map_or(until, |due| due.min(until)),
            ),
            None => due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn driver() -> Driver {
        Driver::new(Rng::new(1))
    }

    fn arrival() -> Arrival {
        Arrival::game(([10, 0, 0, 1], 7_000).into())
    }

    fn wake_at(driver: &mut Driver, deadline: u64) -> Option<Instant> {
        driver.wake_at(at(0), &Clock::default(), Some(at(deadline)))
    }

    #[test]
    fn a_new_driver_is_punctual() {
        let mut driver = driver();
        assert_eq!(wake_at(&mut driver, 7), Some(at(7)));
        assert_eq!(driver.receive(arrival(), b"x"), Reception::Now);
    }

    #[test]
    fn a_late_driver_is_late_once_for_each_deadline() {
        let mut driver = driver();
        driver.be_late(ms(1_000));
        let first = wake_at(&mut driver, 7);
        assert!((Some(at(7))..=Some(at(1_007))).contains(&first));
        assert_eq!(wake_at(&mut driver, 7), first);
        assert_ne!(wake_at(&mut driver, 8).map(|at| at - ms(1)), first);
    }

    #[test]
    fn what_comes_during_a_stall_is_read_at_its_end_in_order() {
        let mut driver = driver();
        driver.stall(at(10));
        for byte in 0..3 {
            assert_eq!(driver.receive(arrival(), &[byte]), Reception::Later);
        }
        assert_eq!(wake_at(&mut driver, 7), Some(at(10)));
        assert!(driver.wake(at(9)).is_empty());
        let read: Vec<u8> = driver
            .wake(at(10))
            .iter()
            .map(|(_, bytes)| bytes[0])
            .collect();
        assert_eq!(read, [0, 1, 2]);
        assert!(driver.is_running());
    }

    #[test]
    fn the_buffer_of_a_stalled_driver_is_bounded() {
        let mut driver = driver();
        driver.stall(at(10));
        let kept = (0..1_000)
            .filter(|_| driver.receive(arrival(), &[0; 1_200]) == Reception::Later)
            .count();
        assert_eq!(kept, 177);
        driver.buffer(212_992 + 9);
        assert_eq!(driver.receive(arrival(), &[0; 9]), Reception::Later);
    }

    #[test]
    fn a_blocked_socket_wakes_for_other_deadlines_and_at_its_end() {
        let mut driver = driver();
        driver.block(at(10));
        assert!(!driver.can_send());
        assert_eq!(wake_at(&mut driver, 0), Some(at(10)));
        assert_eq!(wake_at(&mut driver, 7), Some(at(7)));
        assert_eq!(wake_at(&mut driver, 12), Some(at(10)));
        driver.wake(at(10));
        assert!(driver.can_send());
    }

    #[test]
    fn the_dead_neither_hear_nor_wake() {
        let mut driver = driver();
        driver.crash();
        assert_eq!(wake_at(&mut driver, 7), None);
        let dropped = driver.receive(arrival(), b"x");
        assert_eq!(dropped, Reception::Dropped(DropCause::Dead));
        driver.restart();
        assert_eq!(wake_at(&mut driver, 7), Some(at(7)));
    }
}
