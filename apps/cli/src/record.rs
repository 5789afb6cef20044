//! Recording: the options that `serve` and `join` share, and the signals that they obey meanwhile.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use tickwire_game::Dismissal;
use tickwire_tokio::{Handle, Options, RingOptions, StartRecordingError};

use crate::failure::bad_input;
use crate::{args, output};

/// Names that are tried for a recording, when files of that name exist already.
const NAMES_MAX: u32 = 1_000;

/// What is recorded, and where.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct RecordArgs {
    /// Record every call of the endpoint to this new file, for `tickwire replay`; it holds session secrets (mode 0600)
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Record sizes, times and losses of datagrams to this new file: no content, no address, no key (mode 0600)
    #[arg(long, value_name = "FILE")]
    record_redacted: Option<PathBuf>,

    /// Keep the latest sizes, times and losses in memory, and dump them to new files in this directory (mode 0600): on
    /// SIGUSR2, on a panic, and when a connection ends by a timeout or a fault
    #[arg(long, value_name = "DIR")]
    ring_dir: Option<PathBuf>,

    /// Memory for that, in bytes
    #[arg(long, value_name = "BYTES", default_value = "4194304", requires = "ring_dir", value_parser = args::whole(RING_BYTES), allow_negative_numbers = true)]
    ring_size: usize,

    /// Keep every call instead, for `tickwire replay`; the dumps hold session secrets
    #[arg(long, requires = "ring_dir")]
    ring_full: bool,
}

/// Allowed sizes of a ring.
const RING_BYTES: RangeInclusive<usize> = 64 * 1024..=1 << 30;

impl RecordArgs {
    /// Whether anything is recorded from the beginning on.
    pub(crate) fn is_given(&self) -> bool {
        self.record.is_some() || self.record_redacted.is_some() || self.ring_dir.is_some()
    }

    /// Whether all that is asked for can be had.
    ///
    /// # Errors
    ///
    /// Bad input: there is no such directory.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match &self.ring_dir {
            Some(directory) if !directory.is_dir() => Err(bad_input(format!(
                "--ring-dir {} is not a directory: make it first, or give another",
                directory.display()
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// `options` with what is to be recorded.
    pub(crate) fn apply(&self, mut options: Options) -> Options {
        if let Some(path) = &self.record {
            options = options.record(path);
        }
        if let Some(path) = &self.record_redacted {
            options = options.record_redacted(path);
        }
        if let Some(directory) = &self.ring_dir {
            let ring = match self.ring_full {
                true => RingOptions::full(self.ring_size),
                false => RingOptions::redacted(self.ring_size),
            };
            let given_up = [Dismissal::Silent, Dismissal::QueueFull].map(Dismissal::code);
            options = options.keep_ring(ring.dump_to(directory).dump_on(given_up));
        }
        options
    }

    /// Says on stderr what is written where, and what is in it.
    pub(crate) fn remark(&self) {
        if let Some(path) = &self.record {
            output::remark_recording(path);
        }
        if let Some(path) = &self.record_redacted {
            output::remark_redacted(path);
        }
        if let Some(directory) = &self.ring_dir {
            output::remark(&format!(
                "keeping the latest {} bytes of {} in memory; dumped to {} on SIGUSR2 (kill -USR2 {}), on a panic, and when a \
                 connection ends by a timeout or a fault",
                self.ring_size,
                self.ring_content(),
                directory.display(),
                std::process::id()
            ));
        }
    }

    fn ring_content(&self) -> &'static str {
        match self.ring_full {
            true => {
                "every call, with the secrets of all sessions (who has a dump can read what is said; only you can read it)"
            }
            false => "sizes, times and losses of datagrams, without content, addresses and keys,",
        }
    }

    /// Dumps the ring, if there is one.
    async fn dump_ring(&self, handle: &Handle) {
        let Some(directory) = &self.ring_dir else {
            return output::error(
                "no ring is kept, so there is nothing to dump: start with --ring-dir DIR",
            );
        };
        match handle.dump_ring(directory).await {
            Ok(dumped) => output::remark(&format!(
                "dumped the ring to {}: {} bytes; in it is {}",
                dumped.path.display(),
                dumped.bytes,
                self.ring_content().trim_end_matches(',')
            )),
            Err(error) => output::error(&error.to_string()),
        }
    }
}

/// As long as it lives, SIGUSR1 begins and ends a recording, and SIGUSR2 dumps the ring. Elsewhere than on Unix nothing
/// does.
#[derive(Debug)]
pub(crate) struct Obedience(#[cfg(unix)] tokio::task::JoinHandle<()>);

#[cfg(unix)]
impl Drop for Obedience {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a signal asks for.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
enum Asked {
    Toggle,
    Dump,
}

#[cfg(unix)]
struct Signals {
    toggle: tokio::signal::unix::Signal,
    dump: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn take_over() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            toggle: signal(SignalKind::user_defined1())?,
            dump: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Option<Asked> {
        tokio::select! {
            Some(()) = self.toggle.recv() => Some(Asked::Toggle),
            Some(()) = self.dump.recv() => Some(Asked::Dump),
            else => None,
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn obey(_: &Handle, _: &RecordArgs, _: &str) -> std::io::Result<Obedience> {
    Ok(Obedience())
}

/// Takes the signals over from the system. `command` is part of the name of a recording that has none.
///
/// # Errors
///
/// If the system refuses the handlers.
#[cfg(unix)]
pub(crate) fn obey(
    handle: &Handle,
    args: &RecordArgs,
    command: &str,
) -> std::io::Result<Obedience> {
    let mut signals = Signals::take_over()?;
    let (handle, args) = (handle.clone(), args.clone());
    let name = args.record.clone().unwrap_or_else(|| {
        PathBuf::from(format!("tickwire-{command}-{}.twrec", std::process::id()))
    });
    Ok(Obedience(tokio::spawn(async move {
        while let Some(asked) = signals.next().await {
            match asked {
                Asked::Toggle => toggle_recording(&handle, &name).await,
                Asked::Dump => args.dump_ring(&handle).await,
            }
        }
    })))
}

#[cfg(not(unix))]
pub(crate) fn decline() -> std::io::Result<Obedience> {
    Ok(Obedience())
}

/// For a command with several endpoints, which records none: the signals are answered, and do not end it.
///
/// # Errors
///
/// If the system refuses the handlers.
#[cfg(unix)]
pub(crate) fn decline() -> std::io::Result<Obedience> {
    let mut signals = Signals::take_over()?;
    Ok(Obedience(tokio::spawn(async move {
        while signals.next().await.is_some() {
            output::error(
                "recordings are of one client, so there is nothing to record or to dump: leave --bots out, or record on the \
                 server",
            );
        }
    })))
}

/// Ends the recording that is under way, or begins one.
async fn toggle_recording(handle: &Handle, name: &Path) {
    if handle.recording_to().is_none() {
        return match start_recording(handle, name) {
            Ok(path) => output::remark_recording(&path),
            Err(error) => output::error(&error.to_string()),
        };
    }
    match handle.stop_recording().await {
        Ok(recorded) => output::remark(&format!(
            "recorded to {}: {} bytes, all of it is written",
            recorded.path.display(),
            recorded.bytes
        )),
        Err(error) => output::error(&error.to_string()),
    }
}

/// Begins a recording of that name, or with a number added where a file has it.
fn start_recording(handle: &Handle, name: &Path) -> Result<PathBuf, StartRecordingError> {
    let mut number = 1;
    loop {
        let path = numbered(name, number);
        match handle.start_recording(&path) {
            Ok(()) => return Ok(path),
            Err(StartRecordingError::File(error))
                if error.source.kind() == std::io::ErrorKind::AlreadyExists
                    && number < NAMES_MAX => {}
            Err(error) => return Err(error),
        }
        number += 1;
    }
}

/// `a/match.twrec`, `a/match-2.twrec`, `a/match-3.twrec`, ...
fn numbered(name: &Path, number: u32) -> PathBuf {
    let Some(stem) = name.file_stem().filter(|_| number > 1) else {
        return name.to_owned();
    };
    let mut numbered = OsString::from(stem);
    numbered.push(format!("-{number}"));
    if let Some(extension) = name.extension() {
        numbered.push(".");
        numbered.push(extension);
    }
    name.with_file_name(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options as `serve` and `join` have them.
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        record: RecordArgs,
    }

    /// Nothing makes the command panic from outside, which is as it should be. So this is all of it but the panic: its
    /// options, its driver with sockets, and the dump as `replay` reads it.
    #[cfg(feature = "sim")]
    #[tokio::test]
    async fn a_panic_of_who_uses_the_endpoint_dumps_the_ring_that_the_options_ask_for() {
        use clap::Parser as _;
        use tickwire_sim::{Recording, Replay};
        let name = format!("tickwire-panic-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("the temporary directory is writable");
        let given = directory.to_str().expect("text");
        let line = Line::parse_from(["serve", "--ring-dir", given, "--ring-full"]);
        line.record.check().expect("there is such a directory");
        let config = tickwire_game::config().accepts(true);
        let options = Options::new(config)
            .game(([127, 0, 0, 1], 0).into())
            .discovery(None);
        let handle = tickwire_tokio::bind(line.record.apply(options)).expect("a free port");
        let of_owner = handle.clone();
        let owner = std::thread::spawn(move || {
            of_owner.with(|endpoint, _| {
                endpoint.set_players(77);
                panic!("the game has a mistake");
            })
        });
        assert!(owner.join().is_err());
        let bytes = std::fs::read(directory.join("ring-1-panic.twrec"));
        std::fs::remove_dir_all(&directory).expect("it is ours");
        let recording = Recording::read(bytes.expect("it was dumped")).expect("it is whole");
        let report = Replay::new(&recording).run();
        assert!(report.is_identical(), "{:?}", report.divergence);
        assert!(report.panic.is_some(), "that is how it ends");
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_before_its_ending() {
        let names = ["a/match.twrec", "match", "a.b/match"];
        let second = names.map(|name| numbered(Path::new(name), 2));
        let expected = ["a/match-2.twrec", "match-2", "a.b/match-2"];
        assert_eq!(second, expected.map(PathBuf::from));
        assert_eq!(
            numbered(Path::new("match.twrec"), 1),
            Path::new("match.twrec")
        );
    }
}
