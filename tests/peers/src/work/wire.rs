//! W3: what small messages cost on the wire.
//!
//! A client sends 20 bytes of unreliable state 30 times a second, at every other tick, and 20 bytes reliably once a
//! second. Nothing is lost. Counted is everything, both ways.

use serde::Serialize;

use super::{Plan, in_parallel};
use crate::contender::Contender;
use crate::lab::content::{self, Head};
use crate::lab::link::Shape;
use crate::lab::{Class, Lab, Micros, STEP, TICK_HZ, Ticks};

const LEN: usize = 20;
const SECOND: Micros = 1_000_000;

/// A row of the table, per second of virtual time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wire {
    pub(crate) contender: String,
    pub(crate) seconds: u64,
    pub(crate) up_bytes: u64,
    pub(crate) down_bytes: u64,
    pub(crate) up_datagrams_tenths: u64,
    pub(crate) down_datagrams_tenths: u64,
}

/// All that the plan wants.
pub(crate) fn measure(plan: &Plan) -> Vec<Wire> {
    let seconds = plan.seconds(20, 600);
    in_parallel(&plan.contenders, plan.jobs, |contender| {
        play(*contender, seconds)
    })
}

fn play(contender: Contender, seconds: u64) -> Wire {
    let shape = Shape::half_of(50);
    let mut lab = Lab::new(vec![contender.pair(1, 0, false)], shape.clone(), shape, 1);
    assert!(lab.connect(30 * SECOND), "{contender} cannot connect");
    let begin = lab.now;
    let (up, down) = (lab.up.traffic, lab.down.traffic);
    let mut ticks = Ticks::new(begin);
    let mut payload = Vec::new();
    while lab.now + STEP < begin + seconds * SECOND {
        lab.begin_step();
        let (now, pair) = (lab.now, &mut lab.pairs[0]);
        pair.client.receive(now, &mut |_, _, _| {});
        pair.server.receive(now, &mut |_, _, _| {});
        while let Some(tick) = ticks.due(now) {
            let head = Head {
                number: tick as u32,
                sent: now,
            };
            let is_due = |each: u64| tick.is_multiple_of(each);
            let sent = [
                (Class::Reliable, is_due(TICK_HZ)),
                (Class::Unreliable, is_due(2)),
            ];
            for (class, _) in sent.into_iter().filter(|(_, is_due)| *is_due) {
                content::write(&mut payload, class, head, LEN);
                pair.client.send(now, 0, class, &payload);
            }
            pair.client.flush(now);
            pair.server.flush(now);
        }
        lab.end_step();
    }
    let (up, down) = (lab.up.traffic.since(up), lab.down.traffic.since(down));
    let a_second = |count: u64| (count + seconds / 2) / seconds;
    Wire {
        contender: contender.to_string(),
        seconds,
        up_bytes: a_second(up.bytes),
        down_bytes: a_second(down.bytes),
        up_datagrams_tenths: a_second(up.datagrams * 10),
        down_datagrams_tenths: a_second(down.datagrams * 10),
    }
}
