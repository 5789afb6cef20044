//! Ailments of a host, as a mix lists them.

use std::fmt;
use std::time::Duration;

use crate::host::HostId;
use crate::world::World;

/// What befalls a host. See the verb of the same name of [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// [`World::drift`], parts per million
    Drift(i32),
    /// [`World::jump_ahead`]
    JumpAhead(Duration),
    /// [`World::jump_back`]
    JumpBack(Duration),
    /// [`World::stall`]
    Stall(Duration),
    /// [`World::receive_buffer`], in bytes, and [`World::stall`]
    StallWithBuffer(usize, Duration),
    /// [`World::late_timers`]
    LateTimers(Duration),
    /// [`World::block_socket`]
    BlockSocket(Duration),
    /// [`World::crash`], and [`World::restart`] with the same configuration after this time
    Crash(Duration),
    /// [`World::set_reading`]: not for this time
    LookAway(Duration),
    /// [`World::set_lying`] for this time, and then [`World::restart`]
    Lie(Duration),
}

impl Ailment {
    /// Lets it begin. Tells after which time [`end`](Self::end) is to be called, if at all.
    pub(crate) fn begin(self, world: &mut World, host: HostId) -> Option<Duration> {
        match self {
            Self::Drift(ppm) => world.drift(host, ppm),
            Self::JumpAhead(by) => world.jump_ahead(host, by),
            Self::JumpBack(by) => world.jump_back(host, by),
            Self::Stall(length) => world.stall(host, length),
            Self::StallWithBuffer(bytes, length) => {
                world.receive_buffer(host, bytes);
                world.stall(host, length);
            }
            Self::LateTimers(lateness_max) => world.late_timers(host, lateness_max),
            Self::BlockSocket(length) => world.block_socket(host, length),
            Self::Crash(length) => {
                world.crash(host);
                return Some(length);
            }
            Self::Lie(length) => {
                world.set_lying(host, true);
                return Some(length);
            }
            Self::LookAway(length) => {
                world.set_reading(host, false);
                return Some(length);
            }
        }
        None
    }

    pub(crate) fn end(self, world: &mut World, host: HostId) {
        match self {
            Self::Crash(_) if world.is_down(host) => {
                let config = world.view(host).config().clone();
                world.restart(host, config);
            }
            Self::Lie(_) => {
                world.set_lying(host, false);
                let config = world.view(host).config().clone();
                world.restart(host, config);
            }
            Self::LookAway(_) => world.set_reading(host, true),
            Self::Crash(_)
            | Self::Drift(_)
            | Self::JumpAhead(_)
            | Self::JumpBack(_)
            | Self::Stall(_)
            | Self::StallWithBuffer(..)
            | Self::LateTimers(_)
            | Self::BlockSocket(_) => {}
        }
    }
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drift(ppm) => write!(f, "drift {ppm} ppm"),
            Self::JumpAhead(by) => write!(f, "clock {by:?} ahead"),
            Self::JumpBack(by) => write!(f, "clock {by:?} back"),
            Self::Stall(length) => write!(f, "stall {length:?}"),
            Self::StallWithBuffer(bytes, length) => {
                write!(f, "stall {length:?} with a buffer of {bytes} B")
            }
            Self::LateTimers(lateness_max) => write!(f, "timers to {lateness_max:?} late"),
            Self::BlockSocket(length) => write!(f, "socket blocked {length:?}"),
            Self::Crash(length) => write!(f, "crash for {length:?}"),
            Self::LookAway(length) => write!(f, "reads nothing {length:?}"),
            Self::Lie(length) => write!(f, "lies {length:?}"),
        }
    }
}
