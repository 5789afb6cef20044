//! The `tickwire` command.
//!
//! Each command has a module with its `Args` and its `run`; the other modules are what they share.

mod args;
mod client;
mod command;
mod deadline;
mod discover;
mod echo;
mod failure;
mod files;
mod hex;
mod identity;
mod join;
mod keyfile;
mod logging;
mod output;
mod ping;
mod place;
mod record;
#[cfg(feature = "sim")]
mod replay;
mod secretfile;
mod serve;
mod signals;
#[cfg(feature = "sim")]
mod sim;
mod token;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match command::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match logging::start(cli.verbose).and_then(|()| command::run(cli)) {
        Ok(code) => code,
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::from(failure::exit_code(&error))
        }
    }
}
