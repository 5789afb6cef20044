//! The world at one tick: every player, the receiver too, ordered by id.
//!
//! ```text
//! StateSnapshot after its type byte:
//!   tick     u64   the server's tick
//!   count    u16   players
//!   count times:
//!     id       u32
//!     score    u32
//!     x y z    f32 each, in the game's length unit
//!     rotation f32, in radians by custom
//! ```
//! 32 players take 779 bytes with the type byte, 48 still fit one datagram of 1,200; more travel in fragments.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader};
use crate::name::PlayerId;

/// Where a player is and where it looks. All four numbers are finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    x: f32,
    y: f32,
    z: f32,
    rotation: f32,
}

impl Position {
    pub(crate) const LEN: usize = 16;

    /// The position with these coordinates, in the game's length unit, and this rotation, in radians by custom.
    /// `None` if a number is infinite or not a number.
    #[must_use]
    pub fn new(x: f32, y: f32, z: f32, rotation: f32) -> Option<Self> {
        let position = Self { x, y, z, rotation };
        position.is_finite().then_some(position)
    }

    fn is_finite(&self) -> bool {
        [self.x, self.y, self.z, self.rotation]
            .iter()
            .all(|number| number.is_finite())
    }

    /// First coordinate.
    #[must_use]
    pub const fn x(&self) -> f32 {
        self.x
    }

    /// Second coordinate.
    #[must_use]
    pub const fn y(&self) -> f32 {
        self.y
    }

    /// Third coordinate.
    #[must_use]
    pub const fn z(&self) -> f32 {
        self.z
    }

    /// Rotation, in radians by custom.
    #[must_use]
    pub const fn rotation(&self) -> f32 {
        self.rotation
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.x, self.y, self.z, self.rotation] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            x: reader.f32("x")?,
            y: reader.f32("y")?,
            z: reader.f32("z")?,
            rotation: reader.f32("rotation")?,
        })
    }
}

/// One player in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerState {
    /// Who.
    pub id: PlayerId,
    /// Points.
    pub score: u32,
    /// Where.
    pub position: Position,
}

const RECORD_LEN: usize = 8 + Position::LEN;

impl PlayerState {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.number().to_be_bytes());
        out.extend_from_slice(&self.score.to_be_bytes());
        self.position.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: PlayerId::new(reader.u32("id")?),
            score: reader.u32("score")?,
            position: Position::decode(reader)?,
        })
    }
}

/// A view of a snapshot in its bytes, which have been checked: nothing is copied to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// The server's tick.
    pub tick: u64,
    records: &'a [u8],
}

impl<'a> Snapshot<'a> {
    /// Most players in one snapshot, so that it stays within the 64 KiB of a message.
    pub const PLAYERS_MAX: usize = 2_000;

    /// Writes the records of `players` into `records`, which is emptied first, and returns the snapshot over them.
    /// Players beyond [`PLAYERS_MAX`](Self::PLAYERS_MAX) are left out.
    pub fn write(
        tick: u64,
        players: impl IntoIterator<Item = PlayerState>,
        records: &'a mut Vec<u8>,
    ) -> Self {
        records.clear();
        for player in players.into_iter().take(Self::PLAYERS_MAX) {
            player.encode(records);
        }
        Self { tick, records }
    }

    /// Number of players.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records.len() / RECORD_LEN
    }

    /// Whether nobody plays.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The players, in the order written (the server orders them by id).
    pub fn players(&self) -> impl ExactSizeIterator<Item = PlayerState> + 'a {
        self.records.chunks_exact(RECORD_LEN).map(|record| {
            PlayerState::decode(&mut Reader::new(record)).expect("records are checked by decode")
        })
    }

    pub(crate) const fn encoded_len(&self) -> usize {
        10 + self.records.len()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let count = u16::try_from(self.len()).expect("at most PLAYERS_MAX records");
        out.extend_from_slice(&self.tick.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(self.records);
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let tick = reader.u64("tick")?;
        let count = usize::from(reader.u16("count")?);
        let before = reader.offset();
        for _ in 0..count {
            PlayerState::decode(reader)?;
        }
        let records = reader.since(before);
        Ok(Self { tick, records })
    }
}
