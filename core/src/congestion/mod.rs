//! How fast to send: a window of bytes that may be in flight, and a pacer that spreads it over the round trip.
//!
//! | file         | idea                                                                                  |
//! |--------------|---------------------------------------------------------------------------------------|
//! | `state`      | [`Congestion`]: all that one connection knows of it; the rest of core talks to this   |
//! | `choice`     | [`CongestionControl`]: the algorithms by name                                         |
//! | `new_reno`   | RFC 9002 section 7                                                                    |
//! | `cubic`      | RFC 9438, with `hystart`: RFC 9406                                                    |
//! | `game`       | the default: keeps queues short                                                      |
//! | `bbr`        | BBRv3, draft-ietf-ccwg-bbr                                                            |
//! | `fixed`      | so many bytes a second                                                                |
//! | `delivery`   | how fast packets arrive, measured                                                     |
//! | `pacer`      | the bucket                                                                            |
//!
//! A [`Controller`] hears what became of packets and answers with two numbers, a window and a rate. It never looks at a
//! clock and keeps no packets: [`Recovery`](crate::reliability::recovery::Recovery) does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Debug;

use self::bbr::Bbr;
use self::cubic::Cubic;
use self::fixed::Fixed;
use self::game::Game;
use self::new_reno::NewReno;
use crate::saved::{Loader, Saved};
use crate::time::Instant;
use crate::wire::DecodeError;

mod bbr;
mod choice;
mod cubic;
pub(crate) mod delivery;
mod fixed;
mod game;
mod hystart;
mod new_reno;
mod pacer;
mod state;
pub(crate) mod trickle;

pub use self::choice::{CongestionControl, UnknownCongestionControl};
pub(crate) use self::state::{Arrived, Congestion, Lost};

/// RFC 9002 section 7.2: ten datagrams, but not more than this many bytes.
const INITIAL_WINDOW_MAX: u64 = 14_720;

/// The window that a connection begins with.
fn initial_window(datagram_size: u64) -> u64 {
    (10 * datagram_size).min(INITIAL_WINDOW_MAX.max(2 * datagram_size))
}

/// A packet that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckedPacket {
    pub(crate) now: Instant,
    pub(crate) bytes: u64,
    /// The application had no more to send then, so that its arrival says nothing about a larger window (RFC 9002
    /// section 7.8).
    pub(crate) is_app_limited: bool,
    /// It left before the latest congestion event was answered (RFC 9002 section 7.3.2).
    pub(crate) is_in_recovery: bool,
}

/// What an acknowledgement told as a whole, after each of its packets, and after the losses that it showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) now: Instant,
    /// Bytes newly acknowledged, and declared lost since the last time.
    pub(crate) acked_bytes: u64,
    pub(crate) lost_bytes: u64,
    /// What was in flight when the newest packet that arrived had left, itself included.
    pub(crate) sent_in_flight: u64,
    /// Round trip of the newest packet without the peer's delay, where the acknowledgement tells it.
    pub(crate) round_trip_us: Option<u64>,
    /// A packet arrived that left after the latest round trip had begun: the next one begins.
    pub(crate) is_round_start: bool,
    pub(crate) rate: Option<RateSample>,
    /// The rate, if there was one, is the application's.
    pub(crate) is_app_limited: bool,
    /// Bytes that arrived ever; when the newest packet that arrived had left; and that were lost since then.
    pub(crate) delivered: u64,
    pub(crate) prior_delivered: u64,
    pub(crate) lost_since_sent: u64,
    /// What is in flight still.
    pub(crate) in_flight: u64,
}

/// A packet that was declared lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostPacket {
    pub(crate) now: Instant,
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    /// What was in flight when it had left, itself included.
    pub(crate) sent_in_flight: u64,
    /// Bytes lost since then, itself included.
    pub(crate) lost: u64,
    /// Bytes that arrived ever.
    pub(crate) delivered: u64,
    pub(crate) is_app_limited: bool,
}

/// How fast packets arrived over the latest round trip: draft-ietf-ccwg-bbr section 4.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    pub(crate) bytes_per_second: u64,
    /// The application sent less than it might have, so that the path may be faster.
    pub(crate) is_app_limited: bool,
}

/// Decides how many bytes may be in flight, and how fast they leave.
///
/// Only [`on_acked`](Self::on_acked), [`on_congestion_event`](Self::on_congestion_event) and the answers must be there;
/// the rest is for those who need more.
pub(crate) trait Controller: Debug + Send + Sync {
    /// A packet of `bytes` leaves while `in_flight` others are.
    fn on_sent(&mut self, _now: Instant, _bytes: u64, _in_flight: u64) {}

    /// A packet arrived; late ones that counted as lost are not told.
    fn on_acked(&mut self, packet: &AckedPacket);

    /// All packets of an acknowledgement were told.
    fn on_progress(&mut self, _progress: &Progress) {}

    /// A packet was declared lost: each is told.
    fn on_packet_lost(&mut self, _packet: &LostPacket) {}

    /// Packets were lost: the first of a round trip (RFC 9002 section 7.3.2); further ones are not told.
    fn on_congestion_event(&mut self);

    /// A queue marked a packet instead of dropping it: the first of a round trip. RFC 9002 section 7.1 answers as to a loss.
    fn on_marked(&mut self) {
        self.on_congestion_event();
    }

    /// All packets whose loss caused the latest event arrived after all: it was none.
    fn on_spurious_event(&mut self) {}

    /// Everything sent during a long time was lost (RFC 9002 section 7.6).
    fn on_persistent_congestion(&mut self);

    /// It follows another controller, which had this window.
    fn take_over(&mut self, window: u64);

    /// Datagrams have this many bytes at most from here on: what is counted in datagrams changes, the window only if it is
    /// less than its minimum now (RFC 8899 section 3).
    fn on_datagram_size(&mut self, bytes: u64);

    /// Bytes that may be in flight; at least two full datagrams.
    fn window(&self) -> u64;

    /// Bytes a second at which packets leave. `None`: 5/4 of the window in each round trip (RFC 9002 section 7.7).
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// Bytes that may leave at once after a rest. `None`: a tick's, and ten datagrams at least.
    fn burst(&self) -> Option<u64> {
        None
    }

    /// It sends less than it might on purpose: what arrives says nothing of the path's rate.
    fn holds_back(&self) -> bool {
        false
    }

    /// Which controller it is, and its state, for [`load`](Saved::load) of the box.
    fn save(&self, out: &mut Vec<u8>);
}

impl Saved for Box<dyn Controller> {
    fn save(&self, out: &mut Vec<u8>) {
        Controller::save(&**self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        match from.field::<u8>("controller")? {
            NewReno::CODE => Ok(Box::new(NewReno::load(from)?)),
            Cubic::CODE => Ok(Box::new(Cubic::load(from)?)),
            Game::CODE => Ok(Box::new(Game::load(from)?)),
            Fixed::CODE => Ok(Box::new(Fixed::load(from)?)),
            Bbr::CODE => Ok(Box::new(Bbr::load(from)?)),
            _ => Err(from.field_error("controller")),
        }
    }
}

#[cfg(test)]
mod tests;
