//! An allocator that counts what a thread allocates while it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static COUNTED: Cell<Counted> = const { Cell::new(Counted::NOTHING) };
}

/// The system's allocator, and the counters.
#[derive(Debug)]
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is the system allocator's, with the arguments that came; the counters touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        unsafe { System.realloc(memory, layout, size) }
    }
}

fn count(allocations: u64, size: usize, freed: usize) {
    if IS_ON.get() {
        let counted = COUNTED.get();
        COUNTED.set(Counted {
            allocations: counted.allocations + allocations,
            bytes: counted.bytes + size as u64,
            live: counted.live + size as i64 - freed as i64,
        });
    }
}

/// What was counted on this thread since it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) allocations: u64,
    pub(super) bytes: u64,
    pub(super) live: i64,
}

impl Counted {
    const NOTHING: Self = Self {
        allocations: 0,
        bytes: 0,
        live: 0,
    };
}

/// Counts while `work` runs.
pub(super) fn counting<R>(work: impl FnOnce() -> R) -> R {
    IS_ON.set(true);
    let result = work();
    IS_ON.set(false);
    result
}

pub(super) fn counted() -> Counted {
    COUNTED.get()
}
