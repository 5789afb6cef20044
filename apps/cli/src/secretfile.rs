//! Files with secrets in them: text, readable by their owner only.
//!
//! They are made with mode 0600, never replaced, and refused when others can read them.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::failure::bad_input;
use crate::files::{self, Access};
use crate::hex;

/// What is said about a kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// What it is: `key file`.
    pub(crate) name: &'static str,
    /// More bytes than it has, so that what follows its content is seen and refused.
    pub(crate) bytes_max: u64,
    /// What to do if others may have read it.
    pub(crate) if_read: &'static str,
}

impl Kind {
    /// The text of the file at `path`, without white space at its end.
    ///
    /// # Errors
    ///
    /// Bad input: the file cannot be read, or others than its owner can read it.
    pub(crate) fn read(&self, path: &Path) -> anyhow::Result<String> {
        let (name, shown) = (self.name, path.display());
        let unreadable =
            |error: io::Error| bad_input(format!("cannot read {name} {shown}: {error}"));
        let file = files::open_regular(path).map_err(unreadable)?;
        self.refuse_if_shared(path, &file)?;
        let text = files::read_bounded(&file, self.bytes_max).map_err(unreadable)?;
        Ok(text.trim_end().to_owned())
    }

    /// The 32 bytes that the file at `path` holds as 64 hexadecimal digits; `otherwise` says what to do if it does not.
    pub(crate) fn read_key(&self, path: &Path, otherwise: &str) -> anyhow::Result<[u8; 32]> {
        let text = self.read(path)?;
        hex::decode(&text).ok_or_else(|| {
            bad_input(format!(
                "{} {} is malformed: it must hold 64 hexadecimal digits and nothing else; {otherwise}",
                self.name,
                path.display()
            ))
        })
    }

    /// Makes the file at `path`, which must not exist.
    ///
    /// # Errors
    ///
    /// Bad input: it exists, or cannot be made.
    pub(crate) fn create(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        files::create(path, &format!("{text}\n"), Access::Owner).map_err(|error| {
            let (name, shown) = (self.name, path.display());
            let exists = error.kind() == io::ErrorKind::AlreadyExists;
            bad_input(match exists {
                true => format!("{name} {shown} exists already: remove it first, or choose another path"),
                false => format!("cannot make {name} {shown}: {error}; give a path in a directory that can be written"),
            })
        })
    }

    #[cfg(unix)]
    fn refuse_if_shared(&self, path: &Path, file: &File) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let (name, shown) = (self.name, path.display());
        let metadata = file
            .metadata()
            .map_err(|error| bad_input(format!("cannot read {name} {shown}: {error}")))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        Err(bad_input(format!(
            "{name} {shown} is open to others than its owner (mode {mode:04o}): run `chmod 600 {shown}`, or {} if others \
             may have read it",
            self.if_read
        )))
    }

    #[cfg(not(unix))]
    fn refuse_if_shared(&self, _path: &Path, _file: &File) -> anyhow::Result<()> {
        Ok(())
    }
}

/// 32 bytes of the operating system's randomness.
pub(crate) fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system has no randomness for a secret: {error}"))?;
    Ok(bytes)
}
