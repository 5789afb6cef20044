//! Queues that mark are heard before they drop, and paths on which marks do not work are left alone: ECN, RFC 3168 and RFC 9000
//! section 13.4.

use std::time::Duration;

use tickwire_core::{Config, CongestionControl, Delivery, EcnState, PeerStats};
use tickwire_sim::{EcnPath, Link, Pair, Rate, ms};

use crate::conversation::channel;

const TICK: Duration = Duration::from_millis(16);

/// 10 Mbit/s, 40 ms there and back, and CoDel before room for 200 datagrams.
fn line(marks: bool) -> Link {
    let rate = Rate::bits_per_second(10_000_000).queue_datagrams(200);
    let rate = match marks {
        true => rate.codel_with_ecn(),
        false => rate.codel(),
    };
    Link::new().latency(ms(20)).rate(rate)
}

/// A client that uploads for so long, and what it and the server count then.
fn upload(
    congestion: CongestionControl,
    ecn: bool,
    link: Link,
    time: Duration,
) -> (PeerStats, PeerStats) {
    let config = || Config::builder().congestion(congestion).ecn(ecn);
    let mut pair = Pair::with_configs(
        5,
        config().build().expect("valid"),
        config().accepts(true).build().expect("valid"),
    )
    .link_to_server(link)
    .link_to_client(Link::new().latency(ms(20)))
    .connect();
    let ordered = channel(Delivery::Ordered);
    let (begin, end) = (pair.world.now(), pair.world.now() + time);
    let (mut waits_us, mut ticks) = (0, 0);
    while pair.world.now() < end {
        while pair.send_to_server(ordered, &[7; 10_000]).is_ok() {}
        pair.flush();
        pair.run_for(TICK);
        let _ = pair.server_messages();
        if pair.world.now() > begin + time / 4 {
            waits_us += pair.client_stats().expect("connected").queueing_delay_us;
            ticks += 1;
        }
    }
    if let Some(stats) = pair.client_stats() {
        eprintln!(
            "{congestion}, ECN {:?}: {} kbit/s, queue {} us in the mean, {} lost, {} marks",
            stats.ecn,
            stats.bytes_sent * 8 / time.as_millis() as u64,
            waits_us / ticks.max(1),
            stats.packets_lost,
            stats.marks_told,
        );
    }
    let stats = [pair.client_stats(), pair.server_stats()];
    let [client, server] = stats.map(|stats| stats.expect("still connected"));
    (client, server)
}

#[test]
fn a_queue_that_marks_drops_nothing_of_bulk() {
    let time = Duration::from_secs(8);
    for congestion in [CongestionControl::NewReno, CongestionControl::Cubic] {
        let (client, server) = upload(congestion, true, line(true), time);
        let told = format!("{congestion}: {client:?}");
        assert_eq!(client.ecn, EcnState::Capable, "{told}");
        assert!(client.marks_told > 3, "{told}");
        assert_eq!(client.packets_lost, 0, "{told}");
        assert!(server.marks_received >= client.marks_told, "{told}");
        let bytes_marked = client.bytes_sent;
        for (ecn, marks) in [(true, false), (false, true)] {
            let (client, _) = upload(congestion, ecn, line(marks), time);
            assert!(client.packets_lost > 3, "{congestion}: {client:?}");
            assert_eq!(client.marks_told, 0, "{congestion}: {client:?}");
            assert!(
                client.bytes_sent <= bytes_marked + bytes_marked / 20,
                "marks are no worse for the rate: {} and {bytes_marked}",
                client.bytes_sent
            );
        }
    }
}

#[test]
fn the_default_loses_nothing_either_way_on_a_queue_that_marks_late() {
    let time = Duration::from_secs(8);
    let (marked, _) = upload(CongestionControl::Game, true, line(true), time);
    let (unmarked, _) = upload(CongestionControl::Game, true, line(false), time);
    assert_eq!(marked.packets_lost, 0, "{marked:?}");
    assert!(unmarked.packets_lost >= marked.packets_lost, "{unmarked:?}");
}

#[test]
fn the_default_heeds_a_queue_that_marks_early() {
    let rate = Rate::bits_per_second(10_000_000)
        .queue_datagrams(200)
        .mark_above_datagrams(4);
    let link = Link::new().latency(ms(20)).rate(rate);
    let time = Duration::from_secs(8);
    let (marked, _) = upload(CongestionControl::Game, true, link.clone(), time);
    let (unmarked, _) = upload(CongestionControl::Game, false, link, time);
    assert!(marked.marks_told > 3, "{marked:?}");
    assert_eq!(marked.packets_lost, 0);
    let rate = marked.bytes_sent * 8 / time.as_secs();
    // So short a queue costs something: a tenth of what the path holds is marked already.
    assert!(rate > 7_500_000, "{rate} bits a second");
    let queues = [marked, unmarked].map(|stats| stats.queueing_delay_us);
    assert!(queues[0] < queues[1], "{queues:?}");
}

#[test]
fn marks_that_do_not_work_on_a_path_are_left_alone() {
    let time = Duration::from_secs(3);
    let game = CongestionControl::Game;
    let (plain, _) = upload(game, false, line(false), time);
    for path in [EcnPath::Bleach, EcnPath::Drop, EcnPath::Swap, EcnPath::Mark] {
        let (client, _) = upload(game, true, line(false).ecn(path), time);
        assert_eq!(client.ecn, EcnState::Failed, "{path}: {client:?}");
        assert!(
            client.bytes_sent > plain.bytes_sent / 10 * 9,
            "{path}: {} of {} bytes",
            client.bytes_sent,
            plain.bytes_sent
        );
    }
}

/// Bars on bytes are tight: who cannot have marks pays nothing for them.
#[test]
fn where_marks_are_taken_away_not_a_byte_is_added() {
    let bytes = |ecn, link: Link| {
        let config = || Config::builder().ecn(ecn);
        let mut pair = Pair::with_configs(
            9,
            config().build().expect("valid"),
            config().accepts(true).build().expect("valid"),
        )
        .link(link.latency(ms(25)).loss(20))
        .connect();
        for tick in 0..1_000u32 {
            let _ = pair.send_to_server(channel(Delivery::Sequenced), &[1; 64]);
            let _ = pair.send_to_client(channel(Delivery::Sequenced), &[2; 64]);
            if tick.is_multiple_of(6) {
                let _ = pair.send_to_server(channel(Delivery::Ordered), &[3; 100]);
            }
            pair.flush();
            pair.run_for(TICK);
        }
        let stats = [pair.client_stats(), pair.server_stats()];
        stats.map(|stats| stats.expect("connected").bytes_sent)
    };
    let bleaching = || Link::new().ecn(EcnPath::Bleach);
    assert_eq!(bytes(true, bleaching()), bytes(false, bleaching()));
    let without = bytes(false, Link::new());
    let with = bytes(true, Link::new());
    for (with, without) in with.into_iter().zip(without) {
        // 16 s: the first eight acknowledgements and one a second, six bytes each.
        let more = with.saturating_sub(without);
        assert!((20..200).contains(&more), "{more} bytes more");
    }
}
