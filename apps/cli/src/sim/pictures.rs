//! What a run leaves in files: its trace, and pictures of it.
//!
//! Whether each file can be written is found out before the run; after it all are written beside their places, and only once
//! all are whole do they get there.

use std::io::{self, Write};
use std::path::{self, Path, PathBuf};

use tickwire_sim::capture::{Capture, CaptureLimits, pcapng, qlog};
use tickwire_sim::report::Report;
use tickwire_sim::scenario::Player;
use tickwire_sim::{Outcome, World};

use crate::failure::{bad_input, failed};
use crate::files::{Access, Draft};

/// Options of `sim run` that name files.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Files of what happened (docs/TRACES.md)")]
pub(super) struct Pictures {
    /// Write one HTML page with tables, charts and a ladder of datagrams
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Write every datagram as a line of text into this file
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Write all datagrams for Wireshark, with the keys that open them
    #[arg(long, value_name = "FILE.pcapng")]
    pcap: Option<PathBuf>,

    /// Write the keys alone, for other captures of the same run
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,

    /// Write all that happened as qlog, one JSON record for each event
    #[arg(long, value_name = "FILE.sqlog")]
    qlog: Option<PathBuf>,
}

/// One file to be written.
struct Output<'a> {
    option: &'static str,
    path: &'a Path,
    access: Access,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Report,
    Trace,
    Pcap,
    Keylog,
    Qlog,
}

impl Pictures {
    /// Refuses files that cannot be written, before any work is done.
    ///
    /// # Errors
    ///
    /// Bad input that names the file and its option.
    pub(super) fn rehearse(&self) -> anyhow::Result<()> {
        let outputs = self.outputs();
        let place = |output: &Output<'_>| path::absolute(output.path).ok();
        for (index, output) in outputs.iter().enumerate() {
            let mut earlier = outputs[..index].iter();
            if let Some(other) = earlier.find(|other| place(other) == place(output)) {
                let (option, other) = (output.option, other.option);
                let path = output.path.display();
                return Err(bad_input(format!(
                    "{other} and {option} both name {path}: give each a file of its own"
                )));
            }
            Draft::rehearse(output.path).map_err(|error| {
                let (path, option) = (output.path.display(), output.option);
                bad_input(format!(
                    "cannot write {path}: {error}; give {option} a path in a directory that can be written"
                ))
            })?;
        }
        Ok(())
    }

    /// Lets the player keep what the files need.
    pub(super) fn prepare<'a>(&self, mut player: Player<'a>) -> Player<'a> {
        let outputs = self.outputs();
        if outputs.iter().any(|output| output.kind == Kind::Trace) {
            player = player.traced();
        }
        if outputs.iter().any(|output| output.kind != Kind::Trace) {
            player = player.captured(CaptureLimits::default());
        }
        player
    }

    /// Writes all of the files, or none.
    ///
    /// # Errors
    ///
    /// What failed, and which file it is about.
    pub(super) fn write(&self, outcome: &Outcome, world: &mut World) -> anyhow::Result<()> {
        let outputs = self.outputs();
        let capture = world.take_capture();
        let mut drafts = Vec::new();
        for output in &outputs {
            let draft = Draft::write(output.path, output.access, |out| {
                output.fill(outcome, world, capture.as_ref(), out)
            });
            drafts.push((output, draft.map_err(|error| output.failure(&error))?));
        }
        for (output, draft) in drafts {
            draft.publish().map_err(|error| output.failure(&error))?;
        }
        Ok(())
    }

    fn outputs(&self) -> Vec<Output<'_>> {
        let all = [
            ("--report", &self.report, Access::World, Kind::Report),
            ("--trace", &self.trace, Access::World, Kind::Trace),
            // With keys inside.
            ("--pcap", &self.pcap, Access::Owner, Kind::Pcap),
            ("--keylog", &self.keylog, Access::Owner, Kind::Keylog),
            ("--qlog", &self.qlog, Access::World, Kind::Qlog),
        ];
        let all = all.into_iter();
        all.filter_map(|(option, path, access, kind)| {
            Some(Output {
                option,
                path: path.as_deref()?,
                access,
                kind,
            })
        })
        .collect()
    }
}

impl Output<'_> {
    fn failure(&self, error: &io::Error) -> anyhow::Error {
        let path = self.path.display();
        failed(format!(
            "cannot write {path}: {error}; nothing was written there, run again once that is put right"
        ))
    }

    fn fill(
        &self,
        outcome: &Outcome,
        world: &mut World,
        capture: Option<&Capture>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if self.kind == Kind::Trace {
            return out.write_all(world.trace().as_bytes());
        }
        let capture = capture.ok_or_else(|| io::Error::other("nothing was captured"))?;
        let title = format!("{}, seed {}", outcome.title, outcome.seed);
        match self.kind {
            Kind::Trace => Ok(()),
            Kind::Report => Report {
                command: &command(),
                outcome,
                capture: Some(capture),
            }
            .write(out),
            Kind::Pcap => pcapng::write(capture, &title, true, out),
            Kind::Keylog => capture
                .keys
                .iter()
                .try_for_each(|(_, line)| writeln!(out, "{line}")),
            Kind::Qlog => qlog::write(capture, &title, out),
        }
    }
}

/// This very command, as a shell takes it.
fn command() -> String {
    let given = std::env::args().skip(1);
    let quoted = given.map(|word| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
        match !word.is_empty() && word.chars().all(is_plain) {
            true => word,
            false => format!("'{}'", word.replace('\'', r"'\''")),
        }
    });
    let words = std::iter::once("tickwire".to_owned()).chain(quoted);
    words.collect::<Vec<_>>().join(" ")
}
