//! A packet's way in: number, tag, frames. What cannot be kept is not acknowledged.

use core::time::Duration;

use super::{Peer, State};
use crate::audit::{at_most, holds};
use crate::channel::receive::Place;
use crate::config::ChannelConfig;
use crate::crypto::{Sealed, TAG_LEN, Unopened, tokens_equal};
use crate::event::{CloseReason, Violation};
use crate::machine::shared::Shared;
use crate::notice::Notice;
use crate::path::{Heard, Way};
use crate::planted::Bug;
use crate::reliability::received::Urgency;
use crate::time::Instant;
use crate::transmit::Arrival;
use crate::wire::Reader;
use crate::wire::frame::{Frame, FrameError, Message, Parity, PathData};
use crate::wire::packet::Header;

/// A keepalive that is not answered within so many probe timeouts did not arrive, and neither did the probes after it.
const KEEPALIVE_PATIENCE: u32 = 8;

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its number came before, or is too old to tell.
    Duplicate,
    /// Its tag is wrong, or there are no keys to check it with.
    Unauthentic,
    /// Its tag is wrong, and was the last that may be.
    Exhausted,
    /// The connection is over, and its end only waits to be polled.
    Over,
}

/// What a packet asks for, collected over its frames.
#[derive(Debug)]
struct Taken {
    urgency: Urgency,
    /// The owner has so much unread that no message is taken. Decided once for the whole packet: a copy of
    /// one that was not acknowledged may come, and must find none of its messages taken.
    is_full: bool,
    /// A reliable message was not taken: the packet must not be acknowledged.
    is_incomplete: bool,
    /// Messages are in it.
    has_messages: bool,
    /// It holds more than questions and answers about ways.
    moves: bool,
    challenge: Option<PathData>,
    response: Option<PathData>,
}

impl Peer {
    /// Takes a packet; `datagram` is decrypted in place.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        header: Header,
        arrival: &Arrival,
        datagram: &mut [u8],
        shared: &mut Shared,
    ) -> Result<(), Refused> {
        if self.is_gone() {
            return Err(Refused::Over);
        }
        let Some(keys) = &self.keys else {
            return Err(Refused::Unauthentic);
        };
        let planted = shared.config.planted;
        let before_first = planted.first_packet().checked_sub(1);
        let number = header.number(self.received.largest().or(before_first));
        let is_again =
            planted.has(Bug::NewestTakenTwice) && self.received.largest() == Some(number);
        if !self.received.is_new(number) && !is_again {
            self.inbox.drops.duplicate_packet += 1;
            return Err(Refused::Duplicate);
        }
        if planted.has(Bug::NumberBeforeTag) {
            self.newest = self.newest.max(number);
        }
        if planted.has(Bug::HeardBeforeTag) {
            self.last_heard = now;
        }
        let len = datagram.len();
        let (head, body) = datagram.split_at_mut(header.len);
        let (plain, tag) = body.split_at_mut(body.len() - TAG_LEN);
        let mut tag_bytes = [0; TAG_LEN];
        tag_bytes.copy_from_slice(tag);
        let opener = match keys.open(Sealed {
            number,
            phase: header.key_phase,
            header: head,
            body: plain,
            tag: &tag_bytes,
        }) {
            Ok(opener) => opener,
            Err(Unopened::NoKey) => return Err(Refused::Unauthentic),
            Err(Unopened::Forged) if self.on_forged(now) => return Err(Refused::Exhausted),
            Err(Unopened::Forged) => return Err(Refused::Unauthentic),
        };
        let is_newest = number > self.newest || self.datagrams_received == 0;
        let missing = number.checked_sub(self.newest.saturating_add(1));
        let before = self.last_heard;
        self.datagrams_received += 1;
        self.bytes_received += len as u64;
        self.last_heard = now;
        self.confirm = None;
        let peer = self.id;
        shared.notices.push(Notice::PacketTaken { peer, number });
        self.on_proven(now);
        let opened = match self.on_opened(now, opener, number, shared) {
            Ok(opened) => opened,
            Err(violation) => {
                self.received.record(now, number, Urgency::None);
                self.abort(now, CloseReason::Violation(violation));
                return Ok(());
            }
        };
        let steps_max = self.recovery.remembered_max() + len as u64;
        shared.notes.work = 0;
        let taken = self.handle_plain(now, number, header.compact_ack, plain, shared);
        self.check_acked(now, opened);
        if let Some(missing) = missing {
            self.on_word(now, before, missing, shared);
        }
        if shared.config.ecn && !taken.is_incomplete {
            self.received.on_mark(now, arrival.ecn, taken.urgency);
        }
        let silence = now.saturating_duration_since(self.last_sent);
        let patience = self.recovery.probe_timeout() * KEEPALIVE_PATIENCE;
        self.keepalive
            .on_heard(now, silence, taken.has_messages, patience);
        let heard = Heard {
            way: Way {
                remote: arrival.from,
                local: arrival.to,
            },
            len,
            is_newest,
            moves: taken.moves,
            challenge: taken.challenge,
            response: taken.response,
        };
        self.on_heard(now, &heard, shared);
        let checked = at_most(9, "steps for a datagram", shared.notes.work, steps_max);
        shared.notes.note(self.id, checked);
        Ok(())
    }

    fn handle_plain(
        &mut self,
        now: Instant,
        number: u64,
        compact_ack: bool,
        plain: &[u8],
        shared: &mut Shared,
    ) -> Taken {
        let mut taken = Taken {
            urgency: Urgency::None,
            is_full: shared.unread_bytes >= shared.config.unread_bytes_max,
            is_incomplete: false,
            has_messages: false,
            moves: compact_ack,
            challenge: None,
            response: None,
        };
        if matches!(self.state, State::Draining { .. }) {
            // Nothing but the acknowledgement of its CLOSE is left to the peer. Two sides that drain and acknowledge
            // everything would acknowledge each other's acknowledgements.
            let urgency = if has_close(compact_ack, plain, &shared.config.channels) {
                if shared.config.planted.has(Bug::EndToldTwice) {
                    self.tell_end_again();
                }
                Urgency::Now
            } else {
                Urgency::None
            };
            self.received.record(now, number, urgency);
            return taken;
        }
        self.newest = self.newest.max(number);
        let result = self.handle_frames(now, number, compact_ack, plain, &mut taken, shared);
        if let Err(violation) = result {
            // A copy of it must find nothing to do: what came before the violation was taken.
            self.received.record(now, number, Urgency::None);
            self.abort(now, CloseReason::Violation(violation));
            return taken;
        }
        if !taken.is_incomplete || shared.config.planted.has(Bug::AckBeforeKept) {
            let is_new = self.received.is_new(number);
            shared
                .notes
                .note(self.id, holds(6, "a packet is taken once", is_new));
            self.received.record(now, number, taken.urgency);
        }
        taken
    }

    fn handle_frames(
        &mut self,
        now: Instant,
        number: u64,
        compact_ack: bool,
        plain: &[u8],
        taken: &mut Taken,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        let mut reader = Reader::new(plain);
        if compact_ack {
            let low_bits = reader.u8("compact ack").map_err(|_| Violation::BadFrame)?;
            self.handle_compact_ack(now, number, low_bits, shared)?;
        }
        let mut index = 0;
        // An acknowledgement or a CLOSE may end the connection: what follows comes too late.
        let reads_on = shared.config.planted.has(Bug::MessageAfterEnd);
        while !reader.is_empty() && (!self.is_over() || reads_on) {
            let frame =
                Frame::decode(&mut reader, &shared.config.channels).map_err(
                    |error| match error {
                        FrameError::Malformed(_) => Violation::BadFrame,
                        FrameError::UnknownChannel(_) => Violation::UnknownChannel,
                    },
                )?;
            self.handle_frame(
                now,
                Place {
                    packet: number,
                    frame: index,
                },
                &frame,
                taken,
                shared,
            )?;
            index += 1;
        }
        Ok(())
    }

    fn handle_frame(
        &mut self,
        now: Instant,
        place: Place,
        frame: &Frame<'_>,
        taken: &mut Taken,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        taken.moves |= !matches!(
            frame,
            Frame::Padding | Frame::PathChallenge(_) | Frame::PathResponse(_)
        );
        match frame {
            Frame::Padding => {}
            Frame::Ping => taken.urge(Urgency::Now),
            Frame::Ack(ack) => {
                let delay = Duration::from_micros(ack.delay_us);
                self.handle_ack(now, ack.ranges(), Some(delay), shared)?;
                // Those of a packet that was overtaken are old.
                if place.packet >= self.newest {
                    self.recovery.on_ecn_counts(now, ack.ecn);
                }
            }
            Frame::Credit { channel, limit } => {
                taken.urge(Urgency::Soon);
                self.outbox
                    .raise(*channel, *limit)
                    .ok_or(Violation::UnknownChannel)?;
            }
            Frame::CreditAll { limit } => {
                taken.urge(Urgency::Soon);
                self.outbox.raise_all(*limit);
            }
            Frame::Close(close) => {
                taken.urge(Urgency::Now);
                self.on_close(now, close, &mut shared.pool);
            }
            Frame::Skip(skip) => {
                taken.urge(Urgency::Soon);
                let pen = shared.journal.pen(now, self.id);
                self.inbox
                    .skip(skip, &mut shared.unread_bytes, &mut shared.pool, pen)?;
            }
            Frame::Parity(parity) => self.handle_parity(now, place, parity, taken, shared)?,
            Frame::PathChallenge(data) => taken.challenge = Some(*data),
            Frame::PathResponse(data) => taken.response = Some(*data),
            Frame::ResetToken(token) => {
                taken.urge(Urgency::Soon);
                self.on_token(place.packet, *token);
            }
            Frame::Message(message) => self.handle_message(now, place, message, taken, shared)?,
        }
        Ok(())
    }

    fn handle_message(
        &mut self,
        now: Instant,
        place: Place,
        message: &Message<'_>,
        taken: &mut Taken,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        taken.has_messages = true;
        let is_reliable = shared.config.channels[usize::from(message.channel)]
            .delivery
            .is_reliable();
        if taken.is_full {
            taken.urge(if is_reliable {
                Urgency::Soon
            } else {
                Urgency::Lazy
            });
            self.inbox.drops.unread_full += 1;
            taken.is_incomplete |= is_reliable;
            let mut pen = shared.journal.pen(now, self.id);
            self.inbox.note_refused(message, place.packet, &mut pen);
            return Ok(());
        }
        let duplicates = self.inbox.drops.duplicate_message;
        self.inbox.accept(
            now,
            message,
            place,
            &mut shared.unread_bytes,
            &mut shared.pool,
            shared.journal.pen(now, self.id),
        )?;
        let is_new = self.inbox.drops.duplicate_message == duplicates;
        taken.urge(match (is_reliable, is_new) {
            (false, _) => Urgency::Lazy,
            (true, false) => Urgency::Again,
            (true, true) => Urgency::Soon,
        });
        Ok(())
    }

    /// Parities are lost when they are lost: there is no haste to acknowledge one.
    fn handle_parity(
        &mut self,
        now: Instant,
        place: Place,
        parity: &Parity<'_>,
        taken: &mut Taken,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        taken.has_messages = true;
        taken.urge(Urgency::Lazy);
        if taken.is_full {
            self.inbox.drops.parity_no_room += 1;
            return Ok(());
        }
        let (unread, pool) = (&mut shared.unread_bytes, &mut shared.pool);
        let pen = shared.journal.pen(now, self.id);
        self.inbox
            .accept_parity(now, parity, place, unread, pool, pen)
    }

    /// A token that only the server can have made says that it lost this connection.
    pub(crate) fn handle_reset(&mut self, token: &[u8; 16], shared: &mut Shared) -> bool {
        let is_ours = self
            .reset_token
            .as_ref()
            .is_some_and(|ours| tokens_equal(ours, token));
        let is_trusting = shared.config.planted.has(Bug::ResetFromAnybody);
        if !(is_ours || is_trusting) || !self.is_visible() {
            return false;
        }
        self.finish(CloseReason::Reset, &mut shared.pool);
        true
    }
}

/// Whether a packet holds a CLOSE, as far as it can be read.
fn has_close(compact_ack: bool, plain: &[u8], channels: &[ChannelConfig]) -> bool {
    let mut reader = Reader::new(plain.get(usize::from(compact_ack)..).unwrap_or_default());
    while let Ok(frame) = Frame::decode(&mut reader, channels) {
        if matches!(frame, Frame::Close(_)) {
            return true;
        }
    }
    false
}

impl Taken {
    /// Raises the urgency.
    fn urge(&mut self, urgency: Urgency) {
        let rank = |urgency| match urgency {
            Urgency::None => 0,
            Urgency::Lazy => 1,
            Urgency::Again => 2,
            Urgency::Soon => 3,
            Urgency::Now => 4,
        };
        if rank(urgency) > rank(self.urgency) {
            self.urgency = urgency;
        }
    }
}
