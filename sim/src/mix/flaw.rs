//! Flaws of a link, one trait each, as a mix lists them.

use std::fmt;
use std::time::Duration;

use crate::link::Link;
use crate::link::bursts::Bursts;
use crate::link::ecn::EcnPath;
use crate::link::jitter::Jitter;
use crate::link::rate::Rate;

/// One trait that makes a link worse. See the setter of the same name of [`Link`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// [`Link::jitter`]
    Jitter(Jitter),
    /// [`Link::jitter`] and [`Link::in_order`]
    OrderedJitter(Jitter),
    /// [`Link::loss`], permille
    Loss(u16),
    /// [`Link::bursts`]
    Bursts(Bursts),
    /// [`Link::duplication`], permille
    Duplication(u16),
    /// [`Link::storms`], permille and copies
    Storms(u16, u16),
    /// [`Link::reordering`], permille and the longest delay
    Reordering(u16, Duration),
    /// [`Link::corruption`], permille
    Corruption(u16),
    /// [`Link::overwriting`], permille
    Overwriting(u16),
    /// [`Link::truncation`], permille
    Truncation(u16),
    /// [`Link::extension`], permille
    Extension(u16),
    /// [`Link::splicing`], permille
    Splicing(u16),
    /// [`Link::rate`]
    Rate(Rate),
    /// [`Link::ect`]
    Ect,
    /// [`Link::ecn`]
    Ecn(EcnPath),
    /// [`Link::mtu`], in bytes
    Mtu(usize),
    /// [`Link::blackhole`], its begin and length
    Blackhole(Duration, Duration),
    /// [`Link::hold`], its begin and length
    Hold(Duration, Duration),
    /// [`Link::flapping`], time up and time down
    Flapping(Duration, Duration),
}

impl Flaw {
    /// The link with this flaw besides those it has.
    pub fn apply(&self, link: Link) -> Link {
        match self.clone() {
            Self::Jitter(jitter) => link.jitter(jitter),
            Self::OrderedJitter(jitter) => link.jitter(jitter).in_order(),
            Self::Loss(permille) => link.loss(permille),
            Self::Bursts(bursts) => link.bursts(bursts),
            Self::Duplication(permille) => link.duplication(permille),
            Self::Storms(permille, copies) => link.storms(permille, copies),
            Self::Reordering(permille, extra) => link.reordering(permille, extra),
            Self::Corruption(permille) => link.corruption(permille),
            Self::Overwriting(permille) => link.overwriting(permille),
            Self::Truncation(permille) => link.truncation(permille),
            Self::Extension(permille) => link.extension(permille),
            Self::Splicing(permille) => link.splicing(permille),
            Self::Rate(rate) => link.rate(rate),
            Self::Ect => link.ect(),
            Self::Ecn(path) => link.ecn(path),
            Self::Mtu(bytes) => link.mtu(bytes),
            Self::Blackhole(at, length) => link.blackhole(at, length),
            Self::Hold(at, length) => link.hold(at, length),
            Self::Flapping(up, down) => link.flapping(up, down),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jitter(jitter) => jitter.fmt(f),
            Self::OrderedJitter(jitter) => write!(f, "{jitter} in order"),
            Self::Loss(permille) => write!(f, "loss {permille}‰"),
            Self::Bursts(bursts) => bursts.fmt(f),
            Self::Duplication(permille) => write!(f, "duplication {permille}‰"),
            Self::Storms(permille, copies) => write!(f, "storms {permille}‰ of {copies}"),
            Self::Reordering(permille, extra) => write!(f, "reordering {permille}‰ to {extra:?}"),
            Self::Corruption(permille) => write!(f, "corruption {permille}‰"),
            Self::Overwriting(permille) => write!(f, "overwriting {permille}‰"),
            Self::Truncation(permille) => write!(f, "truncation {permille}‰"),
            Self::Extension(permille) => write!(f, "extension {permille}‰"),
            Self::Splicing(permille) => write!(f, "splicing {permille}‰"),
            Self::Rate(rate) => rate.fmt(f),
            Self::Ect => f.write_str("sent as ECT"),
            Self::Ecn(path) => path.fmt(f),
            Self::Mtu(bytes) => write!(f, "MTU {bytes} B"),
            Self::Blackhole(at, length) => write!(f, "blackhole {length:?} at {at:?}"),
            Self::Hold(at, length) => write!(f, "hold {length:?} at {at:?}"),
            Self::Flapping(up, down) => write!(f, "flapping {up:?} up {down:?} down"),
        }
    }
}
