//! How fast to send: a window of bytes that may be in flight, and a pacer that spreads it over the round trip.
//!
//! A [`Controller`] hears what became of packets and answers with one number, the window. It never looks at a clock
//! and keeps no packets: [`Recovery`](crate::reliability::recovery::Recovery) does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Debug;

use self::new_reno::NewReno;
use crate::saved::{Loader, Saved};
use crate::time::Instant;
use crate::wire::DecodeError;

pub(crate) mod new_reno;
pub(crate) mod pacer;
pub(crate) mod trickle;

/// Decides how many bytes may be in flight.
pub(crate) trait Controller: Debug + Send + Sync {
    /// A packet of `bytes`, sent at `sent_at`, arrived. `app_limited`: the application had no more to send then, so
    /// that its arrival says nothing about a larger window (RFC 9002 section 7.8).
    fn on_acked(&mut self, sent_at: Instant, bytes: u64, app_limited: bool);

    /// Packets were lost, the latest of them sent at `sent_at`. Called once for all that are found lost together.
    fn on_congestion_event(&mut self, now: Instant, sent_at: Instant);

    /// Everything sent during a long time was lost (RFC 9002 section 7.6).
    fn on_persistent_congestion(&mut self);

    /// Bytes that may be in flight; at least two full datagrams.
    fn window(&self) -> u64;

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
            _ => Err(from.field_error("controller")),
        }
    }
}
