//! What to bind, and how.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tickwire_core::{AnnounceConfig, Config, ConfigBuilder, Crypto, Entropy};
use tickwire_crypto::Ring;

use crate::recording::{Kind, RecordTo, RingOptions};

/// What [`bind`](crate::bind) makes an endpoint from.
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    config: ConfigBuilder,
    announce: Option<AnnounceConfig>,
    pub(crate) game: SocketAddr,
    pub(crate) discovery: Option<SocketAddr>,
    pub(crate) entropy: Option<Entropy>,
    pub(crate) record: Option<RecordTo>,
    pub(crate) record_redacted: Option<RecordTo>,
    pub(crate) ring: Option<RingOptions>,
}

impl Options {
    /// An endpoint with this configuration on 0.0.0.0 and a port that the host chooses, without a discovery socket.
    /// Packets are protected by `ring`, whatever the configuration says: see [`crypto`](Self::crypto).
    pub fn new(config: ConfigBuilder) -> Self {
        Self {
            config: config.crypto(Arc::new(Ring)),
            announce: None,
            game: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            discovery: None,
            entropy: None,
            record: None,
            record_redacted: None,
            ring: None,
        }
    }

    /// Binds the game socket to this address. With port 0 the host chooses one:
    /// [`Handle::local_addr`](crate::Handle::local_addr) tells it. `[::]` serves IPv6 and IPv4.
    pub fn game(mut self, address: SocketAddr) -> Self {
        self.game = address;
        self
    }

    /// Listens for discovery queries at this address too: the unspecified address of the game socket's family, and
    /// [`DISCOVERY_PORT`](tickwire_core::DISCOVERY_PORT) or another. If it cannot be had,
    /// [`Handle::discovery`](crate::Handle::discovery) says so and all else works.
    pub fn discovery(mut self, address: Option<SocketAddr>) -> Self {
        self.discovery = address;
        self
    }

    /// Answers discovery queries with this. Port 0 in it stands for the port that the game socket gets.
    pub fn announce(mut self, announce: AnnounceConfig) -> Self {
        self.announce = Some(announce);
        self
    }

    /// Protects packets by another implementation of the same ciphers.
    pub fn crypto(mut self, crypto: Arc<dyn Crypto>) -> Self {
        self.config = self.config.crypto(crypto);
        self
    }

    /// Makes the endpoint from this entropy. **For tests without real sockets only**: whoever knows it knows the keys, and
    /// the same entropy twice repeats them. By default the operating system gives it.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = Some(entropy);
        self
    }

    /// Records every call of the endpoint to a new file at `path`, from birth to shutdown; a file that exists is
    /// refused. See [`record`](tickwire_core::record) for what can be done with it.
    ///
    /// **The file holds the secrets of all sessions**, though never the configured long-term key. Only its owner can
    /// read it (mode 0600, on Unix). A disk that is full or too slow ends the recording with a warning, and nothing else.
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Some(RecordTo {
            path: path.into(),
            replaces: false,
            kind: Kind::Full,
        });
        self
    }

    /// As [`record`](Self::record); a file that exists is replaced.
    pub fn record_replacing(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Some(RecordTo {
            path: path.into(),
            replaces: true,
            kind: Kind::Full,
        });
        self
    }

    /// Records sizes, times and losses of datagrams to a new file at `path`, from birth to shutdown: nothing of what is in
    /// them, no address and no key. Beside [`record`](Self::record) or without it. The file can be given away, and
    /// drives a simulated network; it cannot be replayed.
    pub fn record_redacted(mut self, path: impl Into<PathBuf>) -> Self {
        self.record_redacted = Some(RecordTo {
            path: path.into(),
            replaces: false,
            kind: Kind::Redacted,
        });
        self
    }

    /// Keeps the latest of what happens in memory, from birth on: a flight recorder, to be dumped once something went
    /// wrong, by [`Handle::dump_ring`](crate::Handle::dump_ring) or by itself (see [`RingOptions::dump_to`]).
    pub fn keep_ring(mut self, ring: RingOptions) -> Self {
        self.ring = Some(ring);
        self
    }

    /// The configuration, once the game socket's port is known.
    pub(crate) fn config(&self, port: u16) -> io::Result<Config> {
        let mut builder = self.config.clone();
        if let Some(mut announce) = self.announce.clone() {
            if announce.port == 0 {
                announce.port = port;
            }
            builder = builder.announce(Some(announce));
        }
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        builder.build().map_err(invalid)
    }
}
