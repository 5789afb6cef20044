//! What is read from files.

use tickwire_core::record::{Replica, repair};
use tickwire_core::{Config, Instant};
use tickwire_sim::scenario::Reader;
use tickwire_sim::{
    Capacity, Conditions, Link, Pair, Rate, Recording, RedactedRecording, Survey, World, ms,
};

use crate::Target;
use crate::session::settings;

pub(crate) const RECORDINGS: Target = Target {
    name: "recordings",
    run: recordings,
    seeds: || recorded(false),
    // Places for as many peers as the settings ask for are made when they come.
    memory: (4 << 20, 512),
    weight: 4,
};

pub(crate) const REDACTED: Target = Target {
    name: "redacted",
    run: redacted,
    seeds: || recorded(true),
    // A gap between two datagrams is as many lost ones, within bounds.
    memory: (64 << 10, 4_096),
    weight: 1,
};

pub(crate) const SCENARIOS: Target = Target {
    name: "scenarios",
    run: scenarios,
    seeds: scenario_seeds,
    memory: (256 << 10, 1_024),
    weight: 2,
};

pub(crate) const TRACES: Target = Target {
    name: "traces",
    run: traces,
    seeds: trace_seeds,
    memory: (1 << 20, 512),
    weight: 2,
};

/// Records of one input, at most, that are lived again.
const RECORDS_MAX: usize = 400;

/// Any bytes as a recording: as they are, and with their checksums made right. One from birth on is lived again: its calls are an
/// owner's and a network's, in any order and with anything in them. A checkpoint of anybody's may hold what no endpoint would:
/// those are read and no more.
fn recordings(data: &[u8]) {
    let _as_is = Recording::read(data.to_vec());
    let mut bytes = data.to_vec();
    repair(&mut bytes);
    let Ok((recording, _rest)) = Recording::salvage(bytes) else {
        return;
    };
    let records = recording.records().count() as u64;
    assert_eq!(records, recording.record_count());
    if recording.has_checkpoint() || records > RECORDS_MAX as u64 {
        return;
    }
    // Who steps through a year in ticks takes his time: that is not what is asked here.
    let spans = recording.records().map(|record| record.at).max();
    let span = spans.map(|end| end.saturating_duration_since(recording.begins_at()));
    if span.is_some_and(|span| span > ms(600_000)) {
        return;
    }
    let mut replica = Replica::new(&recording);
    for (round, record) in recording.records().enumerate() {
        let _output = replica.call(&record);
        let sound = replica.endpoint().audit(round as u64);
        sound.unwrap_or_else(|unsound| panic!("{unsound} after {record:?}"));
    }
}

/// Any bytes as a redacted recording, and what a survey makes of it.
fn redacted(data: &[u8]) {
    let _as_is = RedactedRecording::read(data.to_vec());
    let mut bytes = data.to_vec();
    repair(&mut bytes);
    let Ok((recording, _rest)) = RedactedRecording::salvage(bytes) else {
        return;
    };
    assert_eq!(recording.records().count() as u64, recording.record_count());
    let survey = Survey::of(&recording);
    if let Some(busiest) = survey.busiest() {
        let _summary = busiest.summary();
        let _path = busiest.path();
    }
}

/// Any bytes as a scenario, which is read and no more: it may ask for a day with a thousand clients.
fn scenarios(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let trace = |_: &str| Ok("0,20,0\n10,30,1\n".to_owned());
    match Reader::new().traces(trace).read(text) {
        Ok(scenario) => {
            let _other = scenario.with_path(100, ms(80));
            assert!(scenario.clients() > 0);
            assert!(!scenario.duration().is_zero());
        }
        Err(error) => {
            assert!(!error.text().is_empty());
            let lines = text.lines().count().max(1);
            assert!(
                error
                    .place()
                    .is_none_or(|(line, _)| (1..=lines + 1).contains(&line))
            );
        }
    }
}

/// Any bytes as either kind of a recorded network, through which some datagrams go.
fn traces(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(capacity) = Capacity::parse(text) {
        // A datagram a day is nothing a second.
        assert!(capacity.bits_per_second() < 1 << 50);
        carries(Link::new().rate(Rate::recorded(capacity).queue_datagrams(8)));
    }
    if let Ok(conditions) = Conditions::parse(text) {
        carries(Link::new().conditions(conditions));
    }
}

/// Probes cost nothing but their datagrams.
fn carries(link: Link) {
    let mut world = World::new(1);
    let (from, to) = (world.add(Config::default()), world.add(Config::default()));
    world.link(from, to, link);
    let address = world.address(to);
    for _ in 0..8 {
        world.act(from, |endpoint, now| endpoint.probe(now, address));
        world.run_for(ms(7));
    }
    world.run_for(ms(100_000));
    assert!(world.now() >= Instant::from_millis(100_000));
}

/// Two short lives of both ends of a connection, from birth and from a checkpoint on.
fn recorded(is_redacted: bool) -> Vec<Vec<u8>> {
    let mut pair = Pair::with_configs(3, client_config(), server_config());
    for host in [pair.client, pair.server] {
        match is_redacted {
            true => pair.world.record_redacted(host),
            false => pair.world.record(host),
        }
    }
    let lossy = Link::new().latency(ms(10)).drop_nth([3, 5]);
    let mut pair = pair.link_to_server(lossy).connect();
    for (channel, size) in [(0, 20), (2, 1_500), (3, 8)] {
        let _full = pair.send_to_server(channel, &vec![1; size]);
        pair.run_for(ms(15));
    }
    let mut recordings = Vec::new();
    for host in [pair.client, pair.server] {
        recordings.push(match is_redacted {
            true => pair.world.end_redacted(host),
            false => pair.world.end_recording(host),
        });
    }
    if !is_redacted {
        pair.world.start_recording(pair.client);
        pair.run_for(ms(20));
        recordings.push(pair.world.end_recording(pair.client));
    }
    recordings
}

fn client_config() -> Config {
    small().build().expect("a valid configuration")
}

fn server_config() -> Config {
    let settings = small().accepts(true);
    settings.build().expect("a valid configuration")
}

/// As the sessions' are, with ciphers that a replay has.
fn small() -> tickwire_core::ConfigBuilder {
    settings().crypto(std::sync::Arc::new(tickwire_core::Portable))
}

fn scenario_seeds() -> Vec<Vec<u8>> {
    let library = tickwire_sim::scenario::library::ENTRIES.iter();
    library
        .map(|entry| entry.text.as_bytes().to_vec())
        .collect()
}

fn trace_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "5\n10\n10\n",
        "0\n0\n1\n",
        "send_ms,delay_ms,lost\n0,21.5,0\n20,48,0\n40,,1\n",
        "# a remark\n\n3,0.000001,0\n3,3600000,1\n",
        "86400000\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_sim::{Replay, Scenario};

    #[test]
    fn the_seeds_are_what_they_should_be() {
        for bytes in recorded(false) {
            let recording = Recording::read(bytes).expect("it was just made");
            assert!(Replay::new(&recording).run().is_identical());
        }
        for bytes in recorded(true) {
            RedactedRecording::read(bytes).expect("it was just made");
        }
        for text in scenario_seeds() {
            let text = String::from_utf8(text).expect("text");
            let read = Scenario::parse(&text).is_ok();
            assert!(read || text.contains("trace"), "{text}");
        }
    }
}
