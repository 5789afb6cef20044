//! `tickwire token inspect`.

use std::path::PathBuf;

use serde::Serialize;
use tickwire_core::{ConnectToken, TokenContent};

use super::{read, read_key, unix_time};
use crate::failure::failed;
use crate::output;

/// Options of `token inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The token, as `token issue --out` wrote it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The authority's key: also shows what only servers can read, and whether they can
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// All that a token says but for its secrets.
#[derive(Debug, Serialize)]
struct Shown {
    client_id: u64,
    expires_at: u64,
    /// Negative once it has expired.
    expires_in_seconds: i64,
    servers: Vec<Server>,
    sealed_bytes: usize,
    sealed: Option<Sealed>,
}

#[derive(Debug, Serialize)]
struct Server {
    address: String,
    key: Option<String>,
}

/// With the authority's key only.
#[derive(Debug, Serialize)]
struct Sealed {
    client_id: u64,
    serial: u64,
    expires_at: u64,
    user_data: String,
    /// Whether both parts say the same.
    is_alike: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let token = read(&args.file)?;
    let opened = match &args.key {
        None => None,
        Some(path) => Some(read_key(path)?.open(&token).ok_or_else(|| {
            failed(format!(
                "the sealed part of {} does not open with the key in {}: it was issued with another key, or was changed; \
                 servers with this key will refuse it",
                args.file.display(),
                path.display()
            ))
        })?),
    };
    let shown = Shown::new(&token, opened);
    if args.json {
        return output::json(&shown);
    }
    shown.lines().iter().try_for_each(|line| output::line(line))
}

impl Shown {
    fn new(token: &ConnectToken, opened: Option<TokenContent>) -> Self {
        let expires_at = i64::try_from(token.expires_at()).unwrap_or(i64::MAX);
        let now = i64::try_from(unix_time().as_secs()).unwrap_or(i64::MAX);
        Self {
            client_id: token.client_id(),
            expires_at: token.expires_at(),
            expires_in_seconds: expires_at.saturating_sub(now),
            servers: token
                .servers()
                .iter()
                .map(|server| Server {
                    address: server.address.to_string(),
                    key: server.key.map(|key| key.to_string()),
                })
                .collect(),
            sealed_bytes: token.sealed().len(),
            sealed: opened.map(|content| Sealed {
                client_id: content.client_id,
                serial: content.serial,
                expires_at: content.expires_at,
                user_data: String::from_utf8_lossy(&content.user_data).into_owned(),
                is_alike: content.is_alike,
            }),
        }
    }

    fn lines(&self) -> Vec<String> {
        let life = match self.expires_in_seconds {
            left @ 1.. => format!("in {left} s"),
            past => format!("{} s ago", past.unsigned_abs()),
        };
        let mut lines = vec![
            format!("client {}", self.client_id),
            format!("expires at {} (Unix time), {life}", self.expires_at),
        ];
        lines.extend(self.servers.iter().map(|server| {
            let key = server.key.as_deref().unwrap_or("key not told");
            format!("server {}, {key}", server.address)
        }));
        lines.push(format!("sealed part of {} bytes", self.sealed_bytes));
        if let Some(sealed) = &self.sealed {
            lines.push(format!(
                "  opens: client {}, serial {}, expires at {}, user data {:?}",
                sealed.client_id, sealed.serial, sealed.expires_at, sealed.user_data
            ));
            if !sealed.is_alike {
                lines.push("  the client's part says something else: it was changed".to_owned());
            }
        }
        lines
    }
}
