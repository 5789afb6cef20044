//! What an echo did.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters that all tasks of an echo share.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) datagrams_received: AtomicU64,
    pub(super) datagrams_returned: AtomicU64,
    pub(super) datagram_bytes_returned: AtomicU64,
    pub(super) refused_source_port: AtomicU64,
    pub(super) refused_repeated: AtomicU64,
    pub(super) refused_rate: AtomicU64,
    pub(super) send_errors: AtomicU64,
    pub(super) clients: AtomicU64,
    pub(super) clients_refused: AtomicU64,
    pub(super) stream_bytes_returned: AtomicU64,
}

/// Counts `amount` more.
pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// The result of `echo --json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    address: SocketAddr,
    udp: Datagrams,
    tcp: Streams,
}

#[derive(Debug, Serialize)]
struct Datagrams {
    datagrams_received: u64,
    datagrams_returned: u64,
    bytes_returned: u64,
    refused_source_port: u64,
    refused_repeated: u64,
    refused_rate: u64,
    send_errors: u64,
}

#[derive(Debug, Serialize)]
struct Streams {
    clients: u64,
    clients_refused: u64,
    bytes_returned: u64,
}

impl Summary {
    pub(super) fn new(address: SocketAddr, counters: &Counters) -> Self {
        Self {
            address,
            udp: Datagrams {
                datagrams_received: value(&counters.datagrams_received),
                datagrams_returned: value(&counters.datagrams_returned),
                bytes_returned: value(&counters.datagram_bytes_returned),
                refused_source_port: value(&counters.refused_source_port),
                refused_repeated: value(&counters.refused_repeated),
                refused_rate: value(&counters.refused_rate),
                send_errors: value(&counters.send_errors),
            },
            tcp: Streams {
                clients: value(&counters.clients),
                clients_refused: value(&counters.clients_refused),
                bytes_returned: value(&counters.stream_bytes_returned),
            },
        }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let refused =
            self.udp.refused_source_port + self.udp.refused_repeated + self.udp.refused_rate;
        format!(
            "returned {} of {} datagrams ({refused} refused) and {} bytes to {} TCP clients ({} refused)",
            self.udp.datagrams_returned,
            self.udp.datagrams_received,
            self.tcp.bytes_returned,
            self.tcp.clients,
            self.tcp.clients_refused
        )
    }
}
