//! A fuzzer's bytes as a list of small decisions. Whatever is missing is zero, so that every beginning of an input is one.

/// Takes decisions from the front.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Less than `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let [high, low] = [self.byte(), self.byte()].map(usize::from);
        (high << 8 | low) % end
    }

    /// So many bytes, as far as there are.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// As many as it says, `most` at most.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = self.below(most + 1);
        self.take(len)
    }

    /// A datagram: its length, and how many of its bytes follow; those behind them are zeros, as a HELLO's are.
    pub(crate) fn datagram(&mut self) -> Vec<u8> {
        let len = self.below(1_501);
        let mut datagram = self.bytes(len).to_vec();
        datagram.resize(len, 0);
        datagram
    }
}

/// The other way round, for seeds.
pub(crate) fn put_datagram(datagram: &[u8], out: &mut Vec<u8>) {
    let zeros = datagram.iter().rev().take_while(|byte| **byte == 0);
    let said = datagram.len() - zeros.count();
    put_number(datagram.len(), out);
    put_number(said, out);
    out.extend_from_slice(&datagram[..said]);
}

pub(crate) fn put_number(number: usize, out: &mut Vec<u8>) {
    let number = u16::try_from(number).expect("a length of a datagram");
    out.extend_from_slice(&number.to_be_bytes());
}
