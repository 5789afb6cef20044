use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(10);

/// An echo at work, ended when dropped.
struct Running {
    address: SocketAddr,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let echo = Echo::bind(ANY).await.expect("a port is free");
        Self {
            address: echo.address,
            counters: Arc::clone(&echo.counters),
            task: tokio::spawn(async move { echo.serve().await }),
        }
    }

    fn returned(&self) -> u64 {
        self.counters.datagrams_returned.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn client(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(ANY).await.expect("a port is free");
    enlarge_buffers(&socket);
    socket.connect(to).await.expect("loopback has a route");
    socket
}

async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> usize {
    let received = timeout(PATIENCE, socket.recv(buffer)).await;
    received.expect("an answer comes").expect("receiving works")
}

fn bytes(len: usize, salt: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + salt) as u8).collect()
}

#[tokio::test]
async fn datagrams_of_every_size_come_back_unchanged() {
    let echo = Running::start().await;
    let socket = client(echo.address).await;
    let mut buffer = vec![0; 65_536];
    for len in [0, 1, 1_024, 1_472, 1_473, 65_506, 65_507] {
        let sent = bytes(len, 0);
        socket.send(&sent).await.expect("it fits");
        let received = receive(&socket, &mut buffer).await;
        assert!(buffer[..received] == sent, "{len} bytes");
    }
}

#[tokio::test]
async fn several_clients_each_get_their_own_datagrams() {
    let echo = Running::start().await;
    let mut buffer = vec![0; 65_536];
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(client(echo.address).await);
    }
    for round in 0..200 {
        for (index, socket) in clients.iter().enumerate() {
            let sent = bytes(1_024, round + index * 1_000);
            socket.send(&sent).await.expect("it fits");
        }
        for (index, socket) in clients.iter().enumerate() {
            let received = receive(socket, &mut buffer).await;
            assert!(buffer[..received] == bytes(1_024, round + index * 1_000));
        }
    }
}

/// Hands what one echo returns to the other: what a forged source address would do.
async fn relay(one: SocketAddr, other: SocketAddr, first: &[u8]) {
    let socket = UdpSocket::bind(ANY).await.expect("a port is free");
    socket.send_to(first, one).await.expect("it fits");
    let mut buffer = vec![0; 65_536];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await.expect("it works");
        let to = if from == one { other } else { one };
        socket.send_to(&buffer[..len], to).await.expect("it fits");
    }
}

#[tokio::test]
async fn two_echoes_do_not_answer_each_other_for_ever() {
    let one = Running::start().await;
    let other = Running::start().await;
    let looping = tokio::spawn(async move { relay(one.address, other.address, b"hello").await });
    let mut last = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if one.returned() > 0 && one.returned() == last {
            break;
        }
        last = one.returned();
        assert!(
            tokio::time::Instant::now() < deadline,
            "still looping after {last} rounds"
        );
    }
    assert!(last <= u64::from(repeat::ANSWERS_MAX_LOOPBACK));
    looping.abort();
}

#[tokio::test]
async fn udp_and_tcp_share_a_port_number() {
    let echo = Running::start().await;
    let mut stream = TcpStream::connect(echo.address).await.expect("it listens");
    stream.write_all(b"over TCP").await.expect("it is open");
    let mut buffer = [0; 8];
    let read = timeout(PATIENCE, stream.read_exact(&mut buffer)).await;
    read.expect("bytes come at once").expect("it is open");
    assert_eq!(&buffer, b"over TCP");
}

#[tokio::test]
async fn a_half_closed_stream_gets_the_rest_and_then_the_close() {
    let echo = Running::start().await;
    let stream = TcpStream::connect(echo.address).await.expect("it listens");
    let (mut reader, mut writer) = stream.into_split();
    let sent = bytes(3_000_000, 0);
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        writer.write_all(&copy).await.expect("it is open");
        writer.shutdown().await.expect("it is open");
    });
    let mut received = Vec::new();
    let read = timeout(PATIENCE, reader.read_to_end(&mut received)).await;
    read.expect("the close comes").expect("it is orderly");
    writing.await.expect("all was written");
    assert!(received == sent);
}

#[tokio::test]
async fn an_idle_stream_blocks_nobody() {
    let echo = Running::start().await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(echo.address).await.expect("it listens"));
    }
    let mut stream = TcpStream::connect(echo.address).await.expect("it listens");
    stream.write_all(b"x").await.expect("it is open");
    let read = timeout(PATIENCE, stream.read_u8()).await;
    assert_eq!(read.expect("bytes come at once").expect("it is open"), b'x');
}

#[tokio::test]
async fn a_port_in_use_is_bad_input() {
    let echo = Running::start().await;
    let error = Echo::bind(echo.address).await.expect_err("it is taken");
    assert_eq!(crate::failure::exit_code(&error), 2);
    assert!(error.to_string().contains("the port is in use"), "{error}");
}
