//! What is measured: a module for each table.

pub(crate) mod bulk;
pub(crate) mod cpu;
pub(crate) mod fairness;
pub(crate) mod handshake;
pub(crate) mod latency;
pub(crate) mod reliable;
mod samples;
mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tickwire_core::CongestionControl;

use crate::contender::Contender;

pub(crate) use bulk::Bulk;
pub(crate) use cpu::Cpu;
pub(crate) use fairness::Fairness;
pub(crate) use handshake::Handshake;
pub(crate) use latency::Latency;
pub(crate) use reliable::Reliable;
pub(crate) use samples::Quantiles;
pub(crate) use wire::Wire;

/// How much is measured, and of whom.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) contenders: Vec<Contender>,
    /// Links to measure, by name; all if empty.
    pub(crate) links: Vec<String>,
    /// Congestion controllers of Tickwire's to compare, where that is measured.
    pub(crate) controllers: Vec<CongestionControl>,
    pub(crate) seeds: Option<u64>,
    pub(crate) seconds: Option<u64>,
    pub(crate) quick: bool,
    pub(crate) jobs: usize,
}

impl Plan {
    /// The seeds: as many as asked for, else as the quick or the usual run has.
    pub(crate) fn seeds(&self, quick: u64, usual: u64) -> u64 {
        let default = if self.quick { quick } else { usual };
        self.seeds.unwrap_or(default)
    }

    /// Seconds of virtual time, likewise.
    pub(crate) fn seconds(&self, quick: u64, usual: u64) -> u64 {
        let default = if self.quick { quick } else { usual };
        self.seconds.unwrap_or(default)
    }

    pub(crate) fn wants_link(&self, name: &str) -> bool {
        self.links.is_empty() || self.links.iter().any(|wanted| wanted == name)
    }
}

/// The results of `measure` for each item, in their order, made by several threads. What is measured is virtual, so
/// nothing depends on how many.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    measure: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = measure(item);
                    let mut results = results.lock().expect("nobody panics with the lock");
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("nobody panics with the lock");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
