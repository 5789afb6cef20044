//! PARITY: what parts of a message have in common, so that one which is missing follows from the others.

use alloc::vec::Vec;

use super::{FrameError, PARITY};
use crate::config::ChannelConfig;
use crate::wire::{DecodeError, Reader, varint};

/// The exclusive or of stretches of a message, one behind the other and each as long as `bytes`. The last may be shorter and
/// counts as if zeros followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parity<'a> {
    pub(crate) covered: Covered,
    pub(crate) bytes: &'a [u8],
}

/// Which bytes of which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) channel: u8,
    /// Low 16 bits of what names the message in its fragments.
    pub(crate) id: u16,
    /// Bytes of the message before them.
    pub(crate) offset: u32,
    /// How many they are.
    pub(crate) len: u32,
    /// Bytes of the message.
    pub(crate) total: u32,
}

impl<'a> Parity<'a> {
    pub(super) fn decode(
        reader: &mut Reader<'a>,
        channels: &[ChannelConfig],
    ) -> Result<Self, FrameError> {
        let channel = reader.u8("parity channel")?;
        if usize::from(channel) >= channels.len() {
            return Err(FrameError::UnknownChannel(channel));
        }
        let covered = Covered {
            channel,
            id: reader.u16("parity id")?,
            offset: small(reader, "parity offset")?,
            len: small(reader, "parity covered")?,
            total: small(reader, "parity total")?,
        };
        let len = small(reader, "parity length")?;
        let bytes = reader.take(len as usize, "parity")?;
        Ok(Self { covered, bytes })
    }
}

fn small(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    u32::try_from(reader.varint(field)?).map_err(|_| reader.error(field))
}

impl Covered {
    /// Longest encoding without the bytes themselves: no message has more than a mebibyte, no datagram 16 KiB.
    pub(crate) const HEADER_LEN_MAX: usize = 18;

    /// Bytes of the frame, with a parity of so many bytes.
    pub(crate) const fn encoded_len(&self, stride: usize) -> usize {
        let place = varint::len(self.offset as u64) + varint::len(self.len as u64);
        4 + place + varint::len(self.total as u64) + varint::len(stride as u64) + stride
    }

    /// Appends the frame, with a parity of so many bytes of the covered ones.
    pub(crate) fn encode(&self, stride: usize, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&[PARITY, self.channel]);
        out.extend_from_slice(&self.id.to_be_bytes());
        for number in [self.offset, self.len, self.total, stride as u32] {
            varint::encode(u64::from(number), out);
        }
        let start = out.len();
        out.resize(start + stride, 0);
        fold(0, bytes, &mut out[start..]);
    }
}

/// Adds bytes to a parity, the first of them to its byte number `at`, and after its last one to its first again.
pub(crate) fn fold(mut at: usize, mut bytes: &[u8], parity: &mut [u8]) {
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(bytes.len().min(parity.len() - at));
        for (sum, byte) in parity[at..].iter_mut().zip(now) {
            *sum ^= byte;
        }
        (at, bytes) = (0, later);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Covered, Parity, fold};
    use crate::config::{ChannelConfig, Delivery};
    use crate::wire::Reader;
    use crate::wire::frame::{Frame, FrameError};

    fn decode(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
        let channels = vec![ChannelConfig::new(Delivery::Unreliable); 3];
        Frame::decode(&mut Reader::new(bytes), &channels)
    }

    #[test]
    fn its_bytes_are_as_the_protocol_has_them() {
        let covered = Covered {
            channel: 2,
            id: 0x0102,
            offset: 64,
            len: 5,
            total: 600,
        };
        let mut out = Vec::new();
        covered.encode(2, &[1, 2, 4, 8, 16], &mut out);
        let expected = [0x11, 2, 1, 2, 0x40, 64, 5, 0x42, 0x58, 2, 1 ^ 4 ^ 16, 2 ^ 8];
        assert_eq!(out, expected);
        assert_eq!(covered.encoded_len(2), out.len());
        let bytes = &expected[10..];
        assert_eq!(decode(&out), Ok(Frame::Parity(Parity { covered, bytes })));
        out[1] = 3;
        assert_eq!(decode(&out), Err(FrameError::UnknownChannel(3)));
    }

    proptest! {
        #[test]
        fn a_parity_keeps_its_fields(
            channel in 0u8..3,
            id: u16,
            numbers in [0u32..1 << 20, 0u32..1 << 20, 0u32..1 << 20],
            stride in 1usize..1_500,
            bytes in prop::collection::vec(any::<u8>(), 0..4_000),
        ) {
            let [offset, len, total] = numbers;
            let covered = Covered { channel, id, offset, len, total };
            let mut out = Vec::new();
            covered.encode(stride, &bytes, &mut out);
            prop_assert_eq!(out.len(), covered.encoded_len(stride));
            prop_assert!(out.len() <= Covered::HEADER_LEN_MAX + stride);
            let frame = decode(&out);
            let Ok(Frame::Parity(parity)) = frame else { panic!("{frame:?}") };
            prop_assert_eq!(parity.covered, covered);
            for (at, sum) in parity.bytes.iter().enumerate() {
                let all = bytes.iter().skip(at).step_by(stride);
                prop_assert_eq!(*sum, all.fold(0, |sum, byte| sum ^ byte));
            }
            for cut in 0..out.len() {
                prop_assert!(decode(&out[..cut]).is_err());
            }
        }

        /// What is added piece by piece is what is added at once.
        #[test]
        fn bytes_may_be_added_in_pieces(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
            cuts in prop::collection::vec(0usize..2_000, 0..8),
            stride in 1usize..400,
        ) {
            let mut whole = vec![0; stride];
            fold(0, &bytes, &mut whole);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut pieces = vec![0; stride];
            for cut in cuts.windows(2) {
                fold(cut[0] % stride, &bytes[cut[0]..cut[1]], &mut pieces);
            }
            prop_assert_eq!(pieces, whole);
        }
    }
}
