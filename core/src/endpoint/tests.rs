use core::time::Duration;

mod books;
mod ends;
mod frames;
mod hostile;
mod link;
mod pair;
mod timers;

use pair::Pair;

use crate::{ChannelId, Config, Event, Farewell};

#[test]
fn two_endpoints_connect_talk_and_part() {
    let mut pair = Pair::new(Config::builder(), Config::builder());
    let server = pair.dial();
    pair.run_for(Duration::from_millis(100));
    assert!(
        matches!(pair.client.events[..], [Event::Connected { server_key: Some(key), .. }] if key == pair.server.endpoint.public_key())
    );
    let [Event::Connected { peer: client, .. }] = pair.server.events[..] else {
        panic!("{:?}", pair.server.events)
    };
    for channel in 0..4 {
        let channel = ChannelId::new(channel);
        let sent = pair
            .client
            .endpoint
            .send(pair.now, server, channel, b"hello");
        sent.expect("connected");
        let sent = pair
            .server
            .endpoint
            .send(pair.now, client, channel, &[7; 5_000]);
        sent.expect("connected");
    }
    pair.run_for(Duration::from_millis(100));
    let count = |events: &[Event]| {
        events
            .iter()
            .filter(|event| matches!(event, Event::Message { .. }))
            .count()
    };
    assert_eq!(
        (count(&pair.client.events), count(&pair.server.events)),
        (4, 4)
    );
    pair.client
        .endpoint
        .disconnect(pair.now, server, Farewell::new(7, "bye"));
    pair.run_for(Duration::from_secs(30));
    assert!(matches!(
        pair.client.events.last(),
        Some(Event::Disconnected { undelivered: 0, .. })
    ));
    assert!(
        matches!(pair.server.events.last(), Some(Event::Disconnected { .. })),
        "{:?}",
        pair.server.events
    );
    assert_eq!(pair.server.endpoint.stats().peers_now, 0);
}
