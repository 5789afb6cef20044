//! One channel for all, late ticks, full queues.

use super::*;

#[test]
fn an_override_sends_everything_on_one_channel() {
    let mut table = Table::new(GameConfig {
        channel_override: Some(EVENTS),
        ..GameConfig::default()
    });
    table.join(peer(0), "Ann");
    table.tick();
    table.said();
    table.tick();
    assert_eq!(table.said(), ["p0.0 ch2: snapshot 1 of [1]"]);
    assert_ne!(EVENTS, STATE);

    let mut table = Table::of(&["Ann"]);
    table.server.send_on(
        To::All,
        SHOTS,
        &Message::GameOver {
            winner: PlayerId::new(1),
        },
    );
    assert_eq!(table.said(), ["p0.0 ch1 #2: player 1 won"]);
}

#[test]
fn tick_health_counts_late_and_skipped_steps() {
    let mut server = GameServer::new(GameConfig::default());
    server.handle_tick(0, 0, Duration::from_millis(16));
    server.handle_tick(4, 3, Duration::from_millis(17));
    let stats = server.stats();
    assert_eq!(
        (stats.ticks, stats.ticks_skipped, stats.ticks_late),
        (2, 3, 1)
    );
    assert_eq!(stats.tick_late_max_us, 17_000);
}

/// An endpoint whose reliable queue to one peer is full.
#[derive(Default)]
struct Crowded {
    full: Option<PeerId>,
    calls: Vec<String>,
}

impl Outlet for Crowded {
    fn send(&mut self, peer: PeerId, channel: ChannelId, _: &[u8]) -> Result<(), SendError> {
        if self.full == Some(peer) && channel == EVENTS {
            return Err(SendError::QueueFull);
        }
        self.calls.push(format!("{peer} {channel}"));
        Ok(())
    }

    fn disconnect(&mut self, peer: PeerId, farewell: Farewell) {
        self.calls.push(format!("{peer} off: {farewell}"));
    }

    fn flush(&mut self) {
        self.calls.push("flush".to_string());
    }

    fn peer_stats(&self, _: PeerId) -> Option<PeerStats> {
        None
    }

    fn set_players(&mut self, players: u32) {
        self.calls.push(format!("{players} players"));
    }
}

#[test]
fn a_player_that_cannot_take_an_event_is_dismissed_and_announced_never_skipped() {
    let mut table = Table::of(&["Ann", "Ben"]);
    let mut outlet = Crowded {
        full: Some(peer(0)),
        ..Crowded::default()
    };
    table.say(peer(1), &Message::ScoreUpdate { score: 1 });
    let tick = Event::Tick {
        tick: 0,
        skipped: 0,
        late: Duration::ZERO,
    };
    table.server.run(&tick, &mut outlet);
    assert_eq!(
        outlet.calls,
        vec![
            "p1.0 ch2",
            "p0.0 ch0",
            "p1.0 ch0",
            "p1.0 ch2",
            "p0.0 off: too slow: the queue of events is full (code 4)",
            "1 players",
            "flush",
        ]
    );
    assert_eq!(table.server.stats().players_queue_full, 1);
}

#[test]
fn buffers_are_reused_once_they_have_grown() {
    let mut table = Table::of(&["Ann", "Ben"]);
    let pointer_of_tick = |table: &mut Table| {
        table.tick();
        let outgoing = table.server.poll_send().expect("a snapshot");
        let pointer = outgoing.payload.as_ptr();
        while table.server.poll_send().is_some() {}
        pointer
    };
    let first = pointer_of_tick(&mut table);
    for _ in 0..100 {
        assert_eq!(pointer_of_tick(&mut table), first);
    }
}
