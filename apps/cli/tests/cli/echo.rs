//! `tickwire echo`, the built binary on loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::Duration;

use crate::support::{Background, refusal};

const ANY: &str = "127.0.0.1:0";

#[test]
fn it_echoes_datagrams_and_streams_and_says_what_it_did() {
    let echo = Background::start(&["echo", "--bind", ANY, "--json"]);
    assert_eq!(echo.address("udp"), echo.address("tcp"));

    let socket = UdpSocket::bind(ANY).expect("a port is free");
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("it is not zero");
    let mut buffer = [0; 2_048];
    for salt in 0..100 {
        let sent = [salt; 1_024];
        socket.send_to(&sent, echo.address("udp")).expect("it fits");
        let (len, _) = socket.recv_from(&mut buffer).expect("an answer comes");
        assert_eq!(buffer[..len], sent);
    }

    let mut stream = TcpStream::connect(echo.address("tcp")).expect("it listens");
    stream.write_all(b"over TCP").expect("it is open");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut received = String::new();
    stream
        .read_to_string(&mut received)
        .expect("the close comes");
    assert_eq!(received, "over TCP");

    let outcome = echo.terminate();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let summary = outcome.json();
    assert_eq!(summary["udp"]["datagrams_returned"], 100);
    assert_eq!(summary["udp"]["bytes_returned"], 102_400);
    assert_eq!(summary["tcp"]["clients"], 1);
    assert_eq!(summary["tcp"]["bytes_returned"], 8);
}

#[test]
fn it_ends_after_its_duration() {
    let outcome = crate::support::run(&["echo", "--bind", ANY, "--duration", "0.2"]);
    assert_eq!(outcome.code, Some(0));
    assert!(
        outcome.stdout.starts_with("echo listens on 127.0.0.1:"),
        "{outcome:?}"
    );
}

#[test]
fn a_port_in_use_is_said_whichever_protocol_has_it() {
    let udp = UdpSocket::bind(ANY).expect("a port is free");
    let tcp = std::net::TcpListener::bind(ANY).expect("a port is free");
    for taken in [udp.local_addr(), tcp.local_addr()] {
        let taken = taken.expect("it is bound").to_string();
        let line = refusal(2, &["echo", "--bind", &taken]);
        assert!(line.contains(&taken) && line.contains("in use"), "{line}");
    }
}

#[test]
fn a_ready_file_that_cannot_be_written_is_said() {
    let line = refusal(
        2,
        &["echo", "--bind", ANY, "--ready-file", "/no/such/place"],
    );
    assert!(line.contains("/no/such/place"), "{line}");
}
