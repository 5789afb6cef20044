//! Discovery, the only text on the wire.

use alloc::vec::Vec;

use crate::discovery::text::{ANSWER_LEN_MAX, Answer, NAME_LEN_MAX, is_question, printable};

/// Any bytes as a datagram of discovery.
pub fn discovery(data: &[u8]) {
    let answer = Answer::parse(data);
    assert!(!is_question(data) || answer.is_none(), "it is both");
    let Some(answer) = answer else { return };
    assert!(data.len() <= ANSWER_LEN_MAX);
    assert!((1..=NAME_LEN_MAX).contains(&answer.name.len()));
    assert_eq!(printable(&answer.name), answer.name);
    assert_ne!(answer.port, 0);
    let mut out = Vec::new();
    answer.encode(&mut out);
    assert!(out.len() <= ANSWER_LEN_MAX, "{out:?}");
    assert_eq!(Answer::parse(&out), Some(answer));
}
