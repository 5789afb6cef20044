//! What a party says and does: acts, each with a number and chance of its own, so that leaving one out changes no other.

use tickwire_core::{Farewell, SendError, SendOptions};
use tickwire_sim::{Rng, ms};

use super::Party;
use crate::manners::Change;
use crate::options;
use crate::swarm::ledger::{Side, channel};

/// An act's number is its tick, its host, which of the host's connections, and which of the acts there, as decimal digits.
const PER_TICK: u64 = 1_000;
/// What is no message.
const SOMETHING_ELSE: u64 = 9;
/// A change of manners.
const CHANGE: u64 = 8;
/// Such an act in so many is made.
const CHANGES_ONE_IN: u64 = 100;

impl Party {
    /// Everybody who is connected says something, or nobody does for a while.
    pub(super) fn chat(&mut self) -> Result<(), String> {
        let now = self.world.now();
        if self.ticks.below(self.silence) == 0 {
            self.silent_until = now + ms(self.ticks.between(100, 3_000));
        }
        let (from, to) = self.case.window;
        if now < self.silent_until || !(from..to).contains(&self.ms()) {
            return Ok(());
        }
        let mut before: Option<(Side, u64)> = None;
        for side in self.ledger.connected_by_host() {
            if self.world.is_down(side.host) {
                continue;
            }
            let nth = match before {
                Some((other, nth)) if other.host == side.host => nth + 1,
                _ => 0,
            };
            before = Some((side, nth));
            let host = self.hosts.iter().position(|host| *host == side.host);
            let host = host.unwrap_or_default() as u64;
            let first = self.tick * PER_TICK + host * 100 + nth.min(9) * 10;
            for act in first..first + self.rng.fork_nth("acts", first).below(3) {
                self.say_something(side, act)?;
            }
            self.change_manners(side, first + CHANGE);
            self.do_something_else(side, first + SOMETHING_ELSE);
        }
        Ok(())
    }

    /// Whether this act is one of those wanted; if so it is noted.
    fn wants(&mut self, act: u64) -> bool {
        let chosen = self.case.acts.as_ref();
        let wants = chosen.is_none_or(|acts| acts.binary_search(&act).is_ok());
        if wants {
            self.acts.push(act);
        }
        wants
    }

    fn say_something(&mut self, side: Side, act: u64) -> Result<(), String> {
        if !self.wants(act) {
            return Ok(());
        }
        let mut rng = self.rng.fork_nth("act", act);
        let number = u8::try_from(rng.below(4)).unwrap_or(0);
        let size = size(&mut rng, self.liars.contains(&side.host));
        let size = size.min(self.case.size_max).min(self.style.said_max());
        self.say(side, number, size, &options(&mut rng))?;
        Ok(())
    }

    pub(super) fn say(
        &mut self,
        side: Side,
        number: u8,
        size: usize,
        options: &SendOptions,
    ) -> Result<bool, String> {
        let world = &mut self.world;
        let mut refused = None;
        let said = self.ledger.say(side, number, size, options, |bytes| {
            world.act(side.host, |endpoint, now| {
                let sent = endpoint.send_with(now, side.peer, channel(number), bytes, options);
                refused = sent.err();
                refused.map_or(Ok(()), Err)
            })
        });
        match refused {
            // It ends, or has ended, and its owner does not know yet.
            Some(SendError::NotConnected | SendError::UnknownPeer) => Ok(false),
            Some(_) | None => said,
        }
    }

    /// Now and then another congestion controller, or other shares of a channel.
    fn change_manners(&mut self, side: Side, act: u64) {
        let mut rng = self.rng.fork_nth("act", act);
        if rng.below(CHANGES_ONE_IN) > 0 || !self.wants(act) {
            return;
        }
        let change = Change::drawn(&mut rng);
        self.world
            .act(side.host, |endpoint, _| change.make(endpoint, side.peer));
    }

    /// Rarely a ping, a probe of somebody else's address, a goodbye.
    fn do_something_else(&mut self, side: Side, act: u64) {
        let choice = self.rng.fork_nth("act", act).below(400);
        if choice > 40 || !self.wants(act) {
            return;
        }
        let seen = self.world.view(self.hosts[0]);
        let address = seen.peers().last().and_then(|peer| seen.peer_address(peer));
        self.world.act(side.host, |endpoint, now| match choice {
            0..20 => drop(endpoint.ping(now, side.peer)),
            20..40 => {
                if let Some(address) = address {
                    endpoint.probe(now, address);
                }
            }
            _ => endpoint.disconnect(now, side.peer, Farewell::new(1, "enough")),
        });
    }
}

/// Most messages have none.
fn options(rng: &mut Rng) -> SendOptions {
    if rng.chance(200) {
        return options::drawn(rng);
    }
    let mut options = SendOptions::new();
    options.receipt = rng.chance(100);
    options
}

/// Bytes of a message; a liar has much to say.
fn size(rng: &mut Rng, is_liar: bool) -> usize {
    let most = match rng.below(20) {
        0..=13 if is_liar => 4_000,
        0..=13 => 64,
        14..=18 => 1_200,
        _ => 9_000,
    };
    usize::try_from(rng.between(4, most)).unwrap_or(4)
}
