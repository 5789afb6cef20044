//! A survey as links: other datagrams meet what those met that were recorded.

use std::time::Duration;

use super::{Crossing, Outcome, PeerSurvey, Way};
use crate::link::Link;
use crate::link::recorded::Conditions;
use crate::ms;

/// A loss tells of so much time before and after it, unless what is next to it was lost too.
const LOSS_REACH: Duration = ms(50);

/// A path between two ends, as it was for the time of a recording, and then again from the beginning.
///
/// What is sent through a link of it meets what the datagram met that was sent nearest to that time: it is lost, or takes as
/// long. Datagrams that were sent at one moment are met one after the other. Both ways keep in step: an outage of both is
/// one again. What is not in a survey (duplicates, damage, what the load of then caused) is not in a path either: damaged
/// datagrams are lost, and time in queues is time like any other.
///
/// ```
/// # use tickwire_sim::{Link, Pair, Survey, RedactedRecording, ms};
/// # let mut pair = Pair::new(7);
/// # pair.world.record_redacted(pair.client);
/// # let mut pair = pair.link(Link::new().latency(ms(25))).connect();
/// # for _ in 0..60 { let _ = (pair.send_to_server(0, b"x"), pair.send_to_client(0, b"x")); pair.run_for(ms(16)); }
/// # let recorded = pair.world.end_redacted(pair.client);
/// let survey = Survey::of(&RedactedRecording::read(recorded)?);
/// let path = survey.busiest().and_then(|peer| peer.path()).expect("they talked");
/// assert_eq!(path.round_trip_min.as_millis(), 50);
/// let mut pair = Pair::new(8).link_to_server(path.to_peer).link_to_client(path.from_peer);
/// # let _ = pair;
/// # Ok::<(), tickwire_sim::RecordingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Path {
    /// From the end that recorded to the peer.
    pub to_peer: Link,
    /// From the peer.
    pub from_peer: Link,
    /// Time in the recording that is the beginning of the links.
    pub begins: Duration,
    /// After this they begin again.
    pub length: Duration,
    /// Datagrams to the peer of which one knows what became of them.
    pub to_peer_datagrams: u64,
    /// Of these, lost ones.
    pub to_peer_lost: u64,
    /// Datagrams from the peer.
    pub from_peer_datagrams: u64,
    /// Of these, lost ones.
    pub from_peer_lost: u64,
    /// The fastest round trip.
    pub round_trip_min: Duration,
}

impl PeerSurvey {
    /// The path to this peer; none if no round trip was measured, or if nothing is known of one way.
    #[must_use]
    pub fn path(&self) -> Option<Path> {
        let round_trip_min = self.round_trips.iter().min().copied()?;
        let (to, from) = (told(&self.to_peer), told(&self.from_peer));
        let begins = to.first()?.sent.min(from.first()?.sent);
        let ends = to.last()?.sent.max(from.last()?.sent);
        // The last rows hold as long as one does on average.
        let gaps = u32::try_from(to.len().max(from.len()) - 1).unwrap_or(u32::MAX);
        let span = ends - begins;
        let length = span + (span / gaps.max(1)).max(ms(1));
        let base = round_trip_min / 2;
        let link = |told: &[Crossing]| {
            let above = conditions(told, base, begins, length);
            Link::new().latency(base).conditions(above)
        };
        let lost =
            |told: &[Crossing]| told.iter().filter(|crossing| is_lost(crossing)).count() as u64;
        Some(Path {
            to_peer: link(&to),
            from_peer: link(&from),
            begins,
            length,
            to_peer_datagrams: to.len() as u64,
            to_peer_lost: lost(&to),
            from_peer_datagrams: from.len() as u64,
            from_peer_lost: lost(&from),
            round_trip_min,
        })
    }
}

/// The datagrams of which one knows what became of them.
fn told(way: &Way) -> Vec<Crossing> {
    let crossings = way.crossings.iter().copied();
    crossings
        .filter(|crossing| crossing.fate != Outcome::Unknown)
        .collect()
}

fn is_lost(crossing: &Crossing) -> bool {
    crossing.fate == Outcome::Lost
}

/// Losses, and what it took above `base`.
fn conditions(told: &[Crossing], base: Duration, begins: Duration, length: Duration) -> Conditions {
    let mut rows: Vec<(Duration, Option<Duration>)> = Vec::with_capacity(told.len());
    let mut before: Option<&Crossing> = None;
    for crossing in told {
        let delay = (!is_lost(crossing)).then(|| crossing.delay.saturating_sub(base));
        let since = match (before, rows.last()) {
            (Some(before), Some((since, _))) if before.sent == crossing.sent => *since,
            (Some(before), Some(_)) => border(before, crossing) - begins,
            _ => crossing.sent - begins,
        };
        rows.push((since, delay));
        before = Some(crossing);
    }
    Conditions::of_rows(rows, length)
}

/// From when on what is sent rather meets what `next` met.
fn border(before: &Crossing, next: &Crossing) -> Duration {
    let middle = before.sent + next.sent.saturating_sub(before.sent) / 2;
    match (is_lost(before), is_lost(next)) {
        (true, false) => middle.min(before.sent + LOSS_REACH),
        (false, true) => middle.max(next.sent.saturating_sub(LOSS_REACH)),
        _ => middle,
    }
}

#[cfg(test)]
mod tests;
