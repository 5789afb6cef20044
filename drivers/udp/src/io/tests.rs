use super::*;
use crate::socket::bind_game;

struct Side {
    socket: UdpSocket,
    io: SocketIo,
}

impl Side {
    fn new(address: &str) -> Self {
        let address = address.parse().expect("an address");
        let socket = bind_game(address).expect("a free port");
        let mut io = SocketIo::new(Socket::Game, &socket).expect("a UDP socket");
        io.set_interfaces(&Interfaces::read().expect("the host tells its interfaces"));
        Self { socket, io }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().expect("bound").port()
    }

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Sent {
        Sent::from_result(&self.io.send(&self.socket, transmit, bytes))
    }

    /// The next `count` datagrams; waits for each as long as it takes.
    fn next(&mut self, count: usize) -> Vec<(Arrival, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < count {
            // Loopback delivers within the send, so what was sent is there.
            self.io.receive(&self.socket).expect("a datagram is there");
            self.io
                .drain(&mut |arrival, bytes| all.push((arrival, bytes.to_vec())));
        }
        all
    }
}

fn transmit(to: SocketAddr, len: usize) -> Transmit {
    Transmit {
        to,
        from: None,
        socket: Socket::Game,
        len,
        segment_size: None,
        ecn: None,
        ttl: None,
    }
}

fn localhost(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[test]
fn datagrams_arrive_whole_with_both_addresses_and_the_mark() {
    let (mut left, mut right) = (Side::new("0.0.0.0:0"), Side::new("0.0.0.0:0"));
    let mut marked = transmit(localhost(right.port()), 5);
    marked.ecn = Some(Ecn::Ect0);
    assert_eq!(left.send(&marked, b"hello"), Sent::Done);
    let [(arrival, bytes)] = &right.next(1)[..] else {
        panic!("one datagram was sent");
    };
    assert_eq!(bytes, b"hello");
    assert_eq!(arrival.from, localhost(left.port()));
    assert_eq!(arrival.to, Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(arrival.ecn, Some(Ecn::Ect0));
}

/// Also where the kernel hands them over as one.
#[test]
fn every_segment_arrives_with_its_mark() {
    for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let (mut left, mut right) = (Side::new(address), Side::new(address));
        let ip = address.parse::<SocketAddr>().expect("an address").ip();
        let to = if ip.is_unspecified() {
            localhost(right.port())
        } else {
            SocketAddr::from((ip, right.port()))
        };
        let mut segments = transmit(to, 12_000);
        segments.segment_size = Some(1_200);
        segments.ecn = Some(Ecn::Ect0);
        assert_eq!(left.send(&segments, &[7; 12_000]), Sent::Done);
        for (arrival, bytes) in right.next(10) {
            assert_eq!(arrival.ecn, Some(Ecn::Ect0), "{address}");
            assert!(arrival.to.is_some(), "{address}");
            assert_eq!(bytes.len(), 1_200, "{address}");
        }
    }
}

#[test]
fn segments_arrive_as_datagrams_of_their_own() {
    let (mut left, mut right) = (Side::new("127.0.0.1:0"), Side::new("127.0.0.1:0"));
    let bytes: Vec<u8> = (0..2_500_u32).map(|i| i as u8).collect();
    let mut segments = transmit(localhost(right.port()), bytes.len());
    segments.segment_size = Some(1_000);
    assert_eq!(left.send(&segments, &bytes), Sent::Done);
    let received = right.next(3);
    let lens: Vec<usize> = received.iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(lens, [1_000, 1_000, 500]);
    let joined: Vec<u8> = received.into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(joined, bytes);
    assert_eq!(left.io.stats().datagrams_sent, 3);
    assert_eq!(right.io.stats().datagrams_received, 3);
}

#[test]
fn a_dual_stack_socket_speaks_of_ipv4_peers_by_their_ipv4_address() {
    let (mut left, mut right) = (Side::new("[::]:0"), Side::new("127.0.0.1:0"));
    let mut out = transmit(localhost(right.port()), 2);
    out.from = Some(Ipv4Addr::new(127, 0, 0, 2).into());
    assert_eq!(left.send(&out, b"hi"), Sent::Done);
    let from = right.next(1)[0].0.from;
    assert_eq!(from, SocketAddr::from(([127, 0, 0, 2], left.port())));

    assert_eq!(right.send(&transmit(from, 2), b"yo"), Sent::Done);
    let arrival = left.next(1)[0].0;
    assert_eq!(arrival.from, localhost(right.port()));
    assert_eq!(arrival.to, out.from);
}

#[test]
fn the_longest_and_the_shortest_datagram_arrive() {
    let (mut left, mut right) = (Side::new("127.0.0.1:0"), Side::new("127.0.0.1:0"));
    let to = localhost(right.port());
    let longest = vec![7; 65_507];
    left.socket.send_to(&longest, to).expect("loopback");
    left.socket.send_to(&[], to).expect("loopback");
    let lens: Vec<usize> = right.next(2).iter().map(|(_, b)| b.len()).collect();
    assert_eq!(lens, [65_507, 0]);
    assert_eq!(
        left.send(&transmit(to, 65_508), &[7; 65_508]),
        Sent::TooLong
    );
    assert_eq!(left.io.stats().send_too_large, 1);
}

#[test]
fn what_cannot_be_sent_is_counted_and_spoils_nothing() {
    let mut side = Side::new("127.0.0.1:0");
    let segments_max = side.io.state.max_gso_segments();
    let v6 = "[::1]:9".parse().expect("an address");
    assert_eq!(side.send(&transmit(v6, 1), b"x"), Sent::Failed);
    assert_eq!(side.send(&transmit(localhost(0), 1), b"x"), Sent::Failed);
    let mut foreign = transmit(localhost(side.port()), 1);
    foreign.from = Some(Ipv4Addr::new(203, 0, 113, 9).into());
    assert_eq!(side.send(&foreign, b"x"), Sent::Done);
    assert_eq!(side.io.stats().send_unreachable, 2);
    assert_eq!(side.io.state.max_gso_segments(), segments_max);
}

#[test]
fn an_idle_socket_says_so() {
    let mut side = Side::new("127.0.0.1:0");
    let error = side.io.receive(&side.socket).expect_err("nothing was sent");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(side.io.stats(), IoStats::default());
}
