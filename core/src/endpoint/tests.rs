use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::Endpoint;
use crate::{
    Arrival, ChannelId, CloseReason, Config, Entropy, Event, Farewell, Instant, ServerIdentity,
};

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
fn an_endpoint_that_calls_an_echo_hears_nobody() {
    for accepts in [false, true] {
        let mut now = Instant::from_millis(1);
        let config = Config::builder().accepts(accepts).build();
        let entropy = Entropy::from_seed(1);
        let mut endpoint = Endpoint::new(config.expect("defaults"), entropy, now);
        endpoint
            .connect(now, SERVER, ServerIdentity::TrustOnFirstUse)
            .expect("free");
        let event = loop {
            let mut buf = Vec::new();
            while endpoint.poll_transmit(now, &mut buf).is_some() {
                endpoint.handle_datagram(now, Arrival::game(SERVER), &mut buf);
                buf.clear();
            }
            if let Some(event) = endpoint.poll_event() {
                break event;
            }
            now = endpoint.poll_timeout().expect("the attempt ends");
            endpoint.handle_timeout(now);
        };
        let reason = CloseReason::HandshakeTimeout;
        assert!(
            matches!(&event, Event::Disconnected { reason: r, .. } if *r == reason),
            "{event:?}"
        );
        assert_eq!(endpoint.stats().attempts, 0);
    }
}
