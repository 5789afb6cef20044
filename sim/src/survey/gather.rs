//! From what one endpoint saw to what became of each datagram.

use std::collections::BTreeMap;
use std::time::Duration;

use tickwire_core::record::{Flaw, RedactedRecord, Sight};
use tickwire_core::{Ecn, Instant};

use super::{Crossing, Outcome, PeerSurvey, Side, Survey, Way};

/// To so many bytes a HELLO is padded (docs/PROTOCOL.md).
const HELLO_LEN_MIN: u64 = 548;

/// A number that jumps further is no loss but another beginning.
const GAP_MAX: u64 = 65_536;

/// Neither is one that leaves more missing than so many for each that arrived: what a recording takes here is in proportion to what
/// it tells.
const MISSING_PER_ARRIVED: u64 = 64;

/// What was under way when the recording began had been sent before: so long at most.
const BEFORE: Duration = Duration::from_secs(3_600);

/// A packet that is not acknowledged was lost once one sent so many later is.
const OVERTAKEN_BY: u64 = 3;

pub(super) fn survey(began_at: Instant, records: impl Iterator<Item = RedactedRecord>) -> Survey {
    let mut peers: BTreeMap<u32, Seen> = BTreeMap::new();
    let mut ended_at = began_at;
    for record in records {
        ended_at = record.at;
        if record.peer > 0 {
            let age = record.at.saturating_duration_since(began_at);
            peers.entry(record.peer).or_default().see(age, record.sight);
        }
    }
    let peers = peers.into_iter().map(|(peer, seen)| seen.survey(peer));
    Survey {
        began_at,
        ended_at,
        peers: peers.collect(),
    }
}

/// What was seen of one peer.
#[derive(Debug, Default)]
struct Seen {
    /// Whether anything was, and what the first of it says of who dialled.
    is_known: bool,
    recorded_by: Option<Side>,
    sent: Vec<Sent>,
    /// Place in `sent` by packet number.
    places: BTreeMap<u64, usize>,
    largest_acked: Option<u64>,
    /// Datagrams of handshakes, in the order of arrival: what has no number.
    greetings: Vec<Arrived>,
    /// By packet number.
    arrived: BTreeMap<u64, Arrived>,
    latest_arrived: Option<u64>,
    round_trips: Vec<Duration>,
    repeated: u64,
    forged: u64,
    congestion_marks: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Duration,
    number: Option<u64>,
    len: u64,
    is_acked: bool,
    is_lost: bool,
    half: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Arrived {
    at: Duration,
    len: u64,
    half: Option<Duration>,
}

impl Seen {
    fn see(&mut self, at: Duration, sight: Sight) {
        if !std::mem::replace(&mut self.is_known, true) {
            self.recorded_by = side(sight);
        }
        match sight {
            Sight::Sent { number, len } => {
                if let Some(number) = number {
                    self.places.insert(number, self.sent.len());
                }
                self.sent.push(Sent {
                    at,
                    number,
                    len,
                    is_acked: false,
                    is_lost: false,
                    half: None,
                });
            }
            Sight::Arrived {
                number,
                len,
                ecn,
                flaw,
            } => {
                self.congestion_marks += u64::from(ecn == Some(Ecn::Ce));
                self.on_arrived(at, number, len, flaw);
            }
            Sight::Acknowledged {
                first,
                last,
                round_trip,
            } => self.on_acknowledged(first, last, round_trip),
            Sight::Lost { number, .. } => {
                if let Some(place) = self.places.get(&number) {
                    self.sent[*place].is_lost = true;
                }
            }
            Sight::Stands { .. } | Sight::End { .. } => {}
        }
    }

    fn on_arrived(&mut self, at: Duration, number: Option<u64>, len: u64, flaw: Option<Flaw>) {
        let half = None;
        self.latest_arrived = number;
        match (number, flaw) {
            (Some(number), _) => {
                self.arrived.insert(number, Arrived { at, len, half });
            }
            (None, None) => self.greetings.push(Arrived { at, len, half }),
            (None, Some(Flaw::Repeated)) => self.repeated += 1,
            (None, Some(Flaw::Forged)) => self.forged += 1,
        }
    }

    /// The datagram that brought it is the latest that arrived.
    fn on_acknowledged(&mut self, first: u64, last: u64, round_trip: Option<Duration>) {
        self.largest_acked = self.largest_acked.max(Some(last));
        for (_, place) in self.places.range(first..=last) {
            self.sent[*place].is_acked = true;
        }
        let Some(round_trip) = round_trip else {
            return;
        };
        self.round_trips.push(round_trip);
        let half = Some(round_trip / 2);
        if let Some(place) = self.places.get(&last) {
            self.sent[*place].half = half;
        }
        let brought_by = self
            .latest_arrived
            .and_then(|number| self.arrived.get_mut(&number));
        if let Some(arrived) = brought_by {
            arrived.half = half;
        }
    }

    fn survey(self, peer: u32) -> PeerSurvey {
        PeerSurvey {
            peer,
            recorded_by: self.recorded_by,
            to_peer: self.way_out(),
            from_peer: self.way_back(),
            round_trips: self.round_trips,
            repeated: self.repeated,
            forged: self.forged,
            congestion_marks: self.congestion_marks,
        }
    }

    fn way_out(&self) -> Way {
        let points = self.sent.iter().map(|sent| (sent.at, sent.half));
        let delays = fill(&points.collect::<Vec<_>>());
        let crossings = self.sent.iter().zip(delays).map(|(sent, delay)| Crossing {
            sent: sent.at,
            number: sent.number,
            len: Some(sent.len),
            fate: self.fate(sent),
            delay,
            is_measured: sent.half.is_some(),
            is_overtaken: false,
        });
        Way {
            crossings: crossings.collect(),
        }
    }

    fn fate(&self, sent: &Sent) -> Outcome {
        let is_passed_over = match (sent.number, self.largest_acked) {
            (Some(number), Some(largest)) => number + OVERTAKEN_BY <= largest,
            _ => false,
        };
        match (sent.is_acked, sent.is_lost || is_passed_over) {
            (true, _) => Outcome::Arrived,
            (false, true) => Outcome::Lost,
            (false, false) => Outcome::Unknown,
        }
    }

    /// In the order of the numbers, with a place for each one that is missing. What has no number goes before the
    /// packets that arrived after it.
    fn way_back(&self) -> Way {
        let mut rows: Vec<(Option<u64>, Option<Arrived>)> = Vec::new();
        let mut greetings = self.greetings.iter().copied().peekable();
        let mut expected = None;
        let mut room = 0;
        for (number, arrived) in &self.arrived {
            room += MISSING_PER_ARRIVED;
            while let Some(greeting) = greetings.next_if(|greeting| greeting.at <= arrived.at) {
                rows.push((None, Some(greeting)));
            }
            let missing = expected.unwrap_or(*number)..*number;
            let count = missing.end - missing.start;
            if count <= room.min(GAP_MAX) {
                room -= count;
                rows.extend(missing.map(|number| (Some(number), None)));
            }
            rows.push((Some(*number), Some(*arrived)));
            expected = Some(number + 1);
        }
        rows.extend(greetings.map(|greeting| (None, Some(greeting))));
        crossings(&rows)
    }
}

/// Who is at the end whose first sight of the peer this is. A client's is the HELLO that it sent, which is padded; a server's is
/// the WELCOME that it sent, which is short: a HELLO that arrives is of no peer yet.
const fn side(first: Sight) -> Option<Side> {
    let Sight::Sent { number: None, len } = first else {
        return None;
    };
    Some(match len >= HELLO_LEN_MIN {
        true => Side::Client,
        false => Side::Server,
    })
}

/// What was sent when, so that it arrived when it did: nothing was sent after what has a larger number.
fn crossings(rows: &[(Option<u64>, Option<Arrived>)]) -> Way {
    let arrivals: Vec<Arrived> = rows.iter().filter_map(|(_, arrived)| *arrived).collect();
    let points = arrivals.iter().map(|arrived| (arrived.at, arrived.half));
    let mut delays = fill(&points.collect::<Vec<_>>()).into_iter().rev();
    let (mut latest_sent, mut first_arrival) = (Duration::MAX, Duration::MAX);
    let mut crossings = Vec::new();
    for (number, arrived) in rows.iter().rev() {
        let Some(arrived) = arrived else {
            crossings.push(lost(*number));
            continue;
        };
        let delay = delays.next().unwrap_or_default();
        let arrived_at = arrived.at + BEFORE;
        let sent = arrived_at.saturating_sub(delay).min(latest_sent);
        crossings.push(Crossing {
            sent: sent.saturating_sub(BEFORE),
            number: *number,
            len: Some(arrived.len),
            fate: Outcome::Arrived,
            delay: arrived_at - sent,
            is_measured: arrived.half.is_some(),
            is_overtaken: arrived.at > first_arrival,
        });
        latest_sent = sent;
        first_arrival = first_arrival.min(arrived.at);
    }
    crossings.reverse();
    place_lost(&mut crossings);
    Way { crossings }
}

const fn lost(number: Option<u64>) -> Crossing {
    Crossing {
        sent: Duration::ZERO,
        number,
        len: None,
        fate: Outcome::Lost,
        delay: Duration::ZERO,
        is_measured: false,
        is_overtaken: false,
    }
}

/// What was lost was sent between what was not: in the peer's usual steps if they fit, else at equal distances. A row of losses
/// has an arrival before and behind it.
fn place_lost(crossings: &mut [Crossing]) {
    let usual = usual_step(crossings);
    let mut at = 0;
    while at < crossings.len() {
        let run = crossings[at..]
            .iter()
            .take_while(|c| c.fate == Outcome::Lost);
        let run = run.count();
        if run > 0 && at > 0 && at + run < crossings.len() {
            let (before, behind) = (crossings[at - 1], crossings[at + run]);
            let gap = behind.sent.saturating_sub(before.sent);
            let fits = usual * (run as u32) < gap;
            let step = if fits { usual } else { gap / (run as u32 + 1) };
            for (nth, crossing) in (1..).zip(&mut crossings[at..at + run]) {
                crossing.sent = before.sent + step * nth;
                crossing.delay = before.delay;
            }
        }
        at += run.max(1);
    }
}

/// The median of the times between two datagrams that arrived and followed each other.
fn usual_step(crossings: &[Crossing]) -> Duration {
    let pairs = crossings.windows(2);
    let arrived = pairs.filter(|pair| pair.iter().all(|c| c.fate == Outcome::Arrived));
    let mut steps: Vec<Duration> = arrived
        .map(|pair| pair[1].sent.saturating_sub(pair[0].sent))
        .collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or_default()
}

/// A time for each point: its own, or on the straight line between the nearest two that have one, or that of the nearest
/// at the ends; nothing if none has one.
fn fill(points: &[(Duration, Option<Duration>)]) -> Vec<Duration> {
    let known: Vec<(Duration, Duration)> = points
        .iter()
        .filter_map(|(at, time)| Some((*at, (*time)?)))
        .collect();
    let mut next = 0_usize;
    let mut filled = Vec::with_capacity(points.len());
    for (at, own) in points {
        if let Some(own) = own {
            filled.push(*own);
            next += 1;
            continue;
        }
        filled.push(
            match (next.checked_sub(1).map(|i| known[i]), known.get(next)) {
                (Some(before), Some(behind)) => between(before, *behind, *at),
                (Some((_, time)), None) => time,
                (None, Some((_, time))) => *time,
                (None, None) => Duration::ZERO,
            },
        );
    }
    filled
}

fn between(before: (Duration, Duration), behind: (Duration, Duration), at: Duration) -> Duration {
    let span = behind.0.saturating_sub(before.0).as_nanos();
    let part = at.saturating_sub(before.0).as_nanos().min(span);
    if span == 0 {
        return before.1;
    }
    let (from, to) = (before.1.as_nanos(), behind.1.as_nanos());
    let nanos = (from * (span - part) + to * part) / span;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    /// Arrivals with these numbers, and how many crossings they make.
    fn crossings_of(numbers: impl IntoIterator<Item = u64>) -> usize {
        let mut seen = Seen::default();
        for number in numbers {
            seen.on_arrived(ms(number), Some(number), 50, None);
        }
        seen.way_back().crossings.len()
    }

    #[test]
    fn gaps_are_losses_as_far_as_enough_arrived() {
        assert_eq!(crossings_of([5, 7, 8]), 4);
        assert_eq!(crossings_of((0..99).chain([5_000])), 5_001);
        // Beyond that they are another beginning, as is whatever is beyond the largest gap.
        assert_eq!(crossings_of([0, 1_000, 2_000, 3_000]), 4);
        assert_eq!(crossings_of((0..2_000).chain([90_000])), 2_001);
        let far_apart = (0..1_000).map(|number| number * 60_000);
        assert!(crossings_of(far_apart) <= 65 * 1_000);
    }
}
