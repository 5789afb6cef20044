//! The packet header, in clear and authenticated.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-+-+-+-+
//! |1|0|K|0|A|0|P P|   K key phase, A a compact ack follows, PP bytes of the packet number - 1
//! +-+-+-+-+-+-+-+-+----------------------+
//! | destination connection id, 2 to 8 B  |   as long as its receiver chose
//! +--------------------------------------+
//! | packet number, 1 to 4 B, truncated   |
//! +======================================+   encrypted from here; all above is associated data
//! | [A] compact ack, 1 B | frames ...    |
//! +--------------------------------------+
//! | tag, 16 B                            |
//! +--------------------------------------+
//! ```

use alloc::vec::Vec;

use super::number;
use crate::crypto::TAG_LEN;
use crate::saved::saved;

const FORM: u8 = 0x80;
const COMPACT_ACK: u8 = 0x08;
const KEY_PHASE: u8 = 0x20;
const RESERVED: u8 = 0x14;
const NUMBER_LEN: u8 = 0x03;

/// Names a connection inside datagrams: 2 to 8 bytes chosen by their receiver.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionId {
    bytes: [u8; 8],
    len: u8,
}

impl ConnectionId {
    pub(crate) const LEN_MAX: usize = 8;

    /// `None` if `bytes` is not 2 to 8 bytes long.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        if !(2..=Self::LEN_MAX).contains(&bytes.len()) {
            return None;
        }
        let mut padded = [0; Self::LEN_MAX];
        padded[..bytes.len()].copy_from_slice(bytes);
        Some(Self {
            bytes: padded,
            len: bytes.len() as u8,
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

saved!(ConnectionId { bytes, len } if |id, _| (2..=Self::LEN_MAX).contains(&usize::from(id.len)));

impl core::fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A received header, before the tag is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) compact_ack: bool,
    /// The lowest bit of the number of its keys' generation.
    pub(crate) key_phase: bool,
    pub(crate) truncated_number: u64,
    pub(crate) number_len: usize,
    /// Bytes of the whole header.
    pub(crate) len: usize,
}

impl Header {
    /// Reads the header of a datagram whose connection ids have `id_len` bytes. `None` if it is too
    /// short for a header, one byte and a tag, or uses reserved bits.
    pub(crate) fn decode(datagram: &[u8], id_len: usize) -> Option<Self> {
        let first = *datagram.first()?;
        if first & 0xC0 != FORM || first & RESERVED != 0 {
            return None;
        }
        let number_len = usize::from(first & NUMBER_LEN) + 1;
        let len = 1 + id_len + number_len;
        if datagram.len() < len + 1 + TAG_LEN {
            return None;
        }
        let number = datagram[1 + id_len..len].iter();
        let truncated_number = number.fold(0, |number, byte| number << 8 | u64::from(*byte));
        Some(Self {
            compact_ack: first & COMPACT_ACK != 0,
            key_phase: first & KEY_PHASE != 0,
            truncated_number,
            number_len,
            len,
        })
    }

    /// The full packet number, given the largest received so far.
    pub(crate) fn number(&self, largest: Option<u64>) -> u64 {
        let expected = largest.map_or(0, |largest| largest + 1);
        number::expand(expected, self.truncated_number, 8 * self.number_len as u32)
    }

    /// Sets the key phase in an encoded header, which has none by itself.
    pub(crate) fn set_key_phase(header: &mut [u8], on: bool) {
        if let Some(first) = header.first_mut() {
            *first = *first & !KEY_PHASE | if on { KEY_PHASE } else { 0 };
        }
    }

    /// Appends a header of key phase 0 and returns its length.
    pub(crate) fn encode(
        id: &ConnectionId,
        number: u64,
        largest_acked: Option<u64>,
        compact_ack: bool,
        out: &mut Vec<u8>,
    ) -> usize {
        let start = out.len();
        let number_len = number::packet_number_len(number, largest_acked);
        let ack = if compact_ack { COMPACT_ACK } else { 0 };
        out.push(FORM | ack | (number_len as u8 - 1));
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(&number.to_be_bytes()[8 - number_len..]);
        out.len() - start
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{ConnectionId, Header};

    #[test]
    fn the_header_layout_is_as_drawn() {
        let id = ConnectionId::new(&[0xAB, 0xCD]).expect("2 bytes");
        let mut out = Vec::new();
        assert_eq!(Header::encode(&id, 0x0102, Some(0x0001), true, &mut out), 5);
        assert_eq!(out, [0x89, 0xAB, 0xCD, 0x01, 0x02]);
        out.extend_from_slice(&[0; 17]);
        let header = Header::decode(&out, 2).expect("long enough");
        assert_eq!(
            (header.compact_ack, header.len, header.number(Some(0xF0))),
            (true, 5, 0x0102)
        );
    }

    #[test]
    fn anything_shorter_than_header_and_tag_is_refused() {
        for len in 0..21 {
            assert_eq!(Header::decode(&vec![0x80; len], 2), None, "{len} bytes");
        }
        assert!(Header::decode(&[0x80; 21], 2).is_some());
    }

    #[test]
    fn reserved_bits_are_refused() {
        for bit in [0x04, 0x10, 0x40] {
            assert_eq!(Header::decode(&[0x80 | bit; 40], 2), None, "bit {bit:#x}");
        }
    }

    #[test]
    fn the_key_phase_is_one_bit_that_is_set_and_taken_back() {
        let phase = |datagram: &[u8]| Header::decode(datagram, 2).map(|header| header.key_phase);
        let mut datagram = [0x8b; 40];
        assert_eq!(phase(&datagram), Some(false));
        Header::set_key_phase(&mut datagram, true);
        assert_eq!((datagram[0], phase(&datagram)), (0xab, Some(true)));
        Header::set_key_phase(&mut datagram, false);
        assert_eq!(datagram, [0x8b; 40]);
    }
}
