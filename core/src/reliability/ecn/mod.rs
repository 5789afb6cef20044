//! Marks of congestion (RFC 3168) by which a queue says that it grows, before it drops anything: RFC 9000 section 13.4.
//!
//! | file         | idea                                                                                        |
//! |--------------|---------------------------------------------------------------------------------------------|
//! | `marking`    | the sender's side: which packets are marked, and whether the path and the peer can be believed |
//! | `tally`      | the receiver's side: how many marks arrived, and when to tell                                |
//!
//! Marks are counts that one side tells and the other believes only as far as they fit what it sent. A peer can hide a
//! congestion that it met, as it can acknowledge what it never got; it cannot make a window grow.

mod marking;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use marking::{Heed, Marking};
pub(crate) use tally::Tally;
