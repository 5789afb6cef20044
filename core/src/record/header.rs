//! What an endpoint was born with: the start of every recording.
//!
//! ```text
//!  0   8  89 'T' 'W' 'R' 'E' 'C' 0D 0A: no text file begins so, and a transfer as text is noticed
//!  8   2  format version
//! 10   1  protocol version
//! 11   1  flags
//! 12   4  length of what follows up to the checksum
//! 16      time of birth, seed (8 bytes each), secret (32), identity, version of the software, configuration
//!      8  checksum of all before
//! ```
//!
//! A recording that began later has flag 2. Its body has the time of its beginning, no seed and no secret, and ends
//! with a checkpoint: all of the endpoint's state.
//! A redacted recording has flag 0, and of the body only the time of its beginning and the version of the software.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::codec;
use super::config as config_codec;
use super::error::RecordingError;
use super::hash::hash;
use crate::PROTOCOL_VERSION;
use crate::config::Config;
use crate::crypto::{Identity, PublicKey, ResetKey};
use crate::entropy::Entropy;
use crate::machine::Machine;
use crate::saved::Loader;
use crate::time::Instant;
use crate::wire::{DecodeError, Reader};

/// Version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u16 = 4;

/// Flag: it begins with a checkpoint instead of a birth.
const CHECKPOINT: u8 = 0x02;
/// Flag: a redacted recording.
pub(super) const REDACTED: u8 = 0x01;

const MAGIC: [u8; 8] = *b"\x89TWREC\r\n";

/// Bytes before those that the length counts.
const FIXED_LEN: usize = 16;

pub(super) const CHECKSUM_LEN: usize = 8;

/// Seed of the header's checksum. That of a block is the checksum before it.
const CHECKSUM_SEED: u64 = 0;

/// Seed of the hash of a state.
const STATE_SEED: u64 = 0;

/// The long-term key follows from the entropy; or its public half is recorded, of a configured one or of one drawn from
/// an entropy that is not in the recording.
const IDENTITY_FOLLOWS: u8 = 0;
const IDENTITY_CONFIGURED: u8 = 1;
const IDENTITY_DRAWN: u8 = 2;

/// What an endpoint was born with, or was when its recording began.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) begins_at: Instant,
    pub(super) beginning: Beginning,
    /// The public part of the long-term key, unless it follows from the entropy.
    pub(super) identity: Option<PublicIdentity>,
    /// Version of the crate that recorded.
    pub(super) software: String,
    pub(super) config: Config,
}

/// Where the endpoint of a recording comes from.
#[derive(Clone, Debug)]
pub(super) enum Beginning {
    Birth(Entropy),
    /// The bytes of the state, by their place in the recording.
    Checkpoint(Range<usize>),
}

/// A header with a checkpoint.
#[derive(Debug)]
pub(super) struct CheckpointHeader {
    pub(super) bytes: Vec<u8>,
    pub(super) checksum: u64,
    /// Hash of the state.
    pub(super) state: u64,
}

#[derive(Clone, Debug)]
pub(super) struct PublicIdentity {
    public: PublicKey,
    reset_key: [u8; 32],
    is_lasting: bool,
}

impl Header {
    /// The header of a recording from birth on, and its checksum.
    pub(super) fn of_birth(
        config: &Config,
        entropy: &Entropy,
        identity: &Identity,
        born_at: Instant,
        mut out: Vec<u8>,
    ) -> (Vec<u8>, u64) {
        begin(0, born_at, &mut out);
        out.extend_from_slice(&entropy.seed.to_be_bytes());
        out.extend_from_slice(&entropy.secret);
        if identity.is_lasting() {
            put_identity(identity, &mut out);
        } else {
            out.push(IDENTITY_FOLLOWS);
        }
        put_software(config, &mut out);
        let checksum = finish(0, &mut out);
        (out, checksum)
    }

    /// The header of a recording that begins with the state of `machine`. It takes the place of what `out` held.
    pub(super) fn of_checkpoint(
        machine: &Machine,
        begins_at: Instant,
        mut out: Vec<u8>,
    ) -> CheckpointHeader {
        begin(CHECKPOINT, begins_at, &mut out);
        put_identity(machine.identity(), &mut out);
        put_software(machine.config(), &mut out);
        let start = out.len();
        machine.save(&mut out);
        let state = hash(STATE_SEED, &out[start..]);
        let checksum = finish(0, &mut out);
        CheckpointHeader {
            bytes: out,
            checksum,
            state,
        }
    }

    /// The header at the front of `bytes`, its length and its checksum.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize, u64), RecordingError> {
        let fixed = Fixed::read(bytes)?;
        if fixed.flags == REDACTED {
            return Err(RecordingError::Redacted);
        }
        if fixed.protocol != PROTOCOL_VERSION {
            return Err(RecordingError::WrongProtocol {
                found: fixed.protocol,
            });
        }
        if fixed.flags & !CHECKPOINT != 0 {
            return Err(RecordingError::UnknownFlags { found: fixed.flags });
        }
        let (checksum, end) = (fixed.checksum(bytes)?, fixed.end);
        let mut reader = Reader::new(&bytes[..end]);
        let header = read_fixed(&mut reader)
            .and_then(|_| Self::read_body(fixed.flags & CHECKPOINT != 0, &mut reader))
            .map_err(corrupt)?;
        Ok((header, end + CHECKSUM_LEN, checksum))
    }

    fn read_body(has_checkpoint: bool, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let begins_at = Instant::from_nanos(reader.u64("time of the beginning")?);
        let entropy = match has_checkpoint {
            true => None,
            false => Some(Entropy {
                seed: reader.u64("seed")?,
                secret: reader.array("secret")?,
            }),
        };
        let identity = read_identity(has_checkpoint, reader)?;
        let software = String::from(codec::text(reader, "software")?);
        let config = config_codec::read(reader)?;
        let beginning = match entropy {
            Some(entropy) => Beginning::Birth(entropy),
            None => {
                let start = reader.offset();
                Beginning::Checkpoint(start..start + reader.rest().len())
            }
        };
        if !reader.is_empty() {
            return Err(reader.error("end of the header"));
        }
        Ok(Self {
            begins_at,
            beginning,
            identity,
            software,
            config,
        })
    }

    /// The long-term key as a replay has it; `None` if it follows from the entropy.
    pub(super) fn identity(&self) -> Option<Identity> {
        let identity = self.identity.as_ref()?;
        let reset_key = ResetKey::from_bytes(identity.reset_key);
        Some(Identity::recorded(
            identity.public,
            reset_key,
            identity.is_lasting,
        ))
    }

    /// The endpoint's state at a checkpoint among `bytes`, which are those of the recording.
    pub(super) fn machine(
        &self,
        bytes: &[u8],
        checkpoint: &Range<usize>,
    ) -> Result<Machine, DecodeError> {
        let mut reader = Reader::new(&bytes[..checkpoint.end]);
        reader.take(checkpoint.start, "header")?;
        let error = reader.error("identity");
        let mut loader = Loader::new(reader, &self.config);
        let machine = Machine::load(&mut loader, self.identity().ok_or(error)?)?;
        loader.finish()?;
        Ok(machine)
    }
}

/// The hash of a machine's whole state: that of what a checkpoint holds.
pub(crate) fn state_hash(machine: &Machine) -> u64 {
    let mut bytes = Vec::new();
    machine.save(&mut bytes);
    hash(STATE_SEED, &bytes)
}

/// What all headers begin with, in the place of what `out` held.
fn begin(flags: u8, begins_at: Instant, out: &mut Vec<u8>) {
    out.clear();
    put_fixed(flags, out);
    out.extend_from_slice(&begins_at.as_nanos().to_be_bytes());
}

fn put_identity(identity: &Identity, out: &mut Vec<u8>) {
    out.push(match identity.is_lasting() {
        true => IDENTITY_CONFIGURED,
        false => IDENTITY_DRAWN,
    });
    out.extend_from_slice(identity.public_key().as_bytes());
    out.extend_from_slice(identity.reset_key().as_bytes());
}

fn read_identity(
    has_checkpoint: bool,
    reader: &mut Reader<'_>,
) -> Result<Option<PublicIdentity>, DecodeError> {
    let error = reader.error("identity");
    let is_lasting = match (reader.u8("identity")?, has_checkpoint) {
        (IDENTITY_FOLLOWS, false) => return Ok(None),
        (IDENTITY_CONFIGURED, _) => true,
        (IDENTITY_DRAWN, true) => false,
        _ => return Err(error),
    };
    Ok(Some(PublicIdentity {
        public: PublicKey::from_bytes(reader.array("public key")?),
        reset_key: reader.array("reset key")?,
        is_lasting,
    }))
}

fn put_software(config: &Config, out: &mut Vec<u8>) {
    codec::put_bytes(env!("CARGO_PKG_VERSION").as_bytes(), out);
    config_codec::put(config, out);
}

/// What a redacted recording has for a header.
#[derive(Clone, Debug)]
pub(super) struct RedactedHeader {
    pub(super) began_at: Instant,
    /// Version of the crate that recorded.
    pub(super) software: String,
}

impl RedactedHeader {
    /// Appends the header of a new recording and returns its checksum.
    pub(super) fn put(began_at: Instant, out: &mut Vec<u8>) -> u64 {
        let start = out.len();
        put_fixed(REDACTED, out);
        out.extend_from_slice(&began_at.as_nanos().to_be_bytes());
        codec::put_bytes(env!("CARGO_PKG_VERSION").as_bytes(), out);
        finish(start, out)
    }

    /// The header at the front of `bytes`, its length and its checksum. The protocol's version does not matter: what is
    /// recorded means the same in all of them.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize, u64), RecordingError> {
        let fixed = Fixed::read(bytes)?;
        if fixed.flags & REDACTED == 0 {
            return Err(RecordingError::NotRedacted);
        }
        if fixed.flags != REDACTED {
            return Err(RecordingError::UnknownFlags { found: fixed.flags });
        }
        let (checksum, end) = (fixed.checksum(bytes)?, fixed.end);
        let mut reader = Reader::new(&bytes[..end]);
        let header = read_fixed(&mut reader)
            .and_then(|_| Self::read_body(&mut reader))
            .map_err(corrupt)?;
        Ok((header, end + CHECKSUM_LEN, checksum))
    }

    fn read_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = Self {
            began_at: Instant::from_nanos(reader.u64("time of beginning")?),
            software: String::from(codec::text(reader, "software")?),
        };
        if !reader.is_empty() {
            return Err(reader.error("end of the header"));
        }
        Ok(header)
    }
}

/// Whether bytes begin as a redacted recording does.
#[must_use]
pub fn is_redacted(bytes: &[u8]) -> bool {
    Fixed::read(bytes).is_ok_and(|fixed| fixed.flags & REDACTED != 0)
}

/// What every header begins with.
struct Fixed {
    protocol: u8,
    flags: u8,
    /// Where the checksum is.
    end: usize,
}

impl Fixed {
    fn read(bytes: &[u8]) -> Result<Self, RecordingError> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(RecordingError::NotARecording);
        }
        let (version, protocol, flags, len) =
            read_fixed(&mut Reader::new(bytes)).map_err(|_| cut_off(bytes))?;
        if version != FORMAT_VERSION {
            return Err(RecordingError::WrongVersion { found: version });
        }
        let end = FIXED_LEN + len as usize;
        Ok(Self {
            protocol,
            flags,
            end,
        })
    }

    fn checksum(&self, bytes: &[u8]) -> Result<u64, RecordingError> {
        let checksum = bytes.get(self.end..self.end + CHECKSUM_LEN);
        let checksum = checksum.ok_or_else(|| cut_off(bytes))?;
        let checksum = u64::from_be_bytes(checksum.try_into().unwrap_or_default());
        if checksum != hash(CHECKSUM_SEED, &bytes[..self.end]) {
            return Err(RecordingError::CorruptHeader {
                field: "checksum",
                offset: self.end as u64,
            });
        }
        Ok(checksum)
    }
}

fn cut_off(bytes: &[u8]) -> RecordingError {
    RecordingError::Truncated {
        record: 0,
        offset: bytes.len() as u64,
    }
}

fn corrupt(error: DecodeError) -> RecordingError {
    RecordingError::CorruptHeader {
        field: error.field,
        offset: error.offset as u64,
    }
}

fn put_fixed(flags: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
    out.push(PROTOCOL_VERSION);
    out.push(flags);
    out.extend_from_slice(&[0; 4]);
}

/// Fills in the length of the header that begins at `start`, and adds its checksum.
fn finish(start: usize, out: &mut Vec<u8>) -> u64 {
    let len = (out.len() - start - FIXED_LEN) as u32;
    out[start + 12..start + FIXED_LEN].copy_from_slice(&len.to_be_bytes());
    let checksum = hash(CHECKSUM_SEED, &out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
    checksum
}

/// Makes the header's checksum right; returns it and where the header ends.
pub(super) fn repair(bytes: &mut [u8]) -> Option<(u64, usize)> {
    let (.., len) = read_fixed(&mut Reader::new(bytes)).ok()?;
    let end = FIXED_LEN + len as usize;
    let checksum = hash(CHECKSUM_SEED, bytes.get(..end)?);
    let place = bytes.get_mut(end..end + CHECKSUM_LEN)?;
    place.copy_from_slice(&checksum.to_be_bytes());
    Some((checksum, end + CHECKSUM_LEN))
}

fn read_fixed(reader: &mut Reader<'_>) -> Result<(u16, u8, u8, u32), DecodeError> {
    reader.take(MAGIC.len(), "magic")?;
    let version = reader.u16("format version")?;
    let protocol = reader.u8("protocol version")?;
    let flags = reader.u8("flags")?;
    let len = u32::from_be_bytes(reader.array("header length")?);
    Ok((version, protocol, flags, len))
}
