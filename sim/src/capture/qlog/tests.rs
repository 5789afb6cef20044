use std::collections::BTreeMap;

use super::*;
use crate::capture::CaptureLimits;
use crate::{Link, Pair, ms};

/// A capture with losses, and its records.
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

fn counts(records: &[Value]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for record in &records[1..] {
        *counts.entry(record["name"].as_str().expect("a name")).or_default() += 1;
    }
    counts
}

#[test]
fn every_datagram_landing_and_loss_has_its_event() {
    let (capture, records) = lossy();
    assert_eq!(records[0]["qlog_format"], "JSON-SEQ");
    let counts = counts(&records);
    let landings = || capture.datagrams.iter().flat_map(|sent| &sent.landings);
    let is_stopped = |sent: &&CapturedDatagram| matches!(sent.course, Course::Stopped(_));
    let stopped = capture.datagrams.iter().filter(is_stopped).count();
    assert!(stopped > 0);
    assert_eq!(counts["transport:packet_sent"], capture.datagrams.len());
    assert_eq!(counts["transport:packet_received"], landings().filter(|landing| landing.lost.is_none()).count());
    assert_eq!(counts["tickwire:datagram_dropped"], stopped);
    assert_eq!(counts["connectivity:connection_started"], 2);
    assert_eq!(counts["connectivity:connection_closed"], 2);
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
    assert_eq!(counts(&records)["recovery:packet_lost"] as u64, lost);
}

#[test]
fn frames_add_up_and_time_never_runs_back() {
    let (capture, records) = lossy();
    let frames = |record: &Value| record["data"]["frames"].as_array().map_or(0, Vec::len);
    let is_sent = |record: &&Value| record["name"] == "transport:packet_sent";
    let written: usize = records[1..].iter().filter(is_sent).map(frames).sum();
    let sent: usize = capture.datagrams.iter().map(|sent| match &sent.content {
        Content::Packet { compact_ack, frames, .. } => frames.len() + usize::from(compact_ack.is_some()),
        _ => 0,
    }).sum();
    assert_eq!(written, sent);
    let times: Vec<_> = records[1..].iter().map(|record| record["time"].as_f64().expect("a number")).collect();
    assert!(times.is_sorted());
    let ack = records.iter().filter_map(|record| record["data"]["frames"].as_array()).flatten();
    let ack = ack.filter(|frame| frame["frame_type"] == "ack").last().expect("some are acknowledged");
    assert!(ack["acked_ranges"][0][0].is_u64());
}

#[test]
fn metrics_are_told_only_when_they_change() {
    let (_, records) = lossy();
    let mut windows: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record["name"] == "recovery:metrics_updated") {
        let key = (record["host"].as_str().expect("a host"), record["data"]["tickwire:peer"].as_str().expect("a peer"));
        if let Some(window) = record["data"]["congestion_window"].as_u64() {
            assert_ne!(windows.insert(key, window), Some(window));
        }
    }
    assert!(!windows.is_empty());
}
