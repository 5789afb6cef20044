//! Streams: bytes go back as they arrive. Each client has a task of its own, so an idle one blocks nobody.
//!
//! A client that does not read what comes back is read no further, by TCP's own flow control. One that
//! closes its sending half gets the rest and then the close.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{Id, JoinSet};
use tokio::time::{sleep, timeout};

use super::limit::{Limiter, host};
use super::summary::{Counters, add};

/// Clients at once.
const CLIENTS_MAX: usize = 1_024;
/// Clients at once from one address off loopback.
const CLIENTS_PER_HOST_MAX: usize = 64;
/// A client that neither sends nor reads for so long loses its place.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// Tokens of one KiB a second for an address off loopback, and for all of them. No source is forged here, so it is more than for datagrams.
const ADDRESS_RATE: u32 = 8 * 1_024;
const TOTAL_RATE: u32 = 64 * 1_024;
const BUFFER_BYTES: usize = 16 * 1_024;
/// Rest after an error that may come again at once, such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Accepts clients until cancelled; then all are closed.
pub(super) async fn serve(listener: &TcpListener, counters: &Arc<Counters>) {
    let limiter = Limiter::new(ADDRESS_RATE, TOTAL_RATE, Instant::now());
    let mut clients = Clients {
        tasks: JoinSet::new(),
        hosts: HashMap::new(),
        limiter: Arc::new(Mutex::new(limiter)),
        counters: Arc::clone(counters),
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => clients.on_accepted(stream, from),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a TCP client");
                    sleep(ERROR_PAUSE).await;
                }
            },
            Some(ended) = clients.tasks.join_next_with_id() => {
                clients.on_ended(ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
        }
    }
}

struct Clients {
    tasks: JoinSet<()>,
    hosts: HashMap<Id, IpAddr>,
    limiter: Arc<Mutex<Limiter>>,
    counters: Arc<Counters>,
}

impl Clients {
    fn on_accepted(&mut self, stream: TcpStream, from: SocketAddr) {
        let host = host(from.ip());
        let of_host = self.hosts.values().filter(|other| **other == host).count();
        let host_is_full = !host.is_loopback() && of_host >= CLIENTS_PER_HOST_MAX;
        if self.tasks.len() >= CLIENTS_MAX || host_is_full {
            // At debug level: whoever is refused may come again and again, and must not fill the log.
            tracing::debug!(
                %from,
                clients = self.tasks.len(),
                of_host,
                "TCP client refused: {CLIENTS_MAX} clients are the most, {CLIENTS_PER_HOST_MAX} from one address off loopback"
            );
            add(&self.counters.clients_refused, 1);
            return;
        }
        tracing::debug!(%from, "TCP client");
        add(&self.counters.clients, 1);
        let pace = (!host.is_loopback()).then(|| Pace {
            host,
            limiter: Arc::clone(&self.limiter),
        });
        let counters = Arc::clone(&self.counters);
        let task = self.tasks.spawn(async move {
            match echo(stream, pace, &counters).await {
                Ok(()) => tracing::debug!(%from, "TCP client left"),
                Err(error) => tracing::debug!(%from, %error, "TCP client lost"),
            }
        });
        self.hosts.insert(task.id(), host);
    }

    fn on_ended(&mut self, task: Id) {
        self.hosts.remove(&task);
    }
}

/// Slows a client off loopback down.
struct Pace {
    host: IpAddr,
    limiter: Arc<Mutex<Limiter>>,
}

impl Pace {
    async fn wait_for(&self, bytes: usize) {
        let wait = {
            let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.charge(self.host, bytes, Instant::now())
        };
        sleep(wait).await;
    }
}

async fn echo(mut stream: TcpStream, pace: Option<Pace>, counters: &Counters) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let len = timeout(IDLE_TIMEOUT, stream.read(&mut buffer)).await??;
        if len == 0 {
            return stream.shutdown().await;
        }
        if let Some(pace) = &pace {
            pace.wait_for(len).await;
        }
        timeout(IDLE_TIMEOUT, stream.write_all(&buffer[..len])).await??;
        add(&counters.stream_bytes_returned, len as u64);
    }
}
