//! The examples of docs/PROTOCOL.md: blocks that begin with three backticks, `hex` and a name.
//!
//! A line is bytes and, after two spaces, a remark. `??` stands for any byte, `00*9` for nine bytes of 0.

use std::fmt;

use crate::repository;

const DOCUMENT: &str = "docs/PROTOCOL.md";

/// Bytes as the document writes them; `None` is any byte.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Example(Vec<Option<u8>>);

impl Example {
    /// The bytes of a whole block.
    pub(super) fn of(name: &str) -> Self {
        let lines = lines(name).into_iter();
        Self(lines.flat_map(|(example, _)| example.0).collect())
    }

    /// Its bytes, to be handed to an endpoint.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let known = self.0.iter().copied();
        known
            .map(|byte| byte.expect("an example to be sent has no byte left open"))
            .collect()
    }

    /// Whether these bytes look like it.
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        let open_or_equal =
            |(example, byte): (&Option<u8>, &u8)| example.is_none_or(|e| e == *byte);
        self.0.len() == bytes.len() && self.0.iter().zip(bytes).all(open_or_equal)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn parse(text: &str) -> Self {
        Self(text.split(' ').flat_map(group).collect())
    }
}

/// One word of a line: a byte, perhaps repeated.
fn group(word: &str) -> impl Iterator<Item = Option<u8>> {
    let (byte, count) = word.split_once('*').unwrap_or((word, "1"));
    let malformed = || -> ! { panic!("{DOCUMENT}: '{word}' is no byte") };
    let byte = match byte {
        "??" => None,
        digits if digits.len() == 2 => {
            Some(u8::from_str_radix(digits, 16).unwrap_or_else(|_| malformed()))
        }
        _ => malformed(),
    };
    let count = count.parse().unwrap_or_else(|_| malformed());
    std::iter::repeat_n(byte, count)
}

/// The lines of a block, each with its remark.
pub(super) fn lines(name: &str) -> Vec<(Example, String)> {
    let document = repository::read(DOCUMENT);
    let start = format!("```hex {name}\n");
    let (_, rest) = document
        .split_once(&start)
        .unwrap_or_else(|| panic!("{DOCUMENT} has no block '{name}'"));
    let (block, _) = rest.split_once("```").expect("a block has an end");
    let lines = block.lines().map(str::trim);
    lines
        .map(|line| match line.split_once("  ") {
            Some((bytes, remark)) => (Example::parse(bytes), remark.trim().to_owned()),
            None => (Example::parse(line), String::new()),
        })
        .collect()
}

/// The names of all blocks.
pub(super) fn blocks() -> Vec<String> {
    let document = repository::read(DOCUMENT);
    let names = document
        .lines()
        .filter_map(|line| line.strip_prefix("```hex "));
    names.map(str::to_owned).collect()
}

/// As the document writes it, but for repetitions.
impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0 {
            match byte {
                Some(byte) => write!(f, "{byte:02x} ")?,
                None => f.write_str("?? ")?,
            }
        }
        Ok(())
    }
}
