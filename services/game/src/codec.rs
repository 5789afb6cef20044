//! Reading bytes that anyone may have sent: every read is checked and says which field failed and where.

use core::error::Error;
use core::fmt;

use crate::name::NameError;

/// Why bytes are not a message: the reason, the field and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub reason: DecodeReason,
    /// The field that could not be read.
    pub field: &'static str,
    /// Where the field starts, in bytes from the message's start.
    pub offset: usize,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeReason {
    /// The bytes end within the field.
    Truncated,
    /// Bytes are left after the last field.
    Trailing,
    /// No message has this type byte.
    UnknownType,
    /// Not a number, or infinite.
    NotFinite,
    /// Not a name.
    Name(NameError),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.field, self.offset)?;
        match self.reason {
            DecodeReason::Truncated => f.write_str("the message ends here"),
            DecodeReason::Trailing => f.write_str("bytes after the last field"),
            DecodeReason::UnknownType => f.write_str("no message has this type"),
            DecodeReason::NotFinite => f.write_str("not a finite number"),
            DecodeReason::Name(error) => fmt::Display::fmt(&error, f),
        }
    }
}

impl Error for DecodeError {}

/// A place in a message that is being read.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// An error about the field that starts `back` bytes before here.
    pub(crate) const fn error(
        &self,
        reason: DecodeReason,
        field: &'static str,
        back: usize,
    ) -> DecodeError {
        DecodeError {
            reason,
            field,
            offset: self.offset - back,
        }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes read since `offset`.
    pub(crate) fn since(&self, offset: usize) -> &'a [u8] {
        &self.bytes[offset..self.offset]
    }

    pub(crate) fn take(
        &mut self,
        len: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.offset..];
        let Some(taken) = rest.get(..len) else {
            return Err(self.error(DecodeReason::Truncated, field, 0));
        };
        self.offset += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N, field)?;
        Ok(taken
            .try_into()
            .expect("take returns as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// A finite number.
    pub(crate) fn f32(&mut self, field: &'static str) -> Result<f32, DecodeError> {
        let number = self.array(field).map(f32::from_be_bytes)?;
        if !number.is_finite() {
            return Err(self.error(DecodeReason::NotFinite, field, 4));
        }
        Ok(number)
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.offset < self.bytes.len() {
            return Err(self.error(DecodeReason::Trailing, "end", 0));
        }
        Ok(())
    }
}
