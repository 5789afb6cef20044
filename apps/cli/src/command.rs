//! The command line as a whole.

use std::io;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::output;
use crate::{discover, echo, join, ping, serve, token};
#[cfg(feature = "sim")]
use crate::{replay, sim};

/// `0.1.0 (protocol 1)`: two versions work together if their protocols are equal.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    format!("{version} (protocol {})", tickwire_core::PROTOCOL_VERSION)
});

const EXAMPLES: &str = "\
Examples:
  tickwire serve --bots 8                a game server with 8 simulated players
  tickwire discover                      the servers of this LAN
  tickwire join --discover --name Ada    play on the first one found

Exit codes: 0 success; 1 failure, such as a server that does not answer; 2 wrong options, bad files, ports in use.
Colours appear on terminals only, and not with NO_COLOR set.";

/// Real-time multiplayer networking that you can replay
#[derive(Debug, Parser)]
#[command(name = "tickwire", version = VERSION.as_str(), after_help = EXAMPLES, subcommand_required = true)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Show each step on stderr, and with -vv each datagram [else RUST_LOG decides, warnings by default]
    #[arg(short, long, action = clap::ArgAction::Count, global = true, display_order = 100)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a game server
    Serve(Box<serve::Args>),
    /// Play on a server, headless
    Join(Box<join::Args>),
    /// List the servers of this LAN
    Discover(discover::Args),
    /// Measure round trips to a server, without joining it
    Ping(ping::Args),
    /// Return what arrives, UDP and TCP, to check that this host can be reached
    Echo(echo::Args),
    /// Make keys and connect tokens, which say who may join a server
    Token(token::Args),
    /// Live a recorded session again, to the byte
    #[cfg(feature = "sim")]
    Replay(replay::Args),
    /// Play scenarios of bad networks in virtual time, and tell what came of it
    #[cfg(feature = "sim")]
    Sim(sim::Args),
}

/// Parses the command line. Help and versions are printed here; mistakes as one line.
///
/// # Errors
///
/// The exit code, if there is nothing left to do.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        if !is_help && error.use_stderr() {
            output::error(&mistake(&error.to_string()));
        } else if let Err(unwritten) = error.print()
            && unwritten.kind() != io::ErrorKind::BrokenPipe
        {
            output::error(&format!("cannot write to stdout: {unwritten}"));
            return ExitCode::FAILURE;
        }
        // Help that was asked for is a success, help instead of a command is not.
        if error.use_stderr() {
            ExitCode::from(2)
        } else {
            ExitCode::SUCCESS
        }
    })
}

/// What clap says over several paragraphs, without its usage, in one line.
fn mistake(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(output::one_line);
    let said: Vec<String> = paragraphs
        .filter(|paragraph| !paragraph.starts_with("Usage:"))
        .map(|paragraph| paragraph.trim_start_matches("error: ").to_owned())
        .collect();
    said.join("; ")
        .replace("For more information, try", "for more information, try")
        .trim_end_matches('.')
        .to_owned()
}

/// Runs the command, on a runtime of its own if it needs one.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    #[cfg(feature = "sim")]
    if let Command::Replay(args) = &cli.command {
        return replay::run(args);
    }
    #[cfg(feature = "sim")]
    if let Command::Sim(args) = &cli.command {
        return sim::run(args);
    }
    if let Command::Token(args) = &cli.command {
        return token::run(args).map(|()| ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(*args).await,
            Command::Join(args) => join::run(*args).await,
            Command::Discover(args) => discover::run(args).await,
            Command::Ping(args) => ping::run(args).await,
            Command::Echo(args) => echo::run(args).await,
            Command::Token(_) => Ok(()),
            #[cfg(feature = "sim")]
            Command::Replay(_) | Command::Sim(_) => Ok(()),
        }
    });
    // A name still being looked up must not hold the end up.
    runtime.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let name = command.get_name();
            assert!(help.unwrap_or_default().contains("Examples:"), "{name}");
        }
    }

    fn said(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from(arguments).expect_err("it is a mistake");
        mistake(&error.to_string())
    }

    #[test]
    fn mistakes_are_one_line_that_says_what_to_do() {
        assert_eq!(
            said(&["tickwire", "echo", "--bnd", "x"]),
            "unexpected argument '--bnd' found; tip: a similar argument exists: '--bind'; \
             for more information, try '--help'"
        );
        let text = said(&["tickwire", "echo", "--duration", "-1"]);
        assert!(
            text.contains("'-1' for '--duration <SECONDS>': expected seconds"),
            "{text}"
        );
    }
}
