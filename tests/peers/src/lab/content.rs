//! What messages say: a mark, a number, when they were sent, and bytes that the receiver can check.

use super::rng::Rng;
use super::{Class, Micros};

/// Bytes before the filling.
pub(crate) const HEAD_LEN: usize = 20;

/// The first bytes of unreliable state. Nothing else begins so: who does not encrypt can count them in a datagram.
const STATE_MARK: [u8; 8] = *b"\xF1STATE\x0A\xE7";
const RELIABLE_MARK: [u8; 8] = *b"\xF2RELIA\x0B\xE6";

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u32,
    pub(crate) sent: Micros,
}

/// Writes the message of this number into `buf`, `len` bytes long. Its filling depends on the number.
pub(crate) fn write(buf: &mut Vec<u8>, class: Class, head: Head, len: usize) {
    assert!(len >= HEAD_LEN, "{len} bytes have no room for the head");
    buf.clear();
    buf.extend_from_slice(match class {
        Class::Reliable => &RELIABLE_MARK,
        Class::Unreliable => &STATE_MARK,
    });
    buf.extend_from_slice(&head.number.to_le_bytes());
    buf.extend_from_slice(&head.sent.to_le_bytes());
    buf.resize(len, 0);
    Rng::new(u64::from(head.number), "filling").fill(&mut buf[HEAD_LEN..]);
}

/// Reads what [`write`] wrote; `None` if a bit of it is wrong.
pub(crate) fn read(class: Class, payload: &[u8]) -> Option<Head> {
    let number = u32::from_le_bytes(payload.get(8..12)?.try_into().ok()?);
    let sent = Micros::from_le_bytes(payload.get(12..20)?.try_into().ok()?);
    let head = Head { number, sent };
    let mut expected = Vec::with_capacity(payload.len());
    write(&mut expected, class, head, payload.len());
    (expected == payload).then_some(head)
}

/// Messages of state in a datagram that is not encrypted.
pub(crate) fn count_states(datagram: &[u8]) -> u32 {
    let windows = datagram.windows(STATE_MARK.len());
    windows.filter(|bytes| *bytes == STATE_MARK).count() as u32
}
