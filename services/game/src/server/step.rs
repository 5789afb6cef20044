//! What the server does once a tick.

use core::time::Duration;

use tickwire_core::PeerId;

use super::{GameServer, To};
use crate::farewell::Dismissal;
use crate::message::Message;
use crate::name::PlayerId;
use crate::outlet::Outlet;
use crate::server::player::Player;
use crate::snapshot::Snapshot;

impl GameServer {
    /// One step: dismisses the silent, announces points and sends the snapshot. `tick`, `skipped` and
    /// `late` as in [`Event::Tick`](tickwire_core::Event::Tick).
    pub fn handle_tick(&mut self, tick: u64, skipped: u64, late: Duration) {
        self.note_tick(skipped, late);
        self.dismiss_silent();
        self.announce_scores();
        self.send_snapshot(tick);
    }

    /// Asks how many authenticated datagrams came of each player.
    pub(super) fn listen(&mut self, outlet: &impl Outlet) {
        for player in self.players.iter_mut() {
            if let Some(stats) = outlet.peer_stats(player.peer) {
                player.hear(stats.datagrams_received);
            }
        }
    }

    fn note_tick(&mut self, skipped: u64, late: Duration) {
        let step = Duration::from_secs(1) / self.config.tick_rate_hz.get();
        let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.stats.ticks += 1;
        self.stats.ticks_skipped += skipped;
        self.stats.ticks_late += u64::from(late > step / 2);
        self.stats.tick_late_max_us = self.stats.tick_late_max_us.max(late_us);
    }

    fn dismiss_silent(&mut self) {
        let silence_max = self.ticks_in(self.config.silence_max);
        let join_time_max = self.ticks_in(self.config.join_time_max);
        while let Some(peer) = self.find_silent(silence_max) {
            self.remove(peer);
            self.stats.players_silent += 1;
            self.dismiss(peer, Dismissal::Silent);
        }
        for player in self.players.iter_mut() {
            player.silent_ticks += 1;
            player.shots_this_tick = 0;
        }
        let dismissals = &mut self.dismissals;
        self.waiting.retain(|peer, ticks| {
            *ticks += 1;
            let in_time = *ticks <= join_time_max;
            if !in_time {
                dismissals.push_back((*peer, Dismissal::NoJoin));
            }
            in_time
        });
    }

    fn find_silent(&self, silence_max: u32) -> Option<PeerId> {
        let silent = |player: &&Player| player.silent_ticks >= silence_max;
        self.players.iter().find(silent).map(|player| player.peer)
    }

    /// Whole ticks in `time`, at least one.
    fn ticks_in(&self, time: Duration) -> u32 {
        let ticks = time.as_millis() * u128::from(self.config.tick_rate_hz.get()) / 1_000;
        u32::try_from(ticks).unwrap_or(u32::MAX).max(1)
    }

    fn announce_scores(&mut self) {
        while let Some((id, score)) = self.take_changed_score() {
            self.send(To::All, &Message::PlayerScored { id, score });
        }
        let Some(score_to_win) = self.config.score_to_win else {
            return;
        };
        if self.winner.is_none()
            && let Some(leader) = self.leader()
            && leader.score >= score_to_win
        {
            self.decide(leader.id);
        }
    }

    fn take_changed_score(&mut self) -> Option<(PlayerId, u32)> {
        let changed = |player: &&mut Player| player.score != player.score_announced;
        let player = self.players.iter_mut().find(changed)?;
        player.score_announced = player.score;
        Some((player.id, player.score))
    }

    fn send_snapshot(&mut self, tick: u64) {
        let mut records = core::mem::take(&mut self.records);
        let states = self.players.iter().map(Player::state);
        let snapshot = Snapshot::write(tick, states, &mut records);
        self.send(To::All, &Message::StateSnapshot(snapshot));
        self.records = records;
        self.stats.snapshots_sent += u64::from(self.players_now());
    }
}
