//! The game's messages and their bytes.
//!
//! All integers and floats are big-endian. The first byte is the type. Types from 0x40 are *events*: they travel on a
//! reliable channel and carry a *number*, counted from 0 for each receiver, so that a receiver can tell whether one
//! was lost or came twice ([`EventLog`](crate::EventLog)). `Goodbye` ends the count: its number is the count of events before it.
//!
//! ```text
//! up = client to server, down = server to client
//! type  message         way        channel  fields after the type byte
//! 0x01  PositionUpdate  up         STATE    x f32, y f32, z f32, rotation f32
//! 0x02  StateSnapshot   down       STATE    tick u64, count u16, count x (id u32, score u32, x, y, z, rotation f32)
//! 0x03  WeaponFired     up         SHOTS    weapon_id u16, target_x f32, target_y f32
//! 0x04  PlayerFired     down       SHOTS    id u32, weapon_id u16, target_x f32, target_y f32
//! 0x40  PlayerJoin      up         EVENTS   number u32, name
//! 0x41  Welcome         down       EVENTS   number u32, id u32, tick_rate_hz u16
//! 0x42  PlayerJoined    down       EVENTS   number u32, id u32, name
//! 0x43  PlayerLeft      down       EVENTS   number u32, id u32, name
//! 0x44  ScoreUpdate     up         EVENTS   number u32, score u32
//! 0x45  PlayerScored    down       EVENTS   number u32, id u32, score u32
//! 0x46  GameOver        down       EVENTS   number u32, winner u32
//! 0x47  Goodbye         both       EVENTS   number u32
//! name = length u8 (1 to 128), UTF-8 of 1 to 32 characters
//! ```

use alloc::vec::Vec;

use tickwire_core::ChannelId;

use crate::channel::{EVENTS, SHOTS, STATE};
use crate::codec::{DecodeError, DecodeReason, Reader};
use crate::name::{Name, NameError, PlayerId};
use crate::snapshot::{Position, Snapshot};

/// Where a shot was aimed, and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shot {
    weapon_id: u16,
    target_x: f32,
    target_y: f32,
}

impl Shot {
    /// A shot with the weapon of this number at this target. `None` if a coordinate is infinite or not a number.
    #[must_use]
    pub fn new(weapon_id: u16, target_x: f32, target_y: f32) -> Option<Self> {
        (target_x.is_finite() && target_y.is_finite()).then_some(Self {
            weapon_id,
            target_x,
            target_y,
        })
    }

    /// The weapon's number, as the game assigns them.
    #[must_use]
    pub const fn weapon_id(&self) -> u16 {
        self.weapon_id
    }

    /// First coordinate of the target.
    #[must_use]
    pub const fn target_x(&self) -> f32 {
        self.target_x
    }

    /// Second coordinate of the target.
    #[must_use]
    pub const fn target_y(&self) -> f32 {
        self.target_y
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.weapon_id.to_be_bytes());
        out.extend_from_slice(&self.target_x.to_be_bytes());
        out.extend_from_slice(&self.target_y.to_be_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            weapon_id: reader.u16("weapon_id")?,
            target_x: reader.f32("target_x")?,
            target_y: reader.f32("target_y")?,
        })
    }
}

/// What client and server say to each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// Client: here I am.
    PositionUpdate(Position),
    /// Server: the world at one tick.
    StateSnapshot(Snapshot<'a>),
    /// Client: I fired.
    WeaponFired(Shot),
    /// Server: another player fired.
    PlayerFired {
        /// Who.
        id: PlayerId,
        /// At what.
        shot: Shot,
    },
    /// Client: let me play under this name.
    PlayerJoin {
        /// The wish; the server may add a number to make it distinct.
        name: Name,
    },
    /// Server: you play, under this id. The players present follow as `PlayerJoined`, with `PlayerScored` for
    /// those with points, and then your own `PlayerJoined`.
    Welcome {
        /// Your id.
        id: PlayerId,
        /// Snapshots a second.
        tick_rate_hz: u16,
    },
    /// Server: a player joined, or is present.
    PlayerJoined {
        /// Who.
        id: PlayerId,
        /// Its name, distinct from all others.
        name: Name,
    },
    /// Server: a player is gone.
    PlayerLeft {
        /// Who.
        id: PlayerId,
        /// Its name.
        name: Name,
    },
    /// Client: I have this many points. The server takes it if it is more than before, and not much more.
    ScoreUpdate {
        /// All points, not those just won.
        score: u32,
    },
    /// Server: a player has this many points.
    PlayerScored {
        /// Who.
        id: PlayerId,
        /// All its points.
        score: u32,
    },
    /// Server: the game is decided.
    GameOver {
        /// Who won.
        winner: PlayerId,
    },
    /// Either side: nothing follows. A client asks with it to leave, and the server answers with its own.
    Goodbye,
}

/// A decoded message.
#[derive(Clone, Debug, PartialEq)]
pub struct Received<'a> {
    /// The message.
    pub message: Message<'a>,
    /// Its number, if it is an event.
    pub number: Option<u32>,
}

impl<'a> Message<'a> {
    const fn type_byte(&self) -> u8 {
        match self {
            Self::PositionUpdate(_) => 0x01,
            Self::StateSnapshot(_) => 0x02,
            Self::WeaponFired(_) => 0x03,
            Self::PlayerFired { .. } => 0x04,
            Self::PlayerJoin { .. } => 0x40,
            Self::Welcome { .. } => 0x41,
            Self::PlayerJoined { .. } => 0x42,
            Self::PlayerLeft { .. } => 0x43,
            Self::ScoreUpdate { .. } => 0x44,
            Self::PlayerScored { .. } => 0x45,
            Self::GameOver { .. } => 0x46,
            Self::Goodbye => 0x47,
        }
    }

    /// The channel for this message, unless a send says otherwise.
    #[must_use]
    pub const fn channel(&self) -> ChannelId {
        match self {
            Self::PositionUpdate(_) | Self::StateSnapshot(_) => STATE,
            Self::WeaponFired(_) | Self::PlayerFired { .. } => SHOTS,
            Self::PlayerJoin { .. }
            | Self::Welcome { .. }
            | Self::PlayerJoined { .. }
            | Self::PlayerLeft { .. }
            | Self::ScoreUpdate { .. }
            | Self::PlayerScored { .. }
            | Self::GameOver { .. }
            | Self::Goodbye => EVENTS,
        }
    }

    /// Whether the message carries a number: losing it, or acting on it twice, would show in the game.
    #[must_use]
    pub const fn is_event(&self) -> bool {
        is_event_type(self.type_byte())
    }

    /// Length of the encoded message, in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let fields = match self {
            Self::PositionUpdate(_) => Position::LEN,
            Self::StateSnapshot(snapshot) => snapshot.encoded_len(),
            Self::WeaponFired(_) => 10,
            Self::PlayerFired { .. } => 14,
            Self::PlayerJoin { name } => 1 + name.as_str().len(),
            Self::Welcome { .. } => 6,
            Self::PlayerJoined { name, .. } | Self::PlayerLeft { name, .. } => {
                5 + name.as_str().len()
            }
            Self::ScoreUpdate { .. } | Self::GameOver { .. } => 4,
            Self::PlayerScored { .. } => 8,
            Self::Goodbye => 0,
        };
        let number = if self.is_event() { 4 } else { 0 };
        1 + number + fields
    }

    /// Appends the message to `out`. An event gets this `number`; other messages have none.
    pub fn encode(&self, number: u32, out: &mut Vec<u8>) {
        out.push(self.type_byte());
        if self.is_event() {
            put_u32(out, number);
        }
        match self {
            Self::PositionUpdate(position) => position.encode(out),
            Self::StateSnapshot(snapshot) => snapshot.encode(out),
            Self::WeaponFired(shot) => shot.encode(out),
            Self::PlayerFired { id, shot } => {
                put_u32(out, id.number());
                shot.encode(out);
            }
            Self::PlayerJoin { name } => put_name(out, name),
            Self::Welcome { id, tick_rate_hz } => {
                put_u32(out, id.number());
                out.extend_from_slice(&tick_rate_hz.to_be_bytes());
            }
            Self::PlayerJoined { id, name } | Self::PlayerLeft { id, name } => {
                put_u32(out, id.number());
                put_name(out, name);
            }
            Self::ScoreUpdate { score } => put_u32(out, *score),
            Self::PlayerScored { id, score } => {
                put_u32(out, id.number());
                put_u32(out, *score);
            }
            Self::GameOver { winner } => put_u32(out, winner.number()),
            Self::Goodbye => {}
        }
    }

    /// Reads one message, which must take all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] names the first field that is wrong. Any bytes are safe to pass.
    pub fn decode(bytes: &'a [u8]) -> Result<Received<'a>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let type_byte = reader.u8("type")?;
        let number = if is_event_type(type_byte) {
            Some(reader.u32("number")?)
        } else {
            None
        };
        let message = Self::decode_fields(type_byte, &mut reader)?;
        reader.finish()?;
        Ok(Received { message, number })
    }

    fn decode_fields(type_byte: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match type_byte {
            0x01 => Self::PositionUpdate(Position::decode(reader)?),
            0x02 => Self::StateSnapshot(Snapshot::decode(reader)?),
            0x03 => Self::WeaponFired(Shot::decode(reader)?),
            0x04 => Self::PlayerFired {
                id: player_id(reader, "id")?,
                shot: Shot::decode(reader)?,
            },
            0x40 => Self::PlayerJoin {
                name: name(reader)?,
            },
            0x41 => Self::Welcome {
                id: player_id(reader, "id")?,
                tick_rate_hz: reader.u16("tick_rate_hz")?,
            },
            0x42 => Self::PlayerJoined {
                id: player_id(reader, "id")?,
                name: name(reader)?,
            },
            0x43 => Self::PlayerLeft {
                id: player_id(reader, "id")?,
                name: name(reader)?,
            },
            0x44 => Self::ScoreUpdate {
                score: reader.u32("score")?,
            },
            0x45 => Self::PlayerScored {
                id: player_id(reader, "id")?,
                score: reader.u32("score")?,
            },
            0x46 => Self::GameOver {
                winner: player_id(reader, "winner")?,
            },
            0x47 => Self::Goodbye,
            _ => {
                return Err(DecodeError {
                    reason: DecodeReason::UnknownType,
                    field: "type",
                    offset: 0,
                });
            }
        })
    }
}

const fn is_event_type(type_byte: u8) -> bool {
    matches!(type_byte, 0x40..=0x47)
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn put_name(out: &mut Vec<u8>, name: &Name) {
    let text = name.as_str();
    out.push(u8::try_from(text.len()).expect("a name has at most 128 bytes"));
    out.extend_from_slice(text.as_bytes());
}

fn player_id(reader: &mut Reader<'_>, field: &'static str) -> Result<PlayerId, DecodeError> {
    reader.u32(field).map(PlayerId::new)
}

fn name(reader: &mut Reader<'_>) -> Result<Name, DecodeError> {
    let len = usize::from(reader.u8("name")?);
    let bytes = reader.take(len, "name")?;
    core::str::from_utf8(bytes)
        .map_err(|_| NameError::NotUtf8)
        .and_then(Name::new)
        .map_err(|error| reader.error(DecodeReason::Name(error), "name", len))
}

#[cfg(test)]
mod tests;
