//! Where a replay is not what was recorded, seen from both sides.

use std::fmt;

use tickwire_core::record::{Outcome, Output, Record};
use tickwire_core::{Event, Instant};

/// The first call that did not give what it gave when it was recorded.
///
/// `Display` is a few lines: the call, then both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// Number of the record, from 1.
    pub record: u64,
    /// Where it begins in the recording, in bytes.
    pub offset: u64,
    /// Time of the call.
    pub at: Instant,
    /// The call, in words.
    pub call: String,
    /// What came out then, as far as it was kept.
    pub recorded: Outcome,
    /// What comes out now.
    pub replayed: Outcome,
    /// What the datagram that comes out now says.
    pub datagram: Option<String>,
    /// The event that comes out now.
    pub event: Option<Event>,
    /// The call panicked now, with this message: a recording that a panic ended, or a checkpoint with impossible content.
    pub panic: Option<String>,
}

impl Divergence {
    pub(super) fn new(record: &Record<'_>, output: Output) -> Self {
        Self {
            record: record.number,
            offset: record.offset,
            at: record.at,
            call: record.call.to_string(),
            recorded: record.outcome,
            replayed: output.outcome,
            datagram: output.trace,
            event: output.event,
            panic: None,
        }
    }

    pub(super) fn panicked(record: &Record<'_>, message: String) -> Self {
        Self {
            record: record.number,
            offset: record.offset,
            at: record.at,
            call: record.call.to_string(),
            recorded: record.outcome,
            replayed: Outcome::Nothing,
            datagram: None,
            event: None,
            panic: Some(message),
        }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record,
            offset,
            at,
            call,
            recorded,
            replayed,
            ..
        } = self;
        writeln!(f, "record {record} (byte {offset}) at {at}: {call}")?;
        writeln!(f, "  recorded: {recorded}")?;
        if let Some(message) = &self.panic {
            return write!(f, "  replayed: a panic: {message}");
        }
        write!(f, "  replayed: {replayed}")?;
        if let Some(datagram) = &self.datagram {
            write!(f, "\n            {datagram}")?;
        }
        match &self.event {
            // What was said is not for reports.
            Some(Event::Message {
                peer,
                channel,
                payload,
            }) => write!(
                f,
                "\n            a message of {} B from {peer} on {channel}",
                payload.len()
            ),
            Some(event) => write!(f, "\n            {event:?}"),
            None => Ok(()),
        }
    }
}
