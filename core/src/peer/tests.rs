//! What a peer with valid keys may do to us: break the rules, and be shown out with the right reason; or talk
//! nonsense within them, and be heard in vain. It never makes us panic or keep more than we granted.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::channel::FRAGMENT_LEN_MIN;
use crate::config::Config;
use crate::event::{CloseReason, Event, Violation};
use crate::rng::Rng;
use crate::stats::EcnState;
use crate::wire::frame::{Close, Fragment, Message, close};
use crate::wire::{MESSAGE_WINDOW, frame, varint};
use crate::{Arrival, Endpoint, Entropy, Instant, ServerIdentity};

mod fragments;

const UNRELIABLE: u8 = 0;
const SEQUENCED: u8 = 1;
const RELIABLE: u8 = 2;
const ORDERED: u8 = 3;

/// A server and a client that has learnt to lie. Datagrams arrive at once.
struct Court {
    now: Instant,
    liar: Endpoint,
    server: Endpoint,
}

impl Court {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let config = |accepts| {
            Config::builder()
                .accepts(accepts)
                .build()
                .expect("defaults")
        };
        let mut court = Self {
            now,
            liar: Endpoint::new(config(false), Entropy::from_seed(1), now),
            server: Endpoint::new(config(true), Entropy::from_seed(2), now),
        };
        court
            .liar
            .connect(now, address(2), ServerIdentity::TrustOnFirstUse)
            .expect("the place is free");
        court.exchange();
        assert!(matches!(
            court.server.poll_event(),
            Some(Event::Connected { .. })
        ));
        assert!(matches!(
            court.liar.poll_event(),
            Some(Event::Connected { .. })
        ));
        court
    }

    fn exchange(&mut self) {
        for _ in 0..10 {
            carry(self.now, &mut self.liar, &mut self.server, 1);
            carry(self.now, &mut self.server, &mut self.liar, 2);
        }
    }

    /// The liar sends a packet with these frames.
    fn says(&mut self, plain: &[u8]) {
        let now = self.now;
        let Some(peer) = self.liar.first_peer() else {
            return;
        };
        let mut datagram = peer.forge(plain);
        self.server
            .handle_datagram(now, Arrival::game(address(1)), &mut datagram);
        let mut reply = Vec::new();
        while self.server.poll_transmit(now, &mut reply).is_some() {}
        assert!(reply.len() < 200, "{} bytes in reply", reply.len());
    }

    /// The messages that the server's owner polls.
    fn heard(&mut self) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        while let Some(event) = self.server.poll_event() {
            if let Event::Message { payload, .. } = event {
                heard.push(payload.to_vec());
            }
        }
        heard
    }

    /// Why the server ended the connection; `None` if it did not. It keeps to its bounds, whatever was said.
    fn verdict(&mut self) -> Option<Violation> {
        let held = self
            .server
            .first_peer()
            .map_or(0, |peer| peer.inbox.buffered_bytes());
        assert!(held <= 2 * 256 * 1024, "{held} bytes held");
        self.exchange();
        let mut verdict = None;
        for _ in 0..10 {
            self.now = self.now + core::time::Duration::from_secs(1);
            self.server.handle_timeout(self.now);
            while let Some(event) = self.server.poll_event() {
                if let Event::Disconnected {
                    reason: CloseReason::Violation(violation),
                    ..
                } = event
                {
                    verdict = Some(violation);
                }
            }
            if verdict.is_some() {
                break;
            }
        }
        verdict
    }
}

fn address(host: u8) -> SocketAddr {
    ([10, 0, 0, host], 7_000).into()
}

fn carry(now: Instant, from: &mut Endpoint, to: &mut Endpoint, host: u8) {
    let mut buf = Vec::new();
    while from.poll_transmit(now, &mut buf).is_some() {
        to.handle_datagram(now, Arrival::game(address(host)), &mut buf);
        buf.clear();
    }
}

fn verdict_on(plain: &[u8]) -> Option<Violation> {
    let mut court = Court::new();
    court.says(plain);
    court.verdict()
}

fn message(channel: u8, id: u64, fragment: Option<(u32, u32)>, payload: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let fragment = fragment.map(|(offset, total)| Fragment { offset, total });
    let has_id = fragment.is_some() || channel >= RELIABLE;
    let message = Message {
        channel,
        id: has_id.then_some(id as u16),
        fragment,
        payload,
    };
    message.encode(&mut plain);
    plain
}

#[test]
fn every_unknown_frame_type_ends_the_connection() {
    for kind in 0x06..0x80 {
        assert_eq!(
            verdict_on(&[kind, 0, 0]),
            Some(Violation::BadFrame),
            "{kind:#04x}"
        );
    }
}

#[test]
fn every_frame_type_with_any_body_is_heard_or_ends_the_connection() {
    let mut rng = Rng::new(1);
    for kind in 0..=255 {
        let mut court = Court::new();
        for len in 0..40 {
            let mut plain = vec![0; len + 1];
            plain
                .iter_mut()
                .for_each(|byte| *byte = rng.next_u64() as u8);
            plain[0] = kind;
            court.says(&plain);
        }
        court.verdict();
    }
}

#[test]
fn a_missing_end_ends_the_connection() {
    for whole in [
        message(RELIABLE, 0, None, b"hello"),
        message(UNRELIABLE, 0, Some((0, 2)), &[7; 300]),
        vec![0x02, 0, 0, 0, 0],
        vec![0x03, 0, 9],
        vec![0x05, 0, 0, 3, b'b', b'y', b'e'],
    ] {
        for len in 1..whole.len() {
            assert_eq!(
                verdict_on(&whole[..len]),
                Some(Violation::BadFrame),
                "{len} of {whole:?}"
            );
        }
    }
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_ends_the_connection() {
    let ack = |largest: u64, len: u64| {
        let mut plain = vec![0x02];
        for number in [largest, 0, 0, len] {
            varint::encode(number, &mut plain);
        }
        plain
    };
    assert_eq!(verdict_on(&ack(1_000, 0)), Some(Violation::AckOfUnsent));
    assert_eq!(
        verdict_on(&ack((1 << 62) - 1, 0)),
        Some(Violation::AckOfUnsent)
    );
    assert_eq!(
        verdict_on(&ack((1 << 62) - 1, (1 << 62) - 1)),
        Some(Violation::AckOfUnsent)
    );
    assert_eq!(verdict_on(&ack(0, 1)), Some(Violation::BadFrame));
}

/// Counts are the peer's word, and no violation: what cannot be true ends marking, and makes no window larger.
#[test]
fn wild_counts_of_marks_are_harmless() {
    const MAX: u64 = (1 << 62) - 1;
    for counts in [[MAX; 3], [0, 0, MAX], [MAX, 0, 0], [0, 1, 0], [0, 0, 0]] {
        let mut court = Court::new();
        let before = court.server.first_peer().expect("connected").stats();
        for _ in 0..3 {
            let mut plain = vec![0x09, 0, 0, 0, 0];
            for count in counts {
                varint::encode(count, &mut plain);
            }
            court.says(&plain);
        }
        let after = court.server.first_peer().expect("connected").stats();
        assert_eq!(court.verdict(), None, "{counts:?}");
        assert_eq!(after.marks_told, 0, "{counts:?}");
        assert!(after.congestion_window_bytes <= before.congestion_window_bytes);
        let is_sound = counts == [0, 0, 0];
        assert_eq!(after.ecn == EcnState::Failed, !is_sound, "{counts:?}");
    }
}

#[test]
fn ranges_without_end_end_the_connection() {
    let mut plain = vec![0x02];
    for number in [1 << 61, 0, (1 << 62) - 1, 0] {
        varint::encode(number, &mut plain);
    }
    plain.resize(1_000, 0);
    assert_eq!(verdict_on(&plain), Some(Violation::BadFrame));
}

#[test]
fn a_credit_for_no_channel_ends_the_connection_and_a_huge_one_is_taken() {
    let credit = |channel, limit| {
        let mut plain = Vec::new();
        frame::encode_credit(channel, limit, &mut plain);
        plain
    };
    assert_eq!(verdict_on(&credit(4, 1)), Some(Violation::UnknownChannel));
    assert_eq!(verdict_on(&credit(255, 1)), Some(Violation::UnknownChannel));
    let mut court = Court::new();
    let mut plain = credit(RELIABLE, (1 << 62) - 1);
    frame::encode_credit_all((1 << 62) - 1, &mut plain);
    court.says(&plain);
    court.says(&credit(RELIABLE, 0));
    let liar = court.server.peers().next().expect("connected");
    for _ in 0..10 {
        court
            .server
            .send(
                court.now,
                liar,
                crate::ChannelId::new(RELIABLE),
                &[7; 9_000],
            )
            .expect("there is room");
        court.exchange();
    }
    assert_eq!(court.verdict(), None);
}

#[test]
fn a_message_on_no_channel_ends_the_connection() {
    assert_eq!(
        verdict_on(&[0x84, 1, 2, 3]),
        Some(Violation::UnknownChannel)
    );
    assert_eq!(verdict_on(&[0x9f]), Some(Violation::UnknownChannel));
}

#[test]
fn more_than_the_credit_ends_the_connection() {
    for channel in [RELIABLE, ORDERED] {
        let mut court = Court::new();
        // Without id 0 the ordered channel can pass nothing on; the owner reads nothing anyway.
        for id in 1..400 {
            court.says(&message(channel, id, None, &[7; 1_100]));
        }
        assert_eq!(court.verdict(), Some(Violation::OverCredit));
    }
}

#[test]
fn an_id_beyond_the_window_ends_the_connection() {
    for channel in [RELIABLE, ORDERED] {
        let beyond = message(channel, MESSAGE_WINDOW, None, b"far");
        assert_eq!(verdict_on(&beyond), Some(Violation::OverCredit));
        let last = message(channel, MESSAGE_WINDOW - 1, None, b"near");
        assert_eq!(verdict_on(&last), None);
    }
}

#[test]
fn empty_messages_are_not_free() {
    for channel in [UNRELIABLE, RELIABLE] {
        let mut court = Court::new();
        for id in 0..MESSAGE_WINDOW {
            court.says(&message(channel, id, None, b""));
        }
        let expected = (channel == RELIABLE).then_some(Violation::OverCredit);
        assert_eq!(court.verdict(), expected);
    }
}

#[test]
fn any_close_ends_the_connection_once() {
    for kind in [
        close::APPLICATION,
        close::VIOLATION,
        close::UNDELIVERABLE,
        close::REFUSED,
        9,
    ] {
        for code in [0, 3, u32::MAX] {
            let mut plain = Vec::new();
            let text = "a text that is longer than any farewell may be ".repeat(10);
            Close {
                kind,
                code,
                text: &text,
            }
            .encode(&mut plain);
            Close {
                kind,
                code,
                text: "",
            }
            .encode(&mut plain);
            let mut court = Court::new();
            court.says(&plain);
            court.says(&plain);
            let ends = core::iter::from_fn(|| court.server.poll_event());
            let ends = ends.filter(|event| matches!(event, Event::Disconnected { .. }));
            assert_eq!(ends.count(), 1);
        }
    }
    assert_eq!(
        verdict_on(&[0x05, 0, 0, 2, 0xff, 0xfe]),
        Some(Violation::BadFrame)
    );
}

#[test]
fn what_comes_after_the_end_is_not_heard() {
    let mut court = Court::new();
    court.says(&message(RELIABLE, 0, None, b"unread"));
    let mut late = Vec::new();
    for id in 1..5 {
        let peer = court.liar.first_peer().expect("connected");
        late.push(peer.forge(&message(RELIABLE, id, None, b"late")));
    }
    court.now = court.now + core::time::Duration::from_secs(11);
    court.server.handle_timeout(court.now);
    for mut datagram in late {
        court
            .server
            .handle_datagram(court.now, Arrival::game(address(1)), &mut datagram);
    }
    let events: Vec<Event> = core::iter::from_fn(|| court.server.poll_event()).collect();
    assert!(
        matches!(
            events[..],
            [Event::Message { .. }, Event::Disconnected { .. }]
        ),
        "{events:?}"
    );
    assert_eq!(court.server.stats().unread_bytes, 0);
}

#[test]
fn the_liar_is_told_how_it_broke_the_rules() {
    let mut court = Court::new();
    court.says(&[0x7f]);
    // What the server had to say was looked at and thrown away; it says it again.
    for _ in 0..20 {
        court.now = court.now + core::time::Duration::from_millis(50);
        court.server.handle_timeout(court.now);
        court.exchange();
    }
    let told = core::iter::from_fn(|| court.liar.poll_event()).find_map(|event| {
        let Event::Disconnected { reason, .. } = event else {
            return None;
        };
        Some(reason)
    });
    assert_eq!(
        told,
        Some(CloseReason::PeerSawViolation(Violation::BadFrame))
    );
}
