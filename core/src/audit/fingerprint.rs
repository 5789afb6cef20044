//! A hash of state by way of its `Debug` text: slow, but nobody can forget a field.

use core::fmt::{self, Write};

/// FNV-1a of 64 bits over everything written to it.
#[derive(Debug)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, value: &dyn fmt::Debug) {
        write!(self, "{value:?};").expect("a hash takes everything");
    }

    pub(crate) const fn value(&self) -> u64 {
        self.0
    }
}

impl Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
