//! The packets sent whose fate matters, in order of their numbers, and what each carried.
//!
//! Two queues: packets, and the records of all packets one after the other, so that a packet owns a run of them and
//! nothing is allocated per packet once the queues have grown. Both are forgotten from the front only. A packet is
//! *flying* until it is acknowledged or declared lost; a lost one stays a while, because its acknowledgement may only
//! be late.
//!
//! Packets that carry acknowledgements only are never entered: they take a number and nothing else.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::channel::ranges::Part;
use crate::congestion::delivery::Flight;
use crate::saved::saved;
use crate::time::Instant;

mod audit;

/// Packets remembered, at most. The first probes of a client that waits for its server may add a few.
pub(crate) const PACKETS_MAX: usize = 2_048;
/// Records remembered, at most (the last packet may add what it holds): a quarter of a megabyte.
pub(crate) const RECORDS_MAX: usize = 16_384;

/// Something a packet carried that must be known to have arrived, or be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A whole reliable message.
    Message { channel: u8, id: u64 },
    /// A part of one.
    Fragment { channel: u8, id: u64, part: Part },
    /// That a reliable message will not come.
    Skip { channel: u8, id: u64 },
    /// Credit of one channel, up to this limit.
    Credit { channel: u8, limit: u64 },
    /// Credit of the connection, likewise.
    CreditAll { limit: u64 },
    /// A question for an acknowledgement.
    Ping,
    /// The farewell.
    Close,
    /// A reset token.
    ResetToken,
    /// The packet is a probe of the path's MTU, of so many bytes: that it is lost is no sign of congestion.
    MtuProbe { size: u16 },
}

saved!(enum Record {
    0 = Message { channel, id }, 1 = Fragment { channel, id, part }, 2 = Credit { channel, limit },
    3 = CreditAll { limit }, 4 = Ping,
    5 = Close, 6 = Skip { channel, id }, 7 = ResetToken, 8 = MtuProbe { size },
});

/// What a packet demands of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eliciting {
    /// Acknowledgements only: not counted, not awaited.
    No,
    /// Unreliable data only: in flight, but not missed when no answer comes.
    Lazy,
    /// CREDIT: an answer is awaited, but it leaves between ticks, so that the answer may take a tick longer than others.
    Patient,
    /// Reliable data, PING, CLOSE: an answer is awaited, and asked for when it does not come.
    Yes,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Flying,
    Acked,
    Lost { at: Instant },
}

saved!(enum Fate { 0 = Flying, 1 = Acked, 2 = Lost { at } });

/// A packet that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) number: u64,
    pub(crate) sent_at: Instant,
    pub(crate) size: u64,
    pub(crate) fate: Fate,
    /// An answer is awaited.
    pub(crate) is_awaited: bool,
    /// It may take as long as the peer promised.
    pub(crate) is_patient: bool,
    pub(crate) is_app_limited: bool,
    /// It left as ECT(0).
    pub(crate) is_marked: bool,
    /// The largest number in the ACK frame it carried.
    pub(crate) ack_largest: Option<u64>,
    /// What had arrived when it left.
    pub(crate) flight: Flight,
    /// Its records, counted from the connection's first.
    records_from: u64,
    records_count: u32,
}

saved!(Packet {
    number,
    sent_at,
    size,
    fate,
    is_awaited,
    is_patient,
    is_app_limited,
    is_marked,
    ack_largest,
    flight,
    records_from,
    records_count,
});

/// What is sent, beside its place in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) at: Instant,
    pub(crate) size: u64,
    pub(crate) is_awaited: bool,
    pub(crate) is_patient: bool,
    pub(crate) is_app_limited: bool,
    pub(crate) is_marked: bool,
    pub(crate) ack_largest: Option<u64>,
    pub(crate) flight: Flight,
}

/// The packets sent.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    packets: VecDeque<Packet>,
    records: VecDeque<Record>,
    /// Records forgotten so far: the place of the first in `records`.
    records_base: u64,
    /// Records that belong to packets; those behind belong to the packet being assembled.
    records_owned: u64,
    /// No packet with a lower number is flying.
    flying_from: u64,
    flying_bytes: u64,
    awaited_count: u32,
    /// When the oldest awaited packet left.
    awaited_since: Option<Instant>,
    /// And whether its answer may take as long as the peer promised.
    awaits_patiently: bool,
    /// And whether there was no more to send when it left.
    awaited_is_app_limited: bool,
    /// Packets ever entered, and those of them that were acknowledged, or lost, first.
    entered: u64,
    acked: u64,
    lost: u64,
}

saved!(Ledger {
    packets,
    records,
    records_base,
    records_owned,
    flying_from,
    flying_bytes,
    awaited_count,
    awaited_since,
    awaits_patiently,
    awaited_is_app_limited,
    acked,
    entered,
    lost
});

impl Ledger {
    /// Adds to the packet being assembled.
    pub(crate) fn record(&mut self, record: Record) {
        self.records.push_back(record);
    }

    /// Enters a packet with everything recorded since the last one.
    pub(crate) fn push(&mut self, sent: Sent) {
        let records_from = self.records_owned;
        self.records_owned = self.records_base + self.records.len() as u64;
        self.flying_bytes += sent.size;
        self.entered += 1;
        if sent.is_awaited {
            self.awaited_count += 1;
            if self.awaited_since.is_none() {
                self.awaited_since = Some(sent.at);
                self.awaits_patiently = sent.is_patient;
                self.awaited_is_app_limited = sent.is_app_limited;
            }
        }
        self.packets.push_back(Packet {
            number: sent.number,
            sent_at: sent.at,
            size: sent.size,
            fate: Fate::Flying,
            is_awaited: sent.is_awaited,
            is_patient: sent.is_patient,
            is_app_limited: sent.is_app_limited,
            is_marked: sent.is_marked,
            ack_largest: sent.ack_largest,
            flight: sent.flight,
            records_from,
            records_count: (self.records_owned - records_from) as u32,
        });
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Packet> {
        self.packets.get(index)
    }

    /// Place of the first packet with this number or a larger one.
    pub(crate) fn index_of(&self, number: u64) -> usize {
        self.packets
            .partition_point(|packet| packet.number < number)
    }

    /// Place of a packet before which none is flying.
    pub(crate) fn flying_index(&self) -> usize {
        self.index_of(self.flying_from)
    }

    /// Decides the fate of a packet, or changes it from lost to acknowledged.
    pub(crate) fn decide(&mut self, index: usize, fate: Fate) {
        let packet = &mut self.packets[index];
        if packet.fate == Fate::Flying {
            self.flying_bytes -= packet.size;
            self.awaited_count -= u32::from(packet.is_awaited);
            self.acked += u64::from(fate == Fate::Acked);
            self.lost += u64::from(fate != Fate::Acked);
        }
        packet.fate = fate;
    }

    /// What a packet carried.
    pub(crate) fn records_of(&self, packet: &Packet) -> impl Iterator<Item = Record> + '_ {
        let from = (packet.records_from - self.records_base) as usize;
        let count = packet.records_count as usize;
        self.records.range(from..from + count).copied()
    }

    /// To be called after fates were decided: forgets from the front what is acknowledged, and what was lost
    /// `lost_for` ago (at once if the ledger is more than half full).
    pub(crate) fn settle(&mut self, now: Instant, lost_for: Duration) {
        while let Some(front) = self.packets.front() {
            let is_done = match front.fate {
                Fate::Flying => false,
                Fate::Acked => true,
                Fate::Lost { at } => at + lost_for <= now || self.is_half_full(),
            };
            if !is_done {
                break;
            }
            self.forget_front();
        }
        self.find_oldest();
    }

    /// Forgets the oldest packet, which is not flying.
    pub(crate) fn forget_oldest(&mut self) {
        self.forget_front();
        self.find_oldest();
    }

    /// Packets ever declared lost.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Packets and records remembered.
    pub(crate) fn len(&self) -> u64 {
        (self.packets.len() + self.records.len()) as u64
    }

    pub(crate) fn flying_bytes(&self) -> u64 {
        self.flying_bytes
    }

    /// Whether an answer is awaited.
    pub(crate) fn is_awaiting(&self) -> bool {
        self.awaited_count > 0
    }

    /// When the oldest awaited packet left that is still flying.
    pub(crate) fn awaited_since(&self) -> Option<Instant> {
        self.awaited_since
    }

    /// Whether the answer to that packet may take as long as the peer promised.
    pub(crate) fn awaits_patiently(&self) -> bool {
        self.awaits_patiently
    }

    /// Whether there was no more to send when that packet left.
    pub(crate) fn awaited_is_app_limited(&self) -> bool {
        self.awaited_is_app_limited
    }

    /// The latest packet.
    pub(crate) fn latest(&self) -> Option<&Packet> {
        self.packets.back()
    }

    /// When the latest packet left.
    pub(crate) fn last_sent_at(&self) -> Option<Instant> {
        self.packets.back().map(|packet| packet.sent_at)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.packets.len() >= PACKETS_MAX || self.records.len() >= RECORDS_MAX
    }

    pub(crate) fn is_half_full(&self) -> bool {
        self.packets.len() > PACKETS_MAX / 2 || self.records.len() > RECORDS_MAX / 2
    }

    fn forget_front(&mut self) {
        let Some(packet) = self.packets.pop_front() else {
            return;
        };
        let count = packet.records_count as usize;
        self.records.drain(..count);
        self.records_base += count as u64;
    }

    fn find_oldest(&mut self) {
        let from = self.flying_index();
        let mut flying = self.packets.range(from..).filter(is_flying);
        let oldest = flying.next();
        let awaited = if self.awaited_count == 0 {
            None
        } else {
            let mut rest = oldest.into_iter().chain(flying);
            rest.find(|packet| packet.is_awaited)
        };
        self.awaited_since = awaited.map(|packet| packet.sent_at);
        self.awaits_patiently = awaited.is_some_and(|packet| packet.is_patient);
        self.awaited_is_app_limited = awaited.is_some_and(|packet| packet.is_app_limited);
        if let Some(packet) = oldest {
            self.flying_from = packet.number;
        } else if let Some(last) = self.packets.back() {
            self.flying_from = last.number + 1;
        }
    }

    #[cfg(test)]
    pub(crate) fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.packets.iter()
    }

    #[cfg(test)]
    pub(crate) fn records_len(&self) -> usize {
        self.records.len()
    }
}

fn is_flying(packet: &&Packet) -> bool {
    packet.fate == Fate::Flying
}
