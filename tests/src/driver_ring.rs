//! The ring of the tokio driver is dumped when it should be, and no more often. In virtual time, on sockets that lead
//! nowhere: whoever is dialled does not answer, which is how a connection ends by a timeout.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tickwire_core::record::{Call, EndReason, Recording, Sight};
use tickwire_core::{
    Arrival, CloseReason, Config, Entropy, Event, Farewell, ServerIdentity, Socket, Transmit,
};
use tickwire_sim::{RedactedRecording, Replay};
use tickwire_tokio::{DumpError, Handle, Options, RingOptions, Sockets, drive};
use tickwire_udp::{Clock, Io, Sent};

const RING_BYTES: usize = 64 * 1024;

/// A new directory, removed when dropped.
struct TestDir(PathBuf);

impl TestDir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickwire-driver-ring-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the directory is writable");
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("it is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry.expect("it can be read").file_name();
            name.into_string().expect("text")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Takes everything, and nothing ever comes.
struct Nowhere;

impl Io for Nowhere {
    fn drain(&mut self, _: &mut dyn FnMut(Arrival, &mut [u8])) {}

    fn send(&mut self, _: &Transmit, _: &[u8]) -> Sent {
        Sent::Done
    }
}

impl Sockets for Nowhere {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn poll_writable(&mut self, _: Socket, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// An endpoint with a ring.
struct Lonely {
    handle: Handle,
    task: Pin<Box<dyn Future<Output = ()> + Send>>,
    clock: Clock,
}

impl Lonely {
    fn new(ring: RingOptions) -> Self {
        let clock = Clock::manual();
        let options = Options::new(Config::builder())
            .entropy(Entropy::from_seed(1))
            .keep_ring(ring);
        let (handle, task) = drive(options, Nowhere, clock.clone()).expect("a valid configuration");
        Self {
            handle,
            task: Box::pin(task),
            clock,
        }
    }

    fn turn(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(Waker::noop());
        self.task.as_mut().poll(&mut cx)
    }

    /// Dials somebody who does not answer, until that is clear.
    fn dial(&mut self, host: u8) {
        let to = ([10, 0, 0, host], 7_000).into();
        let dialled = self.handle.connect(to, ServerIdentity::TrustOnFirstUse);
        dialled.expect("nobody else is dialled");
        loop {
            assert!(self.turn().is_pending());
            if let Some(event) = self.handle.try_next_event() {
                let Event::Disconnected { reason, .. } = event else {
                    panic!("nobody is there: {event:?}");
                };
                assert_eq!(reason, CloseReason::HandshakeTimeout);
                return;
            }
            let wake_at = self.handle.wake_at().expect("it tries until it gives up");
            self.clock.advance_to(wake_at);
        }
    }

    /// Until so many are written, by threads of their own.
    fn wait_for_dumps(&self, count: u64) {
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while self.handle.ring_stats().expect("it has a ring").dumped < count {
            assert!(std::time::Instant::now() < deadline, "nothing is written");
            std::thread::yield_now();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.clock.advance_to(self.handle.now() + time);
        assert!(self.turn().is_pending());
    }

    /// The end waits for what is written.
    fn end(mut self) {
        let mut shutdown = Box::pin(self.handle.shutdown(Farewell::default()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(shutdown.as_mut().poll(&mut cx).is_pending());
        let ended = self.task.as_mut().poll(&mut cx);
        assert!(ended.is_ready());
        assert!(shutdown.as_mut().poll(&mut cx).is_ready());
    }
}

fn redacted(path: &Path) -> Vec<Sight> {
    let bytes = std::fs::read(path).expect("it is there");
    let recording = RedactedRecording::read(bytes).expect("it is whole");
    recording.records().map(|record| record.sight).collect()
}

#[test]
fn an_abnormal_end_is_worth_a_dump_but_not_twice_in_a_row() {
    let dir = TestDir::new();
    let mut lonely = Lonely::new(RingOptions::redacted(RING_BYTES).dump_to(&dir.0));
    lonely.dial(1);
    let dialled_at = lonely.handle.now();
    lonely.dial(2);
    assert!(lonely.handle.now() < dialled_at + Duration::from_secs(30));
    let stats = lonely.handle.ring_stats().expect("it has a ring");
    assert_eq!(stats.skipped, 1);
    lonely.wait_for_dumps(1);
    lonely.pass(Duration::from_secs(30));
    lonely.dial(3);
    lonely.end();
    assert_eq!(
        dir.names(),
        ["ring-1-timeout.twred", "ring-2-timeout.twred"]
    );
    let [first, second] = [1, 2].map(|n| redacted(&dir.0.join(format!("ring-{n}-timeout.twred"))));
    assert!(first.len() > 3 && second.len() > 2 * first.len());
}

#[test]
fn a_directory_is_not_filled_with_dumps() {
    let dir = TestDir::new();
    for number in 0..32 {
        let name = dir.0.join(format!("ring-{number}-timeout.twred"));
        std::fs::write(name, "of another day").expect("the directory is writable");
    }
    let mut lonely = Lonely::new(RingOptions::redacted(RING_BYTES).dump_to(&dir.0));
    lonely.dial(1);
    let handle = lonely.handle.clone();
    lonely.end();
    assert_eq!(dir.names().len(), 32);
    let stats = handle.ring_stats().expect("it has a ring");
    assert_eq!((stats.dumped, stats.skipped), (0, 1));
}

#[tokio::test]
async fn a_dump_that_is_asked_for_is_a_file_that_was_not_there() {
    let dir = TestDir::new();
    let mut lonely = Lonely::new(RingOptions::redacted(RING_BYTES));
    lonely.dial(1);
    let handle = lonely.handle.clone();
    let path = dir.0.join("mine");
    let dumped = handle
        .dump_ring(&path)
        .await
        .expect("the directory is writable");
    assert_eq!(dumped.path, path);
    let before = redacted(&path);
    let again = handle.dump_ring(&path).await;
    assert!(matches!(again, Err(DumpError::File(_))));
    assert_eq!(redacted(&path), before);
    for number in 1..=2 {
        let dumped = handle.dump_ring(&dir.0).await.expect("it is a directory");
        assert_eq!(
            dumped.path,
            dir.0.join(format!("ring-{number}-asked.twred"))
        );
    }
    handle.keep_ring(None);
    let none = handle.dump_ring(dir.0.join("none")).await;
    assert!(matches!(none, Err(DumpError::NoRing)));
    // Nothing is dumped by itself that was not asked to be, and nothing half-written is left.
    assert_eq!(
        dir.names(),
        ["mine", "ring-1-asked.twred", "ring-2-asked.twred"]
    );
}

#[test]
fn a_panic_dumps_the_ring_once_with_the_calls_before_it() {
    let dir = TestDir::new();
    let mut lonely = Lonely::new(RingOptions::full(RING_BYTES).dump_to(&dir.0));
    lonely.dial(1);
    lonely.wait_for_dumps(1);
    lonely.pass(Duration::from_secs(60));
    for _ in 0..2 {
        let handle = lonely.handle.clone();
        let owner = std::thread::spawn(move || {
            handle.with(|endpoint, _| {
                endpoint.set_players(77);
                panic!("the game has a mistake");
            })
        });
        assert!(owner.join().is_err());
    }
    assert_eq!(dir.names(), ["ring-1-timeout.twrec", "ring-2-panic.twrec"]);
    let bytes = std::fs::read(dir.0.join("ring-2-panic.twrec")).expect("it is there");
    let recording = Recording::read(bytes).expect("it is whole");
    let calls: Vec<_> = recording.records().map(|record| record.call).collect();
    let reason = EndReason::Panicked;
    assert_eq!(
        calls[calls.len() - 2..],
        [Call::SetPlayers { players: 77 }, Call::End { reason }]
    );
    let report = Replay::new(&recording).run();
    assert!(report.is_identical(), "{:?}", report.divergence);
    let panic = report.panic.expect("that is how it ends");
    assert_eq!(panic.message, None, "it was not the endpoint");
    // What goes wrong after it has gone on is worth a dump again.
    lonely.pass(Duration::from_secs(1));
    lonely.dial(2);
    lonely.end();
    assert_eq!(dir.names().len(), 3);
}

#[test]
fn an_owner_who_gives_a_peer_up_can_have_a_dump_of_it() {
    let dir = TestDir::new();
    let ring = RingOptions::redacted(RING_BYTES).dump_to(&dir.0);
    let mut lonely = Lonely::new(ring.dump_on([9]));
    for code in [8, 9] {
        let to = ([10, 0, 0, code as u8], 7_000).into();
        let dialled = lonely.handle.connect(to, ServerIdentity::TrustOnFirstUse);
        let peer = dialled.expect("nobody else is dialled");
        assert!(lonely.turn().is_pending());
        lonely
            .handle
            .disconnect(peer, Farewell::new(code, "too slow"));
        let event = lonely.handle.try_next_event().expect("it is over at once");
        let reason = CloseReason::Local(Farewell::new(code, "too slow"));
        assert!(matches!(event, Event::Disconnected { reason: why, .. } if why == reason));
    }
    lonely.end();
    assert_eq!(dir.names(), ["ring-1-given-up.twred"]);
}
