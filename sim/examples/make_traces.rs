//! The traces in sim/scenarios/traces: made up here, from a seed, in the formats in which real ones come.
//!
//! They have the shape of measurements that others published, and none of their data. Run it from the top of the repository
//! with `cargo run -p tickwire-sim --example make_traces`; its test says whether the files are still what it makes.
#![expect(clippy::print_stdout, reason = "the files written are what it is for")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tickwire_sim::Rng;

const SEED: u64 = 20_261_121;

fn main() -> std::io::Result<()> {
    for (path, text) in traces() {
        std::fs::write(&path, &text)?;
        println!("{}: {} lines", path.display(), text.lines().count());
    }
    Ok(())
}

/// Every trace with its path.
fn traces() -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces");
    let rng = Rng::new(SEED);
    let down = Drive {
        mean_kbps: 4_000,
        least_kbps: 300,
        most_kbps: 14_000,
    };
    let up = Drive {
        mean_kbps: 1_200,
        least_kbps: 150,
        most_kbps: 4_000,
    };
    vec![
        (
            directory.join("4g-driving-down.trace"),
            drive("down", &down, rng.fork("down")),
        ),
        (
            directory.join("4g-driving-up.trace"),
            drive("up", &up, rng.fork("up")),
        ),
        (
            directory.join("leo-satellite.csv"),
            satellite(rng.fork("satellite")),
        ),
    ]
}

/// What a car's modem gets from the cells along the road.
struct Drive {
    mean_kbps: u64,
    least_kbps: u64,
    most_kbps: u64,
}

/// Length of a trace of a drive, and of the steps in which its rate changes.
const DRIVE_MS: u64 = 30_000;
const STEP_MS: u64 = 100;
/// Bits that a line of a packet-delivery trace lets through.
const LINE_BITS: u64 = 1_500 * 8;

/// A packet-delivery trace: a rate that wanders and returns to its mean, and a change of the cell about each 10 s.
fn drive(way: &str, drive: &Drive, mut rng: Rng) -> String {
    let mean = drive.mean_kbps;
    let mut text = format!(
        "# A car's 4G modem, {way}: a rate that wanders, and changes of the cell. Made by examples/make_traces.rs.\n"
    );
    let mut rate = mean;
    let (mut silent_steps, mut credit) = (0, 0);
    for step in 0..DRIVE_MS / STEP_MS {
        // Up to a fifth up or down, then a tenth of the way back to the mean.
        rate = rate * rng.between(80, 120) / 100;
        rate = (rate * 9 + mean) / 10;
        rate = rate.clamp(drive.least_kbps, drive.most_kbps);
        // 200 to 600 ms without a cell, never at the very end: the last line says how long the trace is.
        if silent_steps == 0 && rng.chance(10) && step + 10 < DRIVE_MS / STEP_MS {
            silent_steps = rng.between(2, 6);
        }
        if silent_steps > 0 {
            silent_steps -= 1;
            continue;
        }
        for millisecond in 0..STEP_MS {
            credit += rate;
            while credit >= LINE_BITS {
                credit -= LINE_BITS;
                writeln!(text, "{}", step * STEP_MS + millisecond + 1).expect("text takes it");
            }
        }
    }
    // The length of the trace, to the millisecond.
    writeln!(text, "{DRIVE_MS}").expect("text takes it");
    text
}

/// Length of the satellite's trace, of the time that one satellite serves, and of the rows.
const ORBIT_MS: u64 = 60_000;
const SLOT_MS: u64 = 15_000;
const ROW_MS: u64 = 20;

/// Delays and losses of a low orbit: each 15 s another satellite at another distance, and some losses at the change.
fn satellite(mut rng: Rng) -> String {
    let mut text = String::from(
        "# A low orbit, one way: another satellite each 15 s, losses at the change. Made by examples/make_traces.rs.\nsend_ms,delay_ms,lost\n",
    );
    let mut slot_us = 0;
    for row in 0..ORBIT_MS / ROW_MS {
        let at = row * ROW_MS;
        if at.is_multiple_of(SLOT_MS) {
            slot_us = rng.between(16_000, 28_000);
        }
        let delay_us = slot_us + rng.exponential(1_500).min(20_000);
        let is_change = at >= SLOT_MS && at % SLOT_MS < 120;
        let is_lost = rng.chance(if is_change { 600 } else { 3 });
        let (millis, rest) = (delay_us / 1_000, delay_us % 1_000 / 100);
        match is_lost {
            true => writeln!(text, "{at},,1"),
            false => writeln!(text, "{at},{millis}.{rest},0"),
        }
        .expect("text takes it");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_sim::{Capacity, Conditions};

    #[test]
    fn the_traces_are_what_this_makes() {
        for (path, made) in traces() {
            let found = std::fs::read_to_string(&path).expect("the trace is there");
            assert!(found == made, "{} is something else", path.display());
        }
    }

    #[test]
    fn the_traces_are_as_their_heads_say() {
        for (path, text) in traces() {
            if path.extension().is_some_and(|extension| extension == "csv") {
                Conditions::parse(&text).expect("a trace");
                continue;
            }
            let rate = Capacity::parse(&text).expect("a trace").bits_per_second();
            let is_down = path.to_string_lossy().contains("down");
            let wanted = if is_down {
                3_000_000..5_000_000
            } else {
                900_000..1_500_000
            };
            assert!(wanted.contains(&rate), "{}: {rate} bit/s", path.display());
        }
    }
}
