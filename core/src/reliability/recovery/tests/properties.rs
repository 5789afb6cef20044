//! Invariants of any conversation, with a peer that may lie.

use proptest::prelude::*;

use super::*;
use crate::reliability::ledger::Packet;

#[derive(Clone, Debug)]
enum Step {
    Send {
        eliciting: Eliciting,
        records: u8,
        size: u16,
    },
    /// Offsets below the next number; may name the unsent, overlap, or be reversed.
    Ack {
        ranges: Vec<(u16, u16)>,
        delay: Option<u16>,
    },
    Wait {
        millis: u16,
    },
    Timeout,
}

fn step() -> impl Strategy<Value = Step> {
    let eliciting = prop_oneof![
        Just(Eliciting::No),
        Just(Eliciting::Lazy),
        Just(Eliciting::Yes)
    ];
    prop_oneof![
        6 => (eliciting, 1u8..4, 1u16..1_200)
            .prop_map(|(eliciting, records, size)| Step::Send { eliciting, records, size }),
        3 => (proptest::collection::vec((0u16..40, 0u16..20), 0..6), proptest::option::of(0u16..600))
            .prop_map(|(ranges, delay)| Step::Ack { ranges, delay }),
        2 => (0u16..200).prop_map(|millis| Step::Wait { millis }),
        1 => Just(Step::Timeout),
    ]
}

/// What became of each record, by its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Heard {
    acked: u32,
    lost: u32,
}

#[derive(Default)]
struct Tally {
    now: u64,
    heard: Vec<Heard>,
    /// The first record of each packet.
    firsts: Vec<usize>,
}

impl Tally {
    fn hear(heard: &mut [Heard], verdict: Verdict, record: Record) {
        let Record::Message { id, .. } = record else {
            panic!("only messages are recorded");
        };
        let heard = &mut heard[id as usize];
        match verdict {
            Verdict::Acked => heard.acked += 1,
            Verdict::Lost => heard.lost += 1,
        }
    }

    fn apply(&mut self, recovery: &mut Recovery, step: Step) {
        let heard = &mut self.heard;
        match step {
            Step::Send {
                eliciting,
                records,
                size,
            } => {
                if eliciting != Eliciting::No {
                    self.firsts.push(heard.len());
                    for _ in 0..records {
                        recovery.record(message(heard.len() as u64));
                        heard.push(Heard::default());
                    }
                }
                recovery.on_sent(at(self.now), size.into(), eliciting, None, false);
            }
            Step::Ack { ranges, delay } => {
                let next = recovery.next_number();
                let ranges = ranges.into_iter().map(|(below, length)| {
                    let end = next.saturating_sub(below.into());
                    end.saturating_sub(length.into())..=end
                });
                let delay = delay.map(|millis| ms(millis.into()));
                let before = (recovery.in_flight(), recovery.largest_acked());
                let result = recovery.on_ack(at(self.now), ranges, delay, &mut |v, r| {
                    Self::hear(heard, v, r);
                });
                if result == Err(AckOfUnsent) {
                    assert_eq!(before, (recovery.in_flight(), recovery.largest_acked()));
                }
            }
            Step::Wait { millis } => self.now += u64::from(millis),
            Step::Timeout => {
                let Some(deadline) = recovery.deadline() else {
                    return;
                };
                self.now = self.now.max(deadline.as_nanos().div_ceil(1_000_000));
                // A loss and, when it was long in coming, a probe may be due; then there is a pause.
                for _ in 0..2 {
                    recovery.on_timeout(at(self.now), &mut |v, r| Self::hear(heard, v, r));
                }
                let is_past = |next| next <= at(self.now);
                assert!(!recovery.deadline().is_some_and(is_past), "it spins");
            }
        }
    }

    fn check(&self, recovery: &Recovery) {
        let mut flying_bytes = 0;
        let mut records_held = 0;
        for packet in recovery.ledger.packets() {
            for record in recovery.ledger.records_of(packet) {
                let Record::Message { id, .. } = record else {
                    panic!("only messages are recorded");
                };
                let heard = self.heard[id as usize];
                match packet.fate {
                    Fate::Flying => assert_eq!(heard, Heard { acked: 0, lost: 0 }),
                    Fate::Lost { .. } => assert_eq!(heard, Heard { acked: 0, lost: 1 }),
                    Fate::Acked => assert!(heard.acked == 1 && heard.lost <= 1),
                }
                records_held += 1;
            }
            if packet.fate == Fate::Flying {
                flying_bytes += packet.size;
            }
        }
        assert_eq!(recovery.ledger.records_len(), records_held);
        assert_eq!(recovery.in_flight(), flying_bytes);
        // Sent = acknowledged + lost + in flight, for the packets and for what they carried.
        let is_flying = |packet: &&Packet| packet.fate == Fate::Flying;
        let flying = || recovery.ledger.packets().filter(is_flying);
        let is_undecided = |heard: &Heard| heard.acked + heard.lost == 0;
        let packets = || self.firsts.iter().map(|&id| self.heard[id]);
        assert_eq!(packets().filter(is_undecided).count(), flying().count());
        let lost: u64 = packets().map(|heard| u64::from(heard.lost)).sum();
        assert_eq!(recovery.packets_lost(), lost);
        let undecided = self
            .heard
            .iter()
            .filter(|heard| is_undecided(heard))
            .count();
        let carried = flying().map(|packet| recovery.ledger.records_of(packet).count());
        assert_eq!(undecided, carried.sum());
        assert!(recovery.congestion_window() >= 2 * SIZE as u64);
        assert!(recovery.loss_permille() <= 1_000);
    }
}

proptest! {
    #[test]
    fn every_packet_and_record_is_acknowledged_or_lost_or_in_flight(
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut recovery = recovery();
        let mut tally = Tally::default();
        for step in steps {
            tally.apply(&mut recovery, step);
            tally.check(&recovery);
        }
    }

    /// Whatever 32 ranges say, twice, each record is decided at most twice and nothing is lost by the repetition.
    #[test]
    fn hostile_ranges_decide_nothing_twice_over(
        sent in 1u64..3_000,
        ranges in proptest::collection::vec((0u64..4_000, 0u64..4_000), 1..100),
    ) {
        let mut recovery = recovery();
        for _ in 0..sent {
            send(&mut recovery, 0);
        }
        let ranges = ranges.into_iter().map(|(a, b)| a.min(sent - 1)..=b.min(sent - 1));
        let mut verdicts = 0;
        let mut acked = Ok(Acked::default());
        for _ in 0..2 {
            acked = recovery.on_ack(at(40), ranges.clone(), Some(ms(0)), &mut |_, _| verdicts += 1);
        }
        prop_assert!(acked.is_ok());
        prop_assert!(verdicts <= 2 * sent);
        prop_assert_eq!(acked.map(|acked| acked.packets_lost), Ok(0));
    }

    /// After any conversation, an honest peer that answers brings everything to rest.
    #[test]
    fn an_honest_peer_brings_rest(steps in proptest::collection::vec(step(), 1..200)) {
        let mut recovery = recovery();
        let mut tally = Tally::default();
        for step in steps {
            tally.apply(&mut recovery, step);
        }
        for _ in 0..4 {
            send_lazy(&mut recovery, tally.now, 1);
        }
        let last = recovery.next_number() - 1;
        ack(&mut recovery, tally.now + 40, last..=last);
        tally.now += 40;
        while let Some(deadline) = recovery.deadline() {
            let action = recovery.on_timeout(deadline, &mut |_, _| {});
            prop_assert_eq!(action, Action::Losses);
        }
        prop_assert_eq!(recovery.in_flight(), 0);
    }
}
