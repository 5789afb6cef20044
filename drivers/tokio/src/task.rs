//! The one task of an endpoint: turns of the pump, and waits between them.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_udp::{Next, Pump};
use tokio::time::Sleep;

use crate::shared::{Locked, Shared};
use crate::sockets::Sockets;

/// Waking this much later than planned means that the process or the host stood still.
const STANDSTILL: Duration = Duration::from_millis(100);

/// How often the host's interfaces are asked for: addresses come and go with cables, radios and virtual machines.
const INTERFACES_INTERVAL: Duration = Duration::from_secs(10);

/// How often an endpoint that takes connect tokens is told what the calendar shows, which may be set at any time.
const CALENDAR_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) struct Task<S> {
    shared: Arc<Shared>,
    sockets: S,
    pump: Pump,
    /// Kept, so that a turn allocates nothing. Made at the first wait, inside the runtime.
    sleep: Option<Pin<Box<Sleep>>>,
    interfaces_at: Option<Instant>,
    calendar_at: Option<Instant>,
    /// Where unasked announcements go: this port of every target.
    discovery_port: u16,
    local_addr: SocketAddr,
    /// The old socket is still read.
    is_rebinding: bool,
    /// A field, so that a runtime that drops the task before its first poll ends it too.
    _end: CloseOnDrop,
}

impl<S: Sockets> Task<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        sockets: S,
        local_addr: SocketAddr,
        discovery_port: u16,
    ) -> Self {
        let takes_tokens = shared.lock().endpoint.config().takes_tokens();
        let mut task = Self {
            _end: CloseOnDrop(Arc::clone(&shared)),
            shared,
            sockets,
            pump: Pump::new(),
            sleep: None,
            interfaces_at: Some(Instant::ZERO),
            calendar_at: takes_tokens.then_some(Instant::ZERO),
            discovery_port,
            local_addr,
            is_rebinding: false,
        };
        task.refresh_interfaces();
        task.refresh_calendar();
        task
    }

    /// Runs until a shutdown is over. If the runtime drops it before, the handles learn that it ended.
    pub(crate) async fn run(mut self) {
        while let Some(next) = self.turn() {
            self.wait(next).await;
        }
    }

    fn turn(&mut self) -> Option<Next> {
        self.rebind();
        self.refresh_interfaces();
        self.refresh_calendar();
        let mut next = self.pump.turn(&mut Locked(&self.shared), &mut self.sockets);
        let mut state = self.shared.lock();
        state.record();
        let shutdown_at = state.advance_shutdown(self.shared.clock.now(), next.blocked.is_none());
        let calendar_at = self.calendar_at;
        next.wake_at = [next.wake_at, shutdown_at, self.interfaces_at, calendar_at]
            .into_iter()
            .flatten()
            .min();
        state.wake_at = next.wake_at;
        if self.is_rebinding && !state.endpoint.is_rebinding() {
            self.is_rebinding = false;
            self.sockets.forget_old();
        }
        state.io_stats = self.sockets.stats();
        let stopped = state.report().is_some();
        drop(state);
        self.shared.changed.notify_waiters();
        (!stopped).then_some(next)
    }

    /// Takes the socket that a handle brought, and tells the endpoint.
    fn rebind(&mut self) {
        let mut state = self.shared.lock();
        let Some(moving) = state.moving.take() else {
            return;
        };
        if let Err(error) = self.sockets.rebind(moving.socket) {
            tracing::warn!("stays on its socket: {error}");
            state.local_addr = self.local_addr;
            return;
        }
        self.local_addr = state.local_addr;
        // The new socket does not know the host's addresses yet.
        self.interfaces_at = self.interfaces_at.map(|_| Instant::ZERO);
        let now = self.shared.clock.now();
        if let Err(error) = state.endpoint.rebind(now, moving.is_other_network) {
            tracing::warn!("a peer came while the socket changed: {error}");
        }
        self.is_rebinding = true;
    }

    fn refresh_interfaces(&mut self) {
        let now = self.shared.clock.now();
        if self.interfaces_at.is_none_or(|at| now < at) {
            return;
        }
        let Some(interfaces) = self.sockets.interfaces() else {
            self.interfaces_at = None;
            return;
        };
        self.interfaces_at = Some(now + INTERFACES_INTERVAL);
        let targets = interfaces.discovery_targets(self.discovery_port, self.local_addr);
        let mut state = self.shared.lock();
        state.endpoint.set_interfaces(&interfaces.prefixes());
        state.endpoint.set_announce_targets(&targets);
    }

    fn refresh_calendar(&mut self) {
        let now = self.shared.clock.now();
        if self.calendar_at.is_none_or(|at| now < at) {
            return;
        }
        let unix_time = self.shared.clock.unix_time();
        self.calendar_at = unix_time.map(|_| now + CALENDAR_INTERVAL);
        if let Some(unix_time) = unix_time {
            let mut state = self.shared.lock();
            state.endpoint.set_unix_time(now, unix_time);
        }
    }

    /// Until there is something to do.
    async fn wait(&mut self, next: Next) {
        self.set_sleep(next.wake_at);
        poll_fn(|cx| self.poll_work(next, cx)).await;
        let latest = next.wake_at.map(|at| at + STANDSTILL);
        if latest.is_some_and(|latest| latest < self.shared.clock.now()) {
            self.catch_up().await;
        }
    }

    /// The timers of a process that stood still are due before the runtime has looked at the sockets. What came meanwhile
    /// goes first, or peers that spoke all the time would be given up.
    async fn catch_up(&mut self) {
        tokio::task::yield_now().await;
        poll_fn(|cx| {
            let _ = self.sockets.poll_receive(cx);
            Poll::Ready(())
        })
        .await;
    }

    fn poll_work(&mut self, next: Next, cx: &mut Context<'_>) -> Poll<()> {
        // All are asked each time, so that none starves another.
        let woken = self.shared.lock().take_woken(cx.waker());
        let received = self.sockets.poll_receive(cx).is_ready();
        let writable = next
            .blocked
            .is_some_and(|socket| self.sockets.poll_writable(socket, cx).is_ready());
        if woken || received || writable || self.poll_due(next, cx) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn poll_due(&mut self, next: Next, cx: &mut Context<'_>) -> bool {
        if next.wake_at.is_some_and(|at| at <= self.shared.clock.now()) {
            return true;
        }
        let sleep = self.sleep.as_mut();
        next.wake_at.is_some() && sleep.is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }

    /// A manual clock has no deadline to sleep to: who moves it wakes the task.
    fn set_sleep(&mut self, wake_at: Option<Instant>) {
        let deadline = wake_at.and_then(|at| self.shared.clock.deadline(at));
        let Some(deadline) = deadline.map(tokio::time::Instant::from_std) else {
            return;
        };
        match &mut self.sleep {
            Some(sleep) if sleep.deadline() == deadline => {}
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
    }
}

struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
