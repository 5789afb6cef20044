//! The text of a document, with places in it, and settings put on top.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::error::{Place, ScenarioError};

/// A value that was set from outside the file: `link.delay=80ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) path: Vec<String>,
    /// As TOML.
    pub(crate) value: String,
    /// As it was given.
    pub(crate) text: String,
}

/// The text, to find places in, and the settings that came on top.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    text: &'a str,
    settings: Vec<String>,
}

/// Parses the text and puts the settings on top.
pub(crate) fn parse<'a>(
    text: &'a str,
    settings: &'a [Setting],
) -> Result<(Source<'a>, Spanned<DeTable<'a>>), ScenarioError> {
    let mut source = Source {
        text,
        settings: Vec::new(),
    };
    let mut root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        source.error(at, format!("this is not TOML: {}", error.message()))
    })?;
    for setting in settings {
        // Places behind the end of the text stand for settings.
        let at = text.len() + 1 + source.settings.len();
        source.settings.push(setting.text.clone());
        let value = DeValue::parse(&setting.value)
            .map_err(|error| source.error(at, format!("this is not TOML: {}", error.message())))?;
        set(root.get_mut(), &setting.path, at, value.into_inner())
            .map_err(|text| source.error(at, text))?;
    }
    Ok((source, root))
}

/// Puts a value into the table, by its path; tables on the way are made where they are missing.
fn set<'a>(
    table: &mut DeTable<'a>,
    path: &'a [String],
    at: usize,
    value: DeValue<'a>,
) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        return Err("expected KEY=VALUE, such as link.delay=80ms".to_owned());
    };
    let key = Spanned::new(at..at, first.as_str().into());
    if rest.is_empty() {
        table.remove(first.as_str());
        table.insert(key, Spanned::new(at..at, value));
        return Ok(());
    }
    if !table.contains_key(first.as_str()) {
        let empty = DeValue::Table(DeTable::new());
        table.insert(key, Spanned::new(at..at, empty));
    }
    let below = table.get_mut(first.as_str()).map(Spanned::get_mut);
    match (below, rest) {
        (Some(DeValue::Table(below)), _) => set(below, rest, at, value),
        (Some(DeValue::Array(list)), [number, rest @ ..]) => {
            let count = list.len();
            let nth = number.parse().ok().and_then(|nth: usize| list.get_mut(nth));
            match nth.map(Spanned::get_mut) {
                Some(DeValue::Table(below)) => set(below, rest, at, value),
                _ => Err(format!(
                    "`{first}` is a list of {count}: expected {first}.NUMBER.KEY, counted from 0"
                )),
            }
        }
        _ => Err(format!("`{first}` is a value and has no keys of its own")),
    }
}

impl Source<'_> {
    pub(crate) fn error(&self, at: usize, text: impl Into<String>) -> ScenarioError {
        if at > self.text.len() {
            let setting = self.settings.get(at - self.text.len() - 1);
            let setting = setting.cloned().unwrap_or_default();
            return ScenarioError::new(Place::Setting(setting), text);
        }
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        ScenarioError::new(Place::File { line, column }, text)
    }
}
