//! The simulator's own source of chance: small, seeded and the same on every platform.
//!
//! Whoever needs chance forks a stream of their own by label, so one more draw somewhere does not
//! shift what happens everywhere else.

/// SplitMix64 (Steele, Lea and Flood 2014): 64 bits of state, every seed is good.
#[derive(Clone, Debug)]
pub struct Rng {
    seed: u64,
    state: u64,
}

impl Rng {
    /// The stream of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// A stream of its own for `label`. It depends on the seed and the label, not on what was drawn before.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let mut seed = self.seed;
        for byte in label.bytes() {
            seed = mix(seed.wrapping_add(GOLDEN_GAMMA) ^ u64::from(byte));
        }
        Self::new(seed)
    }

    /// As [`fork`](Self::fork), for the `number`-th of several users of one label.
    #[must_use]
    pub fn fork_nth(&self, label: &str, number: u64) -> Self {
        Self::new(mix(self.fork(label).seed ^ mix(number)))
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }

    /// A number below `bound`, or 0 if that is 0. Off from uniform by less than `bound` in 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("64 bits are left")
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below((high - low).saturating_add(1))
    }

    /// A number with the exponential distribution of this mean: the time between events that come by chance and do not
    /// know of each other. Never above 44 times the mean.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        // -ln(u) = ln 2 * -log2(u), with -log2(u) in 16 binary places.
        let places = u128::from(64 * ONE - log2(self.draw() | 1));
        let scaled = (u128::from(mean) * places * LN_2_PPB) / (1_000_000_000 * u128::from(ONE));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    /// True in `permille` of 1,000 draws.
    pub fn chance(&mut self, permille: u16) -> bool {
        self.below(1_000) < u64::from(permille)
    }
}

/// One, in the fixed-point numbers of [`log2`].
const ONE: u64 = 1 << 16;

/// The natural logarithm of 2, in parts per billion.
const LN_2_PPB: u128 = 693_147_181;

/// The binary logarithm with 16 binary places; `number` is not 0. One place for each squaring of the mantissa (Clay
/// Turner 2010, "A fast binary logarithm algorithm").
fn log2(number: u64) -> u64 {
    let whole = u64::from(number.ilog2());
    // 1 <= mantissa < 2, with 63 binary places.
    let mut mantissa = number << (63 - whole);
    let mut places = 0;
    for _ in 0..16 {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let is_two_or_more = square >> 127 == 1;
        let shift = if is_two_or_more { 64 } else { 63 };
        mantissa = u64::try_from(square >> shift).expect("less than 2^64");
        places = places << 1 | u64::from(is_two_or_more);
    }
    whole * ONE + places
}

/// The odd constant of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64: a bijection that spreads every bit over all bits.
const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_of_a_seed_are_those_of_the_reference() {
        let mut rng = Rng::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| rng.draw()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_fork_does_not_depend_on_what_was_drawn_before() {
        let mut rng = Rng::new(7);
        let before = rng.fork("link").draw();
        rng.draw();
        assert_eq!(rng.fork("link").draw(), before);
    }

    #[test]
    fn forks_of_other_labels_and_numbers_differ() {
        let rng = Rng::new(7);
        let mut first = [
            rng.fork("link").draw(),
            rng.fork("host").draw(),
            rng.fork_nth("link", 0).draw(),
            rng.fork_nth("link", 1).draw(),
        ];
        first.sort_unstable();
        assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn chance_keeps_its_word() {
        let mut rng = Rng::new(7);
        let hits = (0..100_000).filter(|_| rng.chance(100)).count();
        assert!((9_700..10_300).contains(&hits), "{hits} of 10,000 expected");
        assert!(!(0..1_000).any(|_| rng.chance(0)));
        assert!((0..1_000).all(|_| rng.chance(1_000)));
    }

    #[test]
    fn logarithms_are_right_to_four_digits() {
        assert_eq!(log2(1), 0);
        assert_eq!(log2(1 << 40), 40 * ONE);
        // log2(3) = 1.58496, log2(1000) = 9.96578
        assert_eq!(log2(3) * 10_000 / ONE, 15_849);
        assert_eq!(log2(1_000) * 10_000 / ONE, 99_657);
    }

    #[test]
    fn exponential_times_have_the_mean_and_the_tail_asked_for() {
        let mut rng = Rng::new(7);
        let times: Vec<u64> = (0..100_000).map(|_| rng.exponential(1_000)).collect();
        let mean = times.iter().sum::<u64>() / 100_000;
        assert!((980..1_020).contains(&mean), "{mean}");
        // e^-3 = 0.0498 of them are longer than three times the mean.
        let long = times.iter().filter(|time| **time > 3_000).count();
        assert!((4_700..5_250).contains(&long), "{long}");
    }

    #[test]
    fn between_reaches_both_ends() {
        let mut rng = Rng::new(7);
        let drawn: Vec<u64> = (0..100).map(|_| rng.between(3, 5)).collect();
        for wanted in 3..=5 {
            assert!(drawn.contains(&wanted));
        }
        assert!(drawn.iter().all(|number| (3..=5).contains(number)));
    }
}
