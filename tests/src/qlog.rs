//! qlog of scenarios: each record is of the documented schema, and what they tell adds up to the outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tickwire_sim::Outcome;
use tickwire_sim::capture::{CaptureLimits, qlog};
use tickwire_sim::scenario::{Player, Reader, library};

use crate::repository::read;

/// Whatever can be in a record: clients behind NATs, a server that crashes, losses, damage, addresses that change.
const EVENTFUL: &str = r#"
title = "Eventful"
duration = "6s"
[endpoint]
idle_timeout = "2s"
[link]
delay = "15ms"
loss = "3%"
duplication = "2%"
corruption = "2%"
rate = "2Mbit/s"
queue = "8kB"
[[clients]]
name = "near"
count = 2
reconnect = "100ms"
[[clients]]
name = "natted"
count = 2
reconnect = "100ms"
[clients.nat]
mapping = "address-and-port"
[[event]]
at = "2s"
kind = "crash"
for = "300ms"
who = "server"
[[traffic]]
name = "state"
delivery = "sequenced"
size = 400
rate_hz = 30
[[traffic]]
name = "files"
delivery = "ordered"
size = 20000
rate_hz = 4
"#;

/// A run, its qlog taken apart.
struct Log {
    outcome: Outcome,
    header: Value,
    events: Vec<Value>,
}

impl Log {
    fn of(scenario: &str, settings: &[&str]) -> Self {
        let mut reader = Reader::new();
        for setting in settings {
            reader = reader.set(setting).expect("it is a setting");
        }
        let scenario = reader.traces(library::trace).read(scenario);
        let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.in_file("scenario")));
        let player = Player::new(&scenario, 3).captured(CaptureLimits::default());
        let (outcome, mut world) = player.run();
        let capture = world.take_capture().expect("it was begun");
        let mut bytes = Vec::new();
        qlog::write(&capture, "a test", &mut bytes).expect("a Vec takes everything");
        let mut records = records(&bytes).into_iter();
        Self {
            outcome,
            header: records.next().expect("the header is first"),
            events: records.collect(),
        }
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let events = self.events.iter();
        events.filter(move |event| event["name"].as_str() == Some(&format!("tickwire:{name}")))
    }

    fn count(&self, name: &str) -> u64 {
        self.named(name).count() as u64
    }
}

/// The records of a JSON text sequence, as RFC 7464 has them.
fn records(bytes: &[u8]) -> Vec<Value> {
    assert_eq!(bytes.first(), Some(&0x1E));
    let records = bytes[1..].split(|byte| *byte == 0x1E);
    records
        .map(|record| {
            assert_eq!(
                record.last(),
                Some(&b'\n'),
                "a record ends with a line feed"
            );
            serde_json::from_slice(record).expect("each record is JSON")
        })
        .collect()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

#[test]
fn the_records_of_a_run_add_up_to_its_outcome() {
    let library = ["perfect", "lossy-wifi"].map(|name| library::find(name).expect("it is there"));
    let texts = library
        .map(|entry| entry.text)
        .into_iter()
        .chain([EVENTFUL]);
    for text in texts {
        let log = Log::of(text, &[]);
        let outcome = &log.outcome;
        assert_eq!(log.header["trace"]["left_out"]["datagrams"], 0);
        let sent = outcome.wire_up.datagrams + outcome.wire_down.datagrams;
        assert!(sent > 500, "{}", outcome.title);
        assert_eq!(log.count("datagram_sent"), sent, "{}", outcome.title);
        let bytes = log.named("datagram_sent");
        let bytes: u64 = bytes
            .filter_map(|event| event["data"]["raw"]["length"].as_u64())
            .sum();
        let outcome_bytes = outcome.wire_up.bytes + outcome.wire_down.bytes;
        assert_eq!(bytes, outcome_bytes, "{}", outcome.title);
        let dials = outcome.log.iter().filter(|entry| entry.what == "connected");
        let started = log.named("connection_started");
        let by_clients = started.filter(|event| event["host"] != "S").count();
        assert_eq!(by_clients, dials.count(), "{}", outcome.title);
        every_datagram_has_its_way(&log);
    }
}

/// Nothing arrives or is lost that was not sent, and before it was.
fn every_datagram_has_its_way(log: &Log) {
    let mut sent = BTreeMap::new();
    let mut ended = BTreeSet::new();
    let mut latest = 0.0;
    for event in &log.events {
        let time = event["time"].as_f64().expect("a number");
        assert!(time >= latest, "time runs back at {event}");
        latest = time;
        let Some(id) = event["data"]["datagram_id"].as_u64() else {
            continue;
        };
        if event["name"] == "tickwire:datagram_sent" {
            assert_eq!(sent.insert(id, time), None, "{id} is sent twice");
            continue;
        }
        let since = time - sent.get(&id).expect("it was sent before");
        ended.insert(id);
        if let Some(after) = event["data"]["after"].as_f64() {
            assert!((since - after).abs() < 1e-3, "{event}");
        }
    }
    let under_way = sent.len() - ended.len();
    assert!(under_way < 50, "{under_way} never landed");
    assert!(sent.keys().copied().eq(0..sent.len() as u64));
}

#[test]
fn the_document_tells_of_every_event_and_every_field() {
    let document = read("docs/TRACES.md");
    let known = |word: &str| document.contains(&format!("`{word}`"));
    let log = Log::of(EVENTFUL, &[]);
    let names: BTreeSet<&str> = log
        .events
        .iter()
        .map(|event| event["name"].as_str().expect("text"))
        .collect();
    assert_eq!(names.len(), 9, "{names:?}");
    let mut frames = BTreeSet::new();
    for event in &log.events {
        let name = event["name"].as_str().expect("text");
        let short = name.strip_prefix("tickwire:").expect("our namespace");
        assert!(known(short), "{short}");
        for key in object(event).keys().chain(object(&event["data"]).keys()) {
            assert!(known(key) || key == "raw", "{key} of {name}");
        }
        for frame in event["data"]["frames"].as_array().into_iter().flatten() {
            frames.insert(frame["frame_type"].as_str().expect("text"));
            for (key, value) in object(frame) {
                let value = value.as_str().filter(|_| key == "frame_type");
                assert!(known(key) && value.is_none_or(known), "{frame}");
            }
        }
    }
    for frame in ["ack", "compact_ack", "credit", "message"] {
        assert!(frames.contains(frame), "nothing has {frame}");
    }
    assert!(document.contains(qlog::SCHEMA));
    for key in object(&log.header["trace"]).keys() {
        assert!(
            known(key) || ["vantage_point"].contains(&key.as_str()),
            "{key}"
        );
    }
}

#[test]
fn what_came_after_the_limits_is_told() {
    let scenario = Reader::new().read(EVENTFUL).expect("it is a scenario");
    let limits = CaptureLimits {
        datagrams_max: 100,
        ..CaptureLimits::default()
    };
    let (_, mut world) = Player::new(&scenario, 3).captured(limits).run();
    let capture = world.take_capture().expect("it was begun");
    let mut bytes = Vec::new();
    qlog::write(&capture, "a test", &mut bytes).expect("a Vec takes everything");
    let records = records(&bytes);
    let sent = records.iter();
    let sent = sent.filter(|record| record["name"] == "tickwire:datagram_sent");
    assert_eq!(sent.count(), 100);
    let left_out = records[0]["trace"]["left_out"]["datagrams"].as_u64();
    assert_eq!(left_out, Some(capture.left_out.datagrams));
    assert!(capture.left_out.datagrams > 500);
}
