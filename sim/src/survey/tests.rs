//! What a survey says happened is what happened: the simulator knows.

use std::time::Duration;

use tickwire_core::record::RedactedRecording;

use super::{Crossing, Outcome, Side, Survey, Way};
use crate::capture::{Capture, CaptureLimits};
use crate::host::HostId;
use crate::seeds::for_seeds;
use crate::{Bursts, Link, Pair, Recording, ms};

pub(super) const UNRELIABLE: u8 = 0;
pub(super) const TICK: Duration = ms(20);

pub(super) fn lossy(jitter: Duration) -> Link {
    let link = Link::new().latency(ms(25)).jitter(jitter);
    link.bursts(Bursts::by_datagram(3, 40))
}

/// Both sides send in every tick, over this link, and at first and at last over one without faults: a loss shows by what
/// came before and after it.
pub(super) fn play(pair: &mut Pair, link: &Link, ticks: u32) {
    for tick in 0..ticks {
        if tick == 10 {
            let (client, server) = (pair.client, pair.server);
            pair.world.link(client, server, link.clone());
            pair.world.link(server, client, link.clone());
        }
        if tick + 50 == ticks {
            pair.heal();
        }
        let _ = pair.send_to_server(UNRELIABLE, &[1; 30]);
        let _ = pair.send_to_client(UNRELIABLE, &[2; 200]);
        pair.run_for(TICK);
        pair.server_events();
        pair.client_events();
    }
}

struct Played {
    survey: Survey,
    to_peer: Vec<Truth>,
    from_peer: Vec<Truth>,
}

/// A datagram as it went: when it was sent, and how long it took, if it arrived.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) sent: Duration,
    pub(super) delay: Option<Duration>,
    pub(super) is_lost: bool,
}

pub(super) fn truth(capture: &Capture, from: HostId, to: HostId) -> Vec<Truth> {
    let of_way = |datagram: &&crate::capture::CapturedDatagram| {
        datagram.from == from && datagram.to == Some(to)
    };
    let since = |later: tickwire_core::Instant, earlier| later.saturating_duration_since(earlier);
    capture
        .datagrams
        .iter()
        .filter(of_way)
        .map(|datagram| Truth {
            sent: since(datagram.sent_at, capture.began_at),
            is_lost: datagram.lost().is_some(),
            delay: datagram
                .arrival()
                .map(|landing| since(landing.at, datagram.sent_at)),
        })
        .collect()
}

/// Plays and surveys, from the client's side.
fn played(seed: u64, link: &Link, ticks: u32) -> Played {
    let mut pair = Pair::new(seed).link(Link::new().latency(ms(25))).connect();
    pair.run_for(ms(3_000));
    pair.world.capture(CaptureLimits::default());
    pair.world.record_redacted(pair.client);
    play(&mut pair, link, ticks);
    let bytes = pair.world.end_redacted(pair.client);
    let capture = pair.world.take_capture().expect("it was begun");
    Played {
        survey: Survey::of(&RedactedRecording::read(bytes).expect("whole")),
        to_peer: truth(&capture, pair.client, pair.server),
        from_peer: truth(&capture, pair.server, pair.client),
    }
}

fn differences(way: &Way, truth: &[Truth]) -> Vec<String> {
    let is_told = |crossing: &Crossing| crossing.fate == Outcome::Lost;
    let pairs = way.crossings.iter().zip(truth);
    pairs
        .filter(|(crossing, truth)| is_told(crossing) != truth.is_lost)
        .map(|pair| format!("{pair:?}"))
        .take(3)
        .collect()
}

#[test]
fn what_was_lost_is_known_of_every_datagram() {
    for_seeds(0..20, |seed| {
        let played = played(seed, &lossy(ms(15)), 1_000);
        let peer = &played.survey.peers[0];
        assert_eq!(played.survey.peers.len(), 1);
        assert_eq!(differences(&peer.to_peer, &played.to_peer), [""; 0]);
        assert_eq!(differences(&peer.from_peer, &played.from_peer), [""; 0]);
        assert_eq!(peer.to_peer.crossings.len(), played.to_peer.len());
        let under_way = played.from_peer.len() - peer.from_peer.crossings.len();
        assert!(under_way <= 3, "{under_way}");
        let summary = peer.summary();
        assert!(summary.to_peer.lost > 30, "{summary:?}");
        assert!(summary.from_peer.losses.longest > 3, "{summary:?}");
        assert!(summary.to_peer.unknown < 10, "{summary:?}");
    });
}

#[test]
fn with_half_a_millisecond_of_jitter_delays_are_known_to_a_millisecond() {
    let played = played(1, &lossy(Duration::from_micros(500)), 1_000);
    let peer = &played.survey.peers[0];
    for (way, truth) in [
        (&peer.to_peer, &played.to_peer),
        (&peer.from_peer, &played.from_peer),
    ] {
        for (crossing, truth) in way.crossings.iter().zip(truth) {
            let Some(delay) = truth.delay else { continue };
            assert!(
                crossing.sent.abs_diff(truth.sent) < ms(1),
                "{crossing:?} {truth:?}"
            );
            assert!(
                crossing.delay.abs_diff(delay) < ms(1),
                "{crossing:?} {truth:?}"
            );
        }
        let measured = way.crossings.iter().filter(|crossing| crossing.is_measured);
        assert!(measured.count() > 100);
    }
}

#[test]
fn a_full_recording_tells_the_same() {
    let mut pair = Pair::new(3);
    pair.world.record(pair.client);
    pair.world.record_redacted(pair.client);
    let mut pair = pair.link(Link::new().latency(ms(25))).connect();
    play(&mut pair, &lossy(ms(5)), 300);
    let redacted = RedactedRecording::read(pair.world.end_redacted(pair.client));
    let full = Recording::read(pair.world.end_recording(pair.client)).expect("whole");
    let survey = Survey::of_full(&full).expect("it replays");
    assert_eq!(survey, Survey::of(&redacted.expect("whole")));
    assert_eq!(survey.busiest(), survey.peer(1));
    assert_eq!(survey.peers[0].recorded_by, Some(Side::Client));
    let greeting = survey.peers[0].to_peer.crossings[0];
    assert_eq!((greeting.number, greeting.len), (None, Some(1_200)));
}
