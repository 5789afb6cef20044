//! The default: fills the path, but not its queue, since state waits in the same queue.
//!
//! The idea is old: what the round trip has above the least seen is time in queues, and that times the rate is how much of
//! ours lies there. FAST TCP (Wei, Jin, Low, Hegde, IEEE/ACM ToN 2006) moves the window until that much is a set amount;
//! its flows are fair to each other and keep the path full. Here the amount is the square root of the window in
//! datagrams, so that it is small on slow paths and still noticed on fast ones. Why this and not another, and what was
//! measured: docs/decisions/0012-congestion.md.
//!
//! - *Round trip*: the least of the latest one ("standing", Copa, NSDI 2018, section 2.1), so that jitter of single packets
//!   is not taken for a queue. The least ever is forgotten after 10 to 20 s; before that the window rests at two
//!   thirds for a moment, so that it can be seen again (LEDBAT++, draft-irtf-iccrg-ledbat-plus-plus section 4.4).
//! - *Start*: doubles each round trip, paced at twice the window, so that each round trip's packets are a train faster than the
//!   average. Where the train is slowed its spacing tells the rate of the path (`HyStart`, Ha and Rhee, 2011), half a
//!   round trip before the queue would stand.
//! - *Loss* without delay is taken for chance and changes nothing, up to one packet in eight; beyond that, not more is
//!   sent than a quarter above what arrived lately.
//! - *Marks* are no chance: a queue that marks (RFC 3168) is longer than its owner wants, and says so before the round trip does.
//!   The window falls to 0.85 (RFC 8511 section 3.1), in each mode.
//! - *Company*: flows that fill the queue would starve a flow that does not. If the queue stands for many round trips
//!   although this flow gave way, it does as Reno does (RFC 5681) until the queue is seen empty (Copa section 2.2).

use alloc::vec::Vec;

use super::{AckedPacket, Controller, Progress, initial_window};
use crate::saved::{Saved, saved};
use crate::wire::DATAGRAM_BASE;

mod delay;

use self::delay::{Delays, Train};

/// The first of these is only what is left of the round trip in which it began.
const REST_ROUNDS: u32 = 2;
/// What the latest round trip tells of the queue is of the rest still.
const QUIET_ROUNDS: u32 = 2;
/// Round trips for which the queue must stand before company is believed.
const SQUEEZED_ROUNDS: u32 = 8;
/// Loss above this is not chance: an eighth.
const CHANCE_PERMILLE: u64 = 125;
/// Rounds that the best rate is remembered for, at least; twice that at most.
const RATE_ROUNDS: u32 = 8;
/// Jitter is not taken for a queue below this.
const HURRIED_US: u64 = 2_000;
/// Round trips are not believed to be longer.
const ROUND_TRIP_MAX_US: u64 = 10_000_000;
/// No window is larger, so that sums of them fit.
const WINDOW_MAX: u64 = 1 << 40;

/// What it does about the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Doubles, up to `cap`, which is what the path is believed to hold.
    Start { cap: u64 },
    /// Keeps a little in the queue.
    Calm,
    /// Gives as good as it gets.
    Compete,
}

saved!(enum Mode { 0 = Start { cap }, 1 = Calm, 2 = Compete });

/// See the module.
#[derive(Debug)]
pub(crate) struct Game {
    /// What is kept in the queue and what leaves at once is counted in datagrams of this size, however long they are later: longer
    /// ones are no reason for a longer queue.
    datagram_size: u64,
    window_min: u64,
    window: u64,
    mode: Mode,
    delays: Delays,
    train: Option<Train>,
    /// Bytes that the window has earned, in bytes times window; what it owes is taken at once.
    credit: u64,
    /// Round trips without a queue, in a row.
    calm_rounds: u32,
    /// Round trips with a queue that is not ours, in a row, and the window when they began.
    squeezed_rounds: u32,
    squeezed_from: u64,
    /// The best rate of these and of the `RATE_ROUNDS` before, in bytes a second.
    rate: u64,
    rate_before: u64,
    rate_rounds: u32,
    /// Of this round.
    acked_bytes: u64,
    lost_bytes: u64,
    /// Smoothed over four rounds.
    loss_permille: u64,
    /// What arrived since the latest progress of packets that say something about the window.
    useful_bytes: u64,
    /// Rounds for which the window rests at two thirds, and `QUIET_ROUNDS` more in which it does not grow.
    rest: u32,
}

saved!(Game {
    datagram_size,
    window_min,
    window,
    mode,
    delays,
    train,
    credit,
    calm_rounds,
    squeezed_rounds,
    squeezed_from,
    rate,
    rate_before,
    rate_rounds,
    acked_bytes,
    lost_bytes,
    loss_permille,
    useful_bytes,
    rest
});

impl Game {
    /// Names it in a checkpoint.
    pub(super) const CODE: u8 = 3;

    pub(crate) fn new(datagram_size: u64) -> Self {
        Self {
            datagram_size: datagram_size.min(DATAGRAM_BASE as u64),
            window_min: 2 * datagram_size,
            window: initial_window(datagram_size),
            mode: Mode::Start { cap: WINDOW_MAX },
            delays: Delays::new(),
            train: None,
            credit: 0,
            calm_rounds: 0,
            squeezed_rounds: 0,
            squeezed_from: 0,
            rate: 0,
            rate_before: 0,
            rate_rounds: 0,
            acked_bytes: 0,
            lost_bytes: 0,
            loss_permille: 0,
            useful_bytes: 0,
            rest: 0,
        }
    }

    fn set_window(&mut self, window: u64) {
        self.window = window.clamp(self.window_min, WINDOW_MAX);
    }

    /// What may lie in the queue, in bytes: as many datagrams as the square root of the window has.
    fn share(&self) -> u64 {
        (self.window / self.datagram_size).isqrt().max(1) * self.datagram_size
    }

    /// The queue that flows like this one make together, in microseconds: each share over each rate is the same.
    fn usual_us(&self) -> u64 {
        scale(self.delays.base_us(), self.share(), self.window)
    }

    /// A queue longer than this is not ours.
    fn foreign_us(&self) -> u64 {
        let base_us = self.delays.base_us();
        (2 * self.usual_us() + 3_000).min(base_us / 4 + 6_000)
    }

    /// What the path holds at this rate without a queue.
    fn held(&self, bytes_per_second: u64) -> u64 {
        scale(bytes_per_second, self.delays.base_us(), 1_000_000)
    }

    fn best_rate(&self) -> u64 {
        self.rate.max(self.rate_before)
    }

    fn on_round(&mut self) {
        self.judge_loss();
        self.rate_rounds += 1;
        if self.rate_rounds >= RATE_ROUNDS {
            self.rate_before = self.rate;
            self.rate = 0;
            self.rate_rounds = 0;
        }
        let queue_us = self.delays.queue_us();
        self.calm_rounds = match 2 * queue_us < self.usual_us() {
            true => self.calm_rounds.saturating_add(1),
            false => 0,
        };
        self.judge_company(queue_us);
        self.train = None;
        if self.rest > 0 {
            // A queue that is empty because we rest invites nobody.
            self.calm_rounds = 0;
            self.rest -= 1;
        }
    }

    /// Loss beyond chance: not more is sent than a quarter above what arrives.
    fn judge_loss(&mut self) {
        let total = self.acked_bytes + self.lost_bytes;
        if total == 0 {
            return;
        }
        let permille = scale(self.lost_bytes, 1_000, total);
        self.loss_permille = (3 * self.loss_permille + permille) / 4;
        (self.acked_bytes, self.lost_bytes) = (0, 0);
        if self.loss_permille > CHANCE_PERMILLE {
            let held = self.held(self.best_rate());
            self.set_window(self.window.min(held + held / 4 + self.share()));
            self.leave_start();
        }
    }

    fn judge_company(&mut self, queue_us: u64) {
        match self.mode {
            Mode::Start { .. } => {}
            Mode::Calm if queue_us > self.foreign_us() => {
                if self.squeezed_rounds == 0 {
                    self.squeezed_from = self.window;
                }
                self.squeezed_rounds += 1;
                if self.squeezed_rounds >= SQUEEZED_ROUNDS {
                    self.mode = Mode::Compete;
                    self.squeezed_rounds = 0;
                    self.set_window(self.window.max(self.squeezed_from));
                }
            }
            Mode::Calm => self.squeezed_rounds = 0,
            Mode::Compete => {}
        }
    }

    const fn leave_start(&mut self) {
        if let Mode::Start { .. } = self.mode {
            self.mode = Mode::Calm;
            self.train = None;
        }
    }

    /// Doubling, until the window is what the train says that the path holds, or a queue stands.
    fn start(&mut self, progress: &Progress, cap: u64) {
        let mut cap = cap;
        if let Some(round_trip_us) = progress.round_trip_us {
            let slowed_us = (self.delays.base_us() / 16).max(3_000);
            let train = self
                .train
                .get_or_insert(Train::new(progress.now, round_trip_us));
            if let Some(rate) =
                train.rate(progress.now, round_trip_us, progress.acked_bytes, slowed_us)
            {
                cap = self.held(rate) + self.share();
            }
            if self.delays.queue_us() > slowed_us {
                let ours = self.delays.without_queue(progress.sent_in_flight);
                cap = cap.min(ours.max(self.held(self.best_rate())) + self.share());
            }
        }
        let cap = cap.max(initial_window(self.datagram_size));
        self.mode = Mode::Start { cap };
        // What the train told is worth more than doubling.
        let gain = if cap < WINDOW_MAX { 2 } else { 1 };
        self.set_window((self.window + gain * self.useful_bytes).min(cap));
        if self.window >= cap {
            self.leave_start();
        }
    }

    /// The window moves, in a round trip, by half of what is missing or too much in the queue; ever faster while nothing
    /// is seen there.
    fn keep_share(&mut self, progress: &Progress) {
        let (sent_in_flight, acked_bytes) = (progress.sent_in_flight, progress.acked_bytes);
        let share = self.share();
        if self.calm_rounds > 1 && self.has_hurried(progress) {
            self.calm_rounds = 0;
            let held = self.delays.without_latest(sent_in_flight);
            self.set_window(self.window.min(held + share));
            return;
        }
        let ours = sent_in_flight.saturating_sub(self.delays.without_queue(sent_in_flight));
        if ours > share {
            let excess = (ours - share) / 2;
            let cut = scale(excess, acked_bytes.min(self.window), self.window);
            self.set_window(self.window.saturating_sub(cut));
            return;
        }
        let step = (share - ours) / 2;
        let faster = step << self.calm_rounds.saturating_sub(1).min(8);
        let step = faster.min((self.window / 4).max(step));
        self.grow(step);
    }

    /// It grew faster and faster, and the latest packet met a queue. The standing one would tell half a round trip later.
    fn has_hurried(&self, progress: &Progress) -> bool {
        progress.round_trip_us.is_some()
            && self.delays.latest_queue_us() > self.usual_us() + HURRIED_US
    }

    /// Grows by `step` bytes for each window that arrives.
    fn grow(&mut self, step: u64) {
        let sum = u128::from(step) * u128::from(self.useful_bytes) + u128::from(self.credit);
        let window = u128::from(self.window);
        self.credit = (sum % window) as u64;
        self.set_window(self.window.saturating_add((sum / window) as u64));
    }

    const fn is_resting(&self) -> bool {
        self.rest > QUIET_ROUNDS
    }
}

impl Controller for Game {
    fn on_acked(&mut self, packet: &AckedPacket) {
        if !packet.is_app_limited {
            self.useful_bytes = self.useful_bytes.saturating_add(packet.bytes);
        }
    }

    fn on_progress(&mut self, progress: &Progress) {
        self.acked_bytes = self.acked_bytes.saturating_add(progress.acked_bytes);
        self.lost_bytes = self.lost_bytes.saturating_add(progress.lost_bytes);
        if let Some(rate) = progress.rate
            && (!rate.is_app_limited || rate.bytes_per_second > self.best_rate())
        {
            self.rate = self.rate.max(rate.bytes_per_second);
        }
        if let Some(round_trip_us) = progress.round_trip_us {
            let must_rest = self
                .delays
                .on_sample(progress.now, round_trip_us.min(ROUND_TRIP_MAX_US));
            if must_rest && self.rest == 0 && self.mode != (Mode::Start { cap: WINDOW_MAX }) {
                self.rest = REST_ROUNDS + QUIET_ROUNDS;
            }
        }
        if progress.is_round_start {
            self.on_round();
        }
        if self.mode == Mode::Compete && self.delays.queue_us() < self.delays.base_us() / 8 {
            self.mode = Mode::Calm;
        }
        match self.mode {
            _ if !self.delays.is_measured() || self.rest > 0 => {}
            Mode::Start { cap } => self.start(progress, cap),
            Mode::Calm => self.keep_share(progress),
            Mode::Compete => self.grow(self.datagram_size),
        }
        self.useful_bytes = 0;
    }

    fn on_congestion_event(&mut self) {
        // In a queue that others fill a loss is no chance.
        if self.mode == Mode::Compete {
            self.set_window(self.window / 2);
        }
    }

    fn on_marked(&mut self) {
        let mut window = self.window / 20 * 17;
        if let Mode::Start { .. } = self.mode {
            // It may have grown beyond what the path holds by up to a half.
            let held = self.held(self.best_rate()) + self.share();
            window = window.min(held.max(initial_window(self.datagram_size)));
        }
        self.leave_start();
        self.calm_rounds = 0;
        self.set_window(window);
    }

    fn on_persistent_congestion(&mut self) {
        self.mode = Mode::Start {
            cap: self.window.max(initial_window(self.datagram_size)),
        };
        self.train = None;
        self.squeezed_rounds = 0;
        self.rest = 0;
        self.set_window(0);
    }

    fn on_datagram_size(&mut self, bytes: u64) {
        self.window_min = 2 * bytes;
        self.set_window(self.window);
    }

    fn take_over(&mut self, window: u64) {
        self.set_window(window);
        self.leave_start();
    }

    fn window(&self) -> u64 {
        match self.is_resting() {
            true => (self.window / 3 * 2).max(self.window_min),
            false => self.window,
        }
    }

    fn pacing_rate(&self) -> Option<u64> {
        if !self.delays.is_measured() {
            return None;
        }
        let quarters = match self.mode {
            Mode::Start { .. } => 8,
            Mode::Calm | Mode::Compete => 5,
        };
        let per_round_trip = self.window() * quarters / 4;
        Some(scale(per_round_trip, 1_000_000, self.delays.smoothed_us()).max(1))
    }

    /// A train at the start; then what two milliseconds take, since drivers wake no finer.
    fn burst(&self) -> Option<u64> {
        let datagrams = match self.mode {
            Mode::Start { .. } => 10,
            Mode::Calm | Mode::Compete => 4,
        };
        let wakes = scale(self.pacing_rate()?, 2, 1_000);
        Some(wakes.max(datagrams * self.datagram_size))
    }

    fn save(&self, out: &mut Vec<u8>) {
        out.push(Self::CODE);
        Saved::save(self, out);
    }
}

/// `value * num / den`, rounded down.
fn scale(value: u64, num: u64, den: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(num) / u128::from(den.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX).min(WINDOW_MAX)
}

#[cfg(test)]
mod tests;
