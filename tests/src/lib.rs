//! Promises of the whole, one module each. `docs/TESTING.md` tells the kinds of tests and how to replay one.

#[cfg(test)]
mod graph;
#[cfg(test)]
mod repository;

/// The examples of the documents, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/TESTING.md")]
struct Documents;
