//! The traces that a scenario names: read once each, and refused with both places, the key's and the line's.

use super::document::Section;
use super::error::ScenarioError;
use crate::link::recorded::{Capacity, Conditions, TraceError};

/// Gives the text of a file that a scenario names, by the path as it stands there; or says why not.
pub type Loader<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

/// Loads traces and reads them.
pub(crate) struct Traces<'a> {
    load: &'a mut Loader<'a>,
}

impl<'a> Traces<'a> {
    pub(crate) fn new(load: &'a mut Loader<'a>) -> Self {
        Self { load }
    }

    /// A packet-delivery trace.
    pub(crate) fn capacity(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
    ) -> Result<Option<Capacity>, ScenarioError> {
        self.read(section, key, Capacity::parse)
    }

    /// A table of times and losses.
    pub(crate) fn conditions(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
    ) -> Result<Option<Conditions>, ScenarioError> {
        self.read(section, key, Conditions::parse)
    }

    fn read<T>(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, TraceError>,
    ) -> Result<Option<T>, ScenarioError> {
        let Some(path) = section.text(key)? else {
            return Ok(None);
        };
        let wrong = |text: String| section.error_at(key, format!("the trace {path}: {text}"));
        let text = (self.load)(path).map_err(&wrong)?;
        parse(&text)
            .map(Some)
            .map_err(|error| wrong(error.to_string()))
    }
}
