//! The list of servers that one search found.
//!
//! Events are not queued. Each entry remembers what the owner was told last, and an event is the difference to what is
//! known now. So the events that wait are bounded by the list, and an owner that polls rarely gets the newest values once.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Ignored, ServerInfo, canonical};
use crate::event::Event;
use crate::log::debug;
use crate::saved::saved;
use crate::time::Instant;

/// Servers listed, at most; more are not taken in.
pub(super) const SERVERS_MAX: usize = 256;

/// Silence after which a server is taken off the list. It was asked five times by then: at 10 % loss one living server in
/// 4,000 is silent for so long (question and answer both must arrive: 0.19 to the power of 5), and a dead one is
/// gone before a player would choose it.
pub(super) const TIME_TO_LIVE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Directory {
    /// In the order first heard.
    servers: Vec<Listed>,
}

saved!(Directory { servers });

#[derive(Debug)]
struct Listed {
    info: ServerInfo,
    /// What the owner knows.
    told: Option<ServerInfo>,
    heard: Instant,
    is_alive: bool,
}

saved!(Listed {
    info,
    told,
    heard,
    is_alive
});

impl Listed {
    fn has_event(&self) -> bool {
        !self.is_alive || self.told.as_ref() != Some(&self.info)
    }

    fn is_at(&self, info: &ServerInfo) -> bool {
        canonical(self.info.address) == canonical(info.address)
    }

    /// The same server, heard over another path.
    fn is_other_path_of(&self, info: &ServerInfo) -> bool {
        self.is_alive && info.id.is_some() && self.info.id == info.id && !self.is_at(info)
    }
}

impl Directory {
    /// Takes in an answer. An address has one entry, whatever id it tells: a new id there is a restarted server. A server
    /// has one entry as well: while it is heard where it is listed, its answers from elsewhere change nothing.
    pub(super) fn on_heard(&mut self, now: Instant, info: ServerInfo) -> Result<(), Ignored> {
        let servers = &mut self.servers;
        if servers.iter().any(|listed| listed.is_other_path_of(&info)) {
            return Ok(());
        }
        if let Some(listed) = servers.iter_mut().find(|listed| listed.is_at(&info)) {
            // The address stays as first written, or wrapped and plain forms would alternate.
            let address = listed.info.address;
            listed.info = ServerInfo { address, ..info };
            listed.heard = now;
            listed.is_alive = true;
            return Ok(());
        }
        if servers.len() >= SERVERS_MAX {
            return Err(Ignored::RateLimited);
        }
        debug!("found {} at {}", info.name, info.address);
        servers.push(Listed {
            info,
            told: None,
            heard: now,
            is_alive: true,
        });
        Ok(())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for listed in &mut self.servers {
            if now >= listed.heard + TIME_TO_LIVE {
                listed.is_alive = false;
            }
        }
        self.servers
            .retain(|listed| listed.is_alive || listed.told.is_some());
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let alive = self.servers.iter().filter(|listed| listed.is_alive);
        alive.map(|listed| listed.heard + TIME_TO_LIVE).min()
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let position = self.servers.iter().position(Listed::has_event)?;
        let listed = &mut self.servers[position];
        if listed.is_alive {
            listed.told = Some(listed.info.clone());
            return Some(Event::ServerFound(listed.info.clone()));
        }
        let listed = self.servers.remove(position);
        listed.told.map(Event::ServerExpired)
    }
}
