//! Small files: read with a bound, written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IntoInnerError, Read, Write};
use std::path::{Path, PathBuf};

/// Who may read a file that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner: mode 0600.
    Owner,
    /// All whom the process's umask admits.
    World,
}

/// Opens the regular file at `path`. Pipes and devices, which could block or never end, are refused.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    File::open(path)
}

/// Removes the regular file at `path`, if there is one. Anything else, `/dev/null` for example, is left alone.
pub(crate) fn remove_regular(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::remove_file(path),
        Ok(_) => Err(not_regular()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// All of `file`, which is text of at most `bytes_max` bytes.
pub(crate) fn read_bounded(file: &File, bytes_max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let text = format!("it is longer than {bytes_max} bytes");
        return Err(io::Error::other(text));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not text"))
}

/// Makes `path` hold `text`, whatever it held before. A reader sees the old content or the new, never a part.
pub(crate) fn replace(path: &Path, text: &str, access: Access) -> io::Result<()> {
    Draft::write(path, access, |out| out.write_all(text.as_bytes()))?.publish()
}

/// Makes `path` hold `text` unless it exists already: then `AlreadyExists`, and it is left alone.
pub(crate) fn create(path: &Path, text: &str, access: Access) -> io::Result<()> {
    let draft = Draft::write(path, access, |out| out.write_all(text.as_bytes()))?;
    // Unlike a rename, a link never replaces.
    fs::hard_link(&draft.temporary, path)
}

/// What is to be a file, written whole beside its destination; removed when dropped before it is published.
#[derive(Debug)]
pub(crate) struct Draft {
    temporary: PathBuf,
    destination: PathBuf,
}

impl Draft {
    /// Writes what `fill` gives.
    pub(crate) fn write(
        destination: &Path,
        access: Access,
        fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (draft, file) = Self::begin(destination, access)?;
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        out.into_inner()
            .map_err(IntoInnerError::into_error)?
            .sync_all()?;
        Ok(draft)
    }

    /// Whether `destination` could be written now, without touching it: told before a long work begins.
    #[cfg_attr(
        not(any(feature = "sim", test)),
        expect(dead_code, reason = "only runs of the simulator are long")
    )]
    pub(crate) fn rehearse(destination: &Path) -> io::Result<()> {
        match fs::metadata(destination) {
            // A rename would put a file in the place of a device.
            Ok(found) if !found.is_file() => return Err(not_regular()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Self::begin(destination, Access::Owner).map(drop)
    }

    /// Puts it in its place, whatever was there before.
    pub(crate) fn publish(self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.destination)
    }

    fn begin(destination: &Path, access: Access) -> io::Result<(Self, File)> {
        let Some(name) = destination.file_name() else {
            return Err(io::Error::other("it has no file name"));
        };
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = destination.with_file_name(temporary);
        // Left by a process of the same id that was killed, if at all.
        let _ = fs::remove_file(&temporary);

        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        restrict(&mut options, access);
        let file = options.open(&temporary)?;
        let destination = destination.to_owned();
        Ok((
            Self {
                temporary,
                destination,
            },
            file,
        ))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already after a rename.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(unix)]
fn restrict(options: &mut OpenOptions, access: Access) {
    use std::os::unix::fs::OpenOptionsExt;
    match access {
        Access::Owner => options.mode(0o600),
        Access::World => options.mode(0o666),
    };
}

#[cfg(not(unix))]
fn restrict(_options: &mut OpenOptions, _access: Access) {}

/// A directory for one test, removed with its content.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct TestDir {
    root: PathBuf,
}

#[cfg(test)]
impl TestDir {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickwire-cli-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).expect("the temporary directory is writable");
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

#[cfg(test)]
impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_never_replaces_and_leaves_nothing_behind() {
        let dir = TestDir::new();
        let path = dir.path("file");
        create(&path, "first", Access::Owner).expect("nothing is there yet");
        let error = create(&path, "second", Access::Owner).expect_err("it exists");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "first");
        replace(&path, "third", Access::Owner).expect("replacing is possible");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "third");
        let entries = fs::read_dir(dir.root()).expect("it is there").count();
        assert_eq!(entries, 1, "no temporary file stays");
    }

    #[test]
    fn a_draft_replaces_when_it_is_published_and_not_before() {
        let dir = TestDir::new();
        let path = dir.path("file");
        Draft::rehearse(&path).expect("the directory is writable");
        assert!(!path.exists(), "a rehearsal leaves nothing");
        fs::write(&path, "old").expect("the directory is writable");
        let failing = |_: &mut BufWriter<File>| Err(io::Error::other("no more"));
        Draft::write(&path, Access::World, failing).expect_err("it failed");
        let draft = Draft::write(&path, Access::Owner, |out| out.write_all(&[0, 255]));
        let draft = draft.expect("the directory is writable");
        assert_eq!(fs::read(&path).expect("it is there"), b"old");
        draft.publish().expect("the directory is writable");
        assert_eq!(fs::read(&path).expect("it is there"), [0, 255]);
        let entries = fs::read_dir(dir.root()).expect("it is there").count();
        assert_eq!(entries, 1, "no temporary file stays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("it is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_cannot_be_written_is_known_in_a_rehearsal() {
        let dir = TestDir::new();
        Draft::rehearse(dir.root()).expect_err("it is a directory");
        Draft::rehearse(&dir.path("missing/file")).expect_err("there is no such directory");
        Draft::rehearse(Path::new("/")).expect_err("it has no name");
        #[cfg(unix)]
        {
            let device = dir.path("device");
            std::os::unix::fs::symlink("/dev/null", &device).expect("the directory is writable");
            Draft::rehearse(&device).expect_err("a device is left alone");
        }
    }

    #[test]
    fn a_file_above_the_bound_is_not_read() {
        let dir = TestDir::new();
        let path = dir.path("file");
        fs::write(&path, "12345").expect("the directory is writable");
        let file = open_regular(&path).expect("it is a file");
        assert!(read_bounded(&file, 4).is_err());
        let file = open_regular(&path).expect("it is a file");
        assert_eq!(read_bounded(&file, 5).expect("it fits"), "12345");
        assert!(open_regular(dir.root()).is_err());
    }

    #[test]
    fn only_regular_files_are_removed() {
        let dir = TestDir::new();
        let path = dir.path("file");
        remove_regular(&path).expect("nothing is there to remove");
        fs::write(&path, "x").expect("the directory is writable");
        remove_regular(&path).expect("it is a file");
        assert!(!path.exists());
        assert!(remove_regular(dir.root()).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/dev/null", &path).expect("the directory is writable");
            assert!(remove_regular(&path).is_err());
        }
    }
}
