//! What is recorded is read again, whatever it is.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU64;
use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::channel::options::{Priority, SendOptions};
use crate::channel::qos::{Qos, RateLimit};
use crate::config::Config;
use crate::congestion::CongestionControl;
use crate::crypto::{PublicKey, SecretKey, ServerIdentity};
use crate::discovery::Prefix;
use crate::endpoint::Endpoint;
use crate::entropy::Entropy;
use crate::id::{ChannelId, PeerId};
use crate::time::Instant;
use crate::transmit::{Arrival, Ecn, Socket};

const BORN_AT: Instant = Instant::from_millis(5);

fn endpoint() -> Endpoint {
    let config = Config::builder()
        .accepts(true)
        .identity(Some(SecretKey::from_bytes([0xEE; 32])));
    let config = config.build().expect("valid");
    Endpoint::recorded(config, Entropy::from_seed(3), BORN_AT)
}

/// A recording of an endpoint that asks for everything once and hears some noise.
fn small() -> Vec<u8> {
    let mut endpoint = endpoint();
    let (now, mut buf) = (BORN_AT + Duration::from_millis(1), Vec::new());
    let peer = endpoint.connect(
        now,
        ([10, 0, 0, 2], 7_000).into(),
        ServerIdentity::TrustOnFirstUse,
    );
    let peer = peer.expect("free");
    while endpoint.poll_transmit(now, &mut buf).is_some() {}
    assert!(
        endpoint
            .send(now, peer, ChannelId::new(2), b"early")
            .is_err()
    );
    endpoint.handle_datagram(
        now,
        Arrival::game(([10, 0, 0, 9], 1).into()),
        &mut [0x80; 40],
    );
    endpoint.probe(now, ([10, 0, 0, 7], 7).into());
    endpoint.handle_timeout(now + Duration::from_millis(60));
    while endpoint.poll_transmit(now, &mut buf).is_some() {}
    assert!(endpoint.poll_event().is_none());
    let mut out = Vec::new();
    endpoint.end_recording(&mut out);
    out
}

#[test]
fn a_recording_holds_no_long_term_key() {
    let bytes = small();
    assert!(!bytes.windows(32).any(|window| window == [0xEE; 32]));
}

#[test]
fn a_recording_tells_every_call_and_what_came_out() {
    let recording = Recording::read(small()).expect("whole");
    let lines: Vec<String> = recording
        .records()
        .map(|record| {
            alloc::format!(
                "{} {}: {} -> {}",
                record.number,
                record.at,
                record.call,
                record.outcome
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    1 6.000ms: connect(10.0.0.2:7000) -> nothing
    2 6.000ms: poll_transmit -> a datagram of 1200 B to 10.0.0.2:7000 (outputs so far 03678146)
    3 6.000ms: poll_transmit -> nothing
    4 6.000ms: send(p0.0 ch2, 5 B) -> refused: not connected
    5 6.000ms: handle_datagram(40 B from 10.0.0.9:1) -> nothing
    6 6.000ms: probe(10.0.0.7:7) -> nothing
    7 66.000ms: handle_timeout -> nothing
    8 66.000ms: poll_transmit -> a datagram of 17 B to 10.0.0.9:1 (outputs so far c255e736)
    9 66.000ms: poll_transmit -> a datagram of 9 B to 10.0.0.7:7 (outputs so far a7cb8ea0)
    10 66.000ms: poll_transmit -> a datagram of 1200 B to 10.0.0.2:7000 (outputs so far 218103a9)
    11 66.000ms: poll_transmit -> nothing
    12 66.000ms: poll_event -> nothing
    13 66.000ms: end of the recording: as asked -> nothing
    ");
    assert_eq!(recording.record_count(), lines.len() as u64);
}

#[test]
fn a_cut_off_recording_is_refused_at_every_length() {
    let bytes = small();
    for len in 0..bytes.len() {
        let error = Recording::read(bytes[..len].to_vec()).expect_err("cut off");
        assert!(
            matches!(error, RecordingError::Truncated { offset, .. } if offset == len as u64),
            "{len}: {error}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        Recording::read(longer).expect_err("longer"),
        RecordingError::TrailingBytes {
            offset: bytes.len() as u64
        }
    );
}

#[test]
fn another_version_is_refused_by_its_number() {
    for (at, expected) in [
        (
            9,
            RecordingError::WrongVersion {
                found: FORMAT_VERSION ^ 0x70,
            },
        ),
        (10, RecordingError::WrongProtocol { found: 0x01 ^ 0x70 }),
        (11, RecordingError::UnknownFlags { found: 0x70 }),
        (0, RecordingError::NotARecording),
    ] {
        let mut bytes = small();
        bytes[at] ^= 0x70;
        assert_eq!(Recording::read(bytes).expect_err("changed"), expected);
    }
}

#[test]
fn the_same_calls_give_the_same_recording() {
    assert_eq!(small(), small());
}

#[test]
fn an_owner_who_takes_nothing_ends_the_recording_and_not_the_game() {
    let mut endpoint = endpoint();
    let (mut now, mut noise) = (BORN_AT, [7; 1_000]);
    let arrival = Arrival::game(([10, 0, 0, 9], 1).into());
    for _ in 0..10_000 {
        now = now + Duration::from_millis(1);
        endpoint.handle_datagram(now, arrival, &mut noise);
    }
    assert!(!endpoint.is_recording());
    assert_eq!(endpoint.stats().datagrams_received, 10_000);
    let mut out = Vec::new();
    endpoint.take_recording(&mut out);
    assert!(out.len() < blocks::UNTAKEN_BYTES_MAX + 100_000);
    let recording = Recording::read(out).expect("whole up to its end");
    let last = recording.records().last().expect("not empty");
    assert_eq!(
        last.call,
        Call::End {
            reason: EndReason::NotTaken
        }
    );
}

#[test]
fn what_is_whole_of_a_cut_off_recording_can_be_saved() {
    let mut endpoint = endpoint();
    let mut bytes = Vec::new();
    for second in 1..=5 {
        endpoint.handle_timeout(BORN_AT + Duration::from_secs(second));
        endpoint.take_recording(&mut bytes);
    }
    assert!(Recording::read(bytes.clone()).is_err());
    let (recording, rest) = Recording::salvage(bytes).expect("the header is whole");
    assert_eq!(recording.record_count(), 4);
    assert!(matches!(
        rest,
        Some(RecordingError::Truncated { record: 5, .. })
    ));
}

proptest! {
    #[test]
    fn a_flipped_byte_is_refused(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = small();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Recording::read(bytes).is_err(), "byte {at}");
    }

    #[test]
    fn any_bytes_are_a_recording_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), after_header: bool) {
        let mut all = Vec::new();
        if after_header {
            endpoint().take_recording(&mut all);
        }
        all.extend(bytes);
        let _ = Recording::read(all);
    }

    #[test]
    fn every_call_survives(calls in prop::collection::vec((any_call(), 0u64..1 << 40), 1..40)) {
        let mut recorder = recorder();
        let mut now = BORN_AT;
        let mut expected = Vec::new();
        for (call, passed) in &calls {
            now = now + Duration::from_nanos(*passed);
            recorder.begin(Some(now), &call.call());
            expected.push((now, call.call()));
        }
        recorder.finish(EndReason::Finished);
        let mut out = Vec::new();
        recorder.take(&mut out);
        let recording = Recording::read(out).expect("just written");
        let mut read: Vec<_> = recording.records().map(|record| (record.at, record.call)).collect();
        read.pop();
        prop_assert_eq!(read, expected);
    }
}

fn recorder() -> Recorder {
    let identity = crate::crypto::Identity::new(SecretKey::from_bytes([1; 32]), true);
    Recorder::of_birth(
        &Config::default(),
        &Entropy::from_seed(1),
        &identity,
        BORN_AT,
    )
}

/// A call that owns what a [`Call`] borrows.
#[derive(Clone, Debug)]
enum AnyCall {
    Datagram(Arrival, Vec<u8>),
    Send(PeerId, u8, Vec<u8>, SendOptions),
    Connect(SocketAddr, Option<[u8; 32]>),
    Disconnect(PeerId, u32, String),
    Discover(Vec<SocketAddr>, Duration),
    Interfaces(Vec<(IpAddr, u8)>),
    Address(IpAddr, bool),
    Number(u32, u8),
}

impl AnyCall {
    fn call(&self) -> Call<'_> {
        match self {
            Self::Datagram(arrival, datagram) => Call::HandleDatagram {
                arrival: *arrival,
                datagram,
            },
            Self::Send(peer, channel, payload, options) => Call::Send {
                peer: *peer,
                channel: ChannelId::new(*channel),
                payload,
                options: *options,
            },
            Self::Connect(to, key) => Call::Connect {
                to: *to,
                server: key.map_or(ServerIdentity::TrustOnFirstUse, |key| {
                    ServerIdentity::Known(PublicKey::from_bytes(key))
                }),
            },
            Self::Disconnect(peer, code, text) => Call::Disconnect {
                peer: *peer,
                code: *code,
                text,
            },
            Self::Discover(targets, timeout) => Call::Discover {
                targets: Cow::Borrowed(targets),
                timeout: *timeout,
            },
            Self::Interfaces(prefixes) => Call::SetInterfaces {
                interfaces: prefixes
                    .iter()
                    .map(|(address, len)| Prefix {
                        address: *address,
                        len: *len,
                    })
                    .collect(),
            },
            Self::Address(address, true) => Call::Ban { address: *address },
            Self::Address(address, false) => Call::Unban { address: *address },
            Self::Number(number, choice) => match choice % 10 {
                9 => Call::SetQos {
                    peer: PeerId::new(*number, 7),
                    channel: ChannelId::new(*number as u8 % 31),
                    qos: match number % 3 {
                        0 => Qos::new().weight(*number as u8),
                        _ => Qos::new().rate(RateLimit::new(u64::from(*number), 9)),
                    },
                },
                8 => Call::SetCongestion {
                    peer: PeerId::new(*number, 7),
                    congestion: match NonZeroU64::new(u64::from(*number)) {
                        Some(bytes_per_second) => CongestionControl::Fixed { bytes_per_second },
                        None => CongestionControl::Cubic,
                    },
                },
                0 => Call::SetPlayers { players: *number },
                1 => Call::SetAnnouncePort {
                    port: *number as u16,
                },
                2 => Call::SetAccepting {
                    accepting: number % 2 == 0,
                },
                3 => Call::Ping {
                    peer: PeerId::new(*number, 3),
                },
                7 => Call::HandleTooLong {
                    to: (number.to_be_bytes(), 9).into(),
                    len: *number as usize,
                },
                4 => Call::Probe {
                    to: (number.to_be_bytes(), 9).into(),
                },
                5 => Call::Flush,
                6 => Call::PollEvent,
                _ => Call::HandleTimeout,
            },
        }
    }
}

fn any_address() -> impl Strategy<Value = SocketAddr> {
    // Few, so that some come again.
    prop_oneof![
        (0u8..9, 1u16..4).prop_map(|(host, port)| SocketAddr::from(([10, 0, 0, host], port))),
        any::<([u16; 8], u16)>().prop_map(|(ip, port)| SocketAddr::from((ip, port))),
    ]
}

fn any_arrival() -> impl Strategy<Value = Arrival> {
    let ecn = prop::sample::select(&[None, Some(Ecn::Ect0), Some(Ecn::Ect1), Some(Ecn::Ce)]);
    let to = prop::option::of(any_address().prop_map(|address| address.ip()));
    (any_address(), to, any::<bool>(), ecn).prop_map(|(from, to, is_game, ecn)| Arrival {
        from,
        to,
        socket: if is_game {
            Socket::Game
        } else {
            Socket::Discovery
        },
        ecn,
    })
}

fn any_options() -> impl Strategy<Value = SendOptions> {
    let priority = prop_oneof![
        Just(Priority::Low),
        Just(Priority::Normal),
        Just(Priority::High)
    ];
    let rest = any::<(Option<Duration>, Option<u64>, bool)>();
    (priority, rest).prop_map(|(priority, (time_to_live, key, receipt))| SendOptions {
        priority,
        time_to_live,
        key,
        receipt,
    })
}

fn any_call() -> impl Strategy<Value = AnyCall> {
    let peer = || any::<(u32, u32)>().prop_map(|(slot, generation)| PeerId::new(slot, generation));
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (any_arrival(), bytes()).prop_map(|(arrival, bytes)| AnyCall::Datagram(arrival, bytes)),
        (peer(), any::<u8>(), bytes(), any_options()).prop_map(
            |(peer, channel, bytes, options)| AnyCall::Send(peer, channel, bytes, options)
        ),
        (any_address(), any::<Option<[u8; 32]>>()).prop_map(|(to, key)| AnyCall::Connect(to, key)),
        (peer(), any::<u32>(), "\\PC{0,20}")
            .prop_map(|(peer, code, text)| AnyCall::Disconnect(peer, code, text)),
        (
            prop::collection::vec(any_address(), 0..5),
            any::<Duration>()
        )
            .prop_map(|(targets, timeout)| AnyCall::Discover(targets, timeout)),
        prop::collection::vec((any::<IpAddr>(), any::<u8>()), 0..5).prop_map(AnyCall::Interfaces),
        any::<(IpAddr, bool)>().prop_map(|(address, on)| AnyCall::Address(address, on)),
        any::<(u32, u8)>().prop_map(|(number, choice)| AnyCall::Number(number, choice)),
    ]
}
