//! What a recorded path does to datagrams is what the network did that was recorded.

use std::fmt::Write as _;
use std::time::Duration;

use tickwire_core::record::RedactedRecording;

use super::{Path, conditions, told};
use crate::capture::CaptureLimits;
use crate::fate::Fate;
use crate::rng::Rng;
use crate::seeds::for_seeds;
use crate::survey::tests::{TICK, Truth, UNRELIABLE, truth};
use crate::survey::{Crossing, Outcome, Survey, Way};
use crate::{Conditions, Link, Pair, ms};

/// Rows of the network that is recorded, one for each tick.
const ROWS: u64 = 2_000;
/// Rows at the beginning and at the end in which nothing is lost: a loss shows by what came before and after it.
const QUIET: u64 = 200;

/// A network of which everything is known: each datagram takes 20 ms, by and by 10 ms more and then less again, and up to
/// 0.5 ms by chance; one in 13 is lost, most of them in rows.
fn known_network(seed: u64) -> Link {
    let (mut rng, mut is_bad) = (Rng::new(seed), false);
    let mut rows = String::new();
    for row in 0..ROWS {
        is_bad = rng.chance(if is_bad { 667 } else { 28 });
        let is_lost = is_bad && (QUIET..ROWS - QUIET).contains(&row);
        let delay_us = 20_000 + row.min(ROWS - row) * 10 + rng.below(500);
        let (millis, micros) = (delay_us / 1_000, delay_us % 1_000);
        let _ = writeln!(
            rows,
            "{},{millis}.{micros:03},{}",
            row * 20,
            u8::from(is_lost)
        );
    }
    Link::new().conditions(Conditions::parse(&rows).expect("a good table"))
}

/// A path as it was recorded at the client's end, and what really went each way.
struct Recorded {
    path: Path,
    to_peer: Vec<Truth>,
    from_peer: Vec<Truth>,
}

/// Records a client for all of the network's rows, while in each tick something is said.
fn recorded(seed: u64, say: fn(&mut Pair)) -> Recorded {
    let network = known_network(seed);
    let mut pair = Pair::new(seed).link(network).connect();
    pair.run_for(ms(500));
    let (client, server) = (pair.client, pair.server);
    pair.world.capture(CaptureLimits::default());
    pair.world.record_redacted(client);
    for _ in 50..ROWS {
        say(&mut pair);
        pair.run_for(TICK);
        pair.server_events();
        pair.client_events();
    }
    let bytes = pair.world.end_redacted(client);
    let capture = pair.world.take_capture().expect("it was begun");
    let survey = Survey::of(&RedactedRecording::read(bytes).expect("whole"));
    Recorded {
        path: survey.peers[0].path().expect("they talked"),
        to_peer: truth(&capture, client, server),
        from_peer: truth(&capture, server, client),
    }
}

/// What the same datagrams meet on a recorded link: how many there are, and those that are lost or are not although the
/// others are, or that take another time than then.
fn differences(
    path: &Path,
    link: &Link,
    truths: &[Truth],
    tolerance: Duration,
) -> (usize, Vec<String>) {
    let (mut link, mut rng) = (link.clone(), Rng::new(1));
    let (mut compared, mut found) = (0, Vec::new());
    for truth in truths {
        let age = truth.sent.checked_sub(path.begins);
        let Some(age) = age.filter(|age| *age < path.length - ms(200)) else {
            continue;
        };
        compared += 1;
        let crossing = link.cross(age, 100, None, &mut rng);
        let taken = crossing.delay + link.transit(&mut rng).0;
        let is_lost = crossing.fate == Fate::Drop;
        let is_late = |delay: Duration| !is_lost && delay.abs_diff(taken) > tolerance;
        if is_lost != truth.is_lost || truth.delay.is_some_and(is_late) {
            found.push(format!("{truth:?}: {crossing:?}, {taken:?}"));
        }
    }
    (compared, found)
}

fn talk(pair: &mut Pair) {
    let _ = pair.send_to_server(UNRELIABLE, &[1; 30]);
    let _ = pair.send_to_client(UNRELIABLE, &[2; 200]);
}

/// Three datagrams at a time, too large to share one.
fn talk_much(pair: &mut Pair) {
    for _ in 0..3 {
        let _ = pair.send_to_server(UNRELIABLE, &[1; 900]);
    }
}

/// How many that went this way meet something else on the recorded link than they met, or take another time by more than a
/// millisecond.
fn differing(path: &Path, link: &Link, truths: &[Truth]) -> (usize, usize) {
    let (compared, found) = differences(path, link, truths, ms(1));
    assert!(compared * 100 >= truths.len() * 98, "{compared}");
    let lost = truths.iter().filter(|truth| truth.is_lost).count();
    assert!(lost * 40 > truths.len(), "{lost} of {}", truths.len());
    let on_time =
        |difference: &&String| difference.contains("is_lost: false }: Crossing { fate: Deliver");
    assert_eq!(found.iter().find(on_time), None, "a delay is wrong");
    (found.len(), compared)
}

#[test]
fn each_datagram_meets_on_the_recorded_path_what_it_met_then() {
    for_seeds(0..20, |seed| {
        let Recorded {
            path,
            to_peer,
            from_peer,
        } = recorded(seed, talk);
        let lost = |truths: &[Truth]| truths.iter().filter(|truth| truth.is_lost).count() as u64;
        assert_eq!(path.to_peer_lost, lost(&to_peer));
        assert_eq!(path.from_peer_lost, lost(&from_peer));
        assert_eq!(differing(&path, &path.to_peer, &to_peer).0, 0);
        // When the peer sent what never arrived is an estimate.
        let (wrong, compared) = differing(&path, &path.from_peer, &from_peer);
        assert!(wrong * 100 <= compared, "{wrong} of {compared}");
        let least = path.round_trip_min;
        assert!((ms(40)..ms(42)).contains(&least), "{least:?}");
    });
}

#[test]
fn datagrams_of_one_moment_meet_their_fates_one_after_the_other() {
    let Recorded { path, to_peer, .. } = recorded(1, talk_much);
    assert!(to_peer.len() > 5_000);
    assert_eq!(differing(&path, &path.to_peer, &to_peer).0, 0);
}

#[test]
fn a_loss_does_not_last_through_silence() {
    let crossing = |sent: u64, fate| Crossing {
        sent: ms(sent),
        number: Some(sent),
        len: None,
        fate,
        delay: ms(20),
        is_measured: true,
        is_overtaken: false,
    };
    let way = Way {
        crossings: vec![
            crossing(0, Outcome::Arrived),
            crossing(1_000, Outcome::Lost),
            crossing(1_400, Outcome::Lost),
            crossing(9_000, Outcome::Arrived),
            crossing(9_500, Outcome::Unknown),
        ],
    };
    let mut met = conditions(&told(&way), ms(15), ms(0), ms(10_000));
    let mut is_lost = |age| met.meet(ms(age)).is_none();
    let ages = [0, 949, 950, 1_200, 1_449, 1_450, 9_000, 9_999];
    let expected = [false, false, true, true, true, false, false, false];
    assert_eq!(ages.map(&mut is_lost), expected);
    assert_eq!(met.meet(ms(0)), Some(ms(5)), "above the base");
}
