//! The known_servers file: a line `ADDRESS:PORT KEY` for each server, `#` before remarks.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tickwire_core::PublicKey;

use crate::args;
use crate::failure::bad_input;
use crate::files::{self, Access};
use crate::hex;

/// About 10,000 servers.
const BYTES_MAX: u64 = 1 << 20;

/// Where the file is; it is read anew for every question, since other clients may write it too.
#[derive(Clone, Debug)]
pub(super) struct KnownServers {
    path: PathBuf,
}

/// A line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Counted from 1, as editors do.
    line: usize,
    key: PublicKey,
}

type Entries = BTreeMap<SocketAddr, Entry>;

impl KnownServers {
    /// The file at `given`, or the user's own; `None` if the environment does not tell where that is.
    pub(super) fn locate(given: Option<&Path>) -> Option<Self> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => default_path(|name| env::var_os(name).map(PathBuf::from))?,
        };
        Some(Self { path })
    }

    /// The key remembered for `address`.
    ///
    /// # Errors
    ///
    /// Bad input: the file cannot be read or is malformed.
    pub(super) fn key_of(&self, address: SocketAddr) -> anyhow::Result<Option<PublicKey>> {
        let entries = self.parse(&self.read()?)?;
        Ok(entries.get(&address).map(|entry| entry.key))
    }

    /// The line that remembers `address`, counted from 1, if the file can be read.
    pub(super) fn line_of(&self, address: SocketAddr) -> Option<usize> {
        let entries = self.parse(&self.read().ok()?).ok()?;
        entries.get(&address).map(|entry| entry.line)
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// Bad input: the file cannot be written, or is full.
    pub(super) fn add(&self, address: SocketAddr, key: PublicKey) -> anyhow::Result<()> {
        let mut text = self.read()?;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("{address} {}\n", hex::encode(key.as_bytes())));
        if text.len() as u64 > BYTES_MAX {
            return Err(bad_input(format!(
                "cannot remember the server's key: {self} is full ({BYTES_MAX} bytes); remove lines that are not needed"
            )));
        }
        self.write(&text).map_err(|error| {
            bad_input(format!(
                "cannot remember the server's key in {self}: {error}; give another file with --known-servers"
            ))
        })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Where the path is a link, what it points to is replaced and the link stays.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        files::replace(&path, text, Access::Owner)
    }

    /// The file's text; empty if there is no file.
    fn read(&self) -> anyhow::Result<String> {
        let text =
            files::open_regular(&self.path).and_then(|file| files::read_bounded(&file, BYTES_MAX));
        match text {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(bad_input(format!(
                "cannot read {self}: {error}; repair it, or give another file with --known-servers"
            ))),
        }
    }

    fn parse(&self, text: &str) -> anyhow::Result<Entries> {
        let mut entries = Entries::new();
        for (index, content) in text.lines().enumerate() {
            let line = index + 1;
            if content.trim().is_empty() || content.trim_start().starts_with('#') {
                continue;
            }
            let Some((address, key)) = parse_line(content) else {
                return Err(bad_input(format!(
                    "line {line} of {self} is malformed: expected ADDRESS:PORT and a key of 64 hexadecimal digits; \
                     repair or remove it"
                )));
            };
            if let Some(first) = entries.insert(address, Entry { line, key }) {
                return Err(bad_input(format!(
                    "line {line} of {self} names {address} again, after line {}: remove the wrong one",
                    first.line
                )));
            }
        }
        Ok(entries)
    }
}

fn parse_line(line: &str) -> Option<(SocketAddr, PublicKey)> {
    let mut words = line.split_whitespace();
    let address = words.next()?.parse().ok()?;
    let key = args::public_key(words.next()?).ok()?;
    words.next().is_none().then_some((address, key))
}

/// XDG base directories: a relative XDG_DATA_HOME is to be ignored.
fn default_path(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|path| path.is_absolute());
    let data = set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .or_else(|| set("LOCALAPPDATA"))?;
    Some(data.join("tickwire").join("known_servers"))
}

impl fmt::Display for KnownServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_in_the_users_data_directory() {
        let path = |pairs: &[(&str, &str)]| {
            default_path(|name| {
                let found = pairs.iter().find(|pair| pair.0 == name);
                found.map(|pair| PathBuf::from(pair.1))
            })
        };
        let expected = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            path(&[("XDG_DATA_HOME", "/data"), ("HOME", "/home/me")]),
            expected("/data/tickwire/known_servers")
        );
        assert_eq!(
            path(&[("XDG_DATA_HOME", "relative"), ("HOME", "/home/me")]),
            expected("/home/me/.local/share/tickwire/known_servers")
        );
        assert_eq!(path(&[("HOME", "")]), None);
    }
}
