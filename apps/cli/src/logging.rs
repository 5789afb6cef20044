//! What happens inside, on stderr: warnings always, each step with `-v` or as RUST_LOG says. Keys never.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::failure::bad_input;

/// Starts to write events to stderr. `-v` outweighs RUST_LOG.
///
/// # Errors
///
/// Bad input: RUST_LOG is malformed.
pub(crate) fn start(verbose: u8) -> anyhow::Result<()> {
    let from_environment = env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let filter = match (verbose, from_environment) {
        (0, None) => EnvFilter::new("warn"),
        (0, Some(text)) => EnvFilter::try_new(&text).map_err(|error| {
            bad_input(format!(
                "RUST_LOG is malformed: {error}; expected a level such as debug, or parts such as tickwire_core=trace"
            ))
        })?,
        (1, _) => EnvFilter::new("info,tickwire=debug"),
        (_, _) => EnvFilter::new("debug,tickwire=trace"),
    };
    let colours =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .init();
    Ok(())
}
