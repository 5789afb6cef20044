//! A capture as qlog: a JSON text sequence (RFC 7464) as draft-ietf-quic-qlog-main-schema-14 frames it.
//!
//! The first record says what follows; each other record is an event of our own namespace, [`SCHEMA`], which docs/TRACES.md
//! explains field by field. One file holds all hosts: every event says in `host` whose it is, and in `group_id` between which
//! two hosts it happened.
//!
//! | event | what |
//! |---|---|
//! | `datagram_sent`, `datagram_received`, `datagram_dropped` | the way of each datagram, named by `datagram_id` |
//! | `metrics_updated` | what of a connection's state changed since its last sample |
//! | `packets_lost` | packets that a sender declared lost since its last sample |
//! | `mtu_updated` | the longest datagram that the way is known to carry changed since the last sample |
//! | `key_updated` | the keys of a connection were changed since the last sample |
//! | `connection_started`, `connection_closed` | what owners were told |

mod contents;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tickwire_core::{EcnState, Event, Instant};

use self::contents::contents;
use super::{Capture, CapturedDatagram, Course, Sample};
use crate::fate::Fate;
use crate::host::HostId;
use crate::link::ecn;

/// Before each record (RFC 7464 section 2.2); a line feed follows it.
pub const RECORD_SEPARATOR: u8 = 0x1E;

/// The URI of our events' schema: a name, and nothing to be fetched. It changes whenever an event does.
pub const SCHEMA: &str = "https://github.com/tickwire/tickwire/112026/qlog/tickwire";

/// Writes a capture. `title` says what it is of.
///
/// # Errors
///
/// Those of `out`.
pub fn write(capture: &Capture, title: &str, out: &mut impl Write) -> io::Result<()> {
    record(&header(capture, title), out)?;
    let addresses = capture.hosts.iter().zip(0..);
    let log = Log {
        capture,
        hosts: addresses
            .map(|(host, index)| (host.address, index))
            .collect(),
    };
    for (at, entry) in entries(capture) {
        for event in log.events(entry) {
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
    let left_out = capture.left_out;
    json!({
        "file_schema": "urn:ietf:params:qlog:file:sequential",
        "serialization_format": "application/qlog+json-seq",
        "title": title,
        "trace": {
            "title": title,
            "common_fields": {
                "time_format": "relative_to_epoch",
                // The world's own time: it begins with the run.
                "reference_time": {"clock_type": "monotonic", "epoch": "unknown"},
            },
            "vantage_point": {"name": "tickwire simulator", "type": "network", "flow": "unknown"},
            "event_schemas": [SCHEMA],
            "hosts": hosts.collect::<Vec<_>>(),
            "left_out": {
                "datagrams": left_out.datagrams,
                "samples": left_out.samples,
                "events": left_out.events,
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
    let mut latest = BTreeMap::new();
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

/// An event before it is written: whose, with whom, its name and its data.
struct Logged {
    host: String,
    group: Option<String>,
    name: &'static str,
    data: Value,
}

impl Logged {
    fn at(self, capture: &Capture, at: Instant) -> Value {
        let since = at.saturating_duration_since(capture.began_at);
        let name = format!("tickwire:{}", self.name);
        let mut event = json!({"time": millis(since), "name": name, "host": self.host});
        if let Some(group) = self.group {
            event["group_id"] = json!(group);
        }
        event["data"] = self.data;
        event
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// A mark of the trace without its sign.
fn plain(mark: &dyn Display) -> String {
    let mark = mark.to_string();
    mark.trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}

/// A capture on its way into a file.
struct Log<'a> {
    capture: &'a Capture,
    hosts: BTreeMap<SocketAddr, usize>,
}

impl Log<'_> {
    fn events(&self, entry: Entry) -> Vec<Logged> {
        match entry {
            Entry::Sent(index) => self.sent(index),
            Entry::Landed(index, copy) => vec![self.landed(index, copy)],
            Entry::Sampled { index, before } => {
                let before = before.map(|before| &self.capture.samples[before]);
                self.sampled(&self.capture.samples[index], before)
            }
            Entry::Told(index) => self.told(index).into_iter().collect(),
        }
    }

    /// Two hosts, always in the same order.
    fn between(&self, one: HostId, other: HostId) -> String {
        let (first, second) = (one.min(other), one.max(other));
        let name = |host| self.capture.name(host);
        format!("{} {}", name(first), name(second))
    }

    fn group(&self, datagram: &CapturedDatagram) -> Option<String> {
        datagram.to.map(|to| self.between(datagram.from, to))
    }

    /// A host and whoever is at this address; nobody known behind a NAT.
    fn with(&self, host: HostId, address: SocketAddr) -> Option<String> {
        let index = self.hosts.get(&address)?;
        let other = self.capture.hosts.get(*index)?;
        let is_first = host.index() < *index;
        let name = self.capture.name(host);
        Some(match is_first {
            true => format!("{name} {}", other.name),
            false => format!("{} {name}", other.name),
        })
    }

    fn sent(&self, index: usize) -> Vec<Logged> {
        let datagram = &self.capture.datagrams[index];
        let logged = |name, data| Logged {
            host: self.capture.name(datagram.from).to_owned(),
            group: self.group(datagram),
            name,
            data,
        };
        let mut data = contents(&datagram.content);
        data["datagram_id"] = json!(index);
        data["raw"] = json!({"length": datagram.bytes.len()});
        data["from"] = json!(datagram.source.to_string());
        data["to"] = json!(datagram.destination.to_string());
        if let Some(ecn) = datagram.ecn {
            data["ecn"] = json!(ecn::name(Some(ecn)));
        }
        let mut events = vec![logged("datagram_sent", data)];
        // What is lost later has a landing that says so.
        let is_stopped = match datagram.course {
            Course::Stopped(_) | Course::Nobody => true,
            Course::Met(fate) => fate == Fate::Drop,
            Course::Everybody => false,
        };
        if is_stopped {
            events.push(logged("datagram_dropped", dropped(index, &datagram.course)));
        }
        events
    }

    fn landed(&self, index: usize, copy: usize) -> Logged {
        let datagram = &self.capture.datagrams[index];
        let landing = &datagram.landings[copy];
        let (name, data) = match landing.lost {
            Some(cause) => ("datagram_dropped", dropped(index, &cause)),
            None => {
                let after = landing.at.saturating_duration_since(datagram.sent_at);
                let mut data = json!({"datagram_id": index, "after": millis(after)});
                if let Some(ecn) = landing.ecn {
                    data["ecn"] = json!(ecn::name(Some(ecn)));
                }
                if datagram.is_hurt() {
                    data["fault"] = json!(plain(&datagram.course));
                }
                ("datagram_received", data)
            }
        };
        Logged {
            host: self.capture.name(landing.host).to_owned(),
            group: Some(self.between(datagram.from, landing.host)),
            name,
            data,
        }
    }

    /// The metrics that changed since the sample before, and the packets declared lost meanwhile.
    fn sampled(&self, sample: &Sample, before: Option<&Sample>) -> Vec<Logged> {
        let (now, then) = (&sample.stats, before.map(|before| &before.stats));
        let peer = sample.address.to_string();
        let logged = |name, mut data: Value| {
            data["connection"] = json!(sample.peer.to_string());
            data["peer"] = json!(peer);
            Logged {
                host: self.capture.name(sample.host).to_owned(),
                group: self.with(sample.host, sample.address),
                name,
                data,
            }
        };
        let mut events = Vec::new();
        // A host that crashed counts anew.
        let lost = then.map_or(0, |then| then.packets_lost);
        let lost = now.packets_lost.checked_sub(lost);
        let lost = lost.unwrap_or(now.packets_lost);
        if lost > 0 {
            events.push(logged("packets_lost", json!({"count": lost})));
        }
        let size = now.datagram_size_bytes;
        let old = then.map(|then| then.datagram_size_bytes);
        if old != Some(size) {
            events.push(logged("mtu_updated", json!({"old": old, "new": size})));
        }
        let generation = now.key_updates;
        if generation > then.map_or(0, |then| then.key_updates) {
            events.push(logged("key_updated", json!({"generation": generation})));
        }
        if then.map_or(EcnState::Off, |then| then.ecn) != now.ecn {
            let state = format!("{:?}", now.ecn).to_lowercase();
            events.push(logged("ecn_state_updated", json!({"new": state})));
        }
        let marks = then.map_or(0, |then| then.marks_told);
        let marks = now.marks_told.checked_sub(marks);
        let marks = marks.unwrap_or(now.marks_told);
        if marks > 0 {
            events.push(logged("marks_told", json!({"count": marks})));
        }
        let times = [
            ("smoothed_rtt", now.rtt_us, then.map(|then| then.rtt_us)),
            ("min_rtt", now.rtt_min_us, then.map(|then| then.rtt_min_us)),
            (
                "rtt_variance",
                now.jitter_us,
                then.map(|then| then.jitter_us),
            ),
        ];
        let sizes = [
            (
                "congestion_window",
                now.congestion_window_bytes,
                then.map(|then| then.congestion_window_bytes),
            ),
            (
                "bytes_in_flight",
                now.in_flight_bytes,
                then.map(|then| then.in_flight_bytes),
            ),
            (
                "queued_bytes",
                now.queued_bytes,
                then.map(|then| then.queued_bytes),
            ),
        ];
        let times = times.map(|(name, now, then)| {
            let time = json!(millis(Duration::from_micros(now)));
            (name, time, then == Some(now))
        });
        let sizes = sizes.map(|(name, now, then)| (name, json!(now), then == Some(now)));
        let mut data = json!({});
        for (name, value, is_known) in times.into_iter().chain(sizes) {
            if !is_known {
                data[name] = value;
            }
        }
        if data.as_object().is_some_and(|data| !data.is_empty()) {
            events.push(logged("metrics_updated", data));
        }
        events
    }

    fn told(&self, index: usize) -> Option<Logged> {
        let (_, host, event) = &self.capture.events[index];
        let logged = |group, name, data| Logged {
            host: self.capture.name(*host).to_owned(),
            group,
            name,
            data,
        };
        if let Event::Connected {
            peer,
            address,
            role,
            ..
        } = event
        {
            let data = json!({
                "connection": peer.to_string(),
                "peer": address.to_string(),
                "role": format!("{role:?}").to_lowercase(),
            });
            return Some(logged(
                self.with(*host, *address),
                "connection_started",
                data,
            ));
        }
        let Event::Disconnected {
            peer,
            reason,
            undelivered,
        } = event
        else {
            return None;
        };
        let data = json!({
            "connection": peer.to_string(),
            "reason": reason.to_string(),
            "undelivered": undelivered,
        });
        Some(logged(None, "connection_closed", data))
    }
}

fn dropped(index: usize, cause: &dyn Display) -> Value {
    json!({"datagram_id": index, "cause": plain(cause)})
}

#[cfg(test)]
mod tests;
