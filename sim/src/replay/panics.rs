//! Panics of the endpoint that is replayed: they are a finding, not an accident of who replays.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside a replayed call.
    static IS_REPLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Lets panics of replayed endpoints be reported, and nothing be printed of them. For programs that replay: it wraps the
/// process's panic hook, once. Other panics are printed as before.
pub fn quiet_replays() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_REPLAYING.get() {
                others(info);
            }
        }));
    });
}

/// What `call` gives, or its panic's message.
pub(super) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let before = IS_REPLAYING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IS_REPLAYING.set(before);
    result.map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without words").to_owned()
}
