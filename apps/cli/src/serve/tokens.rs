//! Whose connect tokens the server takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use tickwire_core::{ConnectToken, Grant, PublicKey, TokenAuthority, TokenKey, TokenServer};

use crate::failure::bad_input;
use crate::secretfile;
use crate::token;

/// Options about connect tokens.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Connect tokens")]
pub(super) struct TokenArgs {
    /// Let in only clients with a connect token
    #[arg(long)]
    require_token: bool,

    /// The key of the authority whose tokens are taken, as `tickwire token keygen` made it; twice while it is replaced
    #[arg(long, value_name = "FILE")]
    token_key: Vec<PathBuf>,

    /// An address of this server as tokens name it that do not name its key; up to 8 times
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = token::server_address)]
    token_address: Vec<SocketAddr>,
}

/// The authority, and the key by which the server's own bots get theirs.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) authority: Option<TokenAuthority>,
    bots: Option<TokenKey>,
}

impl TokenArgs {
    /// Whether the options go together.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.token_key.len() > 2 {
            return Err(bad_input(
                "--token-key is given more than twice: a server takes two keys at most, the one that is replaced and the new one",
            ));
        }
        if self.token_key.is_empty() && (self.require_token || !self.token_address.is_empty()) {
            return Err(bad_input(
                "--require-token and --token-address need --token-key FILE: make one with `tickwire token keygen FILE`",
            ));
        }
        if self.token_address.len() > 8 {
            return Err(bad_input(
                "--token-address is given more than 8 times: name the servers by their keys instead",
            ));
        }
        Ok(())
    }

    /// Reads the key files.
    pub(super) fn tokens(&self) -> anyhow::Result<Tokens> {
        let keys = self.token_key.iter().map(|path| token::read_key(path));
        let mut keys = keys.collect::<anyhow::Result<Vec<_>>>()?.into_iter();
        let Some(first) = keys.next() else {
            return Ok(Tokens {
                authority: None,
                bots: None,
            });
        };
        let bots = self.require_token.then(|| first.clone());
        let authority = TokenAuthority::new(first).required(self.require_token);
        let authority = keys.fold(authority, TokenAuthority::or_key);
        let addresses = self.token_address.iter().copied();
        Ok(Tokens {
            authority: Some(addresses.fold(authority, TokenAuthority::address)),
            bots,
        })
    }
}

/// Seconds in which a bot of the server's own joins.
const BOT_LIFE: u64 = 60;

impl Tokens {
    /// A token for a bot of the server's own, if it needs one. Its client id counts down from the largest.
    pub(super) fn of_bot(
        &self,
        number: u32,
        address: SocketAddr,
        key: PublicKey,
    ) -> anyhow::Result<Option<ConnectToken>> {
        let Some(authority) = &self.bots else {
            return Ok(None);
        };
        let grant = Grant {
            client_id: u64::MAX - u64::from(number),
            serial: 1,
            expires_at: token::unix_time().as_secs() + BOT_LIFE,
            servers: vec![TokenServer {
                address,
                key: Some(key),
            }],
            user_data: b"bot".to_vec(),
        };
        let issued = authority.issue(&grant, secretfile::random()?);
        Ok(Some(issued.map_err(|error| bad_input(error.to_string()))?))
    }
}
