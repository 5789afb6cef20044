//! How long an idle connection may be silent before somebody on the way forgets it.
//!
//! A translator lets a server's datagrams in to its client only for some time after the client's last one. RFC 4787 section 4.3
//! (REQ-5) wants two minutes of them at least; 30 s are common, and nobody tells. What matters is whether a *server* that speaks
//! first is heard, and only the server can try that: an address that changes shows that a translator forgot, but most of them give
//! the same port out again, and then nothing changes. So
//!
//! - the **server** asks (PING) after a silence that begins at a sixth of the idle timeout, 15 s at most (RFC 8085 section 3.5),
//!   and is a quarter longer each time that it was answered;
//! - the **client** guards: it speaks if it has heard nothing for half as long again as the silence that the server broke last.
//!
//! A question that nobody answers until the client speaks by itself came too late. Once that may be chance, for packets get lost and
//! computers sleep; if it happens a second time at the same length, or if the client's port changed as well, then that length is too
//! long for the translator, and silences stay below three quarters of it. As soon as anything else is sent both sides begin with the
//! first silence again: where messages flow no keepalive leaves, and a translator that is restarted in their midst is noticed early.
//!
//! Where we differ from RFC 8085 section 3.5, which wants no keepalives more often than every 15 s: they also tell within the idle
//! timeout that the other side is gone, so a short idle timeout has shorter silences.

use core::time::Duration;

use crate::audit::{Checked, holds};
use crate::config::{Config, KeepaliveInterval};
use crate::event::Role;
use crate::saved::saved;
use crate::time::Instant;

/// RFC 8085 section 3.5.
const FIRST_MAX: Duration = Duration::from_secs(15);
/// No translator forgets sooner.
const LEAST_MAX: Duration = Duration::from_millis(2_500);
/// Well within the two minutes of RFC 4787 REQ-5, as time passes on the way too.
const MOST_MAX: Duration = Duration::from_secs(100);

/// What a packet that leaves is, as far as silence goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// It leaves for the sake of a silence that was so long.
    Keepalive(Duration),
    /// It brings messages.
    Messages,
    /// It answers, or asks again.
    Other,
}

/// A question that broke a silence.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    silence: Duration,
}

saved!(Asked { at, silence });

/// The silence that is dared, and what bounds it.
#[derive(Debug)]
pub(crate) struct Keepalive {
    is_fixed: bool,
    role: Role,
    /// Silence after which we speak.
    interval: Duration,
    /// What that is at first, and after anything else was said.
    first: Duration,
    least: Duration,
    most: Duration,
    /// The server's question that nobody answered yet.
    asked: Option<Asked>,
    /// A silence as long as this was too long once.
    doubt: Option<Duration>,
    /// Packets that left for no other reason.
    pub(crate) sent: u64,
}

saved!(Keepalive {
    is_fixed,
    role,
    interval,
    first,
    least,
    most,
    asked,
    doubt,
    sent,
} if |keepalive, _| keepalive.audit().is_ok());

impl Keepalive {
    pub(crate) fn new(config: &Config, role: Role) -> Self {
        let idle = config.idle_timeout;
        let first = (idle / 6).min(FIRST_MAX);
        let bounds = [first.min(LEAST_MAX), first, (idle / 3).min(MOST_MAX)];
        let (is_fixed, [least, first, most]) = match (config.keepalive_interval, role) {
            (KeepaliveInterval::Fixed(interval), _) => (true, [interval; 3]),
            (KeepaliveInterval::Adaptive, Role::Server) => (false, bounds),
            (KeepaliveInterval::Adaptive, Role::Client) => (false, bounds.map(guarding)),
        };
        Self {
            is_fixed,
            role,
            interval: first,
            first,
            least,
            most,
            asked: None,
            doubt: None,
            sent: 0,
        }
    }

    /// The way is another one, of which nothing is known.
    pub(crate) fn begin_anew(&mut self, config: &Config) {
        let sent = self.sent;
        *self = Self {
            sent,
            ..Self::new(config, self.role)
        };
    }

    /// Silence after which we speak, now.
    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// When silence has lasted long enough.
    pub(crate) fn due_at(&self, last_sent: Instant, last_heard: Instant) -> Instant {
        let since = if self.is_fixed {
            last_sent
        } else {
            last_sent.max(last_heard)
        };
        since + self.interval
    }

    /// A packet leaves.
    pub(crate) fn on_sent(&mut self, now: Instant, spoken: Spoken) {
        match spoken {
            Spoken::Keepalive(silence) => {
                self.sent += 1;
                if !self.is_fixed && self.role == Role::Server {
                    self.asked.get_or_insert(Asked { at: now, silence });
                }
            }
            Spoken::Messages => self.interval = self.first,
            Spoken::Other => {}
        }
    }

    /// A packet arrived, so long after our last one. `patience`: an answer takes no longer.
    pub(crate) fn on_heard(
        &mut self,
        now: Instant,
        silence: Duration,
        has_messages: bool,
        patience: Duration,
    ) {
        if self.is_fixed {
            return;
        }
        if let Some(asked) = self.asked.take() {
            match now.saturating_duration_since(asked.at) <= patience {
                true => self.on_answered(asked.silence),
                false => self.on_unanswered(asked.silence),
            }
        }
        if self.role == Role::Client && guarding(silence) >= self.least {
            self.interval = guarding(silence).min(self.most);
        }
        if has_messages {
            self.interval = self.first;
        }
    }

    fn on_answered(&mut self, silence: Duration) {
        self.doubt = self.doubt.filter(|doubt| silence < *doubt);
        self.interval = (self.interval * 5 / 4).min(self.most);
    }

    fn on_unanswered(&mut self, silence: Duration) {
        match self.doubt {
            Some(doubt) if silence >= doubt => self.shorten(doubt),
            Some(_) | None => self.doubt = Some(silence),
        }
        self.interval = self.first;
    }

    /// A server's client has another port though nobody moved it.
    pub(crate) fn on_port_changed(&mut self, config: &Config) {
        match self.doubt {
            Some(doubt) => self.shorten(doubt),
            None => self.begin_anew(config),
        }
    }

    /// So long a silence is too long.
    fn shorten(&mut self, silence: Duration) {
        self.most = (silence * 3 / 4).clamp(self.least, self.most);
        self.first = self.first.min(self.most);
        self.interval = self.first;
        self.doubt = None;
    }

    pub(crate) fn audit(&self) -> Checked {
        let dares = |silence| (self.least..=self.most).contains(&silence);
        let is_bounded = dares(self.interval) && dares(self.first);
        holds(9, "a silence within its bounds", is_bounded)
    }
}

/// How long a client waits for a server that breaks silences of this length.
fn guarding(silence: Duration) -> Duration {
    silence.saturating_mul(3) / 2
}

#[cfg(test)]
mod tests;
