//! What is wrong with a scenario, and where.

use std::fmt;

/// Why a scenario or one of its traces cannot be used: one sentence, and the place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    place: Place,
    text: String,
}

/// Where in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file, both from 1.
    File { line: usize, column: usize },
    /// In a value that was set from outside: `link.delay=80ms`.
    Setting(String),
}

impl ScenarioError {
    pub(crate) fn new(place: Place, text: impl Into<String>) -> Self {
        Self {
            place,
            text: text.into(),
        }
    }

    /// Line and column of the file, both from 1; `None` if a value from outside is at fault.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        match self.place {
            Place::File { line, column } => Some((line, column)),
            Place::Setting(_) => None,
        }
    }

    /// What is wrong and what is allowed, in one sentence without the place.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same as one line that begins with the name of the file: `a.toml:3:9: ...`.
    #[must_use]
    pub fn in_file(&self, file: &str) -> String {
        match &self.place {
            Place::File { line, column } => format!("{file}:{line}:{column}: {}", self.text),
            Place::Setting(setting) => format!("{file}: in the setting {setting}: {}", self.text),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { line, column } => write!(f, "line {line}, column {column}: ")?,
            Place::Setting(setting) => write!(f, "in the setting {setting}: ")?,
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for ScenarioError {}
