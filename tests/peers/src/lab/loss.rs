//! What chance takes from a link.

use super::Micros;
use super::rng::Rng;

/// Parts in a million.
const ALL: u64 = 1_000_000;

/// How datagrams are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    None,
    /// Each on its own, this many in a hundred.
    Percent(u64),
    /// Gilbert-Elliott in time: the link is dead this many percent of the time, in stretches of this mean.
    Bursts {
        percent: u64,
        mean_ms: u64,
    },
    /// Dead for `off`, after it has worked for `on`, again and again.
    Outages {
        on: Micros,
        off: Micros,
    },
}

/// Its state.
#[derive(Debug)]
pub(crate) struct LossState {
    loss: Loss,
    rng: Rng,
    is_dead: bool,
    /// The millisecond until which the stretches are drawn.
    drawn_ms: u64,
}

impl LossState {
    pub(crate) fn new(loss: &Loss, rng: Rng) -> Self {
        Self {
            loss: loss.clone(),
            rng,
            is_dead: false,
            drawn_ms: 0,
        }
    }

    /// Whether a datagram that passes now is lost.
    pub(crate) fn takes(&mut self, now: Micros) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Percent(percent) => self.rng.hits(percent * ALL / 100),
            Loss::Bursts { percent, mean_ms } => self.is_dead_at(now / 1_000, percent, mean_ms),
            Loss::Outages { on, off } => now % (on + off) >= on,
        }
    }

    /// A step of the two-state chain for each millisecond: both kinds of stretches are geometric, with means in the
    /// proportion of the shares.
    fn is_dead_at(&mut self, now_ms: u64, percent: u64, mean_ms: u64) -> bool {
        let leave_dead = ALL / mean_ms;
        let leave_alive = leave_dead * percent / (100 - percent);
        while self.drawn_ms < now_ms {
            self.drawn_ms += 1;
            let leave = if self.is_dead {
                leave_dead
            } else {
                leave_alive
            };
            self.is_dead ^= self.rng.hits(leave);
        }
        self.is_dead
    }
}
