//! A mix of faults, drawn from a seed: what the swarm test lives in.
//!
//! Swarm testing (Groce et al. 2012) leaves most faults out of each run, and others out of the next: a fault that is
//! always there hides what happens without it. So each seed draws its own few.
//!
//! A mix is a list of [`Trouble`]s. Each is independent of the others and may be [left out](Mix::only), so a failing
//! mix shrinks by trying.

mod ailment;
mod draw;
mod flaw;
mod play;

use std::fmt;
use std::time::Duration;

pub use self::ailment::Ailment;
pub use self::flaw::Flaw;
pub use self::play::Play;
use crate::nat::Nat;

/// Faults for one server and a few clients, for a few seconds.
///
/// ```
/// use tickwire_core::Config;
/// use tickwire_sim::{Mix, World, ms};
///
/// let mix = Mix::draw(7);
/// println!("{mix}");
/// let mut world = World::new(7);
/// let hosts: Vec<_> = (0..mix.hosts()).map(|_| world.add(Config::default())).collect();
/// let mut play = mix.play(&mut world, &hosts);
/// while world.now() < play.end() {
///     play.advance(&mut world);
///     // ... the hosts say something ...
///     world.run_for(ms(20));
/// }
/// play.heal(&mut world);
/// ```
#[derive(Clone, Debug)]
pub struct Mix {
    seed: u64,
    hosts: usize,
    length: Duration,
    troubles: Vec<Trouble>,
}

/// One fault, where and when. Hosts are numbered: 0 is the server.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The time that datagrams take in one direction.
    Latency {
        /// Who sends.
        from: usize,
        /// Who receives.
        to: usize,
        /// How long.
        latency: Duration,
    },
    /// A link of one direction has a flaw.
    Link {
        /// Who sends.
        from: usize,
        /// Who receives.
        to: usize,
        /// What is wrong.
        flaw: Flaw,
    },
    /// Something befalls a host.
    Host {
        /// Whom.
        host: usize,
        /// When.
        at: Duration,
        /// What.
        ailment: Ailment,
    },
    /// A client cannot reach the others, and they cannot reach it unless this is one-way.
    Partition {
        /// Who.
        host: usize,
        /// When.
        at: Duration,
        /// For how long.
        length: Duration,
        /// Whether the client still hears.
        is_one_way: bool,
    },
    /// Somebody on the wire forges datagrams to a host.
    Forger {
        /// To whom.
        host: usize,
        /// When.
        at: Duration,
        /// For how long.
        length: Duration,
    },
    /// Clients are behind a NAT, and that may be behind another.
    Nat {
        /// Who.
        clients: Vec<usize>,
        /// Their NAT.
        nat: Box<Nat>,
        /// The NAT it is behind.
        outer: Option<Box<Nat>>,
    },
}

impl Mix {
    /// The mix of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        draw::mix(seed)
    }

    /// How many hosts it is for, 2 to 4: a server and its clients.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts
    }

    /// Its troubles.
    #[must_use]
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// The same with these of its troubles only.
    #[must_use]
    pub fn only(&self, numbers: &[usize]) -> Self {
        let chosen = numbers
            .iter()
            .filter_map(|number| self.troubles.get(*number));
        Self {
            troubles: chosen.cloned().collect(),
            ..self.clone()
        }
    }
}

/// One line.
impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} hosts, {:?}",
            self.seed, self.hosts, self.length
        )?;
        for (number, trouble) in self.troubles.iter().enumerate() {
            write!(f, "; [{number}] {trouble}")?;
        }
        Ok(())
    }
}

/// A host's name in worlds that do not give others.
fn name(host: usize) -> char {
    char::from(b'A' + u8::try_from(host % 26).unwrap_or(0))
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { from, to, latency } => {
                write!(f, "{}→{} {latency:?}", name(*from), name(*to))
            }
            Self::Link { from, to, flaw } => write!(f, "{}→{} {flaw}", name(*from), name(*to)),
            Self::Host { host, at, ailment } => write!(f, "{} {ailment} at {at:?}", name(*host)),
            Self::Partition {
                host,
                at,
                length,
                is_one_way,
            } => {
                let way = if *is_one_way { "mute" } else { "cut off" };
                write!(f, "{} {way} {length:?} at {at:?}", name(*host))
            }
            Self::Forger { host, at, length } => {
                write!(f, "forgeries to {} {length:?} at {at:?}", name(*host))
            }
            Self::Nat {
                clients,
                nat,
                outer,
            } => {
                let names: String = clients.iter().map(|client| name(*client)).collect();
                write!(f, "{names} behind {nat}")?;
                match outer {
                    Some(outer) => write!(f, " behind {outer}"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
