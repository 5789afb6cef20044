//! Wire traces as [insta](https://insta.rs) snapshots, with the feature `insta`.

use crate::pair::Pair;
use crate::world::World;

/// What has a wire trace: a [`World`] or a [`Pair`] that records one.
pub trait Traced {
    /// The wire since recording began, as text.
    fn wire(&mut self) -> &str;
}

impl Traced for World {
    fn wire(&mut self) -> &str {
        self.trace()
    }
}

impl Traced for Pair {
    fn wire(&mut self) -> &str {
        self.trace()
    }
}

/// The heading of a trace, its remarks, and of its rows those that contain `part`; all of them if it is empty.
#[must_use]
pub fn rows(trace: &str, part: &str) -> String {
    let rows = trace.lines().enumerate();
    let wanted = rows.filter(|(number, row)| {
        let is_remark = row.contains("  ·  ");
        *number == 0 || is_remark || row.contains(part)
    });
    wanted.map(|(_, row)| format!("{row}\n")).collect()
}

/// Compares the wire trace of a [`World`] or [`Pair`] with a snapshot: a file named after the test, or the text after
/// `@`. With a text in between, only rows that contain it are compared.
///
/// ```
/// use tickwire_sim::{Link, Pair, assert_trace_snapshot, ms};
///
/// // A message that is lost is sent again as soon as its loss shows.
/// let path = Link::new().latency(ms(25));
/// let mut pair = Pair::new(7).link(path.clone()).connect();
/// pair.run_for(ms(500));
/// let mut pair = pair.traced().link_to_server(path.drop_nth([0]));
/// pair.send_to_server(2, b"hit").expect("the queue has room");
/// pair.run_for(ms(500));
/// assert_trace_snapshot!(pair, "m0", @"
///           ms  dir    bytes  datagram
///        0.000  C→S       26  #2 Reliable(ch2 m0, 3 B)                              ✗ dropped
///      146.248  C→S       32  #3 Reliable(ch2 m0, 3 B) Padding
/// ");
/// ```
///
/// The trace has no clock and no chance in it, so a snapshot that changes means that the protocol, or your use of it, changed.
/// Your crate needs `insta` among its own dependencies; `cargo insta review` or `INSTA_UPDATE=always` takes new snapshots.
#[macro_export]
macro_rules! assert_trace_snapshot {
    ($traced:expr) => {
        $crate::assert_trace_snapshot!($traced, "")
    };
    ($traced:expr, @$inline:literal) => {
        $crate::assert_trace_snapshot!($traced, "", @$inline)
    };
    ($traced:expr, $part:expr) => {{
        let rows = $crate::snapshot::rows($crate::snapshot::Traced::wire(&mut $traced), $part);
        ::insta::with_settings!({ omit_expression => true }, { ::insta::assert_snapshot!(rows) });
    }};
    ($traced:expr, $part:expr, @$inline:literal) => {{
        let rows = $crate::snapshot::rows($crate::snapshot::Traced::wire(&mut $traced), $part);
        ::insta::assert_snapshot!(rows, @$inline);
    }};
}
