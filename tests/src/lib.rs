//! Promises of the whole, each kept by a test: run them with `cargo test -p tickwire-tests`.
//!
//! Tests over many seeds print, when they fail, the one command that replays the seed. None of them
//! sleeps or reads a clock, except those on real sockets.
#![cfg(test)]

mod conversation;
mod delivery;
mod determinism;
mod handshake;
mod layers;
mod overhead;
mod schedules;
mod shrinking;
mod traces;
