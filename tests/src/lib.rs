//! Promises of the whole, one module each. `docs/TESTING.md` tells the kinds of tests and how to replay one.

#[cfg(test)]
mod graph;
#[cfg(test)]
mod repository;
