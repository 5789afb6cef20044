//! What is in clear: headers, and datagrams outside of connections.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::split;
use crate::config::Config;
use crate::crypto::{COOKIE_LEN, CipherSuite, CookieKey, TAG_LEN};
use crate::event::Refusal;
use crate::rng::SecretRng;
use crate::time::Instant;
use crate::wire::handshake::{
    ClientOffer, Credits, Hello, ServerAnswer, decode_refuse, decode_retry, encode_refuse,
    encode_retry, put_cookie,
};
use crate::wire::packet::{ConnectionId, Header};
use crate::wire::{DATAGRAM_FLOOR, Kind};

/// A number, what of it was acknowledged and seen, and then a datagram with its header.
pub fn headers(data: &[u8]) {
    let ([id_len, lag, seen, rest @ ..], datagram) = split::<11>(data);
    let number = u64::from_be_bytes(rest) >> 2;
    let id_len = 2 + usize::from(id_len % 7);
    if let Some(header) = Header::decode(datagram, id_len) {
        assert!(header.len + 1 + TAG_LEN <= datagram.len());
        let expanded = header.number(Some(number));
        let mask = (1 << (8 * header.number_len)) - 1;
        assert_eq!(expanded & mask, header.truncated_number);
        let off = expanded.abs_diff(number + 1);
        assert!(off <= mask, "{expanded} is {off} from what was expected");
    }
    // What was sent is understood by whoever saw anything between what it acknowledged and that.
    let id = ConnectionId::new(&[id_len as u8; 8][..id_len]).expect("2 to 8 bytes");
    let lag = u64::from(lag) << (seen % 16);
    let acked = number.saturating_sub(lag);
    let mut out = Vec::new();
    let len = Header::encode(&id, number, Some(acked), lag % 2 == 0, &mut out);
    assert_eq!(len, out.len());
    out.resize(len + 1 + TAG_LEN, 0);
    let header = Header::decode(&out, id_len).expect("what was encoded");
    assert_eq!(header.len, len);
    assert_eq!(header.compact_ack, lag % 2 == 0);
    for seen in [acked, number.saturating_sub(1).max(acked)] {
        assert_eq!(header.number(Some(seen)), number, "after {seen}");
    }
}

/// Any bytes as a datagram of the handshake, and as what the client offers and the server answers inside.
pub fn handshakes(data: &[u8]) {
    let kind = data.first().map(|first| Kind::of(*first));
    if let (Some(Kind::Hello), Ok(hello)) = (kind, Hello::decode(data)) {
        is_the_same_hello(&hello, data);
    }
    if let Ok(offer) = ClientOffer::decode(data) {
        let mut out = Vec::new();
        offer.encode(&mut out);
        assert_eq!(ClientOffer::decode(&out), Ok(offer.clone()));
        assert!(!offer.credits.suit(&Config::default()) || offer.credits.channels.len() == 4);
    }
    if let Ok(answer) = ServerAnswer::decode(data) {
        let mut out = Vec::new();
        answer.encode(&mut out);
        let again = ServerAnswer::decode(&out);
        // A refusal's version is not in it.
        assert_eq!(again, Ok(answer));
    }
    for id_len in 2..=8 {
        let Some(id) = data.get(1..=id_len).and_then(ConnectionId::new) else {
            break;
        };
        let mut out = Vec::new();
        if let Some((refusal, check)) = decode_refuse(data, id_len) {
            encode_refuse(&id, refusal, check, &mut out);
            // The version of a server that is not ours is not made again.
            let version = id_len + 2;
            assert_eq!(out[1..version], data[1..version]);
            assert_eq!(out[version + 1..], data[version + 1..]);
        }
        out.clear();
        if let Some(cookie) = decode_retry(data, id_len) {
            encode_retry(&id, &cookie, &mut out);
            assert_eq!(out[1..], data[1..]);
        }
    }
}

fn is_the_same_hello(hello: &Hello<'_>, data: &[u8]) {
    assert!(data.len() >= DATAGRAM_FLOOR);
    let Some(body) = &hello.body else { return };
    let mut out = Vec::new();
    Hello::encode_prologue(&hello.connection_id, body.pattern, body.token, &mut out);
    assert_eq!(out, body.prologue);
    if out.len() + 2 + body.message.len() + 1 + COOKIE_LEN > DATAGRAM_FLOOR {
        return;
    }
    let at = Hello::encode_rest(body.message, &mut out);
    if let Some(cookie) = &body.cookie {
        put_cookie(cookie, at, &mut out);
        assert!(!put_cookie(cookie, at, &mut out), "it is there already");
    }
    assert_eq!(Hello::decode(&out), Ok(*hello));
}

/// A cookie made at a time for somebody, and then used at another time, or by somebody else, or changed.
pub fn cookies(data: &[u8]) {
    let (numbers, rest) = split::<16>(data);
    let (hello, flips) = split::<32>(rest);
    let [a, b, c, d, e, f, g, h, after @ ..] = numbers;
    let made_at = u64::from(u32::from_be_bytes([a, b, c, d]));
    let client = SocketAddr::from(([10, 0, e, f], u16::from_be_bytes([g, h])));
    let key = CookieKey::new(SecretRng::new([7; 32]));
    let after = u64::from_be_bytes(after) % 60_000;
    let (then, now) = (
        Instant::from_millis(made_at),
        Instant::from_millis(made_at + after),
    );
    let cookie = key.make(then, client, &hello);
    let epochs = (made_at + after) / 10_000 - made_at / 10_000;
    assert_eq!(key.accepts(now, client, &hello, &cookie), epochs <= 1);
    for flip in flips.chunks_exact(2).take(8) {
        let bit = 1 << (flip[1] % 8);
        let (mut other, mut forged) = (hello, cookie);
        other[usize::from(flip[0]) % other.len()] ^= bit;
        forged[usize::from(flip[0]) % COOKIE_LEN] ^= bit;
        assert!(!key.accepts(now, client, &other, &cookie));
        assert!(!key.accepts(now, client, &hello, &forged));
    }
    let mut other = client;
    other.set_port(client.port() ^ 1);
    assert!(!key.accepts(now, other, &hello, &cookie));
    // Nobody guesses one.
    if let Ok(guess) = flips.get(..COOKIE_LEN).unwrap_or_default().try_into() {
        assert!(guess == cookie || !key.accepts(now, client, &hello, &guess));
    }
}

/// What is sealed in a handshake, in clear: an offer, an answer, a refusal.
#[must_use]
pub fn handshake_seeds() -> Vec<Vec<u8>> {
    let config = Config::default();
    let mut offer = Vec::new();
    ClientOffer::from_config(&config).encode(&mut offer);
    let accepted = ServerAnswer::Accepted {
        suite: CipherSuite::ChaCha20Poly1305,
        is_way_short: true,
        connection_id: ConnectionId::new(&[1, 2, 3]).expect("2 to 8 bytes"),
        reset_token: [7; 16],
        ack_delay_max_ms: 40,
        credits: Credits::granted_by(&config),
    };
    let refused = ServerAnswer::Refused(Refusal::Full);
    let answers = [accepted, refused].map(|answer| {
        let mut out = Vec::new();
        answer.encode(&mut out);
        out
    });
    [vec![offer], answers.to_vec()].concat()
}
