//! A replay is what was recorded, or says where it is not.

use tickwire_core::record::Call;
use tickwire_core::{Config, SecretKey};

use super::Replay;
use crate::seeds::for_seeds;
use crate::{Link, Pair, Recording, ms};

/// A conversation over a bad network, recorded at the server, which has a long-term key of its own.
fn recorded(seed: u64, ticks: u64) -> Vec<u8> {
    let server = Config::builder()
        .accepts(true)
        .identity(Some(SecretKey::from_bytes([7; 32])));
    let server = server.build().expect("valid");
    let mut pair = Pair::with_configs(seed, Config::default(), server);
    pair.world.record(pair.server);
    let link = Link::new().latency(ms(25)).jitter(ms(20)).loss(100);
    let link = link.duplication(50).corruption(50);
    let mut pair = pair.link(Link::new().latency(ms(25))).connect().link(link);
    let mut rng = pair.world.fork_rng("conversation");
    for _ in 0..ticks {
        for channel in 0..4 {
            let message = vec![channel; usize::try_from(rng.below(3_000)).expect("small")];
            // A full queue is recorded too.
            let _ = pair.send_to_server(channel, &message);
            let _ = pair.send_to_client(channel, &message);
        }
        pair.run_for(ms(33));
    }
    pair.world.end_recording(pair.server)
}

#[test]
fn the_replay_of_a_random_conversation_is_identical() {
    for_seeds(0..200, |seed| {
        let recording = Recording::read(recorded(seed, 20)).expect("whole");
        let report = Replay::new(&recording).run();
        assert!(
            report.is_identical(),
            "{}",
            report.divergence.expect("so it says")
        );
        assert!(report.stats.datagrams_in > 20 && report.stats.datagrams_out > 20);
        assert_eq!(report.stats.calls + 1, recording.record_count());
    });
}

#[test]
fn a_replay_goes_no_further_than_asked() {
    let recording = Recording::read(recorded(1, 20)).expect("whole");
    let until = recording.begins_at() + ms(300);
    let report = Replay::new(&recording).until(until).run();
    assert!(report.is_identical());
    assert!(report.stats.ended_at <= until && report.stats.span() > ms(200));
    assert!(report.stats.calls < Replay::new(&recording).run().stats.calls);
}

#[test]
fn a_changed_datagram_is_found_by_what_comes_out_next() {
    let mut bytes = recorded(2, 20);
    let recording = Recording::read(bytes.clone()).expect("whole");
    let changed = recording
        .records()
        .filter(|record| matches!(record.call, Call::HandleDatagram { .. }))
        .nth(30)
        .expect("there are more");
    let Call::HandleDatagram { datagram, .. } = changed.call else {
        panic!("no datagram")
    };
    let at = bytes
        .windows(datagram.len())
        .position(|window| window == datagram)
        .expect("it is in there");
    bytes[at + 20] ^= 1;
    let refused = Recording::read(bytes.clone()).expect_err("its checksum is wrong");
    assert!(
        refused.to_string().contains("is damaged between record"),
        "{refused}"
    );

    tickwire_core::record::repair(&mut bytes);
    let recording = Recording::read(bytes).expect("its checksum is right again");
    let divergence = Replay::new(&recording)
        .run()
        .divergence
        .expect("it is not what was recorded");
    assert!(divergence.record > changed.number, "{divergence}");
    let text = divergence.to_string();
    assert!(
        text.contains("recorded: ") && text.contains("replayed: "),
        "{text}"
    );
}
