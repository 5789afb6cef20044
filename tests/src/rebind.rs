//! A client that moves to another socket by itself keeps its connection, and learns how that goes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tickwire_core::{ChannelId, Config, Delivery, Event, RebindError, RebindStage, ServerIdentity};
use tickwire_sim::seeds::{for_seeds, usually};
use tickwire_sim::{Link, Nat, NatId, Oracle, Pair, Ports};
use tickwire_tokio::{Handle, Options, RebindFailure, bind};

use crate::conversation::channel;

const TICK: Duration = Duration::from_millis(20);
const LATENCY: Duration = Duration::from_millis(25);
/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn not_the_end(event: &Event) {
    if let Event::Disconnected { reason, .. } = event {
        panic!("disconnected: {reason}");
    }
}

/// A client whose own address shows as another one each time that it moves, and its server.
struct Mover {
    pair: Pair,
    nat: NatId,
    up: Oracle,
    stages: Vec<RebindStage>,
}

impl Mover {
    fn new(seed: u64, link: Link) -> Self {
        let mut pair = Pair::new(seed).link(link);
        let nat = pair.world.add_nat(Nat::new().ports(Ports::Random));
        pair.world.put_behind(pair.client, nat);
        Self {
            pair: pair.connect(),
            nat,
            up: Oracle::new(Delivery::Ordered),
            stages: Vec::new(),
        }
    }

    /// Another socket is another port, or another address.
    fn rebind(&mut self, is_other_network: bool) {
        match is_other_network {
            true => self.pair.world.renumber_nat(self.nat),
            false => self.pair.world.rebind_nat(self.nat),
        }
        let (world, client) = (&mut self.pair.world, self.pair.client);
        let moving = world.act(client, |endpoint, now| {
            endpoint.rebind(now, is_other_network)
        });
        assert_eq!(moving, Ok(1));
    }

    fn tick(&mut self) {
        let (ordered, pair) = (channel(Delivery::Ordered), &mut self.pair);
        let sent = self
            .up
            .send(100, |message| pair.send_to_server(ordered, message));
        sent.expect("the queue has room");
        self.run(TICK);
    }

    fn run(&mut self, time: Duration) {
        self.pair.run_for(time);
        for event in self.pair.server_events() {
            not_the_end(&event);
            if let Event::Message { payload, .. } = event {
                self.up.on_received(&payload).expect("once and in order");
            }
        }
        for event in self.pair.client_events() {
            not_the_end(&event);
            if let Event::Rebinding { stage, .. } = event {
                self.stages.push(stage);
            }
        }
    }

    fn is_rebinding(&self) -> bool {
        self.pair.world.view(self.pair.client).is_rebinding()
    }
}

#[test]
fn a_client_that_moves_hears_how_it_goes() {
    for is_other_network in [false, true] {
        let mut mover = Mover::new(1, Link::new().latency(LATENCY));
        (0..10).for_each(|_| mover.tick());
        mover.rebind(is_other_network);
        assert!(mover.is_rebinding());
        (0..10).for_each(|_| mover.tick());
        let rtt = Duration::from_millis(50);
        let expected = [
            RebindStage::Started,
            RebindStage::Validating,
            RebindStage::Done { rtt },
        ];
        assert_eq!(mover.stages, expected);
        assert!(!mover.is_rebinding());
        mover.run(Duration::from_secs(1));
        mover.up.complete().expect("all that was said");
        let stats = mover.pair.server_stats();
        assert_eq!(stats.expect("connected").path_changes, 1);
    }
}

#[test]
fn a_move_to_where_nobody_answers_fails_and_the_next_one_helps() {
    let mut mover = Mover::new(1, Link::new().latency(LATENCY));
    mover.tick();
    let (left, right) = ([mover.pair.server], [mover.pair.client]);
    mover.pair.world.partition(&left, &right);
    mover.rebind(true);
    (0..200).for_each(|_| mover.tick());
    assert_eq!(mover.stages.last(), Some(&RebindStage::Failed));
    assert!(!mover.is_rebinding());
    mover.pair.heal();
    mover.stages.clear();
    mover.rebind(true);
    mover.run(Duration::from_secs(3));
    assert!(matches!(
        mover.stages.last(),
        Some(RebindStage::Done { .. })
    ));
    mover.up.complete().expect("all that was said");
}

#[test]
fn nothing_reliable_is_lost_while_a_client_moves_every_500_ms() {
    for_seeds(usually(20), |seed| {
        let link = Link::new().latency(LATENCY).loss(50);
        let mut mover = Mover::new(seed, link);
        for tick in 0..200 {
            if tick % 25 == 24 {
                mover.rebind(tick % 50 == 24);
            }
            mover.tick();
        }
        mover.run(Duration::from_secs(3));
        mover.up.complete().expect("all that was said");
        let done = |stage: &&RebindStage| matches!(stage, RebindStage::Done { .. });
        assert!(mover.stages.iter().filter(done).count() >= 6);
    });
}

#[test]
fn a_server_does_not_move() {
    let mut mover = Mover::new(1, Link::new().latency(LATENCY));
    let (world, server) = (&mut mover.pair.world, mover.pair.server);
    let refused = world.act(server, |endpoint, now| endpoint.rebind(now, true));
    assert_eq!(refused, Err(RebindError::Serving));
}

fn open(accepts: bool) -> Handle {
    let config = Config::builder().accepts(accepts);
    bind(Options::new(config).game(any_port())).expect("a free port")
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn next(handle: &Handle) -> Event {
    let event = tokio::time::timeout(PATIENCE, handle.next_event()).await;
    event.expect("waited in vain").expect("the endpoint runs")
}

#[tokio::test]
async fn on_real_sockets_a_client_moves_and_what_it_says_arrives() {
    let (server, client) = (open(true), open(false));
    let identity = ServerIdentity::Known(server.public_key());
    let peer = client
        .connect(server.local_addr(), identity)
        .expect("a fresh client");
    assert!(matches!(next(&client).await, Event::Connected { .. }));
    let ordered = ChannelId::new(channel(Delivery::Ordered));
    let mut oracle = Oracle::new(Delivery::Ordered);
    let mut ports = vec![client.local_addr()];
    for _ in 0..5 {
        let moved = client.rebind(any_port()).expect("a free port");
        assert_eq!(client.local_addr(), moved);
        assert!(!ports.contains(&moved), "another port");
        ports.push(moved);
        for _ in 0..20 {
            let sent = oracle.send(500, |message| client.send(peer, ordered, message));
            sent.expect("the queue has room");
        }
        client.flush();
        loop {
            let Event::Rebinding { stage, .. } = next(&client).await else {
                continue;
            };
            assert_ne!(stage, RebindStage::Failed);
            if matches!(stage, RebindStage::Done { .. }) {
                break;
            }
        }
    }
    let mut moves = Vec::new();
    while oracle.received() < oracle.sent() || moves.len() < 5 {
        let event = next(&server).await;
        not_the_end(&event);
        if let Event::Message { payload, .. } = &event {
            oracle.on_received(payload).expect("once and in order");
        }
        if let Event::PathChanged { to, .. } = event {
            moves.push(to);
        }
    }
    assert_eq!(moves, ports[1..]);
    let refused = server.rebind(any_port()).expect_err("it serves");
    assert!(matches!(
        refused,
        RebindFailure::Refused(RebindError::Serving)
    ));
    assert_eq!(
        refused.to_string(),
        "cannot move to another socket: peers that connected to this endpoint would lose it"
    );
}
