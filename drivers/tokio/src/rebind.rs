//! A client moves to another socket: first the socket, then the endpoint is told, then the old socket goes.

use std::fmt;
use std::net::SocketAddr;

use tickwire_core::RebindError;
use tickwire_udp::{BindError, bind_game};

use crate::handle::Handle;
use crate::shared::Moving;

/// Why [`Handle::rebind`] refused. Everything is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum RebindFailure {
    /// The new socket cannot be had.
    Bind(BindError),
    /// The endpoint refused.
    Refused(RebindError),
}

impl fmt::Display for RebindFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => fmt::Display::fmt(error, f),
            Self::Refused(error) => write!(f, "cannot move to another socket: {error}"),
        }
    }
}

impl std::error::Error for RebindFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Refused(error) => Some(error),
        }
    }
}

/// Moving.
impl Handle {
    /// Moves this client to another socket, bound to `to`: its connections live on, and nothing reliable is lost. Call it
    /// when the host changed its network. Returns where the new socket is bound; port 0 lets the host choose.
    ///
    /// All is sent by the new socket from the task's next turn on; the old one is read until the servers answered.
    /// `Event::Rebinding` tells how it goes on, for each connection: started, validating, and done or failed. After a failure
    /// the connection goes on trying by the new socket until its idle timeout; another `rebind` may help it. A new address that
    /// names the same interface as the old one means the same network; else, and where it names none (`0.0.0.0`), the round trip and
    /// the congestion window are measured anew (RFC 9000 section 9.4).
    ///
    /// # Errors
    ///
    /// [`RebindFailure`], without effect: when the socket cannot be had, and when peers are here that connected to this endpoint,
    /// which would lose it.
    pub fn rebind(&self, to: SocketAddr) -> Result<SocketAddr, RebindFailure> {
        let failed = |source| {
            RebindFailure::Bind(BindError {
                socket: tickwire_core::Socket::Game,
                address: to,
                source,
            })
        };
        let mut state = self.shared().lock();
        if state.endpoint.is_serving() {
            return Err(RebindFailure::Refused(RebindError::Serving));
        }
        let socket = bind_game(to).map_err(RebindFailure::Bind)?;
        let address = socket.local_addr().map_err(failed)?;
        let old = state.local_addr.ip();
        state.moving = Some(Moving {
            socket,
            is_other_network: old.is_unspecified() || old != address.ip(),
        });
        state.local_addr = address;
        state.wake_task();
        Ok(address)
    }
}
