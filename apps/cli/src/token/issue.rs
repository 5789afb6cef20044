//! `tickwire token issue`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tickwire_core::{Grant, PublicKey, TokenServer};

use super::{TOKEN_FILE, read_key, unix_time};
use crate::args;
use crate::failure::bad_input;
use crate::hex;
use crate::output;
use crate::secretfile;

/// Longest life of a token: a day, in seconds.
const LIFE_MAX: u64 = 86_400;

/// Options of `token issue`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The authority's key, as `token keygen` made it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Who the client is, by the authority's books: a server holds one connection of each
    #[arg(long, value_name = "N")]
    client_id: u64,

    /// Servers that the token is good for, as clients reach them, 1 to 8
    #[arg(long, value_name = "ADDRESS:PORT", required = true, value_delimiter = ',', value_parser = server_address)]
    server: Vec<SocketAddr>,

    /// The public key of all these servers, or one for each in their order; without, `serve --token-address` must name them
    #[arg(long, value_name = "KEY", value_delimiter = ',', value_parser = args::public_key)]
    server_key: Vec<PublicKey>,

    /// How long the token is good: seconds, or with a unit as 90s, 5m, 1h; a day at most
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = life, allow_negative_numbers = true)]
    expires: Duration,

    /// What the server's owner is told of the client, at most 256 bytes; the client cannot read it
    #[arg(long, value_name = "TEXT", default_value = "")]
    user_data: String,

    /// Write the token to this file, which must not exist [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let key = read_key(&args.key)?;
    let now = unix_time();
    let grant = Grant {
        client_id: args.client_id,
        serial: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
        // The second that has begun counts in full.
        expires_at: now.as_secs() + args.expires.as_secs() + u64::from(now.subsec_nanos() > 0),
        servers: servers(args)?,
        user_data: args.user_data.clone().into_bytes(),
    };
    let token = key.issue(&grant, secretfile::random()?);
    let token = token.map_err(|error| bad_input(error.to_string()))?;
    let text = hex::encode_any(&token.encode());
    let Some(path) = &args.out else {
        return output::line(&text);
    };
    TOKEN_FILE.create(path, &text)?;
    output::line(&format!(
        "wrote {}: client {}, good for {} s",
        path.display(),
        args.client_id,
        args.expires.as_secs()
    ))
}

fn servers(args: &Args) -> anyhow::Result<Vec<TokenServer>> {
    let (servers, keys) = (args.server.len(), args.server_key.len());
    if keys > 1 && keys != servers {
        return Err(bad_input(format!(
            "--server-key names {keys} keys and --server {servers} servers: give one key for all, or one for each"
        )));
    }
    let key_of = |index: usize| args.server_key.get(index).or(args.server_key.first());
    let servers = args.server.iter().enumerate();
    Ok(servers
        .map(|(index, address)| TokenServer {
            address: *address,
            key: key_of(index).copied(),
        })
        .collect())
}

pub(crate) fn server_address(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok();
    let address = address.filter(|address| address.port() != 0 && !address.ip().is_unspecified());
    address.ok_or_else(|| {
        "expected the server's IP address and port, such as 192.0.2.1:8080 or [2001:db8::1]:8080".to_owned()
    })
}

/// Whole seconds, minutes or hours.
fn life(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => 0,
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.parse().ok().filter(|_| is_plain);
    let seconds = seconds.and_then(|count: u64| count.checked_mul(unit));
    let seconds = seconds.filter(|seconds| (1..=LIFE_MAX).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time from 1s to 24h, such as 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_seconds_or_has_a_unit() {
        for (text, seconds) in [("30", 30), ("30s", 30), ("5m", 300), ("24h", 86_400)] {
            assert_eq!(life(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "s",
            "0",
            "-1s",
            "+1s",
            "1.5s",
            "1ms",
            "1d",
            "86401",
            "25h",
            "99999999999999999999h",
            "18446744073709551615h",
        ] {
            assert!(life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_has_an_address_that_can_be_dialled() {
        assert!(server_address("192.0.2.1:8080").is_ok());
        assert!(server_address("[2001:db8::1]:8080").is_ok());
        for bad in [
            "",
            "192.0.2.1",
            "0.0.0.0:80",
            "192.0.2.1:0",
            "example.org:80",
        ] {
            assert!(server_address(bad).is_err(), "{bad}");
        }
    }
}
