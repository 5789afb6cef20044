//! What damage does to the bytes of a datagram.

use crate::fate::Fate;

/// Most bytes that a UDP datagram over IPv4 carries.
pub(crate) const UDP_PAYLOAD_MAX: usize = 65_507;

/// The same fate with its place inside a datagram of `len` bytes.
pub(crate) fn within(fate: Fate, len: usize) -> Fate {
    let room = UDP_PAYLOAD_MAX.saturating_sub(len);
    let len = u16::try_from(len).unwrap_or(u16::MAX);
    match fate {
        Fate::Corrupt { bit } => Fate::Corrupt {
            bit: bit % len.saturating_mul(8).max(1),
        },
        Fate::Truncate { len: left } => Fate::Truncate {
            len: left % len.max(1),
        },
        Fate::Overwrite { at, len: run } => {
            let at = at % len.max(1);
            Fate::Overwrite {
                at,
                len: run.min(len - at),
            }
        }
        Fate::Extend { len: more } => Fate::Extend {
            len: more.min(u16::try_from(room).unwrap_or(u16::MAX)),
        },
        Fate::Deliver
        | Fate::Drop
        | Fate::Delay(_)
        | Fate::Duplicate
        | Fate::Storm { .. }
        | Fate::Splice => fate,
    }
}

/// Does to `bytes` what a fate that went through [`within`] says; `before` is the datagram before it on its link.
pub(crate) fn apply(fate: Fate, bytes: &mut Vec<u8>, before: &[u8]) {
    match fate {
        Fate::Corrupt { bit } => {
            if let Some(byte) = bytes.get_mut(usize::from(bit / 8)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Fate::Truncate { len } => bytes.truncate(len.into()),
        Fate::Overwrite { at, len } => {
            let run = bytes.iter_mut().skip(at.into()).take(len.into());
            run.for_each(|byte| *byte = !*byte);
        }
        Fate::Extend { len } => {
            let own = if bytes.is_empty() {
                vec![0]
            } else {
                bytes.clone()
            };
            bytes.extend(own.iter().cycle().take(len.into()));
        }
        Fate::Splice => {
            bytes.truncate(bytes.len() / 2);
            bytes.extend(before.iter().skip(before.len() / 2));
        }
        Fate::Deliver | Fate::Drop | Fate::Delay(_) | Fate::Duplicate | Fate::Storm { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged(fate: Fate, bytes: &[u8], before: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        apply(within(fate, bytes.len()), &mut bytes, before);
        bytes
    }

    #[test]
    fn each_damage_does_what_it_says() {
        let overwritten = damaged(Fate::Overwrite { at: 1, len: 2 }, &[0; 4], b"");
        assert_eq!(overwritten, [0, 255, 255, 0]);
        assert_eq!(damaged(Fate::Extend { len: 3 }, b"ab", b""), b"ababa");
        assert_eq!(damaged(Fate::Splice, b"abcd", b"123456"), b"ab456");
        assert_eq!(damaged(Fate::Splice, b"abcd", b""), b"ab");
    }

    #[test]
    fn places_outside_are_brought_inside() {
        let overwritten = damaged(Fate::Overwrite { at: 7, len: 60 }, &[0; 4], b"");
        assert_eq!(overwritten, [0, 0, 0, 255]);
        let long = damaged(Fate::Extend { len: u16::MAX }, &[1; 1_200], b"");
        assert_eq!(long.len(), UDP_PAYLOAD_MAX);
    }

    #[test]
    fn nothing_is_too_short_to_be_damaged() {
        for fate in [
            Fate::Corrupt { bit: 5 },
            Fate::Truncate { len: 5 },
            Fate::Overwrite { at: 5, len: 5 },
            Fate::Splice,
        ] {
            assert_eq!(damaged(fate, b"", b""), b"");
        }
        assert_eq!(damaged(Fate::Extend { len: 2 }, b"", b""), [0, 0]);
    }
}
