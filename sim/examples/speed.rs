//! How fast virtual time runs: two peers that play at 60 Hz, against the wall clock.
//!
//! Run it with `cargo run --release -p tickwire-sim --example speed`.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::{Duration, Instant as WallClock};

use tickwire_sim::{Link, Pair, ms};

/// Virtual time that is played.
const SESSION: Duration = Duration::from_secs(600);
const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);
const UNRELIABLE: u8 = 0;
const RELIABLE: u8 = 2;
/// Times real time that a session must reach at least.
const RATIO_MIN: u128 = 2_000;

fn main() {
    let link = Link::new().latency(ms(25)).jitter(ms(5)).loss(10);
    let mut pair = Pair::new(1).link(link).connect();
    let ticks = SESSION.as_nanos() / TICK.as_nanos();

    let start = WallClock::now();
    let heard: usize = (0..ticks).map(|tick| play(&mut pair, tick)).sum();
    let wall = start.elapsed();

    let ratio = SESSION.as_nanos() / wall.as_nanos().max(1);
    println!("{ticks} ticks of two peers at 60 Hz, {heard} messages heard");
    println!(
        "{SESSION:?} of play in {wall:?}: {ratio} times real time (at least {RATIO_MIN} wanted)"
    );
    if ratio < RATIO_MIN {
        std::process::exit(1);
    }
}

/// One tick: both sides tell where they are, and once a second something that must arrive.
fn play(pair: &mut Pair, tick: u128) -> usize {
    const SENT: &str = "the queue has room";
    pair.send_to_server(UNRELIABLE, &[1; 24]).expect(SENT);
    pair.send_to_client(UNRELIABLE, &[2; 64]).expect(SENT);
    if tick.is_multiple_of(60) {
        pair.send_to_server(RELIABLE, &[3; 16]).expect(SENT);
        pair.send_to_client(RELIABLE, &[4; 16]).expect(SENT);
    }
    pair.run_for(TICK);
    pair.server_messages().len() + pair.client_messages().len()
}
