//! The wire as people read it: each snapshot is one behaviour, and its file is named after it.
//!
//! Review a changed snapshot like prose: the time, the direction and the content of each datagram
//! should be what the title makes you expect. Times count from where the recording starts.

mod closing;
mod connecting;
mod delivering;
mod discovering;
mod flowing;
mod fragmenting;
mod keeping;
mod losing;
mod refusing;
mod tokens;

use tickwire_core::{Config, ConfigBuilder};
use tickwire_sim::{Link, Pair, ms};

/// Compares the trace with the snapshot named after the test; with a text, only the rows that contain it.
macro_rules! assert_trace {
    ($traced:expr) => {
        assert_trace!($traced, "")
    };
    ($traced:expr, $part:expr) => {
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            snapshot_path => "../snapshots",
        }, {
            tickwire_sim::assert_trace_snapshot!($traced, $part);
        });
    };
}
use assert_trace;

const UNRELIABLE: u8 = 0;
const SEQUENCED: u8 = 1;
const RELIABLE: u8 = 2;
const ORDERED: u8 = 3;

/// 25 ms, without faults.
fn link() -> Link {
    Link::new().latency(ms(25))
}

/// A pair 50 ms apart that has not met, recorded.
fn strangers() -> Pair {
    Pair::new(1).link(link()).traced()
}

/// As [`strangers`], with these configurations.
fn strangers_with(client: ConfigBuilder, server: ConfigBuilder) -> Pair {
    let built = |builder: ConfigBuilder| builder.build().expect("a valid configuration");
    Pair::with_configs(1, built(client), built(server.accepts(true)))
        .link(link())
        .traced()
}

/// A connected pair 50 ms apart with nothing left to say, recorded from here on.
fn friends() -> Pair {
    quiet(Pair::new(1))
}

/// As [`friends`], with these configurations.
fn friends_with(client: ConfigBuilder, server: ConfigBuilder) -> Pair {
    let built = |builder: ConfigBuilder| builder.build().expect("a valid configuration");
    let (client, server) = (built(client), built(server.accepts(true)));
    quiet(Pair::with_configs(1, client, server))
}

/// As [`friends`], with this link between them.
fn friends_over(link: Link) -> Pair {
    quiet_over(link, Pair::new(1))
}

fn quiet(pair: Pair) -> Pair {
    quiet_over(link(), pair)
}

fn quiet_over(link: Link, pair: Pair) -> Pair {
    let mut pair = pair.link(link).connect();
    pair.run_for(ms(1_000));
    pair.traced()
}

/// Defaults to change.
fn defaults() -> ConfigBuilder {
    Config::builder()
}
