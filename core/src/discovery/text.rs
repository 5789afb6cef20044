//! The text of discovery: question and answer.
//!
//! ```text
//! question = *WS "DISCOVER_SERVER" *WS
//! answer   = *WS "SERVER_INFO" 1*(1*WS word) *WS        at most 512 bytes
//! word     = key "=" value                              in any order, unknown keys are ignored
//! WS       = SP / HTAB / LF / VT / FF / CR
//! ```
//!
//! Parsing is total: any bytes give an answer or none.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::saved::saved;

/// Longest answer, in bytes, sent or accepted.
pub(crate) const ANSWER_LEN_MAX: usize = 512;

/// Longest name, in bytes of UTF-8, after decoding.
pub(crate) const NAME_LEN_MAX: usize = 64;

/// The question as we send it.
pub(crate) const QUESTION: &[u8] = b"DISCOVER_SERVER\n";

const QUESTION_WORD: &[u8] = b"DISCOVER_SERVER";
const ANSWER_WORD: &[u8] = b"SERVER_INFO";

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) players: u32,
    pub(crate) players_max: u32,
    /// Game port, never 0 in a parsed answer.
    pub(crate) port: u16,
    pub(crate) id: Option<u64>,
}

saved!(Answer {
    name,
    players,
    players_max,
    port,
    id
});

pub(crate) fn is_question(datagram: &[u8]) -> bool {
    let mut words = words(datagram);
    words.next() == Some(QUESTION_WORD) && words.next().is_none()
}

fn words(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_white_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    datagram
        .split(is_white_space)
        .filter(|word| !word.is_empty())
}

impl Answer {
    /// Appends the line to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut line = Line(out);
        let written = self.write(&mut line);
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }

    fn write(&self, line: &mut Line<'_>) -> fmt::Result {
        line.write_str("SERVER_INFO name=")?;
        for byte in self.name.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                line.write_char(char::from(byte))?;
            } else {
                write!(line, "%{byte:02X}")?;
            }
        }
        write!(line, " players={}", self.players)?;
        write!(line, " max={} port={}", self.players_max, self.port)?;
        if let Some(id) = self.id {
            write!(line, " id={id:016x}")?;
        }
        line.write_str("\n")
    }

    /// Reads a datagram. `None` if it is no answer, or if a key we know is malformed or twice there, or
    /// `name` or `port` are missing.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        if datagram.len() > ANSWER_LEN_MAX {
            return None;
        }
        let mut words = words(datagram);
        if words.next() != Some(ANSWER_WORD) {
            return None;
        }
        let mut values = Values::default();
        for word in words {
            values.read(word)?;
        }
        Some(Self {
            name: values.name?,
            players: values.players.unwrap_or(0),
            players_max: values.players_max.unwrap_or(0),
            port: values.port?,
            id: values.id,
        })
    }
}

/// Lets `write!` append to bytes.
struct Line<'a>(&'a mut Vec<u8>);

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[derive(Default)]
struct Values {
    name: Option<String>,
    players: Option<u32>,
    players_max: Option<u32>,
    port: Option<u16>,
    id: Option<u64>,
}

impl Values {
    /// Takes in one word; `None` if it spoils the answer.
    fn read(&mut self, word: &[u8]) -> Option<()> {
        let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
            return Some(());
        };
        let (key, value) = (&word[..equals], &word[equals + 1..]);
        match key {
            b"name" => fill(&mut self.name, name(value)),
            b"players" => fill(&mut self.players, number(value)),
            b"max" => fill(&mut self.players_max, number(value)),
            b"port" => fill(&mut self.port, port(value)),
            b"id" => fill(&mut self.id, id(value)),
            _ => Some(()),
        }
    }
}

fn fill<T>(slot: &mut Option<T>, value: Option<T>) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value?);
    Some(())
}

/// 1 to 10 digits that fit 32 bits.
fn number(value: &[u8]) -> Option<u32> {
    if value.is_empty() || value.len() > 10 {
        return None;
    }
    value.iter().try_fold(0_u32, |number, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn port(value: &[u8]) -> Option<u16> {
    let port = u16::try_from(number(value)?).ok()?;
    (port != 0).then_some(port)
}

/// Exactly 16 hexadecimal digits, of either case.
fn id(value: &[u8]) -> Option<u64> {
    if value.len() != 16 {
        return None;
    }
    value.iter().try_fold(0_u64, |id, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(id << 4 | u64::from(digit))
    })
}

fn name(value: &[u8]) -> Option<String> {
    let bytes = percent_decode(value)?;
    if bytes.is_empty() || bytes.len() > NAME_LEN_MAX {
        return None;
    }
    let name = String::from_utf8(bytes).ok()?;
    Some(printable(&name))
}

fn percent_decode(value: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(*rest.next()?).to_digit(16)?;
        let low = char::from(*rest.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high << 4 | low).ok()?);
    }
    Some(decoded)
}

/// Replaces what could break or forge a line on a terminal. The result is never longer.
pub(crate) fn printable(name: &str) -> String {
    let safe = |c: char| if is_control(c) { '?' } else { c };
    name.chars().map(safe).collect()
}

/// Control characters, and those that break lines or turn the direction of writing.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
