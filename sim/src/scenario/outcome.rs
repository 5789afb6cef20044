//! What came out of a run: the value behind the table, the JSON and the pictures.
//!
//! Times are microseconds of the world's time, sizes bytes of payload unless they say otherwise. Everything is in an order
//! that depends on the scenario and the seed alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::distribution::Distribution;
use crate::survey::Side;

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The scenario's title.
    pub title: String,
    /// The seed that it was run with.
    pub seed: u64,
    /// The recorded network that took the place of the scenario's links, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<RecordedNetwork>,
    /// How long things were said.
    pub duration_us: u64,
    /// How long the world ran, with the time for what was under way.
    pub ended_us: u64,
    /// Names of the clients, in the order in which everything else numbers them.
    pub clients: Vec<String>,
    /// A hash of every datagram with its time and direction, in hexadecimal.
    pub wire_hash: String,
    /// One for each kind of traffic and direction, in the scenario's order, up before down.
    pub traffic: Vec<TrafficOutcome>,
    /// How connections began and ended.
    pub connections: Connections,
    /// UDP payload that clients sent, before a crash too.
    pub wire_up: Volume,
    /// UDP payload that the server sent, before a crash too.
    pub wire_down: Volume,
    /// How often each kind of fault struck, without those that never did. See [`FaultCounts`](crate::FaultCounts).
    pub faults: BTreeMap<String, u64>,
    /// Expectations that were not met, as sentences; empty if all is well.
    pub unmet: Vec<String>,
    /// When connections began and ended, in order.
    pub log: Vec<ConnectionLog>,
    /// How it went over time.
    pub series: Series,
}

/// A network that was recorded, as a run was told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedNetwork {
    /// Where it is from: a file.
    pub source: String,
    /// The paths that were played over: the first client has the first, and so on, and again from the first.
    pub paths: Vec<RecordedPath>,
}

/// A path that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedPath {
    /// Number of the peer to whom it leads, in the recording.
    pub peer: u32,
    /// At whose end it was recorded.
    pub recorded_by: Side,
    /// Whether nothing in the recording says so.
    pub is_side_assumed: bool,
    /// After this it begins again.
    pub length_us: u64,
    /// The fastest round trip.
    pub round_trip_min_us: u64,
    /// From clients to the server.
    pub up: RecordedWay,
    /// From the server to clients.
    pub down: RecordedWay,
}

/// One way through a recorded network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedWay {
    /// Datagrams of which one knows what became of them.
    pub datagrams: u64,
    /// Of these, lost ones.
    pub lost: u64,
}

impl RecordedWay {
    /// So many datagrams, and so many of them lost.
    #[must_use]
    pub const fn new(datagrams: u64, lost: u64) -> Self {
        Self { datagrams, lost }
    }
}

/// From clients to the server, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From clients to the server.
    Up,
    /// From the server to clients.
    Down,
}

/// One kind of traffic in one direction, over all clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrafficOutcome {
    /// The traffic's name.
    pub name: String,
    /// The number of its channel.
    pub channel: u8,
    /// The delivery of its channel: `ordered` and so on.
    pub delivery: String,
    /// Which way.
    pub direction: Direction,
    /// Messages that `send` took.
    pub sent: u64,
    /// Their payload.
    pub sent_bytes: u64,
    /// Messages that `send` refused for want of room. For traffic with a `total`, these are tried again.
    pub refused: u64,
    /// Messages that were due while there was no connection to send them on.
    pub unsent: u64,
    /// Messages that arrived, each counted once.
    pub delivered: u64,
    /// Their payload.
    pub delivered_bytes: u64,
    /// Messages that were sent and never arrived.
    pub lost: u64,
    /// Messages that arrived later than `late_after`.
    pub late: u64,
    /// Messages that arrived again. Never, unless Tickwire is wrong.
    pub duplicated: u64,
    /// What their senders were told of them, where they asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<Receipts>,
    /// Payload delivered per second and client, in bits; over the time until it was complete for what has a `total`.
    pub goodput_bps: u64,
    /// The longest time in which nothing arrived at a client, or from it: between two arrivals, or from the last one until nothing
    /// was said any more. 0 for what has a `total`.
    pub longest_gap_us: u64,
    /// From `send` to the receiver's owner.
    pub latency: Distribution,
    /// How long clients took to have everything, if it has a `total`; those that never had it are not counted.
    pub complete: Option<Distribution>,
}

/// What senders were told of their messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipts {
    /// They arrived.
    pub delivered: u64,
    /// They were given up because their time to live was over.
    pub expired: u64,
    /// They were given up because a newer one had their key.
    pub superseded: u64,
}

/// How connections began and ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Times that clients dialled.
    pub dialled: u64,
    /// From dialling to being connected, as clients see it.
    pub handshake: Distribution,
    /// Connections, and attempts, that ended without anybody asking for it, as clients see it.
    pub disconnects: u64,
    /// Why, on both sides.
    pub endings: Vec<Ending>,
    /// From the end of a connection to the next one, as clients see it.
    pub reconnect: Distribution,
    /// Clients connected at the end.
    pub connected_at_end: u64,
}

/// How often connections ended for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// Whether the server's side said so, and not a client's.
    pub at_server: bool,
    /// The reason, in core's words.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Datagrams and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Datagrams that endpoints handed out.
    pub datagrams: u64,
    /// Their UDP payload.
    pub bytes: u64,
}

/// What happened to a client's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionLog {
    /// When.
    pub at_us: u64,
    /// Which client.
    pub client: u32,
    /// `dials`, `connected`, `leaves`, or `disconnected: ` and the reason.
    pub what: String,
}

/// How it went over time. All lists within are as long as there are intervals; a value stands for the interval's end, or
/// for all that happened in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Length of an interval.
    pub interval_us: u64,
    /// How many intervals.
    pub intervals: u64,
    /// One for each [`TrafficOutcome`], in its order.
    pub traffic: Vec<TrafficSeries>,
    /// One for each client.
    pub connections: Vec<ConnectionSeries>,
}

/// Messages of one kind and direction, over all clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrafficSeries {
    /// Messages that arrived.
    pub delivered: Vec<u32>,
    /// The mean of their latencies; 0 if none arrived.
    pub mean_us: Vec<u32>,
    /// The greatest of their latencies.
    pub max_us: Vec<u32>,
}

/// Both directions between one client and the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionSeries {
    /// As the client sees its connection, and its link to the server.
    pub up: PathSeries,
    /// As the server sees it, and its link to the client.
    pub down: PathSeries,
}

/// One direction: what its sender believes, and what waits before the link. All 0 while there is no connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PathSeries {
    /// Smoothed round trip.
    pub rtt_us: Vec<u32>,
    /// Congestion window.
    pub window_bytes: Vec<u32>,
    /// Bytes in flight.
    pub in_flight_bytes: Vec<u32>,
    /// Bytes of messages that wait in the endpoint.
    pub queued_bytes: Vec<u32>,
    /// Packets believed lost, of the last 256, in tenths of a percent.
    pub loss_permille: Vec<u16>,
    /// Bytes that wait before the link.
    pub link_queue_bytes: Vec<u32>,
}
