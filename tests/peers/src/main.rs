//! Tickwire beside other transports: the same virtual links, seeds, ticks, polling and messages for all.
//!
//! - `lab`: hosts behind one trait, links, virtual time.
//! - `contender`: an adapter for each transport.
//! - `work`: what is measured, a module for each table.
//! - `report`: tables and the page that shows them.

mod command;
mod contender;
mod lab;
mod report;
mod work;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Options that cannot be read end the process here, with 2.
    let cli = command::Cli::parse();
    match command::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
