use std::collections::BTreeSet;

use tickwire_core::trace::Content;

use super::*;
use crate::capture::CaptureLimits;
use crate::{Link, Pair, ms};

/// A capture with losses and fragments, and its records.
fn lossy() -> (Capture, Vec<Value>) {
    let mut pair = Pair::new(3).link(Link::new().latency(ms(20)).loss(100).duplication(50));
    pair.world.capture(CaptureLimits::default());
    let mut pair = pair.connect();
    for _ in 0..50 {
        pair.send_to_server(2, &[7; 3_000]).expect("room");
        pair.send_to_client(0, b"x").expect("room");
        pair.run_for(ms(50));
    }
    pair.disconnect_client(tickwire_core::Farewell::new(0, "bye"));
    pair.run_for(ms(2_000));
    let capture = pair.world.take_capture().expect("it was begun");
    let mut out = Vec::new();
    write(&capture, "a test", &mut out).expect("a Vec takes everything");
    (capture, read(&out))
}

/// Each record stands between a separator and a line feed.
fn read(bytes: &[u8]) -> Vec<Value> {
    let mut records = bytes.split(|byte| *byte == RECORD_SEPARATOR);
    assert_eq!(records.next(), Some(&[][..]), "it begins with a separator");
    let value = |record: &[u8]| {
        assert_eq!(record.last(), Some(&b'\n'));
        serde_json::from_slice(record).expect("each record is JSON")
    };
    records.map(value).collect()
}

fn named<'a>(records: &'a [Value], name: &str) -> Vec<&'a Value> {
    let name = format!("tickwire:{name}");
    let all = records.iter();
    all.filter(|record| record["name"] == name.as_str())
        .collect()
}

#[test]
fn the_first_record_is_the_header_of_the_current_draft() {
    let (_, records) = lossy();
    let header = &records[0];
    assert_eq!(
        header["file_schema"],
        "urn:ietf:params:qlog:file:sequential"
    );
    assert_eq!(header["serialization_format"], "application/qlog+json-seq");
    assert_eq!(header["trace"]["event_schemas"], json!([SCHEMA]));
    let clock = &header["trace"]["common_fields"]["reference_time"];
    assert_eq!(
        *clock,
        json!({"clock_type": "monotonic", "epoch": "unknown"})
    );
    let keys = ["time", "name", "host", "group_id", "data"];
    for record in &records[1..] {
        let fields = record.as_object().expect("an object");
        assert!(fields.keys().all(|key| keys.contains(&key.as_str())));
        assert!(record["time"].is_f64() && record["data"].is_object());
    }
}

#[test]
fn every_datagram_landing_and_loss_has_its_event() {
    let (capture, records) = lossy();
    let count = |name| named(&records, name).len();
    let landings = || capture.datagrams.iter().flat_map(|sent| &sent.landings);
    let arrived = landings().filter(|landing| landing.lost.is_none()).count();
    let is_stopped = |sent: &&CapturedDatagram| matches!(sent.course, Course::Stopped(_));
    let stopped = capture.datagrams.iter().filter(is_stopped).count();
    assert!(stopped > 0 && arrived > capture.datagrams.len() - stopped);
    assert_eq!(count("datagram_sent"), capture.datagrams.len());
    assert_eq!(count("datagram_received"), arrived);
    assert_eq!(
        count("datagram_dropped"),
        stopped + landings().count() - arrived
    );
    assert_eq!(count("connection_started"), 2);
    assert_eq!(count("connection_closed"), 2);
    assert_eq!(
        records.len() - 1,
        [
            "packets_lost",
            "mtu_updated",
            "metrics_updated",
            "ecn_state_updated"
        ]
        .map(count)
        .iter()
        .sum::<usize>()
            + capture.datagrams.len()
            + stopped
            + landings().count()
            + 4
    );
}

#[test]
fn losses_are_those_that_the_endpoints_counted() {
    let (capture, records) = lossy();
    let mut last = BTreeMap::new();
    for sample in &capture.samples {
        last.insert((sample.host, sample.peer), sample.stats.packets_lost);
    }
    let lost: u64 = last.values().sum();
    assert!(lost > 0);
    let told = named(&records, "packets_lost");
    let told = told.iter().map(|event| event["data"]["count"].as_u64());
    assert_eq!(told.sum::<Option<u64>>(), Some(lost));
}

#[test]
fn frames_add_up_and_time_never_runs_back() {
    let (capture, records) = lossy();
    let sent = named(&records, "datagram_sent");
    let frames = |record: &&Value| record["data"]["frames"].as_array().map_or(0, Vec::len);
    let in_capture = capture.datagrams.iter().map(|sent| {
        let Content::Packet {
            compact_ack,
            frames,
            ..
        } = &sent.content
        else {
            return 0;
        };
        frames.len() + usize::from(compact_ack.is_some())
    });
    assert_eq!(
        sent.iter().map(frames).sum::<usize>(),
        in_capture.sum::<usize>()
    );
    let times = records[1..].iter().map(|record| record["time"].as_f64());
    let times: Option<Vec<_>> = times.collect();
    assert!(times.expect("each has a time").is_sorted());
    let bytes = sent
        .iter()
        .map(|event| event["data"]["raw"]["length"].as_u64());
    let in_capture: usize = capture.datagrams.iter().map(|sent| sent.bytes.len()).sum();
    assert_eq!(bytes.sum::<Option<u64>>(), Some(in_capture as u64));
}

#[test]
fn a_datagram_is_told_between_the_same_two_hosts_in_both_directions() {
    let (_, records) = lossy();
    let groups = named(&records, "datagram_sent").into_iter();
    let groups: BTreeSet<_> = groups.map(|event| event["group_id"].to_string()).collect();
    assert_eq!(Vec::from_iter(groups), ["\"C S\""]);
}

#[test]
fn metrics_are_told_only_when_they_change() {
    let (_, records) = lossy();
    let mut windows = BTreeMap::new();
    for record in named(&records, "metrics_updated") {
        let key = (
            record["host"].to_string(),
            record["data"]["peer"].to_string(),
        );
        if let Some(window) = record["data"]["congestion_window"].as_u64() {
            assert_ne!(windows.insert(key, window), Some(window));
        }
    }
    assert_eq!(windows.len(), 2);
}
