//! The wire as people read it.
