//! How an endpoint goes about sending: its congestion controller, copies, marks of congestion, lengths of datagrams. Tests
//! over many seeds draw these for each side, and let owners change their minds while all is under way.
//!
//! Each is the default in about half of the draws: what most endpoints do is what is tested most.

use std::fmt;
use std::num::NonZeroU64;

use tickwire_core::{
    ChannelId, ConfigBuilder, CongestionControl, Endpoint, KeepaliveInterval, PeerId, Priority,
    Qos, RateLimit,
};
use tickwire_sim::{Rng, ms};

/// What is drawn for one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manners {
    pub(crate) congestion: CongestionControl,
    pub(crate) redundancy_percent_max: u8,
    pub(crate) ecn: bool,
    pub(crate) mtu_discovery: bool,
    /// With `mtu_discovery`.
    pub(crate) datagram_size_max: usize,
    pub(crate) keepalive_interval: KeepaliveInterval,
    /// Fragments that a parity stands for, on each channel; 0: none does. Who makes channels sets it.
    pub(crate) parity: u8,
}

impl Manners {
    /// The defaults.
    pub(crate) const USUAL: Self = Self {
        congestion: CongestionControl::Game,
        redundancy_percent_max: 40,
        ecn: true,
        mtu_discovery: true,
        datagram_size_max: 1_452,
        keepalive_interval: KeepaliveInterval::Adaptive,
        parity: 0,
    };

    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        let mtu_discovery = rng.chance(700);
        Self {
            congestion: match rng.below(2) {
                0 => CongestionControl::Game,
                _ => congestion(rng),
            },
            redundancy_percent_max: match rng.below(6) {
                0 => 0,
                1 => 100,
                2 => u8::try_from(rng.between(1, 99)).unwrap_or(1),
                _ => 40,
            },
            ecn: rng.chance(700),
            mtu_discovery,
            datagram_size_max: match rng.below(2) {
                0 if mtu_discovery => 1_452,
                _ => 1_200,
            },
            keepalive_interval: match rng.below(4) {
                0 => ms(rng.between(500, 5_000)).into(),
                _ => KeepaliveInterval::Adaptive,
            },
            parity: match rng.below(3) {
                0 => u8::try_from(rng.between(2, 16)).unwrap_or(2),
                _ => 0,
            },
        }
    }

    pub(crate) fn of(self, config: ConfigBuilder) -> ConfigBuilder {
        let config = config.congestion(self.congestion);
        let config = config.redundancy_percent_max(self.redundancy_percent_max);
        let config = config.ecn(self.ecn).mtu_discovery(self.mtu_discovery);
        let config = config.keepalive_interval(self.keepalive_interval);
        match self.mtu_discovery && self.datagram_size_max != Self::USUAL.datagram_size_max {
            true => config.datagram_size_max(self.datagram_size_max),
            false => config,
        }
    }
}

/// Any controller. No fixed rate is so low that what tests say could not be said in time.
fn congestion(rng: &mut Rng) -> CongestionControl {
    match rng.below(5) {
        0 => CongestionControl::Game,
        1 => CongestionControl::Cubic,
        2 => CongestionControl::Bbr,
        3 => CongestionControl::NewReno,
        _ => {
            let rates = [50_000, 200_000, 1_000_000, 5_000_000];
            let rate = rates[usize::try_from(rng.below(4)).unwrap_or(0)];
            CongestionControl::Fixed {
                bytes_per_second: NonZeroU64::new(rate).unwrap_or(NonZeroU64::MIN),
            }
        }
    }
}

/// Any quality of service, of which the same holds.
pub(crate) fn qos(rng: &mut Rng) -> Qos {
    let priorities = [Priority::Low, Priority::Normal, Priority::High];
    let priority = priorities[usize::try_from(rng.below(3)).unwrap_or(0)];
    let weight = u8::try_from(rng.between(1, 100)).unwrap_or(1);
    let mut qos = Qos::new().priority(priority).weight(weight);
    let rate = RateLimit::new(rng.between(20_000, 500_000), rng.between(1_500, 20_000));
    qos.rate = (rng.below(3) == 0).then_some(rate);
    qos
}

/// What an owner changes while a connection lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Congestion(CongestionControl),
    Qos(ChannelId, Qos),
}

impl Change {
    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        match rng.below(2) {
            0 => Self::Congestion(congestion(rng)),
            _ => {
                let channel = u8::try_from(rng.below(4)).unwrap_or(0);
                Self::Qos(ChannelId::new(channel), qos(rng))
            }
        }
    }

    /// Tells the endpoint, and what that said to it.
    pub(crate) fn make(self, endpoint: &mut Endpoint, peer: PeerId) -> String {
        match self {
            Self::Congestion(congestion) => {
                format!("{:?}", endpoint.set_congestion(peer, congestion))
            }
            Self::Qos(channel, qos) => format!("{:?}", endpoint.set_qos(peer, channel, &qos)),
        }
    }
}

/// What differs from the defaults, in a few words: `cubic, copies 100 %, no ecn, mtu up to 1200`.
impl fmt::Display for Manners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.congestion)?;
        if self.redundancy_percent_max != Self::USUAL.redundancy_percent_max {
            write!(f, ", copies {} %", self.redundancy_percent_max)?;
        }
        if !self.ecn {
            f.write_str(", no ecn")?;
        }
        if !self.mtu_discovery {
            f.write_str(", no mtu discovery")?;
        } else if self.datagram_size_max != Self::USUAL.datagram_size_max {
            write!(f, ", mtu up to {}", self.datagram_size_max)?;
        }
        if let KeepaliveInterval::Fixed(interval) = self.keepalive_interval {
            write!(f, ", keepalive {interval:?}")?;
        }
        if self.parity > 0 {
            write!(f, ", parity {}", self.parity)?;
        }
        Ok(())
    }
}

#[test]
fn usual_manners_are_the_defaults() {
    let defaults = format!("{:?}", tickwire_core::Config::default());
    let config = Manners::USUAL.of(tickwire_core::Config::builder());
    assert_eq!(format!("{:?}", config.build().expect("valid")), defaults);
    assert_eq!(Manners::USUAL.to_string(), "game");
}

#[test]
fn a_few_hundred_draws_have_every_setting_and_every_change() {
    let (mut all, mut changes) = (Vec::new(), Vec::new());
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        all.push(Manners::drawn(&mut rng));
        changes.push(Change::drawn(&mut rng));
    }
    let count = |is: &dyn Fn(&Manners) -> bool| all.iter().filter(|manners| is(manners)).count();
    for name in ["game", "cubic", "bbr", "new-reno", "fixed"] {
        let named = |congestion: &CongestionControl| congestion.to_string().starts_with(name);
        assert!(count(&|manners| named(&manners.congestion)) >= 15, "{name}");
        let becomes = |change: &&Change| matches!(change, Change::Congestion(to) if named(to));
        assert!(changes.iter().filter(becomes).count() >= 10, "to {name}");
    }
    for percent in [0, 40, 100] {
        let has = |manners: &Manners| manners.redundancy_percent_max == percent;
        assert!(count(&has) >= 20, "{percent} %");
    }
    let is_fixed = |manners: &Manners| manners.keepalive_interval != KeepaliveInterval::Adaptive;
    assert!((50..100).contains(&count(&is_fixed)));
    assert!((70..130).contains(&count(&|manners| manners.parity > 0)));
    assert!(
        [2, 16]
            .iter()
            .all(|parity| count(&|manners| manners.parity == *parity) > 0)
    );
    assert!(count(&|manners| !manners.ecn) >= 50);
    assert!(count(&|manners| manners.mtu_discovery && manners.datagram_size_max == 1_200) >= 30);
    assert!(count(&|manners| manners.mtu_discovery && manners.datagram_size_max == 1_452) >= 30);
    let rates = changes
        .iter()
        .filter(|change| matches!(change, Change::Qos(_, qos) if qos.rate.is_some()));
    assert!(rates.count() >= 20);
}
