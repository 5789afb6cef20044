//! What is seen is read again, whatever it is.

mod ring;

use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::{Flaw, RedactedRecord, RedactedRecording, Redactor, Sight};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::entropy::Entropy;
use crate::id::PeerId;
use crate::notice::{LossCause, Notice, Notices};
use crate::record::{EndReason, Recording, RecordingError, repair};
use crate::time::Instant;
use crate::transmit::Ecn;

const BEGAN_AT: Instant = Instant::from_millis(5);

fn at(micros: u64) -> Instant {
    BEGAN_AT + Duration::from_micros(micros)
}

fn peer(slot: u32) -> PeerId {
    PeerId::new(slot, 1)
}

/// Writes, and keeps what a reader should find.
struct Writer {
    redactor: Redactor,
    notices: Notices,
}

impl Writer {
    fn new() -> Self {
        let mut notices = Notices::default();
        notices.watch(true);
        Self {
            redactor: Redactor::new(BEGAN_AT),
            notices,
        }
    }

    fn sent(&mut self, micros: u64, slot: u32, number: u64, len: usize) {
        let peer = peer(slot);
        self.notices.push(Notice::PacketSent { peer, number });
        self.redactor
            .on_transmit(at(micros), len, self.notices.list());
        self.notices.clear();
    }

    fn arrived(&mut self, micros: u64, len: usize, ecn: Option<Ecn>, notices: &[Notice]) {
        notices.iter().for_each(|notice| self.notices.push(*notice));
        self.redactor
            .on_arrival(at(micros), len, ecn, self.notices.list());
        self.notices.clear();
    }

    /// What was noted shows when time has passed.
    fn told(&mut self, micros: u64) {
        self.redactor.on_timeout(at(micros), self.notices.list());
        self.notices.clear();
    }

    fn bytes(mut self) -> Vec<u8> {
        self.redactor.finish(EndReason::Finished);
        let mut out = Vec::new();
        self.redactor.take(&mut out);
        out
    }

    fn read(self) -> Vec<RedactedRecord> {
        let recording = RedactedRecording::read(self.bytes()).expect("just written");
        let records: Vec<_> = recording.records().collect();
        assert_eq!(records.len() as u64, recording.record_count());
        records
    }
}

fn acknowledged(first: u64, last: u64, round_trip_us: Option<u64>) -> Notice {
    Notice::Acknowledged {
        peer: peer(0),
        first,
        last,
        round_trip: round_trip_us.map(Duration::from_micros),
    }
}

#[test]
fn every_kind_of_sight_is_read_again() {
    let mut writer = Writer::new();
    writer.notices.push(Notice::HandshakeSent { peer: peer(0) });
    writer
        .redactor
        .on_transmit(at(0), 1_200, writer.notices.list());
    writer.notices.clear();
    writer.arrived(
        40_000,
        300,
        None,
        &[Notice::HandshakeTaken { peer: peer(0) }],
    );
    for number in 0..4 {
        writer.sent(50_000, 0, number, 100);
    }
    let taken = Notice::PacketTaken {
        peer: peer(0),
        number: 7,
    };
    let lost = Notice::Lost {
        peer: peer(0),
        number: 1,
        cause: LossCause::Late,
    };
    let notices = [
        taken,
        acknowledged(2, 3, Some(40_003)),
        acknowledged(0, 0, None),
        lost,
    ];
    writer.arrived(90_000, 60, Some(Ecn::Ce), &notices);
    writer.arrived(
        90_001,
        60,
        None,
        &[Notice::PacketRepeated { peer: peer(0) }],
    );
    writer.arrived(90_001, 61, None, &[Notice::PacketForged { peer: peer(0) }]);
    writer.arrived(90_002, 0, None, &[]);
    let told: Vec<_> = writer
        .read()
        .into_iter()
        .map(|record| {
            let us = (record.at.as_nanos() - BEGAN_AT.as_nanos()) / 1_000;
            alloc::format!("{us} p{} {:?}", record.peer, record.sight)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    0 p1 Sent { number: None, len: 1200 }
    40000 p1 Arrived { number: None, len: 300, ecn: None, flaw: None }
    50000 p1 Sent { number: Some(0), len: 100 }
    50000 p1 Sent { number: Some(1), len: 100 }
    50000 p1 Sent { number: Some(2), len: 100 }
    50000 p1 Sent { number: Some(3), len: 100 }
    90000 p1 Arrived { number: Some(7), len: 60, ecn: Some(Ce), flaw: None }
    90000 p1 Acknowledged { first: 2, last: 3, round_trip: Some(40ms) }
    90000 p1 Acknowledged { first: 0, last: 0, round_trip: None }
    90000 p1 Lost { number: 1, cause: Late }
    90001 p1 Arrived { number: None, len: 60, ecn: None, flaw: Some(Repeated) }
    90001 p1 Arrived { number: None, len: 61, ecn: None, flaw: Some(Forged) }
    90002 p0 Arrived { number: None, len: 0, ecn: None, flaw: None }
    90002 p0 End { reason: Finished }
    ");
}

#[test]
fn what_was_acknowledged_is_told_once() {
    let mut writer = Writer::new();
    for number in 100..140 {
        writer.sent(0, 0, number, 100);
    }
    for (first, last) in [(90, 109), (100, 115), (100, 115), (112, 139)] {
        writer.arrived(10, 40, None, &[acknowledged(first, last, None)]);
    }
    let rows: Vec<_> = writer
        .read()
        .iter()
        .filter_map(|record| {
            let Sight::Acknowledged { first, last, .. } = record.sight else {
                return None;
            };
            Some((first, last))
        })
        .collect();
    assert_eq!(rows, [(100, 109), (110, 115), (116, 139)]);
}

#[test]
fn a_peer_in_the_place_of_another_has_a_number_of_its_own() {
    let mut writer = Writer::new();
    writer.sent(0, 0, 9, 100);
    let peer = PeerId::new(0, 2);
    writer.notices.push(Notice::PacketSent { peer, number: 0 });
    writer
        .redactor
        .on_transmit(at(1), 100, writer.notices.list());
    let peers: Vec<u32> = writer.read().iter().map(|record| record.peer).collect();
    assert_eq!(peers, [1, 2, 2]);
}

/// A tick of a server with 16 clients: one datagram each way, and every second one brings news of two.
#[test]
fn a_servers_datagram_costs_less_than_six_bytes() {
    let mut writer = Writer::new();
    let (mut len, mut now) = (0, 0);
    for tick in 0..600 {
        for slot in 0..16 {
            now += 7;
            let mut notices = Vec::from([Notice::PacketTaken {
                peer: peer(slot),
                number: tick,
            }]);
            if tick % 2 == 1 {
                notices.push(Notice::Acknowledged {
                    peer: peer(slot),
                    first: tick.saturating_sub(2),
                    last: tick - 1,
                    round_trip: Some(Duration::from_millis(40)),
                });
            }
            writer.arrived(now, 50 + (tick % 2) as usize, None, &notices);
        }
        for slot in 0..16 {
            writer.sent(now, slot, tick, 220 + (tick % 2) as usize);
        }
        now += 16_000;
        let mut out = Vec::new();
        writer.redactor.take(&mut out);
        len += out.len();
    }
    len += writer.bytes().len();
    let per_datagram = len as f64 / f64::from(2 * 16 * 600);
    assert!(per_datagram < 6.0, "{per_datagram}");
}

#[test]
fn a_recording_that_nobody_takes_ends() {
    let mut writer = Writer::new();
    for number in 0..2_000_000 {
        writer.sent(number, 0, number, 100 + (number % 2) as usize);
    }
    assert!(!writer.redactor.is_recording());
    let bytes = writer.bytes();
    assert!(bytes.len() < 5 << 20, "{}", bytes.len());
    let recording = RedactedRecording::read(bytes).expect("whole");
    let last = recording.records().last().expect("its end");
    let reason = EndReason::NotTaken;
    assert_eq!(last.sight, Sight::End { reason });
}

fn small() -> Vec<u8> {
    let mut writer = Writer::new();
    for number in 0..9 {
        writer.sent(1_000 * number, 0, number, 100);
        let taken = Notice::PacketTaken {
            peer: peer(0),
            number,
        };
        writer.arrived(
            1_000 * number + 9,
            50,
            None,
            &[taken, acknowledged(0, number, Some(9))],
        );
    }
    writer.bytes()
}

#[test]
fn full_and_redacted_recordings_are_told_apart() {
    let redacted = Recording::read(small()).expect_err("it cannot be replayed");
    assert_eq!(redacted, RecordingError::Redacted);
    let mut endpoint = Endpoint::recorded(Config::default(), Entropy::from_seed(1), BEGAN_AT);
    let mut out = Vec::new();
    endpoint.end_recording(&mut out);
    let full = RedactedRecording::read(out).expect_err("it is full");
    assert_eq!(full, RecordingError::NotRedacted);
}

#[test]
fn an_endpoint_records_without_secrets_at_any_time() {
    let mut endpoint = Endpoint::new(Config::default(), Entropy::from_seed(1), BEGAN_AT);
    let (mut buf, mut out) = (Vec::new(), Vec::new());
    endpoint.probe(at(1), ([10, 0, 0, 2], 7_000).into());
    assert!(endpoint.poll_transmit(at(1), &mut buf).is_some());
    assert!(!endpoint.is_recording_redacted());
    endpoint.record_redacted(at(2));
    assert!(endpoint.is_recording_redacted());
    endpoint.probe(at(3), ([10, 0, 0, 2], 7_000).into());
    assert!(endpoint.poll_transmit(at(3), &mut buf).is_some());
    endpoint.end_redacted(&mut out);
    let recording = RedactedRecording::read(out).expect("whole");
    let sights: Vec<_> = recording.records().map(|record| record.sight).collect();
    let (number, len) = (None, 9);
    assert_eq!(sights[0], Sight::Sent { number, len });
    assert_eq!(sights.len(), 2);
}

#[derive(Clone, Debug)]
enum Step {
    Sent(u32, usize),
    Arrived(u32, usize, u64, u8),
    Acknowledged(u32, u64, u64, Option<u64>),
    Lost(u32, u64, u8),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..4, 0usize..2_000).prop_map(|(slot, len)| Step::Sent(slot, len)),
        (0u32..4, 0usize..2_000, 0u64..1 << 40, 0u8..12)
            .prop_map(|(slot, len, number, choice)| Step::Arrived(slot, len, number, choice)),
        (0u32..4, 0u64..40, 0u64..40, any::<Option<u64>>())
            .prop_map(|(slot, first, more, us)| Step::Acknowledged(slot, first, first + more, us)),
        (0u32..4, 0u64..40, 0u8..3).prop_map(|(slot, back, cause)| Step::Lost(slot, back, cause)),
    ]
}

proptest! {
    /// What a reader finds of datagrams is what was written, in its order; of fates, what was sent.
    #[test]
    fn every_datagram_survives(steps in prop::collection::vec((any_step(), 0u64..1 << 30), 0..60)) {
        let (mut writer, mut now, mut next) = (Writer::new(), 0, [0; 4]);
        let mut expected = Vec::new();
        for (step, passed) in steps {
            now += passed;
            match step {
                Step::Sent(slot, len) => {
                    let number = next[slot as usize];
                    next[slot as usize] += 1;
                    writer.sent(now, slot, number, len);
                    expected.push((at(now), Sight::Sent { number: Some(number), len: len as u64 }));
                }
                Step::Arrived(slot, len, number, choice) => {
                    let peer = peer(slot);
                    let ecn = [None, Some(Ecn::Ect0), Some(Ecn::Ect1), Some(Ecn::Ce)][usize::from(choice % 4)];
                    let (notice, number, flaw) = match choice / 4 {
                        0 => (Notice::PacketTaken { peer, number }, Some(number), None),
                        1 => (Notice::PacketRepeated { peer }, None, Some(Flaw::Repeated)),
                        _ => (Notice::PacketForged { peer }, None, Some(Flaw::Forged)),
                    };
                    writer.arrived(now, len, ecn, &[notice]);
                    expected.push((at(now), Sight::Arrived { number, len: len as u64, ecn, flaw }));
                }
                Step::Acknowledged(slot, first, last, us) => {
                    let round_trip = us.map(|us| Duration::from_micros(us / 8 * 8));
                    writer.notices.push(Notice::Acknowledged { peer: peer(slot), first, last, round_trip });
                    writer.told(now);
                }
                Step::Lost(slot, back, cause) => {
                    let number = next[slot as usize];
                    let Some(number) = number.checked_sub(1 + back) else { continue };
                    let cause = LossCause::ALL[usize::from(cause)];
                    writer.notices.push(Notice::Lost { peer: peer(slot), number, cause });
                    writer.told(now);
                    expected.push((at(now), Sight::Lost { number, cause }));
                }
            }
        }
        let found: Vec<_> = writer.read().into_iter().map(|record| (record.at, record.sight)).collect();
        let found: Vec<_> = found
            .into_iter()
            .filter(|(_, sight)| !matches!(sight, Sight::Acknowledged { .. } | Sight::End { .. }))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_flipped_byte_is_refused(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = small();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(RedactedRecording::read(bytes).is_err(), "byte {at}");
    }

    #[test]
    fn any_bytes_are_a_recording_or_an_error(at: prop::sample::Index, bytes in prop::collection::vec(any::<u8>(), 1..20)) {
        let mut all = small();
        let at = at.index(all.len());
        let end = (at + bytes.len()).min(all.len());
        all[at..end].copy_from_slice(&bytes[..end - at]);
        repair(&mut all);
        if let Ok(recording) = RedactedRecording::read(all) {
            prop_assert_eq!(recording.records().count() as u64, recording.record_count());
        }
    }

    #[test]
    fn a_recording_cut_off_is_read_up_to_there(at: prop::sample::Index) {
        let bytes = small();
        let cut = bytes[..at.index(bytes.len())].to_vec();
        let is_cut = matches!(RedactedRecording::salvage(cut), Err(RecordingError::Truncated { .. }) | Ok((_, Some(RecordingError::Truncated { .. }))));
        prop_assert!(is_cut);
    }
}
