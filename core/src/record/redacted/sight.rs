//! What a record of a redacted recording tells, and how it is read.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::tags::{self, B, C, D};
use crate::notice::LossCause;
use crate::record::call::EndReason;
use crate::record::codec::{number, small};
use crate::record::reading::Decode;
use crate::time::Instant;
use crate::transmit::Ecn;
use crate::wire::{DecodeError, Reader};

/// A record: something that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactedRecord {
    /// 1, 2, 3, ...
    pub number: u64,
    /// Where it begins in the recording, in bytes.
    pub offset: u64,
    /// When, to the microsecond.
    pub at: Instant,
    /// Whose: 1, 2, 3, ... in the order in which they were first seen; 0 is whoever is no peer.
    pub peer: u32,
    /// What was seen.
    pub sight: Sight,
}

/// Something that was seen of a datagram. Packet numbers count the packets of one peer in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A datagram left.
    Sent {
        /// Its packet number; none if it belongs to a handshake or to discovery.
        number: Option<u64>,
        /// Bytes of UDP payload.
        len: u64,
    },
    /// A datagram arrived.
    Arrived {
        /// Its packet number; none if it is no packet that was taken.
        number: Option<u64>,
        /// Bytes of UDP payload.
        len: u64,
        /// Congestion mark, where the socket told.
        ecn: Option<Ecn>,
        /// Why a packet was not taken.
        flaw: Option<Flaw>,
    },
    /// Packets in a row were acknowledged, each for the first time.
    Acknowledged {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
        /// Round trip of the last without the peer's delay, to 8 microseconds, if it was measured.
        round_trip: Option<Duration>,
    },
    /// A packet was declared lost. It may still be acknowledged.
    Lost {
        /// Its number.
        number: u64,
        /// Why.
        cause: LossCause,
    },
    /// How far the packets of a peer are: of the recording of a ring that does not have its beginning. It says nothing
    /// that the records after it do not say.
    Stands {
        /// The packet that is sent next.
        sent: u64,
        /// The one after the largest that arrived.
        arrived: u64,
        /// The one after those acknowledged last.
        acknowledged: u64,
    },
    /// The recording ends here.
    End {
        /// Why.
        reason: EndReason,
    },
}

/// Why a packet that arrived was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flaw {
    /// It was there before.
    Repeated = 1,
    /// Its tag is wrong: damaged on the way, or forged.
    Forged = 2,
}

/// What the records so far leave for the next.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    number: u64,
    time_us: u64,
    peer: u32,
    sent_len: u64,
    arrived_len: u64,
    arrived_mark: Option<Ecn>,
    peers: BTreeMap<u32, Next>,
}

/// The packets that a peer's records may leave out the numbers of.
#[derive(Clone, Copy, Debug, Default)]
struct Next {
    sent: u64,
    taken: u64,
    acked: u64,
}

impl Decoder {
    pub(super) fn new(began_at: Instant) -> Self {
        Self {
            number: 0,
            time_us: began_at.as_nanos() / 1_000,
            peer: 0,
            sent_len: 0,
            arrived_len: 0,
            arrived_mark: None,
            peers: BTreeMap::new(),
        }
    }
}

impl Decode for Decoder {
    type Record<'a> = RedactedRecord;

    fn record(&mut self, reader: &mut Reader<'_>) -> Result<RedactedRecord, DecodeError> {
        self.number += 1;
        let offset = reader.offset() as u64;
        let error = reader.error("tag");
        let tag = reader.u8("tag")?;
        if tag & tags::TIME != 0 {
            let error = reader.error("time");
            let passed = number(reader, "time")?;
            let limit = u64::MAX / 1_000;
            let time_us = self.time_us.checked_add(passed);
            self.time_us = time_us.filter(|us| *us <= limit).ok_or(error)?;
        }
        if tag & tags::PEER != 0 {
            self.peer = small(reader, "peer")?;
        }
        let sight = match tag & tags::KIND {
            tags::END => end(reader)?,
            tags::SENT => self.sent(tag, reader)?,
            tags::TAKEN => self.taken(tag, reader)?,
            tags::SENT_OTHER => Sight::Sent {
                number: None,
                len: length(&mut self.sent_len, tag, reader)?,
            },
            tags::ARRIVED_OTHER => self.arrived_other(tag, reader)?,
            tags::ACKNOWLEDGED => self.acknowledged(tag, reader)?,
            tags::LOST => self.lost(tag, reader)?,
            tags::STANDS => self.stands(reader)?,
            _ => return Err(error),
        };
        Ok(RedactedRecord {
            number: self.number,
            offset,
            at: Instant::from_nanos(self.time_us * 1_000),
            peer: self.peer,
            sight,
        })
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn is_end(record: &RedactedRecord) -> bool {
        matches!(record.sight, Sight::End { .. })
    }
}

impl Decoder {
    fn next(&mut self) -> &mut Next {
        self.peers.entry(self.peer).or_default()
    }

    fn sent(&mut self, tag: u8, reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
        let len = length(&mut self.sent_len, tag, reader)?;
        let error = reader.error("packet number");
        let next = self.next();
        if tag & C != 0 {
            next.sent = number(reader, "packet number")?;
        }
        let number = next.sent;
        next.sent = number.checked_add(1).ok_or(error)?;
        Ok(Sight::Sent {
            number: Some(number),
            len,
        })
    }

    fn taken(&mut self, tag: u8, reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
        let len = length(&mut self.arrived_len, tag, reader)?;
        let next = self.next();
        let number = jump(next.taken, tag & C != 0, reader)?;
        next.taken = next.taken.max(number + 1);
        Ok(Sight::Arrived {
            number: Some(number),
            len,
            ecn: mark(&mut self.arrived_mark, tag, reader)?,
            flaw: None,
        })
    }

    fn arrived_other(&mut self, tag: u8, reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
        let len = length(&mut self.arrived_len, tag, reader)?;
        let flaw = if tag & C == 0 {
            None
        } else {
            let error = reader.error("flaw");
            Some(match reader.u8("flaw")? {
                1 => Flaw::Repeated,
                2 => Flaw::Forged,
                _ => return Err(error),
            })
        };
        Ok(Sight::Arrived {
            number: None,
            len,
            ecn: mark(&mut self.arrived_mark, tag, reader)?,
            flaw,
        })
    }

    fn acknowledged(&mut self, tag: u8, reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
        let next = self.next();
        let first = jump(next.acked, tag & B != 0, reader)?;
        let error = reader.error("count");
        let more = if tag & C == 0 {
            0
        } else {
            number(reader, "count")?.checked_add(1).ok_or(error)?
        };
        // Only what is told of here was sent here.
        let last = first.checked_add(more).filter(|last| *last < next.sent);
        let last = last.ok_or(error)?;
        next.acked = last + 1;
        let round_trip = if tag & D == 0 {
            None
        } else {
            let units = number(reader, "round trip")?;
            let us = units.saturating_mul(tags::ROUND_TRIP_UNIT_US);
            Some(Duration::from_micros(us))
        };
        Ok(Sight::Acknowledged {
            first,
            last,
            round_trip,
        })
    }

    fn stands(&mut self, reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
        let next = Next {
            sent: number(reader, "next packet sent")?,
            taken: number(reader, "next packet to arrive")?,
            acked: number(reader, "next packet acknowledged")?,
        };
        *self.next() = next;
        Ok(Sight::Stands {
            sent: next.sent,
            arrived: next.taken,
            acknowledged: next.acked,
        })
    }

    fn lost(&mut self, tag: u8, reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
        let error = reader.error("cause of a loss");
        let cause = usize::from((tag & (B | C)) >> tags::CAUSE_SHIFT);
        let cause = *LossCause::ALL.get(cause).ok_or(error)?;
        let error = reader.error("packets since");
        let since = number(reader, "packets since")?;
        let last = self.next().sent.checked_sub(1);
        let number = last.and_then(|last| last.checked_sub(since)).ok_or(error)?;
        Ok(Sight::Lost { number, cause })
    }
}

fn end(reader: &mut Reader<'_>) -> Result<Sight, DecodeError> {
    let error = reader.error("reason");
    let reason = EndReason::from_code(reader.u8("reason")?).ok_or(error)?;
    Ok(Sight::End { reason })
}

/// The length of a datagram: a new one, or that of the one before.
fn length(latest: &mut u64, tag: u8, reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    if tag & B != 0 {
        *latest = number(reader, "length")?;
    }
    Ok(*latest)
}

/// A packet number by its difference from the expected one.
fn jump(expected: u64, jumps: bool, reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    if !jumps {
        return Ok(expected);
    }
    let error = reader.error("packet number");
    let difference = tags::unzigzag(number(reader, "packet number")?);
    let number = expected.checked_add_signed(difference);
    number.filter(|number| *number < u64::MAX).ok_or(error)
}

/// The mark of a datagram: a new one, or that of the one before.
fn mark(
    latest: &mut Option<Ecn>,
    tag: u8,
    reader: &mut Reader<'_>,
) -> Result<Option<Ecn>, DecodeError> {
    if tag & D != 0 {
        let error = reader.error("congestion mark");
        *latest = match reader.u8("congestion mark")? {
            0 => None,
            1 => Some(Ecn::Ect0),
            2 => Some(Ecn::Ect1),
            3 => Some(Ecn::Ce),
            _ => return Err(error),
        };
    }
    Ok(*latest)
}
