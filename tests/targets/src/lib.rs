//! Everything that reads what others wrote, as functions of any bytes: they panic if a promise is broken, and do nothing else.
//!
//! `tests/fuzz` runs them under libFuzzer for as long as one likes; the tests here run each over its corpus and mutations of it,
//! so that every toolchain does it, and always the same. docs/TESTING.md has the commands.
//!
//! | file | what it offers bytes to |
//! |---|---|
//! | `decoders` | decoders inside of core, whose bodies are in `core/src/fuzz` |
//! | `strangers` | a server and a client, as datagrams |
//! | `liars` | both ends of a connection, as frames with valid keys |
//! | `conversation` | a world of three, as acts, fates and lies; the oracle judges |
//! | `files` | recordings, redacted ones, scenarios, traces |
//! | `session` | two endpoints whose cipher lets everything through: where seeds come from |
//!
//! Besides panics, each execution's memory is measured: a target names what it may take at most, for its own purposes and for
//! each byte of its input.

mod conversation;
mod decoders;
mod files;
mod input;
mod liars;
pub mod mutate;
mod session;
mod strangers;
#[cfg(test)]
mod tests;

/// One kind of input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its corpus in `tests/fuzz/corpus`.
    pub name: &'static str,
    run: fn(&[u8]),
    /// What its corpus began with, from the code's own encoders.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Bytes that an execution may hold at most: some, and so many for each byte of its input.
    memory: (u64, u64),
    /// How much less often than the others it is run by tests: it takes so much longer.
    pub weight: u32,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    decoders::FRAMES,
    decoders::HEADERS,
    decoders::HANDSHAKES,
    decoders::NUMBERS,
    decoders::COOKIES,
    decoders::TOKENS,
    decoders::DISCOVERY,
    decoders::CHECKPOINTS,
    strangers::SERVER_DATAGRAMS,
    strangers::CLIENT_DATAGRAMS,
    liars::SERVER_FRAMES,
    liars::CLIENT_FRAMES,
    conversation::CONVERSATION,
    files::RECORDINGS,
    files::REDACTED,
    files::SCENARIOS,
    files::TRACES,
];

impl Target {
    /// The target of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let found = TARGETS.iter().find(|target| target.name == name);
        *found.unwrap_or_else(|| panic!("there is no target {name}"))
    }

    /// One execution.
    ///
    /// # Panics
    ///
    /// If a promise is broken, or it held too much memory.
    pub fn check(&self, data: &[u8]) {
        let held = allocation_counter::measure(|| (self.run)(data)).bytes_max;
        let (own, each) = self.memory;
        let most = own + each * data.len() as u64;
        let name = self.name;
        assert!(held <= most, "{name} held {held} bytes, not {most} at most");
    }
}
