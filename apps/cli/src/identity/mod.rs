//! Whether to believe a server that it is the one the user means: the client's side of its long-term key.
//!
//! | the user says | the server's key | remembered |
//! |---|---|---|
//! | `--server-key K` | must be K | no |
//! | the address is in the known_servers file | must be the one there | it is already |
//! | `--trust-on-first-use` | whatever it shows this once | yes |
//! | nothing; the server is on loopback or was found by discovery | whatever it shows | no |
//! | nothing; any other server | refused before anything is sent | no |
//!
//! What needs no flag is not remembered: a server without a key file has a new key after every start, and a
//! LAN gives its addresses away anew, so a remembered key would refuse honest servers and, where
//! anybody can answer a discovery query, stop nobody.

mod known;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use tickwire_core::{PublicKey, ServerIdentity};

use crate::args;
use crate::failure::{bad_input, failed};
use crate::hex;
use known::KnownServers;

/// Options about the server's key.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server identity")]
pub(crate) struct IdentityArgs {
    /// The server's public key, 64 hexadecimal digits, as `serve` prints it: any other server is refused
    #[arg(long, value_name = "KEY", value_parser = args::public_key, conflicts_with = "trust_on_first_use")]
    pub(crate) server_key: Option<PublicKey>,

    /// Believe a server that is met for the first time, and remember its key: a changed key is refused
    ///
    /// Servers on loopback and those found by discovery are believed without this, and not remembered.
    #[arg(long)]
    pub(crate) trust_on_first_use: bool,

    /// File of remembered keys, a line `ADDRESS:PORT KEY` for each server [default: tickwire/known_servers in
    /// $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "FILE")]
    pub(crate) known_servers: Option<PathBuf>,
}

/// How the server's address came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The user gave it.
    Given,
    /// It answered a discovery query.
    Discovered,
}

/// What is believed of one server, decided before the connection is tried.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    address: SocketAddr,
    basis: Basis,
}

#[derive(Clone, Debug)]
enum Basis {
    /// `--server-key`.
    Told(PublicKey),
    /// The known_servers file.
    Remembered(KnownServers, PublicKey),
    /// To be remembered in this file.
    FirstUse(KnownServers),
    /// Loopback or discovery.
    Nearby,
}

impl IdentityArgs {
    /// What to believe of the server at `address`.
    ///
    /// # Errors
    ///
    /// Bad input: nothing says whether to trust it, or the known_servers file cannot be used.
    pub(crate) fn trust(&self, address: SocketAddr, origin: Origin) -> anyhow::Result<Trust> {
        let trust = |basis| Ok(Trust { address, basis });
        if let Some(key) = self.server_key {
            return trust(Basis::Told(key));
        }
        let file = KnownServers::locate(self.known_servers.as_deref());
        if let Some(file) = &file
            && let Some(key) = file.key_of(address)?
        {
            return trust(Basis::Remembered(file.clone(), key));
        }
        if self.trust_on_first_use {
            let Some(file) = file else {
                return Err(bad_input(
                    "no place to remember the server's key, as neither XDG_DATA_HOME nor HOME is set: \
                     give one with --known-servers FILE",
                ));
            };
            return trust(Basis::FirstUse(file));
        }
        if origin == Origin::Discovered || is_loopback(address.ip()) {
            return trust(Basis::Nearby);
        }
        Err(bad_input(format!(
            "the key of server {address} is not known: give the one that the server printed with --server-key KEY, \
             or believe it this first time with --trust-on-first-use"
        )))
    }
}

impl Trust {
    /// What to tell the endpoint.
    pub(crate) fn identity(&self) -> ServerIdentity {
        match &self.basis {
            Basis::Told(key) | Basis::Remembered(_, key) => ServerIdentity::Known(*key),
            Basis::FirstUse(_) | Basis::Nearby => ServerIdentity::TrustOnFirstUse,
        }
    }

    /// Judges the key of `Event::Connected`, and remembers it where that was asked for.
    ///
    /// # Errors
    ///
    /// The key is another one than expected, or cannot be remembered: disconnect.
    pub(crate) fn accept(&self, key: PublicKey) -> anyhow::Result<()> {
        match &self.basis {
            Basis::Told(expected) | Basis::Remembered(_, expected) if *expected != key => {
                Err(self.wrong_key())
            }
            Basis::Told(_) | Basis::Remembered(..) | Basis::Nearby => Ok(()),
            Basis::FirstUse(file) => self.remember(file, key),
        }
    }

    /// Another client may have met the server since [`IdentityArgs::trust`] looked.
    fn remember(&self, file: &KnownServers, key: PublicKey) -> anyhow::Result<()> {
        match file.key_of(self.address)? {
            None => file.add(self.address, key),
            Some(known) if known == key => Ok(()),
            Some(_) => Err(changed_key(self.address, file)),
        }
    }

    /// What to say when the endpoint reports `Refusal::WrongKey`.
    pub(crate) fn wrong_key(&self) -> anyhow::Error {
        match &self.basis {
            Basis::Remembered(file, _) | Basis::FirstUse(file) => changed_key(self.address, file),
            Basis::Told(key) => failed(format!(
                "the server at {} has another key than --server-key {}: check the key that the server printed and \
                 the address; if both are right, something between here and the server answers in its place",
                self.address,
                hex::encode(key.as_bytes())
            )),
            Basis::Nearby => failed(format!(
                "the server at {} has another key than expected",
                self.address
            )),
        }
    }
}

fn changed_key(address: SocketAddr, file: &KnownServers) -> anyhow::Error {
    let place = match file.line_of(address) {
        Some(line) => format!("line {line} of {file}"),
        None => format!("the line of {address} in {file}"),
    };
    failed(format!(
        "the server at {address} has another key than the one remembered: it may be an impostor; if the change is \
         expected (a reinstalled server, or one without --key), remove {place} and join again with --trust-on-first-use"
    ))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
