//! A TOML document, read key by key: whatever is wrong with a value is told with its line and column, with what is allowed.
//!
//! A [`Section`] is a table of the document. It knows the keys that it may have, and refuses others when it is opened; each
//! getter takes one of them.

mod source;
mod words;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) use self::source::{Setting, Source, parse};
use self::words::{listed, nearest, quoted};
use super::error::ScenarioError;
use super::units::{self, Units, show_time};

/// A value with its place.
pub(crate) type Found<'a> = &'a Spanned<DeValue<'a>>;

/// A table of the document.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    source: &'a Source<'a>,
    /// As people would write it: `link.up`, `event`.
    name: String,
    span: Range<usize>,
    values: BTreeMap<&'a str, Found<'a>>,
    allowed: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// Opens the document itself.
    pub(crate) fn root(
        source: &'a Source<'a>,
        table: &'a Spanned<DeTable<'a>>,
        allowed: &'static [&'static str],
    ) -> Result<Self, ScenarioError> {
        Self::open(source, String::new(), 0..0, table.get_ref(), allowed)
    }

    fn open(
        source: &'a Source<'a>,
        name: String,
        span: Range<usize>,
        table: &'a DeTable<'a>,
        allowed: &'static [&'static str],
    ) -> Result<Self, ScenarioError> {
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let word: &str = key.get_ref();
            if !allowed.contains(&word) {
                let place = if name.is_empty() {
                    "at the top".to_owned()
                } else {
                    format!("in `{name}`")
                };
                let near = nearest(word, allowed)
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let text = format!(
                    "there is no key `{word}` {place}: expected {}{near}",
                    listed(allowed)
                );
                return Err(source.error(key.span().start, text));
            }
            values.insert(word, value);
        }
        Ok(Self {
            source,
            name,
            span,
            values,
            allowed,
        })
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// An error about the section as a whole.
    pub(crate) fn error(&self, text: impl Display) -> ScenarioError {
        let name = &self.name;
        let text = match name.is_empty() {
            true => text.to_string(),
            false => format!("`{name}`: {text}"),
        };
        self.source.error(self.span.start, text)
    }

    /// An error about the value of a key, or about the section if it is not there.
    pub(crate) fn error_at(&self, key: &str, text: impl Display) -> ScenarioError {
        match self.values.get(key) {
            Some(value) => self
                .source
                .error(value.span().start, format!("`{key}`: {text}")),
            None => self.error(text),
        }
    }

    fn find(&self, key: &'static str) -> Option<Found<'a>> {
        debug_assert!(self.allowed.contains(&key), "`{key}` is not declared");
        self.values.get(key).copied()
    }

    /// The value of a key as `read` understands it.
    pub(crate) fn value<T>(
        &self,
        key: &'static str,
        expected: impl Display,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, ScenarioError> {
        let Some(value) = self.find(key) else {
            return Ok(None);
        };
        match read(value.get_ref()) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error_at(key, format!("expected {expected}"))),
        }
    }

    pub(crate) fn text(&self, key: &'static str) -> Result<Option<&'a str>, ScenarioError> {
        self.value(key, "a text in quotes", text_of)
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<Option<bool>, ScenarioError> {
        self.value(key, "true or false", |value| match value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => None,
        })
    }

    pub(crate) fn whole(
        &self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, ScenarioError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(key, expected, |value| {
            whole_of(value).filter(|number| range.contains(number))
        })
    }

    pub(crate) fn count(
        &self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, ScenarioError> {
        let wide = i64::from(*range.start())..=i64::from(*range.end());
        let number = self.whole(key, wide)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    pub(crate) fn time(
        &self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Result<Option<Duration>, ScenarioError> {
        let (least, most) = (show_time(*range.start()), show_time(*range.end()));
        let expected =
            format!("a time from \"{least}\" to \"{most}\", such as \"25ms\" or \"1.5s\"");
        self.value(key, expected, |value| {
            time_of(value).filter(|time| range.contains(time))
        })
    }

    /// A share of all, in permille.
    pub(crate) fn share(&self, key: &'static str) -> Result<Option<u16>, ScenarioError> {
        let expected = "a share from \"0%\" to \"100%\" in steps of \"0.1%\", such as \"2.5%\"";
        self.value(key, expected, |value| {
            let permille = units::parse(text_of(value)?, units::SHARE)?;
            u16::try_from(permille).ok().filter(|share| *share <= 1_000)
        })
    }

    /// A rate in bits per second.
    pub(crate) fn rate(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ScenarioError> {
        let expected = "a rate from \"1kbit/s\" to \"100Gbit/s\", such as \"1.5Mbit/s\"";
        self.amount(key, units::RATE, range, expected)
    }

    /// A number of bytes, plain or with a unit.
    pub(crate) fn bytes(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ScenarioError> {
        let (least, most) = (range.start(), range.end());
        let expected = format!("{least} to {most} bytes, such as 1200 or \"64kB\"");
        self.amount(key, units::BYTES, range, &expected)
    }

    fn amount(
        &self,
        key: &'static str,
        units: Units,
        range: RangeInclusive<u64>,
        expected: &str,
    ) -> Result<Option<u64>, ScenarioError> {
        self.value(key, expected, |value| {
            let plain = whole_of(value).and_then(|number| u64::try_from(number).ok());
            let amount = plain.or_else(|| units::parse(text_of(value)?, units))?;
            Some(amount).filter(|amount| range.contains(amount))
        })
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ScenarioError> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", quoted(&words));
        self.value(key, expected, |value| {
            let word = text_of(value)?;
            let (_, chosen) = choices.iter().find(|(choice, _)| *choice == word)?;
            Some(*chosen)
        })
    }

    /// A table within this one.
    pub(crate) fn section(
        &self,
        key: &'static str,
        allowed: &'static [&'static str],
    ) -> Result<Option<Self>, ScenarioError> {
        let Some(value) = self.find(key) else {
            return Ok(None);
        };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.error_at(key, format!("expected a table: [{}]", self.below(key))));
        };
        Self::open(self.source, self.below(key), value.span(), table, allowed).map(Some)
    }

    /// A list of tables within this one.
    pub(crate) fn sections(
        &self,
        key: &'static str,
        allowed: &'static [&'static str],
    ) -> Result<Vec<Self>, ScenarioError> {
        let Some(value) = self.find(key) else {
            return Ok(Vec::new());
        };
        let name = self.below(key);
        let expected = || self.error_at(key, format!("expected a list of tables: [[{name}]]"));
        let DeValue::Array(list) = value.get_ref() else {
            return Err(expected());
        };
        let mut sections = Vec::new();
        for element in list.iter() {
            let DeValue::Table(table) = element.get_ref() else {
                return Err(expected());
            };
            let span = element.span();
            sections.push(Self::open(self.source, name.clone(), span, table, allowed)?);
        }
        Ok(sections)
    }

    fn below(&self, key: &str) -> String {
        match self.name.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.name),
        }
    }
}

pub(crate) fn text_of<'a>(value: &'a DeValue<'a>) -> Option<&'a str> {
    match value {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn whole_of(value: &DeValue<'_>) -> Option<i64> {
    match value {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}

pub(crate) fn time_of(value: &DeValue<'_>) -> Option<Duration> {
    units::parse(text_of(value)?, units::TIME).map(Duration::from_nanos)
}
