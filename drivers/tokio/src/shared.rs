//! What the handles and the task share: the endpoint behind a lock.
//!
//! Invariants: the lock is held for calls to the endpoint only, never while a socket is written or a task waits. Whoever
//! gave the endpoint something wakes the task, which then takes a turn. After each turn the task wakes whoever waits for
//! events; an event is taken from the endpoint only by who wants it, so unread messages stop their sender by its credit.

use std::collections::{BTreeSet, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use tickwire_core::{Endpoint, Event, Farewell, Instant, PeerId};
use tickwire_udp::{Access, Clock, IoStats};
use tokio::sync::Notify;

use crate::recording::{
    DumpError, Dumping, Kind, RecordingFile, Recordings, RingOptions, StartRecordingError, Writing,
};

/// How long a shutdown may take.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// What a shutdown could not deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Reliable messages accepted by `send` that their peers did not acknowledge.
    pub undelivered: u32,
    /// Peers that were there when the shutdown began, attempts included.
    pub peers: usize,
    /// Peers that were still closing after 5 s; what was queued for them is not in `undelivered`.
    pub abandoned: usize,
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) clock: Clock,
    /// Something may have happened: an event, or the end.
    pub(crate) changed: Notify,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) endpoint: Endpoint,
    pub(crate) recordings: Recordings,
    pub(crate) io_stats: IoStats,
    /// Where the game socket is bound.
    pub(crate) local_addr: SocketAddr,
    /// A socket that the task is to move to.
    pub(crate) moving: Option<Moving>,
    /// When the task will wake by itself.
    pub(crate) wake_at: Option<Instant>,
    phase: Phase,
    /// Events that were unread at the end.
    tail: VecDeque<Event>,
    task: Option<Waker>,
    woken: bool,
}

/// Another game socket.
#[derive(Debug)]
pub(crate) struct Moving {
    pub(crate) socket: UdpSocket,
    pub(crate) is_other_network: bool,
}

#[derive(Debug)]
enum Phase {
    Running,
    Stopping(Stopping),
    Stopped(ShutdownReport),
}

#[derive(Debug)]
struct Stopping {
    deadline: Instant,
    farewell: Farewell,
    told: BTreeSet<PeerId>,
    undelivered: u32,
}

impl Shared {
    pub(crate) fn new(
        endpoint: Endpoint,
        recordings: Recordings,
        clock: Clock,
        local_addr: SocketAddr,
    ) -> Self {
        let state = State {
            local_addr,
            moving: None,
            endpoint,
            recordings,
            io_stats: IoStats::default(),
            wake_at: None,
            phase: Phase::Running,
            tail: VecDeque::new(),
            task: None,
            woken: false,
        };
        Self {
            state: Mutex::new(state),
            clock,
            changed: Notify::new(),
        }
    }

    /// The endpoint's own invariants hold after every call, so a panic in a caller's closure spoils nothing.
    pub(crate) fn lock(&self) -> Guard<'_> {
        Guard {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner),
            was_panicking: thread::panicking(),
        }
    }

    /// Begins a shutdown, unless one has begun.
    pub(crate) fn stop(&self, farewell: Farewell) {
        let mut state = self.lock();
        let now = self.clock.now();
        if !matches!(state.phase, Phase::Running) {
            return;
        }
        state.endpoint.set_accepting(false);
        state.phase = Phase::Stopping(Stopping {
            deadline: now + SHUTDOWN_MAX,
            farewell,
            told: BTreeSet::new(),
            undelivered: 0,
        });
        state.tell_farewell(now);
        state.wake_task();
    }

    /// Begins to record to `file`.
    pub(crate) fn start_recording(&self, file: RecordingFile) -> Result<(), StartRecordingError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.report().is_some() {
            file.discard();
            return Err(StartRecordingError::Ended);
        }
        let now = self.clock.now();
        state.recordings.start(file, &mut state.endpoint, now)
    }

    /// Keeps another ring from here on, or none.
    pub(crate) fn keep_ring(&self, ring: Option<RingOptions>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = self.clock.now();
        state.recordings.keep_ring(ring, &mut state.endpoint, now);
    }

    /// The next event, oldest first.
    pub(crate) fn poll_event(&self) -> Option<Event> {
        let mut guard = self.lock();
        let event = guard.poll_event()?;
        let (state, now) = (&mut *guard, self.clock.now());
        state.recordings.on_event(&event, &state.endpoint, now);
        Some(event)
    }

    /// The task has ended, or was ended with its runtime.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if thread::panicking() {
            state.on_panic();
        }
        state.finish();
        drop(state);
        self.changed.notify_waiters();
    }
}

/// The state, locked. A panic meanwhile is the end of what is recorded: the last call in it may be what panicked.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    state: MutexGuard<'a, State>,
    was_panicking: bool,
}

impl Deref for Guard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            self.state.on_panic();
        }
    }
}

impl State {
    /// The next event, oldest first.
    fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.tail.pop_front() {
            return Some(event);
        }
        let event = self.endpoint.poll_event()?;
        self.count(&event);
        // Reading frees credit, which the peer may be waiting for.
        self.wake_task();
        Some(event)
    }

    pub(crate) fn report(&self) -> Option<ShutdownReport> {
        match &self.phase {
            Phase::Stopped(report) => Some(*report),
            Phase::Running | Phase::Stopping(_) => None,
        }
    }

    /// Makes the task take a turn.
    pub(crate) fn wake_task(&mut self) {
        self.woken = true;
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    /// For the task: whether it was woken since the last time; if not, `waker` will be.
    pub(crate) fn take_woken(&mut self, waker: &Waker) -> bool {
        let woken = std::mem::take(&mut self.woken);
        if !woken && !self.task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            self.task = Some(waker.clone());
        }
        woken
    }

    /// For the task, after a turn: ends the shutdown if it is over; else says when it must be looked at again.
    pub(crate) fn advance_shutdown(&mut self, now: Instant, drained: bool) -> Option<Instant> {
        let Phase::Stopping(stopping) = &self.phase else {
            return None;
        };
        let deadline = stopping.deadline;
        let gone = drained && self.endpoint.peers().next().is_none();
        if gone || now >= deadline {
            self.finish();
            return None;
        }
        // A handshake that was on its way may have brought one more peer.
        let told_more = self.tell_farewell(now);
        Some(if told_more { now } else { deadline })
    }

    fn tell_farewell(&mut self, now: Instant) -> bool {
        let Phase::Stopping(stopping) = &mut self.phase else {
            return false;
        };
        let is_new = |peer: &PeerId| !stopping.told.contains(peer);
        let new: Vec<PeerId> = self.endpoint.peers().filter(is_new).collect();
        for peer in &new {
            let farewell = stopping.farewell.clone();
            self.endpoint.disconnect(now, *peer, farewell);
        }
        stopping.told.extend(&new);
        !new.is_empty()
    }

    /// For the task, after a turn: hands on what was recorded.
    pub(crate) fn record(&mut self) {
        self.recordings.take(&mut self.endpoint);
    }

    /// Somebody panicked while the endpoint was theirs, perhaps the endpoint itself.
    pub(crate) fn on_panic(&mut self) {
        self.recordings.on_panic(&mut self.endpoint);
    }

    /// Writes down what the ring holds.
    pub(crate) fn dump_ring(&mut self, path: PathBuf) -> Result<Dumping, DumpError> {
        self.recordings.dump_ring(path, &self.endpoint)
    }

    /// Ends the recording of this kind.
    pub(crate) fn stop_recording(&mut self, kind: Kind) -> Option<Writing> {
        self.recordings.stop(kind, &mut self.endpoint)
    }

    /// Takes what is unread out of the endpoint: nothing comes any more, and the report needs the counts.
    fn finish(&mut self) {
        if matches!(self.phase, Phase::Stopped(_)) {
            return;
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.count(&event);
            self.tail.push_back(event);
        }
        self.recordings.finish(&mut self.endpoint);
        let report = match &self.phase {
            Phase::Stopping(stopping) => ShutdownReport {
                undelivered: stopping.undelivered,
                peers: stopping.told.len(),
                abandoned: self.endpoint.peers().count(),
            },
            Phase::Running | Phase::Stopped(_) => ShutdownReport::default(),
        };
        self.phase = Phase::Stopped(report);
    }

    fn count(&mut self, event: &Event) {
        let Phase::Stopping(stopping) = &mut self.phase else {
            return;
        };
        if let Event::Disconnected {
            peer, undelivered, ..
        } = event
            && stopping.told.contains(peer)
        {
            stopping.undelivered = stopping.undelivered.saturating_add(*undelivered);
        }
    }
}

/// The pump's way to the endpoint.
pub(crate) struct Locked<'a>(pub(crate) &'a Shared);

impl Access for Locked<'_> {
    fn with<R>(&mut self, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let mut state = self.0.lock();
        // Read under the lock, so that the endpoint sees time in order.
        let now = self.0.clock.now();
        f(&mut state.endpoint, now)
    }
}
