//! What is wrong with a recording, and where.

use core::error::Error;
use core::fmt;

/// Why bytes are no recording that can be replayed. Records are counted from 1, offsets in bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordingError {
    /// The first bytes are not those of a recording.
    NotARecording,
    /// Another version of the format.
    WrongVersion {
        /// The version of the file.
        found: u16,
    },
    /// Another version of the protocol: another machine made it.
    WrongProtocol {
        /// The version of the file.
        found: u8,
    },
    /// The recording is of a kind that this version does not know.
    UnknownFlags {
        /// The flags of the file.
        found: u8,
    },
    /// A redacted recording, which cannot be replayed.
    Redacted,
    /// A recording that is not redacted.
    NotRedacted,
    /// The header's checksum is wrong, or a field of it is impossible.
    CorruptHeader {
        /// The field.
        field: &'static str,
        /// Where it is.
        offset: u64,
    },
    /// The checksum is right, but the endpoint's state at the beginning cannot be read.
    BadCheckpoint {
        /// The field.
        field: &'static str,
        /// Where it is.
        offset: u64,
    },
    /// The bytes end before the recording does: it was cut off, or its program ended without notice.
    Truncated {
        /// The record that is not whole any more; 0 is the header.
        record: u64,
        /// Where the bytes end.
        offset: u64,
    },
    /// The checksum of a block of records is wrong.
    Corrupt {
        /// First record of the block.
        record: u64,
        /// Last record of the block, by its own word.
        last_record: u64,
        /// Where the block begins.
        offset: u64,
    },
    /// The checksum is right, but a record cannot be read.
    Malformed {
        /// The record.
        record: u64,
        /// Where its part that cannot be read begins.
        offset: u64,
        /// That part.
        field: &'static str,
    },
    /// More bytes than the recording has.
    TrailingBytes {
        /// Where the recording ends.
        offset: u64,
    },
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecording => f.write_str("it is no recording: its first bytes are others"),
            Self::WrongVersion { found } => write!(
                f,
                "its format is version {found}, this program reads version {}",
                super::FORMAT_VERSION
            ),
            Self::WrongProtocol { found } => write!(
                f,
                "it was made with version {found} of the protocol, this program has version {}",
                crate::PROTOCOL_VERSION
            ),
            Self::UnknownFlags { found } => {
                write!(
                    f,
                    "it is of a kind that this program does not know (flags {found:#04x})"
                )
            }
            Self::Redacted => f.write_str(
                "it is redacted: it tells when datagrams left and arrived, not what was in them",
            ),
            Self::NotRedacted => f.write_str("it is a full recording, not a redacted one"),
            Self::CorruptHeader { field, offset } => {
                write!(f, "its header is damaged: {field} at byte {offset}")
            }
            Self::BadCheckpoint { field, offset } => {
                write!(f, "its checkpoint cannot be read: {field} at byte {offset}")
            }
            Self::Truncated { record: 0, offset } => {
                write!(f, "it is cut off inside its header, at byte {offset}")
            }
            Self::Truncated { record, offset } => {
                write!(f, "it is cut off at record {record}, byte {offset}")
            }
            Self::Corrupt {
                record,
                last_record,
                offset,
            } => write!(
                f,
                "it is damaged between record {record} and record {last_record}: the block at byte {offset} \
                 has a wrong checksum"
            ),
            Self::Malformed {
                record,
                offset,
                field,
            } => write!(
                f,
                "record {record} cannot be read: {field} at byte {offset}"
            ),
            Self::TrailingBytes { offset } => {
                write!(f, "it ends at byte {offset}, but more bytes follow")
            }
        }
    }
}

impl Error for RecordingError {}
