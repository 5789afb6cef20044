//! Marks of congestion (RFC 3168): who sets them, and who destroys them on the way.
//!
//! A sender says that it understands marks: ECT(0) or ECT(1). A queue that would drop such a datagram marks it instead, CE. So
//! much is the [`Rate`](super::rate::Rate)'s part. But paths were found that do other things, and an endpoint that believes in
//! marks has to see that they work (RFC 9000 section 13.4.2): that is [`EcnPath`].

use std::fmt;

use tickwire_core::Ecn;

use crate::faults::DropCause;

/// What a link does to marks of congestion, whatever waits before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcnPath {
    /// Takes every mark away, CE too, as routers do that rewrite the whole octet the marks are in.
    Bleach,
    /// Loses every datagram that has one.
    Drop,
    /// Makes ECT(1) of ECT(0), and the other way round.
    Swap,
    /// Makes CE of ECT, congested or not.
    Mark,
}

impl EcnPath {
    /// The mark that a datagram has behind the link.
    pub(crate) fn meet(self, ecn: Option<Ecn>) -> Result<Option<Ecn>, DropCause> {
        Ok(match (self, ecn) {
            (Self::Drop, Some(_)) => return Err(DropCause::Ecn),
            (Self::Bleach, _) => None,
            (Self::Swap, Some(Ecn::Ect0)) => Some(Ecn::Ect1),
            (Self::Swap, Some(Ecn::Ect1)) => Some(Ecn::Ect0),
            (Self::Mark, Some(_)) => Some(Ecn::Ce),
            (Self::Drop | Self::Swap | Self::Mark, None) | (Self::Swap, Some(Ecn::Ce)) => ecn,
        })
    }
}

impl fmt::Display for EcnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bleach => "ECN bleached",
            Self::Drop => "ECN dropped",
            Self::Swap => "ECN swapped",
            Self::Mark => "ECN always CE",
        })
    }
}

/// As people read it, for what a trace says of a datagram.
pub(crate) fn name(ecn: Option<Ecn>) -> &'static str {
    match ecn {
        None => "Not-ECT",
        Some(Ecn::Ect0) => "ECT(0)",
        Some(Ecn::Ect1) => "ECT(1)",
        Some(Ecn::Ce) => "CE",
    }
}

/// What a queue can mark.
pub(crate) trait Markable {
    /// Marks it as CE; false if its sender does not understand marks, so that it has to be dropped instead.
    fn mark(&mut self) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_does_to_each_mark_what_it_says() {
        let all = [None, Some(Ecn::Ect0), Some(Ecn::Ect1), Some(Ecn::Ce)];
        let names = |path: EcnPath| all.map(|ecn| path.meet(ecn).map_or("lost", name));
        assert_eq!(names(EcnPath::Bleach), ["Not-ECT"; 4]);
        assert_eq!(names(EcnPath::Drop), ["Not-ECT", "lost", "lost", "lost"]);
        assert_eq!(names(EcnPath::Swap), ["Not-ECT", "ECT(1)", "ECT(0)", "CE"]);
        assert_eq!(names(EcnPath::Mark), ["Not-ECT", "CE", "CE", "CE"]);
    }
}
