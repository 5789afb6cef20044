//! Times at which a link is down, counted from when it was put in place.

use std::fmt;
use std::time::Duration;

use crate::faults::DropCause;

/// A time at which nothing crosses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// Everything sent within it is lost.
    Blackhole { at: Duration, length: Duration },
    /// Everything sent within it arrives together, after its end: a radio that scans, a router that thinks.
    Hold { at: Duration, length: Duration },
    /// Up, down, up, down, ... for ever; lost while down.
    Flapping { up: Duration, down: Duration },
}

/// What an outage does to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Drop(DropCause),
    /// To be sent this much later.
    Hold(Duration),
}

impl Outage {
    /// What happens to a datagram that is sent `age` after the link was put in place.
    pub(crate) fn effect(&self, age: Duration) -> Effect {
        match *self {
            Self::Blackhole { at, length } if is_within(age, at, length) => {
                Effect::Drop(DropCause::Blackhole)
            }
            Self::Hold { at, length } if is_within(age, at, length) => {
                Effect::Hold(at + length - age)
            }
            Self::Flapping { up, down } if is_down(age, up, down) => {
                Effect::Drop(DropCause::Flapping)
            }
            Self::Blackhole { .. } | Self::Hold { .. } | Self::Flapping { .. } => Effect::None,
        }
    }
}

fn is_within(age: Duration, at: Duration, length: Duration) -> bool {
    age >= at && age - at < length
}

fn is_down(age: Duration, up: Duration, down: Duration) -> bool {
    let period = (up + down).as_nanos().max(1);
    age.as_nanos() % period >= up.as_nanos()
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blackhole { at, length } => write!(f, "blackhole of {length:?} at {at:?}"),
            Self::Hold { at, length } => write!(f, "hold of {length:?} at {at:?}"),
            Self::Flapping { up, down } => write!(f, "flapping {up:?} up {down:?} down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ms;

    #[test]
    fn a_blackhole_has_a_beginning_and_an_end() {
        let hole = Outage::Blackhole {
            at: ms(100),
            length: ms(50),
        };
        let lost = Effect::Drop(DropCause::Blackhole);
        let effects = [99, 100, 149, 150].map(|age| hole.effect(ms(age)));
        assert_eq!(effects, [Effect::None, lost, lost, Effect::None]);
    }

    #[test]
    fn what_is_held_leaves_at_the_end() {
        let hold = Outage::Hold {
            at: ms(100),
            length: ms(50),
        };
        assert_eq!(hold.effect(ms(110)), Effect::Hold(ms(40)));
        assert_eq!(hold.effect(ms(150)), Effect::None);
    }

    #[test]
    fn a_flapping_link_is_up_first() {
        let flapping = Outage::Flapping {
            up: ms(5),
            down: ms(2),
        };
        let is_up = |age| flapping.effect(ms(age)) == Effect::None;
        let up: Vec<u64> = (0..14).filter(|age| is_up(*age)).collect();
        assert_eq!(up, [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]);
    }
}
