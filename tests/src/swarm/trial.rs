//! One run of a case, whatever becomes of it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use tickwire_sim::FaultCounts;

use super::case::Case;
use super::party::Party;

/// What became of a case.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// The faults that struck, or what was broken.
    pub(super) result: Result<FaultCounts, String>,
    /// Datagrams that arrived and deadlines that fired until it was over.
    pub(super) events: u64,
    /// What was said and done until then, by number.
    pub(super) acts: Vec<u64>,
    /// How long it took in virtual time, in milliseconds.
    pub(super) ms: u64,
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Plays all phases of a case.
pub(super) fn trial(case: &Case) -> Trial {
    keep_quiet();
    let mut party = Party::new(case);
    IS_QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| party.play()));
    IS_QUIET.set(false);
    let result = result.unwrap_or_else(|panic| Err(message(panic.as_ref())));
    Trial {
        result: result.map(|()| party.faults()),
        events: party.events(),
        acts: party.acts().to_vec(),
        ms: party.ms(),
    }
}

/// Shrinking lets hundreds of trials panic: what they say is kept, and told once.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                before(info);
            }
        }));
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("without words");
    match text.starts_with('I') {
        true => text.to_owned(),
        false => format!("I13: a panic: {text}"),
    }
}

/// Which invariant a failure names: `I4`.
pub(super) fn invariant(failure: &str) -> &str {
    let end = failure.find([' ', ':']).unwrap_or(failure.len());
    &failure[..end]
}

#[test]
fn a_failure_names_its_invariant() {
    assert_eq!(invariant("I4 of p0.0: bytes unread: 1, not 0"), "I4");
    assert_eq!(invariant("I13: a panic"), "I13");
}
