//! A client moves to another socket: RFC 9000 section 9.2.
//!
//! From then on everything leaves by the new socket. The server is asked to say eight bytes back: its answer comes to where the
//! question came from, so it proves that the new way works in both directions. That the server follows is its own affair
//! (`migration`): it hears newer packets from the new address, and asks that to prove itself.
//!
//! Where we differ from section 9.2: the new way is used at once, not when it is proven. Who rebinds has usually lost the old
//! way, and a round trip less of silence is worth more than a try that fails.

use alloc::boxed::Box;
use core::time::Duration;

use super::{Path, PathFrames, Patience, Way};
use crate::repeat::Repeat;
use crate::rng::SecretRng;
use crate::saved::saved;
use crate::time::Instant;
use crate::wire::frame::PathData;

/// The question whether the new way works.
#[derive(Debug)]
pub(crate) struct Rebinding {
    way: Way,
    data: PathData,
    repeat: Repeat,
    asked_at: Option<Instant>,
    give_up_at: Instant,
    /// The way leads through another network, as far as known.
    is_other_network: bool,
}

saved!(Rebinding {
    way,
    data,
    repeat,
    asked_at,
    give_up_at,
    is_other_network
});

impl Rebinding {
    pub(super) const fn challenge_at(&self) -> Instant {
        self.repeat.at
    }

    pub(super) const fn give_up_at(&self) -> Instant {
        self.give_up_at
    }
}

impl Path {
    /// We moved: from here on everything goes `way`. One that is under way already begins anew.
    pub(crate) fn rebind(
        &mut self,
        now: Instant,
        way: Way,
        is_other_network: bool,
        patience: Patience,
        rng: &mut SecretRng,
    ) {
        let mut data = [0; 8];
        rng.fill(&mut data);
        self.owed = None;
        self.counts.asked += 1;
        self.rebinding = Some(Box::new(Rebinding {
            way,
            data,
            repeat: Repeat::new(now, patience.interval),
            asked_at: None,
            give_up_at: now + patience.limit,
            is_other_network,
        }));
    }

    /// Whether the server has not answered yet.
    pub(crate) const fn is_rebinding(&self) -> bool {
        self.rebinding.is_some()
    }

    /// The server's answer, if this is it: how long it took, and whether the network is another one.
    pub(crate) fn on_answer(&mut self, now: Instant, data: PathData) -> Option<(Duration, bool)> {
        let rebinding = self.rebinding.as_deref()?;
        let asked_at = rebinding.asked_at.filter(|_| rebinding.data == data)?;
        let is_other_network = rebinding.is_other_network;
        self.rebinding = None;
        self.counts.changed += 1;
        Some((now.saturating_duration_since(asked_at), is_other_network))
    }

    pub(super) fn poll_rebinding(&mut self, now: Instant) -> Option<PathFrames> {
        let rebinding = self.rebinding.as_deref_mut()?;
        if rebinding.repeat.at > now {
            return None;
        }
        rebinding.repeat.advance(now);
        let begins_rebinding = rebinding.asked_at.replace(now).is_none();
        let owed = self.owed.take();
        Some(PathFrames {
            way: rebinding.way,
            response: owed.map(|owed| owed.data),
            challenge: Some(rebinding.data),
            begins_rebinding,
        })
    }
}
