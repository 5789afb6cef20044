//! Which datagrams a page shows when there are more than it can.
//!
//! A ladder tells something only where nothing is missing. So each two hosts get their share of the page, the run is
//! cut into [`SLICES`] of equal length, and of each slice as many datagrams as its share has room for are kept from its
//! beginning on. What one does not need, the others get. Between the pieces there are [`Gap`]s that the page shows.

use std::collections::BTreeMap;

use tickwire_core::Instant;

use crate::capture::{Capture, CapturedDatagram};

/// Datagrams in a page, at most: browsers stay quick, and the page below 10 MB.
pub const DATAGRAMS_MAX: usize = 60_000;
/// Pieces that a run is shown in, if it cannot be shown whole.
const SLICES: usize = 24;

/// Two hosts by their numbers, the lower one first; or one and -1 for whoever is elsewhere.
pub(super) type Between = (i32, i32);

/// What a page shows.
#[derive(Debug)]
pub(super) struct Sample {
    /// Datagrams by their place in the capture, in order.
    pub(super) kept: Vec<usize>,
    pub(super) gaps: Vec<Gap>,
}

/// A time without datagrams, because they were left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Between whom; `None`: between all.
    pub(super) between: Option<Between>,
    /// When the first of them was sent, and the last.
    pub(super) from: Instant,
    pub(super) to: Instant,
    pub(super) count: u64,
}

/// What a page shows of a capture if it has room for so many datagrams.
pub(super) fn of(capture: &Capture, room: usize) -> Sample {
    let mut talks: BTreeMap<Between, Vec<usize>> = BTreeMap::new();
    for (index, sent) in capture.datagrams.iter().enumerate() {
        talks.entry(between(sent)).or_default().push(index);
    }
    let wants: Vec<usize> = talks.values().map(Vec::len).collect();
    let (mut kept, mut gaps) = (Vec::new(), Vec::new());
    for ((between, talk), room) in talks.iter().zip(shares(&wants, room)) {
        if talk.len() <= room {
            kept.extend(talk);
            continue;
        }
        let slices = slices(capture, talk);
        let wants: Vec<usize> = slices.iter().map(|slice| slice.len()).collect();
        for (slice, room) in slices.iter().zip(shares(&wants, room)) {
            kept.extend(&slice[..room]);
            let sent_at = |index: &usize| capture.datagrams[*index].sent_at;
            if let [first, .., last] | [first @ last] = &slice[room..] {
                gaps.push(Gap {
                    between: Some(*between),
                    from: sent_at(first),
                    to: sent_at(last),
                    count: (slice.len() - room) as u64,
                });
            }
        }
    }
    if capture.left_out.datagrams > 0 {
        let last = capture.datagrams.last();
        gaps.push(Gap {
            between: None,
            from: last.map_or(capture.began_at, |sent| sent.sent_at),
            to: capture.ended_at,
            count: capture.left_out.datagrams,
        });
    }
    kept.sort_unstable();
    Sample { kept, gaps }
}

fn between(sent: &CapturedDatagram) -> Between {
    let from = i32::from(sent.from.number());
    match sent.to {
        None => (from, -1),
        Some(to) => {
            let to = i32::from(to.number());
            (from.min(to), from.max(to))
        }
    }
}

/// A talk by the slice of time in which each datagram was sent.
fn slices<'a>(capture: &Capture, talk: &'a [usize]) -> Vec<&'a [usize]> {
    let whole = capture
        .ended_at
        .saturating_duration_since(capture.began_at)
        .as_nanos()
        .max(1);
    let slice_of = |index: &usize| {
        let sent_at = capture.datagrams[*index].sent_at;
        let since = sent_at.saturating_duration_since(capture.began_at);
        (since.as_nanos() * SLICES as u128 / whole).min(SLICES as u128 - 1)
    };
    talk.chunk_by(|one, next| slice_of(one) == slice_of(next))
        .collect()
}

/// Divides `room` among those who want so much each: nobody gets more than he wants, nor less than another who wants as
/// much.
fn shares(wants: &[usize], room: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|index| wants[*index]);
    let mut shares = vec![0; wants.len()];
    let mut left = room;
    for (served, index) in order.iter().enumerate() {
        let fair = left / (order.len() - served);
        shares[*index] = wants[*index].min(fair);
        left -= shares[*index];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::CaptureLimits;
    use crate::{Link, Pair, ms};

    fn capture(limits: CaptureLimits) -> Capture {
        let mut pair = Pair::new(3).link(Link::new().latency(ms(20)));
        pair.world.capture(limits);
        let mut pair = pair.connect();
        for _ in 0..200 {
            pair.send_to_server(0, b"x").expect("room");
            pair.run_for(ms(10));
        }
        pair.world.take_capture().expect("it was begun")
    }

    #[test]
    fn room_goes_to_whom_it_is_of_use() {
        assert_eq!(shares(&[10, 10], 20), [10, 10]);
        assert_eq!(shares(&[100, 3, 100], 23), [10, 3, 10]);
        assert_eq!(shares(&[0, 5], 1), [0, 1]);
        assert!(shares(&[], 7).is_empty());
    }

    #[test]
    fn what_fits_is_shown_whole() {
        let capture = capture(CaptureLimits::default());
        let sample = of(&capture, capture.datagrams.len());
        assert!(sample.kept.into_iter().eq(0..capture.datagrams.len()));
        assert_eq!(sample.gaps, []);
    }

    #[test]
    fn what_does_not_fit_is_shown_in_pieces_without_holes_over_the_whole_time() {
        let capture = capture(CaptureLimits::default());
        let sample = of(&capture, 120);
        assert!(sample.kept.len() <= 120 && sample.kept.len() > 110);
        let left_out: u64 = sample.gaps.iter().map(|gap| gap.count).sum();
        assert_eq!(
            sample.kept.len() as u64 + left_out,
            capture.datagrams.len() as u64
        );
        let sent_at = |index: usize| capture.datagrams[index].sent_at;
        for gap in &sample.gaps {
            let is_inside = |index: &&usize| (gap.from..=gap.to).contains(&sent_at(**index));
            assert_eq!(sample.kept.iter().find(is_inside), None, "{gap:?}");
        }
        let pieces = sample.kept.chunk_by(|one, next| one + 1 == *next);
        assert!(pieces.count() >= SLICES - 2);
        let last = sent_at(*sample.kept.last().expect("some are kept"));
        let end = capture.ended_at.as_nanos();
        assert!(last.as_nanos() > end / SLICES as u64 * (SLICES as u64 - 2));
    }

    #[test]
    fn what_was_never_captured_is_a_gap_between_all() {
        let capture = capture(CaptureLimits {
            datagrams_max: 50,
            ..CaptureLimits::default()
        });
        let sample = of(&capture, 1_000);
        assert_eq!(sample.kept.len(), 50);
        let [gap] = &sample.gaps[..] else {
            panic!("there is one gap: {:?}", sample.gaps)
        };
        assert_eq!((gap.between, gap.count), (None, capture.left_out.datagrams));
    }
}
