//! Other people's traffic on a slow link: datagrams that are not of this world, but take room in its queue and time on its line.
//!
//! Two kinds: **flows** that behave as TCP's Reno does (RFC 5681), each with a window that grows until the queue drops; and a
//! **constant** stream that yields to nobody. What is not of this world arrives nowhere, so it is played only as far as it
//! matters: whenever something of ours comes or leaves, what the others did until then is made up for, in order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tickwire_core::Instant;

use super::rate::{Output, Queue, Rate};

/// Payload of a foreign datagram: 1,500 bytes with the headers.
const FOREIGN_BYTES: usize = 1_500 - 28;
/// Windows count in thousandths of a datagram.
const ONE: u64 = 1_000;
/// What a flow begins with (RFC 6928), and the least it falls to (RFC 5681), in datagrams.
const WINDOW_FIRST: u64 = 10 * ONE;
const WINDOW_MIN: u64 = 2 * ONE;

/// How much other traffic a link has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cross {
    /// How many flows.
    pub(crate) flows: u16,
    /// Their round trip without the queue.
    pub(crate) rtt: Duration,
    /// Bits per second of the constant stream, headers included.
    pub(crate) bits_per_second: u64,
}

/// What takes room in the queue.
#[derive(Debug, PartialEq, Eq)]
enum Load<T> {
    Ours(T),
    /// Of the flow with this number; `None` for the constant stream.
    Foreign(Option<usize>),
}

/// A TCP sender without end, as far as a queue notices.
#[derive(Clone, Copy, Debug)]
struct Flow {
    window: u64,
    threshold: u64,
    in_flight: u64,
    /// Losses until then are of the window that was cut already.
    recovers_until: Instant,
}

/// What happens to the others next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// A flow hears of a datagram: that it arrived, or not.
    Heard { flow: usize, is_lost: bool },
    /// The next datagram of the constant stream is due.
    Constant,
}

/// A queue that is shared with others.
#[derive(Debug)]
pub(crate) struct SharedQueue<T> {
    queue: Queue<Load<T>>,
    cross: Cross,
    flows: Vec<Flow>,
    /// By time and order.
    coming: BTreeMap<(Instant, u64), Happening>,
    planned: u64,
    /// How many of ours are inside.
    ours: usize,
    ready: VecDeque<Output<T>>,
}

impl<T> SharedQueue<T> {
    /// The others begin at `since`.
    pub(crate) fn new(rate: Rate, since: Instant) -> Self {
        let cross = rate.cross();
        let mut queue = Self {
            queue: Queue::new(rate, since),
            cross,
            flows: Vec::new(),
            coming: BTreeMap::new(),
            planned: 0,
            ours: 0,
            ready: VecDeque::new(),
        };
        for flow in 0..usize::from(cross.flows) {
            queue.flows.push(Flow {
                window: WINDOW_FIRST,
                threshold: u64::MAX,
                in_flight: 1,
                recovers_until: Instant::ZERO,
            });
            // Its first acknowledgement; flows begin a millisecond apart.
            let at = since + cross.rtt + Duration::from_millis(flow as u64);
            let heard = Happening::Heard {
                flow,
                is_lost: false,
            };
            queue.plan(at, heard);
        }
        if cross.bits_per_second > 0 {
            queue.plan(since, Happening::Constant);
        }
        queue
    }

    /// Takes an item of `len` bytes, or gives it back if there is no room.
    pub(crate) fn push(&mut self, now: Instant, len: usize, item: T) -> Result<(), T> {
        self.catch_up(now);
        match self.queue.push(now, len, Load::Ours(item)) {
            Ok(()) => {
                self.ours += 1;
                Ok(())
            }
            Err(Load::Ours(item)) => Err(item),
            Err(Load::Foreign(_)) => Ok(()),
        }
    }

    /// Bytes that wait, with headers, the others' too.
    pub(crate) fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// When something leaves next, as long as any of ours waits.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.ready.front() {
            Some(Output::Sent(at, _)) => Some(*at),
            Some(Output::Dropped(_)) => Some(Instant::ZERO),
            None if self.ours == 0 => None,
            None => self.queue.poll_timeout(),
        }
    }

    /// The next of ours that has left, or was dropped, by `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Output<T>> {
        self.catch_up(now);
        self.ready.pop_front()
    }

    /// Empties the queue of ours at once, in order.
    pub(crate) fn clear(self) -> impl Iterator<Item = T> {
        let left = self.ready.into_iter().filter_map(|output| match output {
            Output::Sent(_, item) => Some(item),
            Output::Dropped(_) => None,
        });
        let waiting = self.queue.clear().filter_map(|load| match load {
            Load::Ours(item) => Some(item),
            Load::Foreign(_) => None,
        });
        left.chain(waiting)
    }

    fn plan(&mut self, at: Instant, happening: Happening) {
        self.coming.insert((at, self.planned), happening);
        self.planned += 1;
    }

    /// Plays everything until `now`; what leaves at a time leaves before what comes then.
    fn catch_up(&mut self, now: Instant) {
        loop {
            let leaves = self.queue.poll_timeout().filter(|at| *at <= now);
            let comes = self.coming.first_key_value().map(|((at, _), _)| *at);
            let comes = comes.filter(|at| *at <= now);
            match (leaves, comes) {
                (Some(at), Some(coming)) if coming < at => self.come(),
                (None, Some(_)) => self.come(),
                (Some(at), _) => self.leave(at),
                (None, None) => return,
            }
        }
    }

    fn leave(&mut self, at: Instant) {
        while let Some(output) = self.queue.poll(at) {
            let (load, sent_at) = match output {
                Output::Sent(at, load) => (load, Some(at)),
                Output::Dropped(load) => (load, None),
            };
            match load {
                Load::Ours(item) => {
                    self.ours -= 1;
                    let output = match sent_at {
                        Some(at) => Output::Sent(at, item),
                        None => Output::Dropped(item),
                    };
                    self.ready.push_back(output);
                }
                Load::Foreign(flow) => self.hear_of(flow, at, sent_at.is_none()),
            }
        }
    }

    /// A flow will hear of its datagram a round trip after it left, or was dropped.
    fn hear_of(&mut self, flow: Option<usize>, at: Instant, is_lost: bool) {
        if let Some(flow) = flow {
            self.plan(at + self.cross.rtt, Happening::Heard { flow, is_lost });
        }
    }

    fn come(&mut self) {
        let Some(((now, _), happening)) = self.coming.pop_first() else {
            return;
        };
        match happening {
            Happening::Constant => {
                self.offer(now, None);
                let bits = (FOREIGN_BYTES as u64 + 28) * 8;
                let apart = bits * 1_000_000_000 / self.cross.bits_per_second;
                self.plan(now + Duration::from_nanos(apart), Happening::Constant);
            }
            Happening::Heard { flow, is_lost } => {
                let found = &mut self.flows[flow];
                found.hear(now, self.cross.rtt, is_lost);
                let window = found.window / ONE;
                while self.flows[flow].in_flight < window {
                    self.flows[flow].in_flight += 1;
                    self.offer(now, Some(flow));
                }
            }
        }
    }

    fn offer(&mut self, now: Instant, flow: Option<usize>) {
        if self
            .queue
            .push(now, FOREIGN_BYTES, Load::Foreign(flow))
            .is_err()
        {
            self.hear_of(flow, now, true);
        }
    }
}

impl Flow {
    /// Reno: one datagram more for each that arrives, then one a round trip; half for a loss, once a round trip.
    fn hear(&mut self, now: Instant, rtt: Duration, is_lost: bool) {
        self.in_flight -= 1;
        if is_lost {
            if now >= self.recovers_until {
                self.window = (self.window / 2).max(WINDOW_MIN);
                self.threshold = self.window;
                // Those that were under way when it was cut are heard of by then, if the queue is not longer than the path.
                self.recovers_until = now + rtt * 2;
            }
        } else if self.window < self.threshold {
            self.window += ONE;
        } else {
            self.window += ONE * ONE / self.window;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    /// 10 Mbit/s with a queue of 50: offers 100 of ours of full size each 10 ms, that is as much as the line takes.
    fn offered(cross: Cross) -> (usize, usize, Duration) {
        let rate = Rate::bits_per_second(10_000_000).queue_datagrams(50);
        let mut queue = SharedQueue::new(rate.with_cross(cross), Instant::ZERO);
        let (mut sent, mut refused, mut longest) = (0, 0, Duration::ZERO);
        for millisecond in 0..10_000 {
            let now = Instant::ZERO + ms(millisecond);
            while let Some(Output::Sent(at, since)) = queue.poll(now) {
                sent += 1;
                longest = longest.max(at.saturating_duration_since(since));
            }
            if millisecond % 2 == 0 {
                refused += usize::from(queue.push(now, 1_000, now).is_err());
            }
        }
        (sent, refused, longest)
    }

    #[test]
    fn a_queue_of_ones_own_is_not_disturbed() {
        let (sent, refused, longest) = offered(Cross::default());
        assert_eq!((sent, refused), (5_000, 0));
        assert!(longest < ms(1), "{longest:?}");
    }

    #[test]
    fn flows_fill_the_queue_and_take_turns_in_losing() {
        let cross = Cross {
            flows: 2,
            rtt: ms(30),
            bits_per_second: 0,
        };
        let (sent, refused, longest) = offered(cross);
        // 4 Mbit/s of ours: the others take what is left, and fill the queue of 60 ms.
        assert!((50..1_500).contains(&refused), "{refused}");
        assert!(sent + refused >= 4_940, "{sent} {refused}");
        assert!((ms(40)..ms(70)).contains(&longest), "{longest:?}");
    }

    #[test]
    fn a_constant_stream_yields_to_nobody() {
        let cross = Cross {
            flows: 0,
            rtt: ms(30),
            bits_per_second: 12_000_000,
        };
        let (_, refused, longest) = offered(cross);
        assert!(refused > 1_000, "{refused}");
        assert!(longest > ms(40), "{longest:?}");
        let (_, refused, _) = offered(Cross {
            bits_per_second: 5_000_000,
            ..cross
        });
        assert_eq!(refused, 0, "there is room for both");
    }

    #[test]
    fn nothing_is_to_be_done_while_nothing_of_ours_waits() {
        let rate = Rate::bits_per_second(1_000_000).with_cross(Cross {
            flows: 1,
            rtt: ms(30),
            bits_per_second: 100_000,
        });
        let mut queue = SharedQueue::new(rate, Instant::ZERO);
        assert_eq!(queue.poll(Instant::ZERO + ms(5_000)), None);
        assert_eq!(queue.poll_timeout(), None);
        queue
            .push(Instant::ZERO + ms(5_000), 100, 7)
            .expect("the queue has room");
        let mut at = Instant::ZERO;
        while let Some(due) = queue.poll_timeout() {
            at = due;
            if let Some(output) = queue.poll(due) {
                assert!(matches!(output, Output::Sent(_, 7)));
                break;
            }
        }
        assert!(at > Instant::ZERO + ms(5_000), "it waited for the others");
        assert_eq!(queue.poll_timeout(), None);
    }
}
