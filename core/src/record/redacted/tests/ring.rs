//! A ring's dump is the end of what a recording from the beginning would be.

use super::*;

const RING_BYTES: usize = 64 * 1024;

/// A ring, and a recording of the same from the beginning.
struct Both {
    ring: Redactor,
    file: Redactor,
    recorded: Vec<u8>,
}

impl Both {
    fn new() -> Self {
        Self {
            ring: Redactor::ring(BEGAN_AT, RING_BYTES),
            file: Redactor::new(BEGAN_AT),
            recorded: Vec::new(),
        }
    }

    /// A tick of a server with four clients, of which one comes and goes and one is mostly quiet. Every 16th packet is
    /// lost, and what arrives acknowledges all others up to the tick before.
    fn tick(&mut self, tick: u64) {
        let now = 16_000 * tick;
        for slot in 0..4 {
            if slot == 3 && !tick.is_multiple_of(500) {
                continue;
            }
            let generation = if slot == 2 { tick / 700 } else { 0 };
            let peer = PeerId::new(slot, generation as u32);
            let number = tick;
            self.each(|redactor| {
                let sent = [Notice::PacketSent { peer, number }];
                redactor.on_transmit(at(now), 200 + (tick % 3) as usize, &sent);
            });
            let last = number.saturating_sub(1);
            let (first, round_trip) = (last / 16 * 16 + 1, Some(Duration::from_micros(8 * tick)));
            let mut brought = Vec::from([Notice::PacketTaken { peer, number }]);
            if last >= first {
                brought.push(Notice::Acknowledged {
                    peer,
                    first,
                    last,
                    round_trip,
                });
            }
            if last >= 8 && last % 16 == 8 {
                let (number, cause) = (last - 8, LossCause::Overtaken);
                brought.push(Notice::Lost {
                    peer,
                    number,
                    cause,
                });
            }
            self.each(|redactor| redactor.on_arrival(at(now + 9), 50, None, &brought));
        }
        self.file.take(&mut self.recorded);
    }

    fn each(&mut self, mut tell: impl FnMut(&mut Redactor)) {
        tell(&mut self.ring);
        tell(&mut self.file);
    }

    fn dump(&self) -> Vec<u8> {
        self.ring.dump(EndReason::Finished)
    }

    fn file(mut self) -> Vec<RedactedRecord> {
        self.file.finish(EndReason::Finished);
        self.file.take(&mut self.recorded);
        read(self.recorded)
    }
}

fn read(bytes: Vec<u8>) -> Vec<RedactedRecord> {
    let recording = RedactedRecording::read(bytes).expect("whole");
    recording.records().collect()
}

/// What was seen, without what only a ring's dump has.
fn sights(records: &[RedactedRecord]) -> Vec<(Instant, u32, Sight)> {
    let sights = records
        .iter()
        .filter(|record| !matches!(record.sight, Sight::Stands { .. }));
    // The end is of whoever came last.
    sights
        .map(|record| {
            let is_end = matches!(record.sight, Sight::End { .. });
            let peer = if is_end { 0 } else { record.peer };
            (record.at, peer, record.sight)
        })
        .collect()
}

#[test]
fn a_dump_is_the_end_of_all_that_was_seen() {
    let mut dumps = Vec::new();
    let mut both = Both::new();
    for ticks in [10, 1_000, 3_000, 9_000, 9_100, 20_000_u64] {
        let done = dumps.last().map_or(0, |(ticks, _)| *ticks);
        (done..ticks).for_each(|tick| both.tick(tick));
        dumps.push((ticks, both.dump()));
    }
    let all = sights(&both.file());
    for (ticks, dump) in dumps {
        assert!(dump.len() < RING_BYTES + 256, "{}", dump.len());
        let records = read(dump);
        let mut seen = sights(&records);
        let end = seen.pop().expect("its end");
        assert!(matches!(end.2, Sight::End { .. }));
        let until = all.iter().filter(|sight| sight.0 < at(16_000 * ticks));
        let until = until.filter(|sight| !matches!(sight.2, Sight::End { .. }));
        let until: Vec<_> = until.copied().collect();
        assert!(until.ends_with(&seen), "after {ticks} ticks");
        let is_whole = ticks <= 1_000;
        assert_eq!(seen.len() == until.len(), is_whole, "after {ticks} ticks");
        assert!(is_whole || seen.len() > 5_000, "{} sights", seen.len());
    }
}

#[test]
fn a_ring_is_dumped_again_and_goes_on() {
    let mut both = Both::new();
    (0..5_000).for_each(|tick| both.tick(tick));
    assert_eq!(both.dump(), both.dump());
    let before = read(both.dump()).len();
    both.tick(5_000);
    let after = read(both.dump());
    assert!(after.len() > before);
}

#[test]
fn an_endpoint_keeps_a_ring_besides_a_recording() {
    let mut endpoint = Endpoint::new(Config::default(), Entropy::from_seed(1), BEGAN_AT);
    let reason = EndReason::Finished;
    assert_eq!(endpoint.dump_redacted_ring(reason), None);
    endpoint.keep_redacted_ring(BEGAN_AT, Some(RING_BYTES));
    endpoint.record_redacted(BEGAN_AT);
    let (mut buf, mut recorded) = (Vec::new(), Vec::new());
    let mut probe = |endpoint: &mut Endpoint, micros| {
        endpoint.probe(at(micros), ([10, 0, 0, 2], 7_000).into());
        assert!(endpoint.poll_transmit(at(micros), &mut buf).is_some());
    };
    probe(&mut endpoint, 1);
    endpoint.end_redacted(&mut recorded);
    probe(&mut endpoint, 2);
    let ring = endpoint.dump_redacted_ring(reason).expect("it is kept");
    assert_eq!(read(recorded).len(), 2);
    assert_eq!(read(ring).len(), 3);
    endpoint.keep_redacted_ring(at(3), None);
    assert_eq!(endpoint.dump_redacted_ring(reason), None);
}
