//! Runs on several threads; the result is in the order of the list, whoever was first.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most threads: more are not faster anywhere.
const THREADS_MAX: usize = 64;

/// Applies `play` to each of the list. One thread if it is not known how many there may be.
pub(super) fn map<T: Sync, R: Send>(
    list: &[T],
    threads: Option<NonZeroUsize>,
    play: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.map_or(1, NonZeroUsize::get);
    let threads = threads.min(list.len()).clamp(1, THREADS_MAX);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = list.get(index) else {
                return done;
            };
            done.push((index, play(item)));
        }
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| {
            let result = worker.join();
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        results.flatten().collect()
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_lists_order_however_many_threads_there_are() {
        let list: Vec<u64> = (0..500).collect();
        for threads in [None, NonZeroUsize::new(1), NonZeroUsize::new(7)] {
            let spin = |number: &u64| {
                // The first take longest, so that they come in last.
                let rounds = (0..(500 - number) * 50).fold(0, u64::wrapping_add);
                (*number, rounds > 0)
            };
            let numbers: Vec<u64> = map(&list, threads, spin)
                .into_iter()
                .map(|(number, _)| number)
                .collect();
            assert_eq!(numbers, list);
        }
        assert!(map(&[0_u8; 0], None, |_| ()).is_empty());
    }
}
