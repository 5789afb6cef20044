//! Proves the driver's promises on real sockets of the loopback interface. Nothing here sleeps: every wait is for an event.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tickwire_core::{
    AnnounceConfig, ChannelConfig, ChannelId, CloseReason, Config, ConfigBuilder, Delivery,
    DiscoveryQuery, Event, Farewell, PeerId, SendError, ServerIdentity,
};
use tickwire_tokio::{Handle, Options, bind};

const ORDERED: ChannelId = ChannelId::new(3);

/// Generous: it ends a test that hangs, and measures nothing.
async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn next(handle: &Handle) -> Event {
    soon("an event", handle.next_event())
        .await
        .expect("the endpoint runs")
}

fn localhost() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn server_of(config: ConfigBuilder) -> Handle {
    bind(Options::new(config.accepts(true)).game(localhost())).expect("a free port")
}

fn client_of(config: ConfigBuilder) -> Handle {
    bind(Options::new(config).game(localhost())).expect("a free port")
}

struct Pair {
    server: Handle,
    client: Handle,
    /// The client, as the server knows it.
    client_id: PeerId,
    /// The server, as the client knows it.
    server_id: PeerId,
}

impl Pair {
    async fn connected() -> Self {
        Self::with(Config::builder()).await
    }

    async fn with(config: ConfigBuilder) -> Self {
        let server = server_of(config.clone());
        let client = client_of(config);
        let (client_id, server_id) = connect(&client, &server).await;
        Self {
            server,
            client,
            client_id,
            server_id,
        }
    }
}

async fn connect(client: &Handle, server: &Handle) -> (PeerId, PeerId) {
    let server_id = client
        .connect(server.local_addr(), ServerIdentity::TrustOnFirstUse)
        .expect("a fresh client");
    let Event::Connected { server_key, .. } = next(client).await else {
        panic!("the client should be connected first");
    };
    assert_eq!(server_key, Some(server.public_key()));
    // The server needs one authentic datagram more, and the client has it to send.
    let Event::Connected { peer, address, .. } = next(server).await else {
        panic!("the server should be connected first");
    };
    assert_eq!(address, client.local_addr());
    (peer, server_id)
}

fn send_numbers(handle: &Handle, peer: PeerId, numbers: std::ops::Range<u32>) {
    for number in numbers {
        handle
            .send(peer, ORDERED, &number.to_be_bytes())
            .expect("the default queue has room for a thousand small messages");
    }
}

/// Reads events until `count` messages came, which must be 0, 1, 2, ...
async fn expect_numbers(handle: &Handle, count: u32) {
    let mut expected = 0;
    while expected < count {
        let event = next(handle).await;
        let Event::Message { payload, .. } = event else {
            panic!("only messages should come, not {event:?}");
        };
        assert_eq!(payload, expected.to_be_bytes()[..]);
        expected += 1;
    }
}

#[tokio::test]
async fn a_thousand_messages_arrive_each_way_once_and_in_order() {
    let pair = Pair::connected().await;
    send_numbers(&pair.client, pair.server_id, 0..1_000);
    send_numbers(&pair.server, pair.client_id, 0..1_000);
    tokio::join!(
        expect_numbers(&pair.client, 1_000),
        expect_numbers(&pair.server, 1_000),
    );
    assert_eq!(pair.client.try_next_event(), None);
    assert_eq!(pair.server.try_next_event(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_hundred_fragments_arrives_whole() {
    let channel = ChannelConfig::new(Delivery::Ordered).message_size_max(128 * 1024);
    let pair = Pair::with(Config::builder().channels(vec![channel])).await;
    let message: Vec<u8> = (0..120_000_u32).map(|i| (i % 251) as u8).collect();
    pair.client
        .send(pair.server_id, ChannelId::new(0), &message)
        .expect("within the channel's size");
    let Event::Message { payload, .. } = next(&pair.server).await else {
        panic!("only the message should come");
    };
    assert!(payload == message, "the message was altered");
}

#[tokio::test]
async fn a_shutdown_delivers_what_is_queued_and_tells_the_reason() {
    let pair = Pair::connected().await;
    send_numbers(&pair.client, pair.server_id, 0..500);
    let farewell = Farewell::new(7, "seen enough");
    let (report, ()) = tokio::join!(
        soon("the shutdown", pair.client.shutdown(farewell.clone())),
        expect_numbers(&pair.server, 500),
    );
    assert_eq!((report.undelivered, report.peers), (0, 1));
    assert_eq!(report.abandoned, 0);
    let Event::Disconnected { reason, .. } = next(&pair.server).await else {
        panic!("the server should learn the end");
    };
    assert_eq!(reason, CloseReason::Remote(farewell.clone()));

    let Event::Disconnected { reason, .. } = next(&pair.client).await else {
        panic!("events stay readable after the shutdown");
    };
    assert_eq!(reason, CloseReason::Local(farewell));
    assert_eq!(pair.client.next_event().await, None);
}

#[tokio::test]
async fn a_shutdown_with_nobody_there_is_over_at_once() {
    let server = server_of(Config::builder());
    let report = soon("the shutdown", server.shutdown(Farewell::default())).await;
    assert_eq!((report.undelivered, report.peers), (0, 0));
    assert_eq!(server.next_event().await, None);
    let again = server.shutdown(Farewell::default()).await;
    assert_eq!(again, report);
}

#[tokio::test]
async fn dropping_the_last_handle_says_goodbye() {
    let Pair { server, client, .. } = Pair::connected().await;
    let clone = client.clone();
    drop(client);
    drop(clone);
    let Event::Disconnected { reason, .. } = next(&server).await else {
        panic!("the server should learn the end");
    };
    assert_eq!(reason, CloseReason::Remote(Farewell::default()));
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_sender_and_loses_nothing() {
    const SIZE: usize = 1_000;
    const CAP: usize = 32 * 1024;
    let channel = ChannelConfig::new(Delivery::Ordered)
        .message_size_max(SIZE)
        .send_queue_bytes_max(CAP)
        .receive_bytes_max(CAP);
    let pair = Pair::with(Config::builder().channels(vec![channel])).await;
    let channel = ChannelId::new(0);
    let most = 2 * CAP / SIZE;

    // The server reads nothing. A thousand refusals in a row, with time to work between them, are for good.
    let (mut accepted, mut refused) = (0_usize, 0);
    while refused < 1_000 {
        let mut message = [0; SIZE];
        message[..8].copy_from_slice(&(accepted as u64).to_be_bytes());
        match pair.client.send(pair.server_id, channel, &message) {
            Ok(_) => {
                (accepted, refused) = (accepted + 1, 0);
                assert!(accepted <= most, "more was taken than the caps allow");
            }
            Err(error) => {
                assert_eq!(error, SendError::QueueFull);
                refused += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    assert!(accepted > CAP / SIZE / 2, "only {accepted} were taken");

    for expected in 0..accepted as u64 {
        let Event::Message { payload, .. } = next(&pair.server).await else {
            panic!("only messages should come");
        };
        assert_eq!(payload[..8], expected.to_be_bytes());
    }
    soon("room in the queue", async {
        while pair.client.send(pair.server_id, channel, &[1]).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_game_port_in_use_is_one_clear_error() {
    let taken = UdpSocket::bind(localhost()).expect("a free port");
    let address = taken.local_addr().expect("bound");
    let error = bind(Options::new(Config::builder()).game(address)).expect_err("it is taken");
    let expected = format!(
        "cannot bind the game socket to {address}: address in use; \
         choose another port or stop the program that uses it"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_discovery_port_in_use_is_told_and_the_game_goes_on() {
    let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    let address = taken.local_addr().expect("bound");
    let options = Options::new(Config::builder().accepts(true)).game(localhost());
    let server = bind(options.discovery(Some(address))).expect("the game port is free");
    let error = server.discovery().expect("it was asked for");
    let error = error.expect_err("it is taken").to_string();
    assert!(error.starts_with("cannot bind the discovery socket to 0.0.0.0"));
    let client = client_of(Config::builder());
    connect(&client, &server).await;
}

#[tokio::test]
async fn three_servers_share_the_discovery_port_and_all_are_found() {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let server = |name: &str, discovery| {
        let announce = AnnounceConfig {
            name: name.to_owned(),
            port: 0,
            players_max: 8,
            interval: None,
        };
        let config = Config::builder().accepts(true);
        bind(
            Options::new(config)
                .announce(announce)
                .discovery(Some(discovery)),
        )
        .expect("a free port")
    };
    let first = server("first", any);
    let shared = first
        .discovery()
        .expect("it was asked for")
        .expect("a free port");
    let second = server("second", shared);
    let third = server("third", shared);

    let client = bind(Options::new(Config::builder())).expect("a free port");
    let everybody = SocketAddr::from(([127, 255, 255, 255], shared.port()));
    let query = DiscoveryQuery {
        targets: vec![everybody],
        timeout: Duration::from_secs(1),
    };
    client.discover(query).expect("no query is under way");
    let mut found = Vec::new();
    while let event = next(&client).await
        && event != Event::DiscoveryEnded
    {
        let Event::ServerFound(info) = event else {
            panic!("unexpected {event:?}");
        };
        found.push((info.address.port(), info.name));
    }
    let mut expected = [(&first, "first"), (&second, "second"), (&third, "third")]
        .map(|(server, name)| (server.local_addr().port(), name.to_owned()));
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_closed_port_ends_the_attempt_and_not_the_endpoint() {
    let closed = {
        let socket = UdpSocket::bind(localhost()).expect("a free port");
        socket.local_addr().expect("bound")
    };
    let config = Config::builder().handshake_timeout(Duration::from_millis(500));
    let client = client_of(config.clone());
    client
        .connect(closed, ServerIdentity::TrustOnFirstUse)
        .expect("a fresh client");
    let Event::Disconnected { reason, .. } = next(&client).await else {
        panic!("nobody is there to connect to");
    };
    assert_eq!(reason, CloseReason::HandshakeTimeout);
    let server = server_of(config);
    connect(&client, &server).await;
}

#[tokio::test]
async fn a_cancelled_wait_loses_no_event_and_each_goes_to_one_of_several_readers() {
    let pair = Pair::connected().await;
    let nothing = tokio::time::timeout(Duration::ZERO, pair.server.next_event()).await;
    assert!(nothing.is_err(), "nothing has been sent");

    let reader = |handle: Handle| async move {
        let mut numbers = Vec::new();
        while let Some(event) = handle.next_event().await {
            if let Event::Message { payload, .. } = event {
                numbers.push(u32::from_be_bytes(payload[..].try_into().expect("4 bytes")));
            }
        }
        numbers
    };
    let readers = [0, 1, 2].map(|_| tokio::spawn(reader(pair.server.clone())));
    send_numbers(&pair.client, pair.server_id, 0..300);
    soon("the shutdown", pair.client.shutdown(Farewell::default())).await;
    soon("the shutdown", pair.server.shutdown(Farewell::default())).await;
    let mut all = Vec::new();
    for reader in readers {
        all.extend(soon("a reader", reader).await.expect("no reader panics"));
    }
    all.sort_unstable();
    assert_eq!(all, (0..300).collect::<Vec<u32>>());
}
