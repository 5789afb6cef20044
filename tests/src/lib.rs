//! Promises of the whole, each kept by a test: run them with `cargo test -p tickwire-tests`.
//! `docs/TESTING.md` tells the kinds of tests and how to replay one.
//!
//! Tests over many seeds print, when they fail, the one command that replays the seed. None of them
//! sleeps or reads a clock, except those on real sockets.

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod congestion;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod cycles;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod determinism;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod driver_recording;
#[cfg(test)]
mod driver_ring;
#[cfg(test)]
mod ecn;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod game;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod handshake;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod keepalive;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod mtu;
#[cfg(test)]
mod options;
#[cfg(test)]
mod overhead;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod party;
#[cfg(test)]
mod paths;
#[cfg(all(test, feature = "pictures"))]
mod pictures;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod qlog;
#[cfg(test)]
mod rebind;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod redundancy;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod ring;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod session;
#[cfg(test)]
mod shrinking;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod swarm;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod wraps;

/// The examples of the documents, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/TESTING.md")]
#[doc = include_str!("../../docs/TEST-YOUR-GAME.md")]
struct Documents;
