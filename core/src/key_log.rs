//! Keys of connections as text, for captures that are to be read. Off unless asked for: the lines are secrets.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::PROTOCOL_VERSION;
use crate::config::{Config, Delivery};
use crate::crypto::{CipherSuite, SessionKeys};
use crate::event::Role;
use crate::wire::packet::ConnectionId;

/// Lines kept for an owner who does not poll them.
const LINES_MAX: usize = 4_096;

/// Lines that wait to be polled. `None` while nobody asked for them.
#[derive(Default)]
pub(crate) struct KeyLog(Option<VecDeque<String>>);

impl KeyLog {
    pub(crate) fn set(&mut self, on: bool) {
        self.0 = on.then(VecDeque::new);
    }

    /// Writes the keys of a connection down, if anybody wants them. The ids are those in packets *to* each side.
    pub(crate) fn note(
        &mut self,
        config: &Config,
        client_id: &ConnectionId,
        server_id: &ConnectionId,
        keys: impl FnOnce() -> SessionKeys,
    ) {
        let Some(lines) = &mut self.0 else { return };
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line(config, client_id, server_id, &keys()));
    }

    pub(crate) fn poll(&mut self) -> Option<String> {
        self.0.as_mut()?.pop_front()
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog(..)")
    }
}

fn line(
    config: &Config,
    client_id: &ConnectionId,
    server_id: &ConnectionId,
    keys: &SessionKeys,
) -> String {
    let suite = match keys.suite() {
        CipherSuite::Aes128Gcm => "aes-128-gcm",
        CipherSuite::ChaCha20Poly1305 => "chacha20-poly1305",
    };
    let mut line = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        line,
        "TICKWIRE_KEYS {PROTOCOL_VERSION} suite={suite} client_id={client_id:?} server_id={server_id:?}"
    );
    if keys.generation() > 0 {
        let _ = write!(line, " generation={}", keys.generation());
    }
    for (name, sender) in [("client", Role::Client), ("server", Role::Server)] {
        let (key, iv) = keys.of(sender);
        let _ = write!(line, " {name}_key={} {name}_iv={}", Hex(key), Hex(iv));
    }
    line.push_str(" channels=");
    line.extend(
        config
            .channels
            .iter()
            .map(|channel| letter(channel.delivery)),
    );
    line
}

const fn letter(delivery: Delivery) -> char {
    match delivery {
        Delivery::Unreliable => 'U',
        Delivery::Sequenced => 'S',
        Delivery::Reliable => 'R',
        Delivery::Ordered => 'O',
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
