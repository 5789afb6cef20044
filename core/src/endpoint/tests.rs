use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::Endpoint;
use crate::{Arrival, ChannelId, Config, Entropy, Event, Farewell, Instant, ServerIdentity};

const CLIENT: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7000);
const SERVER: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 7000);

/// Two endpoints whose datagrams arrive at once.
struct Pair {
    now: Instant,
    client: Endpoint,
    server: Endpoint,
    client_events: Vec<Event>,
    server_events: Vec<Event>,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let config = Config::builder().build().expect("defaults");
        let accepting = Config::builder().accepts(true).build().expect("defaults");
        Self {
            now,
            client: Endpoint::new(config, Entropy::from_seed(1), now),
            server: Endpoint::new(accepting, Entropy::from_seed(2), now),
            client_events: vec![],
            server_events: vec![],
        }
    }

    fn exchange(&mut self) {
        for _ in 0..100 {
            let is_quiet = !carry(self.now, &mut self.client, &mut self.server, CLIENT)
                & !carry(self.now, &mut self.server, &mut self.client, SERVER);
            self.client_events
                .extend(core::iter::from_fn(|| self.client.poll_event()));
            self.server_events
                .extend(core::iter::from_fn(|| self.server.poll_event()));
            if is_quiet {
                return;
            }
        }
        panic!("the endpoints never fall silent");
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.exchange();
            let next = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            assert!(next > self.now, "busy loop at {}", self.now);
            if next >= end {
                self.now = end;
                return;
            }
            self.now = next;
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
    }
}

/// Carries all datagrams of one endpoint to the other; returns whether there were any.
fn carry(now: Instant, from: &mut Endpoint, to: &mut Endpoint, address: SocketAddr) -> bool {
    let mut buf = Vec::new();
    let mut any = false;
    while from.poll_transmit(now, &mut buf).is_some() {
        to.handle_datagram(now, Arrival::game(address), &mut buf);
        buf.clear();
        any = true;
    }
    any
}

#[test]
fn two_endpoints_connect_talk_and_part() {
    let mut pair = Pair::new();
    let server = pair
        .client
        .connect(pair.now, SERVER, ServerIdentity::TrustOnFirstUse)
        .expect("free");
    pair.run_for(Duration::from_millis(100));
    assert!(
        matches!(pair.client_events[..], [Event::Connected { server_key: Some(key), .. }] if key == pair.server.public_key())
    );
    let [Event::Connected { peer: client, .. }] = pair.server_events[..] else {
        panic!("{:?}", pair.server_events)
    };
    for channel in 0..4 {
        pair.client
            .send(pair.now, server, ChannelId::new(channel), b"hello")
            .expect("connected");
        pair.server
            .send(pair.now, client, ChannelId::new(channel), &[7; 5_000])
            .expect("connected");
    }
    pair.run_for(Duration::from_millis(100));
    let count = |events: &[Event]| {
        events
            .iter()
            .filter(|event| matches!(event, Event::Message { .. }))
            .count()
    };
    assert_eq!(
        (count(&pair.client_events), count(&pair.server_events)),
        (4, 4)
    );
    pair.client
        .disconnect(pair.now, server, Farewell::new(7, "bye"));
    pair.run_for(Duration::from_secs(30));
    assert!(matches!(
        pair.client_events.last(),
        Some(Event::Disconnected { undelivered: 0, .. })
    ));
    assert!(
        matches!(pair.server_events.last(), Some(Event::Disconnected { .. })),
        "{:?}",
        pair.server_events
    );
    assert_eq!(pair.server.stats().peers_now, 0);
}

#[test]
fn two_sides_that_part_at_once_fall_silent() {
    let mut pair = Pair::new();
    let server = pair
        .client
        .connect(pair.now, SERVER, ServerIdentity::TrustOnFirstUse)
        .expect("free");
    pair.run_for(Duration::from_millis(100));
    let client = pair.server.peers().next().expect("connected");
    pair.client
        .disconnect(pair.now, server, Farewell::new(1, "I leave"));
    pair.server
        .disconnect(pair.now, client, Farewell::new(2, "I close"));
    let before = pair.client.stats().datagrams_sent + pair.server.stats().datagrams_sent;
    pair.run_for(Duration::from_secs(1));
    let after = pair.client.stats().datagrams_sent + pair.server.stats().datagrams_sent;
    assert!(after - before <= 4, "{} datagrams", after - before);
}

#[test]
fn nothing_that_comes_late_follows_the_end_of_a_connection() {
    let mut pair = Pair::new();
    let server = pair
        .client
        .connect(pair.now, SERVER, ServerIdentity::TrustOnFirstUse)
        .expect("free");
    pair.run_for(Duration::from_millis(100));
    pair.server_events.clear();
    pair.client
        .send(pair.now, server, ChannelId::new(2), b"too late")
        .expect("connected");
    pair.client.flush(pair.now);
    let mut late = Vec::new();
    let transmit = pair.client.poll_transmit(pair.now, &mut late);
    assert!(transmit.is_some());

    // The server's owner is slow: the end waits to be polled when the packet comes.
    let now = pair.now + Duration::from_secs(60);
    pair.server.handle_timeout(now);
    pair.server
        .handle_datagram(now, Arrival::game(CLIENT), &mut late);
    let events: Vec<Event> = core::iter::from_fn(|| pair.server.poll_event()).collect();
    assert!(
        matches!(events[..], [Event::Disconnected { .. }]),
        "{events:?}"
    );
    assert_eq!(pair.server.stats().drops.unknown_connection, 1);
}
