//! A bound on faults in a row: the QUIC interop runner's way to say that chance must not be absurd.

/// Lets at most so many faults of one kind strike in a row; then a datagram passes, and the count begins anew.
///
/// Thirty percent of loss make six losses in a row once in 1,400 datagrams, and then one handshake of many takes seconds.
/// With a bound a test asks about the rate, and not about its tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunBound {
    /// Most in a row; 0 for endless.
    max: u16,
    length: u16,
}

impl RunBound {
    pub(crate) fn new(max: u16) -> Self {
        Self { max, length: 0 }
    }

    /// Whether the fault strikes that chance wants to strike, or not.
    pub(crate) fn strikes(&mut self, is_drawn: bool) -> bool {
        let is_over = self.max > 0 && self.length >= self.max;
        if !is_drawn || is_over {
            self.length = 0;
            return false;
        }
        self.length = self.length.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_so_many_strike_in_a_row() {
        let mut bound = RunBound::new(3);
        let struck: Vec<bool> = (0..9).map(|_| bound.strikes(true)).collect();
        assert_eq!(
            struck,
            [true, true, true, false, true, true, true, false, true]
        );
        assert!(!bound.strikes(false));
        let struck: Vec<bool> = (0..4).map(|_| bound.strikes(true)).collect();
        assert_eq!(struck, [true, true, true, false]);
    }

    #[test]
    fn without_a_bound_all_strike() {
        let mut endless = RunBound::default();
        assert!((0..100_000).all(|_| endless.strikes(true)));
    }
}
