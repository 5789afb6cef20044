//! Runs the built binary.

use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// The command with these arguments, not touched by the caller's settings.
pub(crate) fn tickwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE")
        .env(
            "XDG_DATA_HOME",
            std::env::temp_dir().join("tickwire-no-such-home"),
        )
        .stdin(Stdio::null());
    command
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the output is text");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// All of stdout as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    Outcome::of(tickwire(arguments).output().expect("the binary runs"))
}

/// Checks that the command fails with this code, one line on stderr and nothing on stdout; returns the line.
pub(crate) fn refusal(code: i32, arguments: &[&str]) -> String {
    let outcome = run(arguments);
    assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome:?}");
    assert_eq!(outcome.stdout, "", "{arguments:?}");
    assert_eq!(
        outcome.stderr.lines().count(),
        1,
        "{arguments:?}: {outcome:?}"
    );
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    outcome.stderr
}

/// A file that does not exist yet, removed when dropped.
#[derive(Debug)]
pub(crate) struct TestFile {
    pub(crate) path: PathBuf,
}

impl TestFile {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickwire-cli-test-{}-{number}", std::process::id());
        Self {
            path: std::env::temp_dir().join(name),
        }
    }

    /// One whose name has an ending more.
    #[cfg(unix)]
    pub(crate) fn beside(&self, ending: &str) -> Self {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        Self { path: path.into() }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.path.to_str().expect("temporary paths are text")
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A command at work that wrote its ready file; killed when dropped.
#[derive(Debug)]
pub(crate) struct Background {
    child: Option<Child>,
    /// Content of the ready file.
    pub(crate) ready: Value,
    /// Lines of stderr, as they come.
    #[cfg_attr(not(unix), expect(dead_code, reason = "signals are Unix's"))]
    remarks: Receiver<String>,
}

impl Background {
    /// Starts the command with `--ready-file` and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let file = TestFile::new();
        let mut child = tickwire(arguments)
            .args(["--ready-file", file.as_str()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(text) = std::fs::read_to_string(&file.path) {
                let ready = serde_json::from_str(&text).expect("a ready file is whole");
                let remarks = lines(child.stderr.take().expect("it is a pipe"));
                return Self {
                    child: Some(child),
                    ready,
                    remarks,
                };
            }
            let ended = child.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "{arguments:?} ended: {ended:?}");
            assert!(Instant::now() < deadline, "{arguments:?} is not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts a command that has no ready file, and waits until it prints a line with this in it.
    #[cfg(unix)]
    pub(crate) fn start_mute(arguments: &[&str], part: &str) -> Self {
        let mut child = tickwire(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let background = Self {
            remarks: lines(child.stdout.take().expect("it is a pipe")),
            child: Some(child),
            ready: Value::Null,
        };
        background.remark(part);
        background
    }

    /// Text of the ready file's member `name`.
    pub(crate) fn address(&self, name: &str) -> &str {
        self.ready[name].as_str().expect("the ready file has it")
    }

    /// Sends it a signal: `TERM`, `USR1`, ...
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it is taken at the end only");
        let id = child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits for a line of stderr with this in it.
    #[cfg(unix)]
    pub(crate) fn remark(&self, part: &str) -> String {
        let mut before = Vec::new();
        loop {
            let line = self.remarks.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{part:?} is not in {before:#?}"));
            if line.contains(part) {
                return line;
            }
            before.push(line);
        }
    }

    /// Sends it SIGTERM, as `kill` does, and waits for its end. The outcome has the lines of stderr that nobody waited for.
    #[cfg(unix)]
    pub(crate) fn terminate(self) -> Outcome {
        self.signal("TERM");
        self.finish()
    }

    /// Waits for its end, which it comes to by itself.
    #[cfg(unix)]
    pub(crate) fn finish(mut self) -> Outcome {
        let child = self.child.take().expect("it is taken here only");
        let mut outcome = Outcome::of(child.wait_with_output().expect("the child is ours"));
        // Ends with the child.
        outcome.stderr = self.remarks.iter().map(|line| line + "\n").collect();
        outcome
    }
}

/// Reads lines until there are no more.
fn lines(stderr: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        // Reads on though nobody listens, or the child would wait for it.
        lines.for_each(|line| drop(sender.send(line)));
    });
    receiver
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
