//! The same script on the simulator and on tokio drivers gives the same bytes at the same times, and the owners are told
//! the same: what holds in the simulator holds for what runs in production, down to the byte.
//!
//! A script says what each owner does when, and what becomes of each datagram. It is played on three stages: the
//! simulator; two tokio drivers on fake sockets and a manual clock with the portable ciphers; and the same with those of
//! `ring`. Endpoints are born with the same entropy on each.

mod driven;
mod record;
mod script;
mod simulated;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use tickwire_core::{Endpoint, Event, Instant, Portable};
use tickwire_crypto::Ring;
use tickwire_sim::World;
use tickwire_sim::seeds::for_seeds;

use driven::Driven;
use record::{Record, Told};
use script::{Script, perform};
use simulated::Simulated;

/// The hosts by number.
const CLIENT: usize = 0;
const SERVER: usize = 1;
/// Where they are, on every stage.
const ADDRESSES: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), World::GAME_PORT),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), World::GAME_PORT),
];

/// Where a script is played: two endpoints in virtual time.
trait Stage {
    /// Lets all happen that is due by `end`, then it is `end`.
    fn run_until(&mut self, end: Instant);
    /// Gives a host's endpoint commands now.
    fn with<R>(&mut self, host: usize, f: impl FnOnce(&mut Endpoint, Instant) -> R) -> R;
    /// Whether a host's owner reads its events from here on.
    fn set_reading(&mut self, host: usize, is_reading: bool);
    /// Notes what a host's owner learned.
    fn record(&mut self, host: usize, told: Told);
    /// What happened.
    fn finish(self) -> Record;
}

fn play(mut stage: impl Stage, script: &Script) -> Record {
    for (number, step) in script.steps.iter().enumerate() {
        stage.run_until(step.at);
        perform(&mut stage, step.host, number, &step.action);
    }
    stage.run_until(script.end);
    stage.finish()
}

const SEEDS: Range<u64> = 0..100;

fn on_sim(script: &Script) -> Record {
    play(Simulated::new(script), script)
}

#[test]
fn the_same_script_on_sim_and_on_tokio_gives_the_same_bytes() {
    for_seeds(SEEDS, |seed| {
        let script = Script::drawn(seed);
        let entropy = Simulated::new(&script).entropy();
        let by_sim = on_sim(&script);
        let portable = Driven::new(&script, entropy.clone(), Arc::new(Portable));
        let by_portable = play(portable, &script);
        let by_ring = play(Driven::new(&script, entropy, Arc::new(Ring)), &script);
        for (name, by_tokio) in [("tokio, portable", by_portable), ("tokio, ring", by_ring)] {
            if let Some(difference) = by_sim.difference(&by_tokio, ["sim", name]) {
                panic!("{difference}");
            }
        }
    });
}

/// What the comparison is worth: the scripts meet everything that they are meant to.
#[test]
fn the_scripts_reach_every_kind_of_event_and_of_datagram() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in SEEDS {
        let record = on_sim(&Script::drawn(seed));
        for (_, _, told) in &record.told {
            *seen.entry(kind(told)).or_default() += 1;
        }
        for (word, text) in WORDS {
            let count = record.sent.iter().filter(|sent| sent.text.contains(text));
            *seen.entry(word).or_default() += u32::try_from(count.count()).expect("a few");
        }
    }
    let rare: Vec<_> = seen.iter().filter(|(_, count)| **count < 10).collect();
    assert!(rare.is_empty(), "{rare:?} of {seen:?}");
}

/// What a datagram is counted as, by what its sender says of it.
const WORDS: [(&str, &str); 6] = [
    ("hello", "Hello"),
    ("welcome", "Welcome"),
    ("fragment", "part "),
    ("credit", "Credit"),
    ("probe", "Probe"),
    ("close", "Close"),
];

fn kind(told: &Told) -> &'static str {
    match told {
        Told::Answer(text) if text.contains("QueueFull") => "full",
        Told::Answer(_) => "answer",
        Told::Event(Event::Connected { .. }) => "connected",
        Told::Event(Event::Message { .. }) => "message",
        Told::Event(Event::Delivered { .. }) => "delivered",
        Told::Event(Event::Abandoned { .. }) => "abandoned",
        Told::Event(Event::Pong { .. }) => "pong",
        Told::Event(Event::ProbeAnswered { .. }) => "probe answered",
        Told::Event(Event::Disconnected { .. }) => "disconnected",
        Told::Event(Event::Tick { .. }) => "tick",
        Told::Event(_) => "other",
    }
}
