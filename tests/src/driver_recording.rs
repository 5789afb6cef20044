//! The tokio driver records while it runs, and what it wrote can be lived again. On real sockets of the loopback
//! interface; every wait is for an event.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tickwire_core::record::{Call, EndReason, Recording};
use tickwire_core::{ChannelId, Config, Event, Farewell, PeerId, ServerIdentity};
use tickwire_sim::{RedactedRecording, Replay};
use tickwire_tokio::{Handle, Options, StartRecordingError, StopRecordingError, bind};

const ORDERED: ChannelId = ChannelId::new(3);

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A new directory, removed when dropped.
struct TestDir(PathBuf);

impl TestDir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickwire-driver-recording-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the directory is writable");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let wait = tokio::time::timeout(PATIENCE, wait).await;
    wait.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A client, and a server that it is connected with.
struct Pair {
    server: Handle,
    client: Handle,
    client_id: PeerId,
}

fn options(accepts: bool) -> Options {
    let config = Config::builder().accepts(accepts);
    Options::new(config).game(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

impl Pair {
    async fn connected(server: Options) -> Self {
        let server = bind(server).expect("a free port");
        let client = bind(options(false)).expect("a free port");
        let dialled = client.connect(server.local_addr(), ServerIdentity::TrustOnFirstUse);
        dialled.expect("a fresh client");
        let connected = soon("the client", server.next_event()).await;
        let Some(Event::Connected { peer, .. }) = connected else {
            panic!("the client should come first: {connected:?}");
        };
        Self {
            server,
            client,
            client_id: peer,
        }
    }

    /// The server says something, and the client hears it.
    async fn say(&self, word: &[u8]) {
        let sent = self.server.send(self.client_id, ORDERED, word);
        sent.expect("the queue has room");
        self.server.flush();
        loop {
            let event = soon("the word", self.client.next_event()).await;
            if let Some(Event::Message { payload, .. }) = event {
                assert_eq!(&payload[..], word);
                return;
            }
        }
    }
}

fn read(path: &Path) -> Recording {
    let bytes = std::fs::read(path).expect("the file is there");
    Recording::read(bytes).expect("the file is whole")
}

fn says(recording: &Recording, word: &[u8]) -> bool {
    recording
        .records()
        .any(|record| matches!(record.call, Call::Send { payload, .. } if payload == word))
}

fn assert_replays(recording: &Recording) {
    let report = Replay::new(recording).run();
    assert!(report.is_identical(), "{:?}", report.divergence);
    assert!(report.stats.datagrams_out > 0);
}

#[tokio::test]
async fn a_recording_begins_and_ends_in_the_midst_of_a_session() {
    let dir = TestDir::new();
    let pair = Pair::connected(options(true)).await;
    let server = &pair.server;
    pair.say(b"before").await;
    for name in ["first", "second"] {
        let path = dir.path(name);
        server.start_recording(&path).expect("nothing is recorded");
        assert_eq!(server.recording_to().as_deref(), Some(&*path));
        pair.say(name.as_bytes()).await;
        let recorded = soon("the file", server.stop_recording()).await;
        let recorded = recorded.expect("it was recorded");
        let metadata = std::fs::metadata(&path).expect("it is there");
        assert_eq!((recorded.path, recorded.bytes), (path, metadata.len()));
        pair.say(b"between").await;
    }
    for (name, other) in [("first", "second"), ("second", "first")] {
        let recording = read(&dir.path(name));
        assert_replays(&recording);
        assert!(says(&recording, name.as_bytes()));
        for silent in ["before", "between", other] {
            assert!(!says(&recording, silent.as_bytes()), "{silent}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_and_leaves_nothing_behind() {
    let dir = TestDir::new();
    let taken = dir.path("taken");
    std::fs::write(&taken, "mine").expect("the directory is writable");
    let server = bind(options(true)).expect("a free port");

    let refused = soon("the refusal", server.stop_recording()).await;
    assert!(matches!(refused, Err(StopRecordingError::NotRecording)));
    let error = server.start_recording(&taken).expect_err("it exists");
    assert!(matches!(error, StartRecordingError::File(_)));
    let text = error.to_string();
    assert!(text.contains("the file exists already"), "{text}");
    assert_eq!(std::fs::read(&taken).expect("it is there"), b"mine");

    server.start_recording(dir.path("one")).expect("it is new");
    let error = server.start_recording(dir.path("two"));
    let error = error.expect_err("one is enough");
    assert!(error.to_string().contains("one already"), "{error}");
    // Without secrets is another kind.
    server
        .start_redacted(dir.path("redacted"))
        .expect("it is new");
    server.shutdown(Farewell::default()).await;
    let error = server.start_recording(dir.path("three"));
    assert!(matches!(error, Err(StartRecordingError::Ended)));
    let refused = soon("the refusal", server.stop_redacted()).await;
    assert!(matches!(refused, Err(StopRecordingError::NotRecording)));
    for name in ["two", "three"] {
        assert!(!dir.path(name).exists(), "{name}");
    }
    // The end of the endpoint is the end of its recordings.
    read(&dir.path("one"));
    let redacted = std::fs::read(dir.path("redacted")).expect("it is there");
    RedactedRecording::read(redacted).expect("it is whole");
}

#[tokio::test]
async fn a_panic_while_the_endpoint_is_lent_ends_its_recordings_with_that_reason() {
    let dir = TestDir::new();
    let pair = Pair::connected(options(true).record(dir.path("full"))).await;
    let lent = pair.server.clone();
    let owner = tokio::spawn(async move {
        lent.with(|endpoint, now| {
            endpoint.flush(now);
            panic!("the game has a mistake");
        })
    });
    assert!(owner.await.is_err());
    // It goes on, unrecorded.
    assert_eq!(pair.server.recording_to(), None);
    pair.say(b"after").await;
    pair.server.shutdown(Farewell::default()).await;
    let recording = read(&dir.path("full"));
    let last = recording.records().last().expect("there are some");
    let reason = EndReason::Panicked;
    assert_eq!(last.call, Call::End { reason });
    assert!(!says(&recording, b"after"));
    assert_replays(&recording);
}
