//! A seed of the swarm, whole or with parts left out, as one short text: what a failure is replayed with.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "planted")]
use tickwire_core::Bug;
use tickwire_sim::Mix;

/// The variable that asks for one case: `4711:t0,9:c1:l1200:a12301,40000:s40`.
pub(super) const CASE: &str = "TICKWIRE_CASE";
/// The variable that plants a mistake by its name, with the feature `planted`.
#[cfg(feature = "planted")]
pub(super) const BUG: &str = "TICKWIRE_BUG";

/// A seed, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) seed: u64,
    /// Numbers of the troubles kept.
    pub(super) troubles: Vec<usize>,
    /// Numbers of the clients that take part.
    pub(super) clients: Vec<usize>,
    /// Numbers of the hosts that have the manners that were drawn for them.
    pub(super) manners: Vec<usize>,
    /// When the faults end at the latest, in milliseconds.
    pub(super) length: u64,
    /// When somebody says something: from and to, in milliseconds.
    pub(super) window: (u64, u64),
    /// Numbers of what is said and done, in order; `None` for all.
    pub(super) acts: Option<Vec<u64>>,
    /// Bytes of a message.
    pub(super) size_max: usize,
    /// How long all may take to be well again once the faults have ended, in milliseconds, if that is less than is promised.
    pub(super) recovery: u64,
    #[cfg(feature = "planted")]
    pub(super) bug: Option<Bug>,
}

/// Longer than any mix.
const ALWAYS: u64 = 100_000;

impl Case {
    /// All of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mix = Mix::draw(seed);
        Self {
            seed,
            troubles: (0..mix.troubles().len()).collect(),
            clients: (1..mix.hosts()).collect(),
            manners: (0..mix.hosts()).collect(),
            length: ALWAYS,
            window: (0, ALWAYS),
            acts: None,
            size_max: usize::MAX,
            recovery: ALWAYS,
            #[cfg(feature = "planted")]
            bug: None,
        }
    }

    /// What the environment asks for, if anything.
    pub(super) fn asked() -> Option<Self> {
        let text = std::env::var(CASE).ok()?;
        let case: Result<Self, String> = text.parse();
        let case = case.unwrap_or_else(|wrong| panic!("{CASE}={text}: {wrong}"));
        #[cfg(feature = "planted")]
        let case = Self {
            bug: asked_bug(),
            ..case
        };
        Some(case)
    }

    /// The mix with the troubles kept.
    pub(super) fn mix(&self) -> Mix {
        Mix::draw(self.seed).only(&self.troubles)
    }

    /// What a person pastes to see it again.
    pub(super) fn command(&self) -> String {
        let profile = if cfg!(debug_assertions) {
            ""
        } else {
            " --release"
        };
        let feature = if cfg!(feature = "planted") {
            " --features planted"
        } else {
            ""
        };
        #[cfg(feature = "planted")]
        let bug = self
            .bug
            .map_or(String::new(), |bug| format!("{BUG}={bug:?} "));
        #[cfg(not(feature = "planted"))]
        let bug = "";
        format!("{bug}{CASE}={self} cargo test{profile} -p tickwire-tests{feature} swarm::promises")
    }
}

/// The mistake that the environment asks for.
#[cfg(feature = "planted")]
pub(super) fn asked_bug() -> Option<Bug> {
    let name = std::env::var(BUG).ok()?;
    let named = |bug: &&Bug| format!("{bug:?}") == name;
    let found = Bug::ALL.iter().find(named);
    Some(*found.unwrap_or_else(|| panic!("{BUG}={name}: there is none of that name")))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |numbers: &[usize]| {
            let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
            texts.join(",")
        };
        let whole = Self::of(self.seed);
        write!(f, "{}", self.seed)?;
        if self.troubles != whole.troubles {
            write!(f, ":t{}", list(&self.troubles))?;
        }
        if self.clients != whole.clients {
            write!(f, ":c{}", list(&self.clients))?;
        }
        if self.manners != whole.manners {
            write!(f, ":m{}", list(&self.manners))?;
        }
        if self.length != whole.length {
            write!(f, ":l{}", self.length)?;
        }
        if self.window != whole.window {
            write!(f, ":w{}-{}", self.window.0, self.window.1)?;
        }
        if let Some(acts) = &self.acts {
            let texts: Vec<String> = acts.iter().map(u64::to_string).collect();
            write!(f, ":a{}", texts.join(","))?;
        }
        if self.size_max != whole.size_max {
            write!(f, ":s{}", self.size_max)?;
        }
        if self.recovery != whole.recovery {
            write!(f, ":r{}", self.recovery)?;
        }
        Ok(())
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let number: Result<u64, _> = text.parse();
            number.map_err(|_| format!("{text:?} is no number"))
        };
        let long_list = |text: &str| -> Result<Vec<u64>, String> {
            let texts = text.split(',').filter(|text| !text.is_empty());
            texts.map(number).collect()
        };
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let list = |text: &str| -> Result<Vec<usize>, String> {
            Ok(long_list(text)?.into_iter().map(size).collect())
        };
        let mut parts = text.split(':');
        let mut case = Self::of(number(parts.next().unwrap_or_default())?);
        for part in parts {
            match part.split_at_checked(1) {
                Some(("t", rest)) => case.troubles = list(rest)?,
                Some(("c", rest)) => case.clients = list(rest)?,
                Some(("m", rest)) => case.manners = list(rest)?,
                Some(("l", rest)) => case.length = number(rest)?,
                Some(("a", rest)) => case.acts = Some(long_list(rest)?),
                Some(("s", rest)) => case.size_max = size(number(rest)?),
                Some(("r", rest)) => case.recovery = number(rest)?,
                Some(("w", rest)) => {
                    let (from, to) = rest.split_once('-').ok_or("a window is FROM-TO")?;
                    case.window = (number(from)?, number(to)?);
                }
                _ => return Err(format!("{part:?} is neither of t, c, m, l, w, a, s, r")),
            }
        }
        Ok(case)
    }
}

#[test]
fn a_case_survives_its_text() {
    let whole = Case::of(7);
    assert_eq!(whole.to_string(), "7");
    let mut least = whole.clone();
    least.troubles = vec![0, 2];
    (least.clients, least.manners) = (vec![1], vec![]);
    (least.length, least.window) = (1_200, (300, 900));
    (least.acts, least.size_max) = (Some(vec![12_301, 40_000]), 40);
    least.recovery = 5_000;
    assert_eq!(least.to_string().parse(), Ok(least));
    assert_eq!("7".parse(), Ok(whole));
    assert!("7:x1".parse::<Case>().is_err());
}
