//! The sockets of an endpoint, as its task sees them.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tickwire_core::{Arrival, Socket, Transmit};
use tickwire_udp::{
    BindError, Interfaces, Io, IoStats, JoinFailure, Sent, SocketIo, bind_discovery, bind_game,
    join_groups,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::options::Options;

/// What the task needs of its sockets. [`bind`](crate::bind) brings real ones; a test brings its own to
/// [`drive`](crate::drive).
pub trait Sockets: Io + Send + 'static {
    /// Receives at most one batch from each socket, for [`Io::drain`]. Ready when there may be something to drain;
    /// else the waker is kept until there is.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Ready when `socket` may take a datagram again; else the waker is kept until it does.
    fn poll_writable(&mut self, socket: Socket, cx: &mut Context<'_>) -> Poll<()>;

    /// The host's interfaces, asked for at the start and every ten seconds. `None` (for a made-up host): never ask
    /// again.
    fn interfaces(&mut self) -> Option<Interfaces> {
        None
    }

    /// Sends by another game socket from here on, and reads both until [`forget_old`](Self::forget_old).
    ///
    /// # Errors
    ///
    /// When the socket cannot be used; then nothing changes. Sockets that cannot be exchanged say so.
    fn rebind(&mut self, _socket: std::net::UdpSocket) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What comes to a socket before the latest is of no use any more.
    fn forget_old(&mut self) {}

    /// What the sockets did.
    fn stats(&self) -> IoStats {
        IoStats::default()
    }
}

/// What came of binding.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) game: SocketAddr,
    pub(crate) discovery: Option<Result<SocketAddr, BindError>>,
    pub(crate) join_failures: Vec<JoinFailure>,
}

/// One socket of the operating system.
#[derive(Debug)]
struct Real {
    socket: UdpSocket,
    io: SocketIo,
}

impl Real {
    fn new(which: Socket, socket: std::net::UdpSocket) -> io::Result<Self> {
        let io = SocketIo::new(which, &socket)?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self { socket, io })
    }

    /// A readiness that turns out to be stale is cleared by `try_io`, and polled again for its waker.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if ready!(self.socket.poll_recv_ready(cx)).is_err() {
                return Poll::Pending;
            }
            let receive = || self.io.receive(&self.socket);
            if self.socket.try_io(Interest::READABLE, receive).is_ok() {
                return Poll::Ready(());
            }
        }
    }

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Sent {
        let send = || self.io.send(&self.socket, transmit, bytes);
        Sent::from_result(&self.socket.try_io(Interest::WRITABLE, send))
    }
}

/// The game socket and perhaps a discovery socket.
#[derive(Debug)]
pub(crate) struct UdpSockets {
    game: Real,
    discovery: Option<Real>,
    /// The game socket before this one, while somebody may still send there.
    old: Option<Real>,
    /// What sockets did that are gone.
    gone: IoStats,
}

impl UdpSockets {
    /// Opens what `options` asks for. Only the game socket is necessary.
    pub(crate) fn bind(options: &Options) -> io::Result<(Self, Bound)> {
        let game = Real::new(Socket::Game, bind_game(options.game)?)?;
        let local_addr = game.socket.local_addr()?;
        let mut join_failures = Vec::new();
        let (discovery, outcome) = match options.discovery.map(open_discovery) {
            None => (None, None),
            Some(Err(error)) => (None, Some(Err(error))),
            Some(Ok((real, address, failures))) => {
                join_failures = failures;
                (Some(real), Some(Ok(address)))
            }
        };
        let bound = Bound {
            game: local_addr,
            discovery: outcome,
            join_failures,
        };
        let sockets = Self {
            game,
            discovery,
            old: None,
            gone: IoStats::default(),
        };
        Ok((sockets, bound))
    }

    fn real(&mut self, socket: Socket) -> Option<&mut Real> {
        match socket {
            Socket::Game => Some(&mut self.game),
            Socket::Discovery => self.discovery.as_mut(),
        }
    }
}

fn open_discovery(address: SocketAddr) -> Result<(Real, SocketAddr, Vec<JoinFailure>), BindError> {
    let socket = bind_discovery(address)?;
    let interfaces = Interfaces::read().unwrap_or_default();
    let failures = join_groups(&socket, &interfaces);
    let failed = |source| BindError {
        socket: Socket::Discovery,
        address,
        source,
    };
    let local_addr = socket.local_addr().map_err(failed)?;
    let real = Real::new(Socket::Discovery, socket).map_err(failed)?;
    Ok((real, local_addr, failures))
}

impl Io for UdpSockets {
    fn drain(&mut self, handle: &mut dyn FnMut(Arrival, &mut [u8])) {
        let mut handle = |arrival: Arrival, datagram: &mut [u8]| {
            tracing::trace!(from = %arrival.from, bytes = datagram.len(), socket = ?arrival.socket, "received");
            handle(arrival, datagram);
        };
        if let Some(old) = &mut self.old {
            old.io.drain(&mut handle);
        }
        self.game.io.drain(&mut handle);
        if let Some(discovery) = &mut self.discovery {
            discovery.io.drain(&mut handle);
        }
    }

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Sent {
        let real = self.real(transmit.socket);
        let sent = real.map_or(Sent::Failed, |real| real.send(transmit, bytes));
        tracing::trace!(to = %transmit.to, bytes = transmit.len, socket = ?transmit.socket, ?sent, "sent");
        sent
    }
}

impl Sockets for UdpSockets {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let game = self.game.poll_receive(cx);
        let discovery = match &mut self.discovery {
            Some(real) => real.poll_receive(cx),
            None => Poll::Pending,
        };
        let old = match &mut self.old {
            Some(real) => real.poll_receive(cx),
            None => Poll::Pending,
        };
        [game, discovery, old]
            .into_iter()
            .find(Poll::is_ready)
            .unwrap_or(Poll::Pending)
    }

    fn poll_writable(&mut self, socket: Socket, cx: &mut Context<'_>) -> Poll<()> {
        let Some(real) = self.real(socket) else {
            return Poll::Ready(());
        };
        real.socket.poll_send_ready(cx).map(|_| ())
    }

    fn interfaces(&mut self) -> Option<Interfaces> {
        let interfaces = Interfaces::read().unwrap_or_default();
        self.game.io.set_interfaces(&interfaces);
        if let Some(discovery) = &mut self.discovery {
            discovery.io.set_interfaces(&interfaces);
            for failure in join_groups(&discovery.socket, &interfaces) {
                tracing::debug!("{failure}");
            }
        }
        Some(interfaces)
    }

    fn rebind(&mut self, socket: std::net::UdpSocket) -> io::Result<()> {
        let new = Real::new(Socket::Game, socket)?;
        self.forget_old();
        self.old = Some(std::mem::replace(&mut self.game, new));
        Ok(())
    }

    fn forget_old(&mut self) {
        if let Some(old) = self.old.take() {
            self.gone += old.io.stats();
        }
    }

    fn stats(&self) -> IoStats {
        let mut stats = self.gone;
        stats += self.game.io.stats();
        if let Some(old) = &self.old {
            stats += old.io.stats();
        }
        if let Some(discovery) = &self.discovery {
            stats += discovery.io.stats();
        }
        stats
    }
}
