//! `tickwire echo`: returns what it gets, UDP and TCP on one port number, to check that a host is reachable.

mod limit;
mod repeat;
mod summary;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use socket2::SockRef;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::Instant;

use crate::args;
use crate::deadline;
use crate::failure::cannot_listen;
use crate::output::{self, ReadyFile};
use crate::signals::Stop;
use summary::{Counters, Summary};

const EXAMPLES: &str = "\
Examples:
  tickwire echo                          on 127.0.0.1:7777, for this host only
  tickwire echo --bind :7777             for everybody, rate limited
  tickwire echo --bind 127.0.0.1:0 --ready-file echo.json --duration 10 --json

Nothing is returned to source ports below 1024 or equal to the echo's own, and the very same datagram from the
same source is returned 10000 times at most (256 off loopback), then again after a pause of 2 s: two echoes never
answer each other for ever. Off loopback an address gets 256 KiB a second back over UDP.";

/// Options of `echo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to listen, UDP and TCP; port 0 takes one that is free for both
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7777", value_parser = args::bind_address)]
    bind: SocketAddr,

    /// End after this many seconds [default: until Ctrl-C]
    #[arg(long, value_name = "SECONDS", value_parser = args::seconds, allow_negative_numbers = true)]
    duration: Option<Duration>,

    /// Print one JSON object at the end, and nothing else on stdout
    #[arg(long)]
    json: bool,

    /// Write the addresses to this file as JSON once both listen
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Content of the ready file.
#[derive(Debug, Serialize)]
struct Ready {
    udp: SocketAddr,
    tcp: SocketAddr,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let stop = Stop::listen()?;
    let ready_file = ReadyFile::prepare(args.ready_file.as_deref())?;
    let echo = Echo::bind(args.bind).await?;
    let address = echo.address;
    tracing::info!(%address, "listening, UDP and TCP");
    ready_file.write(&Ready {
        udp: address,
        tcp: address,
    })?;
    if !args.json {
        output::line(&format!(
            "echo listens on {address}, UDP and TCP; Ctrl-C ends it"
        ))?;
    }

    let end = args.duration.map(|duration| Instant::now() + duration);
    tokio::select! {
        () = echo.serve() => {}
        () = stop.requested() => {}
        () = deadline::reached(end) => {}
    }
    let summary = Summary::new(address, &echo.counters);
    if args.json {
        return output::json(&summary);
    }
    output::line(&summary.line())
}

/// Both sockets of an echo.
#[derive(Debug)]
struct Echo {
    address: SocketAddr,
    udp: UdpSocket,
    tcp: TcpListener,
    counters: Arc<Counters>,
}

impl Echo {
    async fn bind(wanted: SocketAddr) -> anyhow::Result<Self> {
        /// A port that is free for TCP is seldom taken for UDP.
        const ATTEMPTS: u32 = 32;
        let mut attempt = 1;
        loop {
            let tcp = TcpListener::bind(wanted)
                .await
                .map_err(|error| cannot_listen("TCP", wanted, "--bind", &error))?;
            let address = tcp.local_addr()?;
            match UdpSocket::bind(address).await {
                Ok(udp) => return Ok(Self::new(address, udp, tcp)),
                Err(error) if may_try_again(wanted, &error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(cannot_listen("UDP", address, "--bind", &error)),
            }
        }
    }

    fn new(address: SocketAddr, udp: UdpSocket, tcp: TcpListener) -> Self {
        enlarge_buffers(&udp);
        Self {
            address,
            udp,
            tcp,
            counters: Arc::default(),
        }
    }

    /// Returns what arrives, until cancelled.
    async fn serve(&self) {
        tokio::join!(
            udp::serve(&self.udp, self.address.port(), &self.counters),
            tcp::serve(&self.tcp, &self.counters),
        );
    }
}

fn may_try_again(wanted: SocketAddr, error: &io::Error) -> bool {
    wanted.port() == 0 && error.kind() == io::ErrorKind::AddrInUse
}

/// Room for bursts of several clients and for the largest datagram; the system gives what it allows.
fn enlarge_buffers(socket: &UdpSocket) {
    const BYTES: usize = 4 << 20;
    let socket = SockRef::from(socket);
    for result in [
        socket.set_recv_buffer_size(BYTES),
        socket.set_send_buffer_size(BYTES),
    ] {
        if let Err(error) = result {
            tracing::debug!(%error, "the UDP buffers stay as they are");
        }
    }
}

#[cfg(test)]
mod tests;
