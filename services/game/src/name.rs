//! Names: what people are called and what the server calls them.

use alloc::format;
use alloc::string::String;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

/// Names a player for one run of a server. Never an address, and never given to another player of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(u32);

impl PlayerId {
    /// The id with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// `player 3`.
impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "player {}", self.0)
    }
}

/// A player's name that is safe to show: 1 to 32 characters, not only white space, and none that controls a
/// terminal or turns the direction of the text around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Longest name, in characters (Unicode scalar values).
    pub const CHARS_MAX: usize = 32;
    /// Longest name, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 4 * Self::CHARS_MAX;

    /// The name with this text.
    ///
    /// # Errors
    ///
    /// [`NameError`] says which rule the text breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.chars().all(char::is_whitespace) {
            return Err(NameError::Empty);
        }
        if text.chars().count() > Self::CHARS_MAX {
            return Err(NameError::TooLong);
        }
        if text.chars().any(is_forbidden) {
            return Err(NameError::ControlCharacter);
        }
        Ok(Self(String::from(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This name, or if it is taken this name with the first number from 2 up that makes it free: `Ann (2)`.
    /// The text is cut where the number would not fit.
    #[must_use]
    pub fn made_distinct(&self, is_taken: impl Fn(&Self) -> bool) -> Self {
        let mut candidate = self.clone();
        let mut number = 1_u32;
        while is_taken(&candidate) {
            number += 1;
            candidate = self.with_number(number);
        }
        candidate
    }

    fn with_number(&self, number: u32) -> Self {
        let suffix = format!(" ({number})");
        let kept: String = self
            .0
            .chars()
            .take(Self::CHARS_MAX - suffix.len())
            .collect();
        Self(format!("{kept}{suffix}"))
    }
}

fn is_forbidden(character: char) -> bool {
    // Beside the control characters: line and paragraph separators, marks and overrides of the direction, byte order mark.
    let steers_text = matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    character.is_control() || steers_text
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

/// Why a text is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing, or only white space.
    Empty,
    /// More than 32 characters.
    TooLong,
    /// A control character, or one that steers the text around it.
    ControlCharacter,
    /// Not UTF-8.
    NotUtf8,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name needs at least one visible character",
            Self::TooLong => "a name has at most 32 characters",
            Self::ControlCharacter => "a name may not contain control characters",
            Self::NotUtf8 => "a name must be UTF-8",
        })
    }
}

impl Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).expect("a good name")
    }

    #[test]
    fn a_name_has_1_to_32_characters_however_many_bytes_they_take() {
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new(" \u{3000}"), Err(NameError::Empty));
        assert_eq!(name(&"ß".repeat(32)).as_str().len(), 64);
        assert_eq!(Name::new(&"ß".repeat(33)), Err(NameError::TooLong));
    }

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        for text in ["a\nb", "\x1b[2J", "a\u{202e}b", "a\u{7f}", "\u{85}a"] {
            assert_eq!(
                Name::new(text),
                Err(NameError::ControlCharacter),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_and_still_fits() {
        let taken = [name("Ann"), name("Ann (2)")];
        assert_eq!(
            name("Ann").made_distinct(|n| taken.contains(n)),
            name("Ann (3)")
        );
        let long = name(&"x".repeat(32));
        let other = long.made_distinct(|n| *n == long);
        assert_eq!(other.as_str(), format!("{} (2)", "x".repeat(28)));
    }
}
