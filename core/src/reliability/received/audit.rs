//! What no state of the receiving half may be.

use super::Received;
use crate::audit::{Checked, at_most, holds};

impl Received {
    pub(crate) fn audit(&self) -> Checked {
        let Some(largest) = self.largest else {
            return holds(
                6,
                "nothing to report of nothing",
                self.unreported_from.is_none(),
            );
        };
        holds(6, "the largest number is seen", self.is_seen(largest))?;
        at_most(6, "unreported", self.unreported_from.unwrap_or(0), largest)?;
        let is_timed = self.ack_deadline(None).is_some();
        let is_owed = self.unreported_from.is_some();
        holds(
            9,
            "a deadline for what is to be acknowledged",
            is_timed == is_owed,
        )
    }
}
