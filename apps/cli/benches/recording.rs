//! What recording costs a whole server, sockets and game included: the processor time of `tickwire serve`, with each way
//! to record and without.
//!
//! Run it on a machine that does nothing else: `cargo bench -p tickwire-cli --bench recording [-- ROUNDS]`. In a round
//! every way serves the same bots, in turn, and is compared with the server of that round that records nothing; the
//! middle of all rounds is what counts. Processor time is the sum over a server's threads as Linux tells it, to the nanosecond.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

const WAYS: [&str; 4] = ["none", "file", "redacted file", "redacted ring"];
const BOTS: &str = "16";
const RATE: &str = "60";
/// Until all bots play.
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(8);
const ROUNDS: usize = 9;
/// Until a server listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that is ended with what it stands in.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let rounds = std::env::args().find_map(|argument| argument.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    if !Path::new("/proc/self/schedstat").exists() {
        println!("SKIPPED: this system has no /proc/PID/schedstat to read processor time from");
        return;
    }
    let mut times = WAYS.map(|_| Vec::new());
    for round in 0..rounds {
        for (index, way) in WAYS.into_iter().enumerate() {
            let time = processor_time_with(way);
            println!(
                "round {}, {way}: {time:.1?} of processor time in {MEASURED:?}",
                round + 1
            );
            times[index].push(time);
        }
    }
    println!("recording        processor time    more than none: middle, first and third quartile");
    for (way, of_way) in WAYS.into_iter().zip(&times) {
        let more = of_way
            .iter()
            .zip(&times[0])
            .map(|(with, without)| 100.0 * (with.as_secs_f64() / without.as_secs_f64() - 1.0));
        let mut more: Vec<f64> = more.collect();
        more.sort_by(f64::total_cmp);
        let mut sorted = of_way.clone();
        sorted.sort();
        let at = |quarter: usize| more[(more.len() - 1) * quarter / 4];
        let time = format!("{:.1?}", sorted[(sorted.len() - 1) / 2]);
        println!(
            "{way:<15}{time:>16}{:>12.1} %{:>8.1} %{:>8.1} %",
            at(2),
            at(1),
            at(3)
        );
    }
}

/// Of a server that records this way while bots of another process play.
fn processor_time_with(way: &str) -> Duration {
    let directory = std::env::temp_dir().join(format!("tickwire-bench-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("the directory for temporary files can be written");
    let (ready, file) = (directory.join("ready.json"), directory.join("game.twrec"));
    let mut serve = command(&[
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--discovery-port",
        "0",
        "--tick-rate",
        RATE,
    ]);
    serve.arg("--ready-file").arg(&ready);
    match way {
        "none" => &mut serve,
        "file" => serve.arg("--record").arg(&file),
        "redacted file" => serve.arg("--record-redacted").arg(&file),
        _ => serve.arg("--ring-dir").arg(&directory),
    };
    let server = Running(serve.spawn().expect("the server starts"));
    let (address, key) = wait_for(&ready);
    let join = ["join", &address, "--server-key", &key, "--bots", BOTS];
    let bots = Running(command(&join).spawn().expect("the bots start"));
    thread::sleep(WARM_UP);
    let before = processor_time(server.0.id());
    thread::sleep(MEASURED);
    let time = processor_time(server.0.id()).saturating_sub(before);
    drop((bots, server));
    fs::remove_dir_all(&directory).expect("what was made can be removed");
    assert!(
        !time.is_zero(),
        "the server did nothing: did it or its bots end early?"
    );
    time
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    command
}

/// The address and the public key that a server has written to its ready file.
fn wait_for(ready: &PathBuf) -> (String, String) {
    let begin = Instant::now();
    let text = loop {
        match fs::read_to_string(ready) {
            Ok(text) => break text,
            Err(error) => assert!(begin.elapsed() < PATIENCE, "{}: {error}", ready.display()),
        }
        thread::sleep(Duration::from_millis(20));
    };
    let value: serde_json::Value = serde_json::from_str(&text).expect("the ready file is JSON");
    let field = |name: &str| value[name].as_str().expect("a string").to_owned();
    (field("game"), field("public_key"))
}

/// What all threads of a process have taken so far.
fn processor_time(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the server runs");
    let nanos = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
