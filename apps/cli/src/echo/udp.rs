//! Datagrams: each goes back to where it came from, unchanged.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use super::limit::Limiter;
use super::repeat::RepeatGuard;
use super::summary::{Counters, add};

/// More than any datagram has.
const BUFFER_BYTES: usize = 65_536;
/// Tokens of one KiB a second for an address off loopback, and for all of them.
const ADDRESS_RATE: u32 = 256;
const TOTAL_RATE: u32 = 4_096;
/// Rest after an error that may come again at once.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Why a datagram is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Its source is a port of services, or this echo's own port: no client, maybe another echo.
    SourcePort,
    /// It was answered too often.
    Repeated,
    /// The source, or all together, had their share.
    Rate,
}

/// Decides what is answered.
struct Guard {
    own_port: u16,
    repeats: RepeatGuard,
    limiter: Limiter,
}

impl Guard {
    fn new(own_port: u16, now: Instant) -> Self {
        Self {
            own_port,
            repeats: RepeatGuard::new(),
            limiter: Limiter::new(ADDRESS_RATE, TOTAL_RATE, now),
        }
    }

    fn check(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Result<(), Refused> {
        // Ports below 1024 are those of services (RFC 6335 section 6), echo and chargen among them.
        if from.port() < 1_024 || from.port() == self.own_port {
            return Err(Refused::SourcePort);
        }
        let is_local = from.ip().to_canonical().is_loopback();
        if !is_local && !self.limiter.admits(from.ip(), datagram.len(), now) {
            return Err(Refused::Rate);
        }
        if !self.repeats.admits(from, datagram, now) {
            return Err(Refused::Repeated);
        }
        Ok(())
    }
}

/// Returns datagrams until cancelled.
pub(super) async fn serve(socket: &UdpSocket, own_port: u16, counters: &Counters) {
    let mut guard = Guard::new(own_port, Instant::now());
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let (len, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                on_receive_error(&error).await;
                continue;
            }
        };
        add(&counters.datagrams_received, 1);
        let datagram = &buffer[..len];
        if let Err(refused) = guard.check(from, datagram, Instant::now()) {
            tracing::debug!(%from, len, ?refused, "datagram not answered");
            add(counter_of(refused, counters), 1);
            continue;
        }
        match socket.send_to(datagram, from).await {
            Ok(_) => {
                tracing::trace!(%from, len, "datagram returned");
                add(&counters.datagrams_returned, 1);
                add(&counters.datagram_bytes_returned, len as u64);
            }
            Err(error) => {
                tracing::debug!(%from, len, %error, "datagram could not be returned");
                add(&counters.send_errors, 1);
            }
        }
    }
}

fn counter_of(refused: Refused, counters: &Counters) -> &std::sync::atomic::AtomicU64 {
    match refused {
        Refused::SourcePort => &counters.refused_source_port,
        Refused::Repeated => &counters.refused_repeated,
        Refused::Rate => &counters.refused_rate,
    }
}

async fn on_receive_error(error: &io::Error) {
    tracing::debug!(%error, "receiving failed");
    // Some systems report here that an earlier answer found nobody.
    if error.kind() != io::ErrorKind::ConnectionReset {
        tokio::time::sleep(ERROR_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN_PORT: u16 = 7_777;

    fn check(guard: &mut Guard, from: &str) -> Result<(), Refused> {
        let from = from.parse().expect("an address");
        guard.check(from, b"bytes", Instant::now())
    }

    #[test]
    fn sources_that_are_no_clients_are_not_answered() {
        let mut guard = Guard::new(OWN_PORT, Instant::now());
        for from in [
            "127.0.0.1:7",
            "192.0.2.1:19",
            "192.0.2.1:7777",
            "127.0.0.1:7777",
            "192.0.2.1:0",
        ] {
            assert_eq!(check(&mut guard, from), Err(Refused::SourcePort), "{from}");
        }
        assert_eq!(check(&mut guard, "192.0.2.1:1024"), Ok(()));
    }

    #[test]
    fn only_sources_off_loopback_are_limited_by_rate() {
        let mut guard = Guard::new(OWN_PORT, Instant::now());
        let mut answered = |ip: [u8; 4]| {
            let from = SocketAddr::from((ip, 50_000));
            let check = |n: u32| guard.check(from, &n.to_be_bytes(), Instant::now());
            (0..20_000).map(check).filter(Result::is_ok).count()
        };
        assert_eq!(answered([127, 0, 0, 1]), 20_000);
        let elsewhere = answered([192, 0, 2, 1]);
        assert!((512..1_000).contains(&elsewhere), "{elsewhere}");
    }
}
