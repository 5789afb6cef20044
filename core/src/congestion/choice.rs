//! The algorithms by name.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU64;
use core::str::FromStr;

use super::Controller;
use super::bbr::Bbr;
use super::cubic::Cubic;
use super::fixed::Fixed;
use super::game::Game;
use super::new_reno::NewReno;
use crate::record::codec::{number, put_number};
use crate::saved::{Loader, Saved};
use crate::wire::{DecodeError, Reader};

/// Which congestion controller a connection has: how fast it sends what it has to send.
///
/// Written `game`, `cubic`, `new-reno`, `bbr`, `fixed:BYTES_PER_SECOND`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum CongestionControl {
    /// Keeps the queue on the way short, so that state stays fresh beside bulk; takes scattered losses for chance; holds its
    /// own beside flows that fill the queue. The default.
    #[default]
    Game,
    /// NewReno (RFC 9002 section 7): halves at each loss. Simple, and slow to return.
    NewReno,
    /// CUBIC (RFC 9438) with `HyStart++` (RFC 9406): what most of the internet sends with. It fills queues until they
    /// overflow.
    Cubic,
    /// `BBRv3` (draft-ietf-ccwg-bbr): a model of rate and round trip. Fast where losses are chance; it probes for more every two or
    /// three seconds and queues up to half of what the path holds while it does.
    Bbr,
    /// So many bytes a second, whatever is lost: for paths that are known and one's own. Only when nothing arrives at all
    /// for some round trips does it begin anew.
    Fixed {
        /// UDP payload bytes a second.
        bytes_per_second: NonZeroU64,
    },
}

impl CongestionControl {
    /// A fresh controller. What it leaves to chance follows from `seed`.
    pub(super) fn controller(self, datagram_size: u64, seed: u64) -> Box<dyn Controller> {
        match self {
            Self::Game => Box::new(Game::new(datagram_size)),
            Self::NewReno => Box::new(NewReno::new(datagram_size)),
            Self::Cubic => Box::new(Cubic::new(datagram_size)),
            Self::Bbr => Box::new(Bbr::new(datagram_size, seed)),
            Self::Fixed { bytes_per_second } => {
                Box::new(Fixed::new(datagram_size, bytes_per_second.get()))
            }
        }
    }
}

impl CongestionControl {
    /// Writes it as recordings and checkpoints have it.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::NewReno => out.push(0),
            Self::Cubic => out.push(1),
            Self::Fixed { bytes_per_second } => {
                out.push(2);
                put_number(bytes_per_second.get(), out);
            }
            Self::Game => out.push(3),
            Self::Bbr => out.push(4),
        }
    }

    /// Reads what [`put`](Self::put) wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let error = reader.error("congestion controller");
        match reader.u8("congestion controller")? {
            0 => Ok(Self::NewReno),
            1 => Ok(Self::Cubic),
            3 => Ok(Self::Game),
            4 => Ok(Self::Bbr),
            2 => Ok(Self::Fixed {
                bytes_per_second: NonZeroU64::new(number(reader, "bytes a second")?)
                    .ok_or(error)?,
            }),
            _ => Err(error),
        }
    }
}

impl Saved for CongestionControl {
    fn save(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(|reader, _| Self::read(reader))
    }
}

impl fmt::Display for CongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Game => f.write_str("game"),
            Self::NewReno => f.write_str("new-reno"),
            Self::Cubic => f.write_str("cubic"),
            Self::Bbr => f.write_str("bbr"),
            Self::Fixed { bytes_per_second } => write!(f, "fixed:{bytes_per_second}"),
        }
    }
}

/// No congestion controller has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCongestionControl;

impl fmt::Display for UnknownCongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a congestion controller: game, cubic, new-reno, bbr or fixed:BYTES_PER_SECOND")
    }
}

impl core::error::Error for UnknownCongestionControl {}

impl FromStr for CongestionControl {
    type Err = UnknownCongestionControl;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "game" => Ok(Self::Game),
            "new-reno" => Ok(Self::NewReno),
            "cubic" => Ok(Self::Cubic),
            "bbr" => Ok(Self::Bbr),
            _ => {
                let rate = name.strip_prefix("fixed:");
                let bytes_per_second = rate.and_then(|rate| rate.parse().ok());
                Ok(Self::Fixed {
                    bytes_per_second: bytes_per_second.ok_or(UnknownCongestionControl)?,
                })
            }
        }
    }
}
