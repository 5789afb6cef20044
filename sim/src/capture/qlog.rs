//! A capture as qlog: JSON text sequences (RFC 7464) in the frame of qlog 0.3, for tools that draw QUIC.
//!
//! QUIC's names are used where Tickwire means the same, and names in `tickwire:` where it does not; docs/TRACES.md has both
//! lists. One file holds all hosts: every event says in `host` whose it is.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tickwire_core::trace::{Content, Frame};
use tickwire_core::{Delivery, Event, Instant};

use super::{Capture, CapturedDatagram, Course, Sample};

/// Before each record (RFC 7464 section 2.2); a line feed follows it.
const RECORD_SEPARATOR: u8 = 0x1E;

/// Writes a capture. `title` says what it is of.
///
/// # Errors
///
/// Those of `out`.
pub fn write(capture: &Capture, title: &str, out: &mut impl Write) -> io::Result<()> {
    record(&header(capture, title), out)?;
    for (at, entry) in entries(capture) {
        for event in entry.events(capture) {
            record(&event.at(capture, at), out)?;
        }
    }
    Ok(())
}

fn record(value: &Value, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[RECORD_SEPARATOR])?;
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn header(capture: &Capture, title: &str) -> Value {
    let hosts = capture.hosts.iter();
    let hosts = hosts.map(|host| json!({"name": host.name, "address": host.address.to_string()}));
    json!({
        "qlog_version": "0.3",
        "qlog_format": "JSON-SEQ",
        "title": title,
        "trace": {
            "vantage_point": {"name": "simulator", "type": "network"},
            "common_fields": {
                "time_format": "relative",
                "reference_time": 0,
                "protocol_type": ["TICKWIRE"],
            },
            "configuration": {
                "hosts": hosts.collect::<Vec<_>>(),
                "datagrams_left_out": capture.left_out.datagrams,
            },
        },
    })
}

/// One thing that happened, by its place in the capture.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Sent(usize),
    Landed(usize, usize),
    Sampled { index: usize, before: Option<usize> },
    Told(usize),
}

/// All that happened, in order of time.
fn entries(capture: &Capture) -> Vec<(Instant, Entry)> {
    let mut entries = Vec::new();
    for (index, sent) in capture.datagrams.iter().enumerate() {
        entries.push((sent.sent_at, Entry::Sent(index)));
        let landings = sent.landings.iter().enumerate();
        entries.extend(landings.map(|(copy, landing)| (landing.at, Entry::Landed(index, copy))));
    }
    let mut latest = std::collections::BTreeMap::new();
    for (index, sample) in capture.samples.iter().enumerate() {
        let before = latest.insert((sample.host, sample.peer), index);
        entries.push((sample.at, Entry::Sampled { index, before }));
    }
    for (index, (at, ..)) in capture.events.iter().enumerate() {
        entries.push((*at, Entry::Told(index)));
    }
    // Stable: what a host sent at an instant stays in order.
    entries.sort_by_key(|(at, _)| *at);
    entries
}

/// An event before it is written: whose, its name and its data.
struct Logged {
    host: String,
    name: &'static str,
    data: Value,
}

impl Logged {
    fn at(self, capture: &Capture, at: Instant) -> Value {
        let since = at.saturating_duration_since(capture.began_at);
        json!({"time": millis(since), "name": self.name, "host": self.host, "data": self.data})
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

impl Entry {
    fn events(self, capture: &Capture) -> Vec<Logged> {
        match self {
            Self::Sent(index) => sent(capture, index),
            Self::Landed(index, copy) => vec![landed(capture, index, copy)],
            Self::Sampled { index, before } => {
                let before = before.map(|before| &capture.samples[before]);
                sampled(capture, &capture.samples[index], before)
            }
            Self::Told(index) => told(capture, index).into_iter().collect(),
        }
    }
}

fn sent(capture: &Capture, index: usize) -> Vec<Logged> {
    let datagram = &capture.datagrams[index];
    let host = capture.name(datagram.from).to_owned();
    let name = match packet_type(&datagram.content) {
        Some(_) => "transport:packet_sent",
        None => "tickwire:datagram_sent",
    };
    let mut events = vec![Logged {
        host: host.clone(),
        name,
        data: contents(datagram, index),
    }];
    let is_stopped = match datagram.course {
        Course::Stopped(_) | Course::Nobody => true,
        Course::Met(_) | Course::Everybody => false,
    };
    if is_stopped {
        events.push(dropped(host, index, &datagram.course));
    }
    events
}

fn landed(capture: &Capture, index: usize, copy: usize) -> Logged {
    let datagram = &capture.datagrams[index];
    let landing = &datagram.landings[copy];
    let host = capture.name(landing.host).to_owned();
    if let Some(cause) = landing.lost {
        return dropped(host, index, &cause);
    }
    let name = match packet_type(&datagram.content) {
        Some(_) => "transport:packet_received",
        None => "tickwire:datagram_received",
    };
    let mut data = contents(datagram, index);
    if datagram.is_hurt() {
        data["fault"] = json!(plain(&datagram.course));
    }
    Logged { host, name, data }
}

fn dropped(host: String, index: usize, cause: &dyn Display) -> Logged {
    Logged {
        host,
        name: "tickwire:datagram_dropped",
        data: json!({"datagram_id": index, "cause": plain(cause)}),
    }
}

/// A mark of the trace without its sign.
fn plain(mark: &dyn Display) -> String {
    let mark = mark.to_string();
    mark.trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}

/// QUIC's name of a datagram, if it has one.
fn packet_type(content: &Content) -> Option<&'static str> {
    if let Content::Packet { .. } = content {
        return Some("1RTT");
    }
    match content {
        Content::Hello { .. } => Some("initial"),
        Content::Welcome { .. } => Some("handshake"),
        Content::Reset => Some("stateless_reset"),
        _ => None,
    }
}

fn contents(datagram: &CapturedDatagram, index: usize) -> Value {
    let mut data = json!({
        "datagram_id": index,
        "raw": {"length": datagram.bytes.len()},
        "from": datagram.source.to_string(),
        "to": datagram.destination.to_string(),
    });
    let Some(packet_type) = packet_type(&datagram.content) else {
        data["content"] = json!(datagram.content.to_string());
        return data;
    };
    data["header"] = json!({"packet_type": packet_type});
    if let Content::Packet {
        number,
        compact_ack,
        frames,
    } = &datagram.content
    {
        data["header"]["packet_number"] = json!(number);
        let compact = compact_ack.map(|low| json!({"frame_type": "tickwire:compact_ack", "low_8_bits": low}));
        data["frames"] = compact.into_iter().chain(frames.iter().map(frame)).collect();
    }
    data
}

fn frame(frame: &Frame) -> Value {
    match frame {
        Frame::Padding => json!({"frame_type": "padding"}),
        Frame::Ping => json!({"frame_type": "ping"}),
        Frame::Ack { ranges, delay_us } => {
            // QUIC's tools want the lowest range first.
            let ranges = ranges.iter().rev();
            let ranges: Vec<_> = ranges.map(|range| [*range.start(), *range.end()]).collect();
            let delay = millis(Duration::from_micros(*delay_us));
            json!({"frame_type": "ack", "ack_delay": delay, "acked_ranges": ranges})
        }
        Frame::Credit {
            channel: None,
            limit,
        } => json!({"frame_type": "max_data", "maximum": limit}),
        Frame::Credit {
            channel: Some(channel),
            limit,
        } => json!({"frame_type": "max_stream_data", "stream_id": channel, "maximum": limit}),
        Frame::Close { kind, code, text } => {
            let space = if *kind == 0 { "application" } else { "transport" };
            json!({"frame_type": "connection_close", "error_space": space, "raw_error_code": code, "reason": text, "kind": kind})
        }
        Frame::Message {
            channel,
            delivery,
            id,
            fragment,
            len,
        } => {
            let mut message = json!({"frame_type": "tickwire:message", "channel": channel, "length": len});
            if let Some(delivery) = delivery {
                message["delivery"] = json!(delivery_name(*delivery));
            }
            if let Some(id) = id {
                message["message_id"] = json!(id);
            }
            if let Some((index, count)) = fragment {
                message["fragment"] = json!({"index": index, "count": count});
            }
            message
        }
        _ => json!({"frame_type": "unknown"}),
    }
}

fn delivery_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Unreliable => "unreliable",
        Delivery::Sequenced => "sequenced",
        Delivery::Reliable => "reliable",
        Delivery::Ordered => "ordered",
    }
}

/// The metrics that changed since the sample before, and the packets declared lost meanwhile.
fn sampled(capture: &Capture, sample: &Sample, before: Option<&Sample>) -> Vec<Logged> {
    let host = capture.name(sample.host);
    let mut data = json!({});
    let mut note = |name: &str, now: u64, then: Option<u64>, is_time: bool| {
        if then != Some(now) {
            let time = || json!(millis(Duration::from_micros(now)));
            data[name] = if is_time { time() } else { json!(now) };
        }
    };
    let (now, then) = (&sample.stats, before.map(|before| &before.stats));
    note("smoothed_rtt", now.rtt_us, then.map(|then| then.rtt_us), true);
    note("min_rtt", now.rtt_min_us, then.map(|then| then.rtt_min_us), true);
    note("rtt_variance", now.jitter_us, then.map(|then| then.jitter_us), true);
    let window = then.map(|then| then.congestion_window_bytes);
    note("congestion_window", now.congestion_window_bytes, window, false);
    let in_flight = then.map(|then| then.in_flight_bytes);
    note("bytes_in_flight", now.in_flight_bytes, in_flight, false);
    let queued = then.map(|then| then.queued_bytes);
    note("tickwire:queued_bytes", now.queued_bytes, queued, false);
    let peer = sample.address.to_string();
    let logged = |name, mut data: Value| {
        data["tickwire:peer"] = json!(peer);
        Logged { host: host.to_owned(), name, data }
    };
    let lost = now.packets_lost - then.map_or(0, |then| then.packets_lost);
    let mut events: Vec<_> = (0..lost)
        .map(|_| logged("recovery:packet_lost", json!({})))
        .collect();
    if data.as_object().is_some_and(|data| !data.is_empty()) {
        events.push(logged("recovery:metrics_updated", data));
    }
    events
}

fn told(capture: &Capture, index: usize) -> Option<Logged> {
    let (_, host, event) = &capture.events[index];
    let address = capture.hosts.get(host.index()).map(|host| host.address);
    let (name, data) = if let Event::Connected { address: to, role, .. } = event {
        let from = address.unwrap_or(*to);
        let data = json!({
            "src_ip": from.ip().to_string(),
            "src_port": from.port(),
            "dst_ip": to.ip().to_string(),
            "dst_port": to.port(),
            "tickwire:role": format!("{role:?}").to_lowercase(),
        });
        ("connectivity:connection_started", data)
    } else if let Event::Disconnected { reason, undelivered, .. } = event {
        let data = json!({"reason": reason.to_string(), "tickwire:undelivered": undelivered});
        ("connectivity:connection_closed", data)
    } else {
        return None;
    };
    let host = capture.name(*host).to_owned();
    Some(Logged { host, name, data })
}

#[cfg(test)]
mod tests;
