//! The endpoint's own long-term key as a handshake uses it: what it agrees on with a client, not the key itself.
//!
//! Only [`Identity::agree`] needs the secret. A replay has none: it is given the results that were recorded, and all
//! else that follows from the key (its public half, the reset key) is recorded once, at the start.

use core::fmt;

use zeroize::Zeroizing;

use crate::crypto::{PublicKey, ResetKey, SecretKey};

/// What a long-term key and a client's key agree on (X25519): it enters one handshake and no other.
pub(crate) type Agreed = Zeroizing<[u8; 32]>;

/// A long-term key, at hand or as it was recorded.
pub(crate) struct Identity {
    public: PublicKey,
    reset_key: ResetKey,
    is_lasting: bool,
    source: Source,
    /// The latest result, for a recorder to take.
    kept: Option<Agreed>,
    is_kept: bool,
}

enum Source {
    Secret(SecretKey),
    /// Results come from a recording: the next one.
    Recorded(Option<Agreed>),
}

impl Identity {
    /// `is_lasting` if the endpoint's next life will have the same key.
    pub(crate) fn new(secret: SecretKey, is_lasting: bool) -> Self {
        Self {
            public: secret.public_key(),
            reset_key: ResetKey::new(&secret),
            is_lasting,
            source: Source::Secret(secret),
            kept: None,
            is_kept: false,
        }
    }

    /// The key of a recording, whose results are handed in one by one.
    pub(crate) fn recorded(public: PublicKey, reset_key: ResetKey, is_lasting: bool) -> Self {
        Self {
            public,
            reset_key,
            is_lasting,
            source: Source::Recorded(None),
            kept: None,
            is_kept: false,
        }
    }

    pub(crate) const fn public_key(&self) -> PublicKey {
        self.public
    }

    pub(crate) const fn reset_key(&self) -> &ResetKey {
        &self.reset_key
    }

    /// Whether the key survives a restart: only then can it prove one.
    pub(crate) const fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// What the long-term key and `remote` agree on. A replay that has none left gets zeros, and the handshake fails.
    pub(crate) fn agree(&mut self, remote: &[u8; 32]) -> Agreed {
        let agreed = match &mut self.source {
            Source::Secret(secret) => secret.agree(remote),
            Source::Recorded(next) => next.take().unwrap_or_default(),
        };
        if self.is_kept {
            self.kept = Some(agreed.clone());
        }
        agreed
    }

    /// Whether the latest result is kept from here on, for [`take_agreed`](Self::take_agreed).
    pub(crate) fn keep_agreed(&mut self, keep: bool) {
        self.is_kept = keep;
        if !keep {
            self.kept = None;
        }
    }

    /// The latest result, if there is one since the last call.
    pub(crate) fn take_agreed(&mut self) -> Option<Agreed> {
        self.kept.take()
    }

    /// For a replay: what the next call of [`agree`](Self::agree) gives.
    pub(crate) fn expect_agreed(&mut self, agreed: Option<Agreed>) {
        if let Source::Recorded(next) = &mut self.source {
            *next = agreed;
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.public)
    }
}
