//! Where scenarios come from: a file, or the library by name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tickwire_sim::Scenario;
use tickwire_sim::scenario::{Reader, library};

use crate::failure::bad_input;
use crate::files;

/// Most bytes of a scenario.
const SCENARIO_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of a trace.
const TRACE_BYTES_MAX: u64 = 64 << 20;

/// Reads the scenario of this name or in this file, with the settings on top.
///
/// A name without a dot and a slash is one of the library's.
///
/// # Errors
///
/// Bad input, on one line that names the place.
pub(super) fn read(name: &str, settings: &[String]) -> anyhow::Result<Scenario> {
    let reader = reader(settings)?;
    if !name.contains(['.', '/', '\\']) {
        let Some(entry) = library::find(name) else {
            let text = format!(
                "there is no scenario {name}: `tickwire sim list` shows those that come along; a file needs a path, such as ./{name}.toml"
            );
            return Err(bad_input(text));
        };
        let scenario = reader.traces(library::trace).read(entry.text);
        return scenario.map_err(|error| bad_input(error.in_file(name)));
    }
    let path = Path::new(name);
    let text = read_file(path, SCENARIO_BYTES_MAX)
        .map_err(|error| bad_input(format!("cannot read the scenario {name}: {error}")))?;
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let scenario = reader
        .traces(|trace| read_trace(&directory, trace))
        .read(&text);
    scenario.map_err(|error| bad_input(error.in_file(name)))
}

/// Reads a scenario that is at hand, with the settings on top.
///
/// # Errors
///
/// Bad input: a setting that does not fit.
pub(super) fn read_text(text: &str, name: &str, settings: &[String]) -> anyhow::Result<Scenario> {
    let scenario = reader(settings)?.read(text);
    scenario.map_err(|error| bad_input(error.in_file(name)))
}

fn reader<'a>(settings: &[String]) -> anyhow::Result<Reader<'a>> {
    let mut reader = Reader::new();
    for setting in settings {
        reader = reader
            .set(setting)
            .map_err(|error| bad_input(format!("--set: {error}")))?;
    }
    Ok(reader)
}

/// A trace that a scenario in this directory names.
fn read_trace(directory: &Path, trace: &str) -> Result<String, String> {
    let path: PathBuf = directory.join(trace);
    read_file(&path, TRACE_BYTES_MAX).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return format!("there is no file {}", path.display());
        }
        error.to_string()
    })
}

fn read_file(path: &Path, bytes_max: u64) -> io::Result<String> {
    let file: File = files::open_regular(path)?;
    files::read_bounded(&file, bytes_max)
}
