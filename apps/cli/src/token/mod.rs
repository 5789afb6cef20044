//! `tickwire token`: keys of an authority, and the connect tokens that it issues.

mod inspect;
mod issue;

pub(crate) use issue::server_address;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use tickwire_core::{ConnectToken, TokenKey};

use crate::failure::bad_input;
use crate::hex;
use crate::output;
use crate::secretfile::{self, Kind};

const EXAMPLES: &str = "\
Examples:
  tickwire token keygen authority.key    the key that matchmaker and servers share
  tickwire serve --key arena.key --require-token --token-key authority.key
  tickwire token issue --key authority.key --client-id 7 --server 192.0.2.1:8080 --server-key KEY --out ada.token
  tickwire join --token ada.token --name Ada
  tickwire token inspect ada.token --key authority.key

A token is good once on each server that it names, and not for long. Who has the file can join in its client's place: hand it
out over a protected way. Key and token files have mode 0600 and are refused when others can read them.";

const KEY_FILE: Kind = Kind {
    name: "token key file",
    bytes_max: 1_024,
    if_read: "make another key, as for a key that is replaced,",
};

const TOKEN_FILE: Kind = Kind {
    name: "token file",
    bytes_max: 8_192,
    if_read: "ask for another token",
};

/// Options of `token`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key that an authority and its servers share
    Keygen {
        /// The file to make: 64 hexadecimal digits, readable by its owner only
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Issue a token for a client
    Issue(Box<issue::Args>),
    /// Show what a token says, but for its secrets
    Inspect(inspect::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Keygen { file } => keygen(file),
        Command::Issue(args) => issue::run(args),
        Command::Inspect(args) => inspect::run(args),
    }
}

fn keygen(file: &Path) -> anyhow::Result<()> {
    KEY_FILE.create(file, &hex::encode(&secretfile::random()?))?;
    output::line(&format!(
        "made token key {}: give it to the authority and to its servers, and to nobody else",
        file.display()
    ))
}

/// The authority's key in a file.
pub(crate) fn read_key(path: &Path) -> anyhow::Result<TokenKey> {
    let otherwise = "restore it, or make a new one with `tickwire token keygen`";
    KEY_FILE.read_key(path, otherwise).map(TokenKey::from_bytes)
}

/// The token in a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<ConnectToken> {
    let text = TOKEN_FILE.read(path)?;
    let bytes = hex::decode_any(&text).ok_or_else(|| {
        bad_input(format!(
            "token file {} is malformed: it must hold hexadecimal digits and nothing else; ask for another token",
            path.display()
        ))
    })?;
    ConnectToken::decode(&bytes).map_err(|error| {
        let shown = path.display();
        bad_input(format!(
            "token file {shown}: {error}; ask for another token"
        ))
    })
}

/// Time since 1970.
pub(crate) fn unix_time() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
