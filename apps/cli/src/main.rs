//! The `tickwire` command.
//!
//! Each command has a module with its `Args` and its `run`; the other modules are what they share.

mod args;
mod failure;
mod files;
mod hex;
mod keyfile;
mod output;
mod signals;

fn main() {}
