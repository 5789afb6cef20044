//! The server's long-term key on disk: 64 hexadecimal digits and a line break, readable by its owner only.
//!
//! The key is made on first start, in one step: two servers started at once with the same new file end
//! up with the same key. An existing file is never changed.

use std::io;
use std::path::Path;

use tickwire_core::SecretKey;

use crate::failure::bad_input;
use crate::files::{self, Access};
use crate::hex;
use crate::secretfile::{self, Kind};

const KEY_FILE: Kind = Kind {
    name: "key file",
    bytes_max: 1_024,
    if_read: "remove the file to have a new key made",
};

/// The key in the file at `path`, which is made if there is none.
///
/// # Errors
///
/// Bad input: the file cannot be read or made, is malformed, or others than its owner can read it.
pub(crate) fn load_or_create(path: &Path) -> anyhow::Result<SecretKey> {
    let missing = matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound);
    if missing {
        create(path)?;
    }
    load(path)
}

fn create(path: &Path) -> anyhow::Result<()> {
    let mut text = hex::encode(&secretfile::random()?);
    text.push('\n');
    match files::create(path, &text, Access::Owner) {
        Ok(()) => {
            tracing::info!(path = %path.display(), "made a new key");
            Ok(())
        }
        // Another server was faster: its key is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(bad_input(format!(
            "cannot make key file {}: {error}; give --key a path in a directory that can be written",
            path.display()
        ))),
    }
}

fn load(path: &Path) -> anyhow::Result<SecretKey> {
    let otherwise = "restore it, or remove it to have a new key made (clients that remember the old one will refuse the server)";
    KEY_FILE
        .read_key(path, otherwise)
        .map(SecretKey::from_bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::failure::exit_code;
    use crate::files::TestDir;

    fn refusal(path: &Path) -> String {
        let error = load_or_create(path).expect_err("the file is bad");
        assert_eq!(exit_code(&error), 2);
        error.to_string()
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is ours");
    }

    #[test]
    fn a_key_is_made_once_and_then_kept() {
        let dir = TestDir::new();
        let path = dir.path("key");
        load_or_create(&path).expect("a new file can be made");
        let text = fs::read_to_string(&path).expect("the file is there");
        assert_eq!(text.len(), 65);
        assert!(hex::decode(text.trim_end()).is_some());
        load_or_create(&path).expect("the file is good");
        assert_eq!(fs::read_to_string(&path).expect("the file is there"), text);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = TestDir::new();
        let path = dir.path("key");
        load_or_create(&path).expect("a new file can be made");
        let mode = fs::metadata(&path)
            .expect("the file is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused_with_what_to_do() {
        let dir = TestDir::new();
        let path = dir.path("key");
        load_or_create(&path).expect("a new file can be made");
        set_mode(&path, 0o640);
        let text = refusal(&path);
        assert!(text.contains("mode 0640"), "{text}");
        assert!(
            text.contains(&format!("chmod 600 {}", path.display())),
            "{text}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_malformed_key_is_refused_and_left_alone() {
        let dir = TestDir::new();
        let path = dir.path("key");
        let long = format!("{}\nmore\n", "0".repeat(64));
        for bad in ["", "12", &"g".repeat(64), &long, &"0".repeat(5_000)] {
            fs::write(&path, bad).expect("the directory is writable");
            set_mode(&path, 0o600);
            let text = refusal(&path);
            assert!(text.contains(&path.display().to_string()), "{text}");
            assert_eq!(fs::read_to_string(&path).expect("the file is there"), bad);
        }
    }

    #[test]
    fn a_key_that_cannot_be_made_is_bad_input() {
        let dir = TestDir::new();
        assert!(refusal(&dir.path("missing/key")).contains("cannot make key file"));
        assert!(refusal(dir.root()).contains("not a regular file"));
    }
}
