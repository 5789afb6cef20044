//! The first byte of a record.
//!
//! ```text
//!   7       6      5      4 3 2 1 0
//! | V     | O    | T    | kind      |
//!   variant output time
//! ```

/// Time has passed since the record before: a number of nanoseconds follows.
pub(super) const TIME: u8 = 0x20;

/// Something came out: it ends the record.
pub(super) const OUTPUT: u8 = 0x40;

/// What it means depends on the kind.
pub(super) const VARIANT: u8 = 0x80;

/// The bits of the kind.
pub(super) const KIND: u8 = 0x1F;

pub(super) const END: u8 = 0;
/// V: the way it arrived differs from the datagram before and is told.
pub(super) const HANDLE_DATAGRAM: u8 = 1;
pub(super) const HANDLE_TIMEOUT: u8 = 2;
/// V, with O: a second poll at once gave nothing. It is a record of its own, without a byte.
pub(super) const POLL_TRANSMIT: u8 = 3;
/// V, with O: as for `POLL_TRANSMIT`.
pub(super) const POLL_EVENT: u8 = 4;
/// V: the server's key is known and told.
pub(super) const CONNECT: u8 = 5;
/// V: to the same peer as the latest before.
pub(super) const SEND: u8 = 6;
pub(super) const FLUSH: u8 = 7;
pub(super) const PING: u8 = 8;
pub(super) const PROBE: u8 = 9;
pub(super) const DISCONNECT: u8 = 10;
pub(super) const DISCOVER: u8 = 11;
pub(super) const SET_PLAYERS: u8 = 12;
pub(super) const SET_ANNOUNCE_PORT: u8 = 13;
pub(super) const SET_ANNOUNCE_TARGETS: u8 = 14;
pub(super) const SET_INTERFACES: u8 = 15;
pub(super) const BAN: u8 = 16;
pub(super) const UNBAN: u8 = 17;
/// V: on.
pub(super) const SET_ACCEPTING: u8 = 18;
/// With O always: the hash of the state. Addresses, ways and receivers are forgotten, and the hash of the outputs starts anew.
pub(super) const CHECKPOINT: u8 = 19;

pub(super) const SET_CONGESTION: u8 = 20;
pub(super) const SET_QOS: u8 = 21;
/// V: to another network.
pub(super) const REBIND: u8 = 22;
pub(super) const HANDLE_TOO_LONG: u8 = 23;
pub(super) const CONNECT_WITH_TOKEN: u8 = 24;
pub(super) const SET_UNIX_TIME: u8 = 25;

/// What came out of a datagram: what keys that are not recorded gave for it.
pub(super) mod revealed {
    /// 32 bytes that the long-term key agreed on with the sender.
    pub(in crate::record) const AGREED: u8 = 0x01;
    /// What its connect token said, after the number of its bytes.
    pub(in crate::record) const TOKEN: u8 = 0x02;
    pub(in crate::record) const KNOWN: u8 = 0x03;
}

/// What a message was sent with: the low two bits are its priority.
pub(super) mod options {
    pub(in crate::record) const PRIORITY: u8 = 0x03;
    pub(in crate::record) const TIME_TO_LIVE: u8 = 0x04;
    pub(in crate::record) const KEY: u8 = 0x08;
    pub(in crate::record) const RECEIPT: u8 = 0x10;
    pub(in crate::record) const KNOWN: u8 = 0x1F;
}

/// How a datagram arrived, beside its sender.
pub(super) mod arrival {
    pub(in crate::record) const DISCOVERY_SOCKET: u8 = 0x01;
    pub(in crate::record) const HAS_LOCAL: u8 = 0x02;
    /// 0 none, 1 ECT(0), 2 ECT(1), 3 CE.
    pub(in crate::record) const ECN_SHIFT: u32 = 2;
    pub(in crate::record) const KNOWN: u8 = 0x0F;
}
