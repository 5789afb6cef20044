//! One end of a connection whose other end has valid keys and says anything: packets with any frames, numbers, addresses and
//! acknowledgements, while the owner sends, reads, looks away. Each input begins with the same checkpoint of a connected endpoint.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use tickwire_core::{Arrival, ChannelId, Endpoint, Entropy, Event, Instant, PeerId, TAG_LEN, fuzz};

use crate::Target;
use crate::input::{Input, put_number};
use crate::session::{CLIENT, SERVER, Session, address, drain};
use crate::strangers::usual;

/// What is retained is eight times what came at most; what it takes besides are blocks of memory and what the owner sends.
const MEMORY: (u64, u64) = (1 << 20, 8);

pub(crate) const SERVER_FRAMES: Target = Target {
    name: "server_frames",
    run: |data| {
        lie(true, data);
    },
    seeds: || seeds(true),
    memory: MEMORY,
    weight: 2,
};

pub(crate) const CLIENT_FRAMES: Target = Target {
    name: "client_frames",
    run: |data| {
        lie(false, data);
    },
    seeds: || seeds(false),
    memory: MEMORY,
    weight: 2,
};

const ACTS_MAX: usize = 64;
/// A packet: below this. Bit 0 leaves out numbers, bit 1 has a compact acknowledgement, bit 2 comes from elsewhere, bit 3 comes
/// twice.
const PACKET: u8 = 0x90;
/// An acknowledgement of all that was sent: below this.
const ACK: u8 = 0xA0;
/// Time passes: below this.
const TIME: u8 = 0xC8;
/// The owner sends: below this.
const SEND: u8 = 0xF0;

/// A connected endpoint as it was written down.
struct Beginning {
    state: Vec<u8>,
    peer: PeerId,
    now: Instant,
    /// How packets to it begin: its connection id.
    id: Vec<u8>,
}

fn beginning(is_server: bool) -> &'static Beginning {
    static BEGINNINGS: [OnceLock<Beginning>; 2] = [const { OnceLock::new() }; 2];
    BEGINNINGS[usize::from(is_server)].get_or_init(|| {
        let session = Session::connected();
        let victim = if is_server {
            &session.server
        } else {
            &session.client
        };
        let mut heard = session.wire.iter().rev();
        let heard = heard.find(|(to_server, bytes)| *to_server == is_server && bytes[0] < 0xC0);
        let (_, packet) = heard.expect("they have talked");
        Beginning {
            state: fuzz::save(victim),
            peer: session.peer_of(is_server),
            now: session.now,
            id: packet[1..3].to_vec(),
        }
    })
}

/// Tells how many messages its owner was given.
fn lie(is_server: bool, data: &[u8]) -> u64 {
    let beginning = beginning(is_server);
    let entropy = Entropy::from_seed(if is_server { 2 } else { 1 });
    let mut victim = Victim {
        endpoint: fuzz::revive(usual(is_server), entropy, &beginning.state),
        beginning,
        liar: if is_server { CLIENT } else { SERVER },
        now: beginning.now,
        number: 64,
        newest: 0,
        reads: true,
        received: 0,
        has_ended: false,
        messages: 0,
        round: 0,
    };
    let mut input = Input::new(data);
    for _ in 0..ACTS_MAX {
        if input.is_empty() {
            break;
        }
        victim.meets(&mut input);
        victim.is_sound();
    }
    victim.stays_alone()
}

struct Victim {
    endpoint: Endpoint,
    beginning: &'static Beginning,
    liar: SocketAddr,
    now: Instant,
    /// Of the liar's latest packet.
    number: u16,
    /// Of the latest packet that it got.
    newest: u64,
    reads: bool,
    /// Bytes of packets.
    received: u64,
    has_ended: bool,
    messages: u64,
    round: u64,
}

impl Victim {
    fn meets(&mut self, input: &mut Input<'_>) {
        match input.byte() {
            what if what < PACKET => {
                if what & 1 != 0 {
                    self.number = self.number.saturating_add(input.byte().into());
                }
                let ack = (what & 2 != 0).then(|| input.byte());
                let frames = input.bytes(1_400).to_vec();
                let from = if what & 4 == 0 { self.liar } else { address(9) };
                let packet = self.packet(ack, &frames);
                for _ in 0..=usize::from(what & 8 != 0) {
                    self.hears(from, &packet);
                }
            }
            what if what < ACK => {
                let largest = 0xC000_0000_0000_0000 | self.newest;
                let largest = largest.to_be_bytes();
                let frames = [&[0x02][..], &largest, &[0, 0], &largest].concat();
                let packet = self.packet(None, &frames);
                self.hears(self.liar, &packet);
            }
            what if what < TIME => {
                let millis = u64::from(input.byte()) << (what & 7);
                self.passes(Duration::from_millis(millis));
            }
            what if what < SEND => {
                let channel = ChannelId::new(what & 3);
                let payload = vec![7; input.below(8_000)];
                let (now, peer) = (self.now, self.beginning.peer);
                let _refused = self.endpoint.send(now, peer, channel, &payload);
                self.endpoint.flush(now);
                self.drains();
            }
            _ => self.reads = !self.reads,
        }
    }

    /// The next packet, with a number of two bytes.
    fn packet(&mut self, ack: Option<u8>, frames: &[u8]) -> Vec<u8> {
        self.number = self.number.saturating_add(1);
        let first = 0x81 | if ack.is_some() { 8 } else { 0 };
        let mut packet = vec![first];
        packet.extend_from_slice(&self.beginning.id);
        packet.extend_from_slice(&self.number.to_be_bytes());
        packet.extend(ack);
        packet.extend_from_slice(frames);
        packet.resize(packet.len() + TAG_LEN, 0);
        packet
    }

    fn hears(&mut self, from: SocketAddr, packet: &[u8]) {
        self.received += packet.len() as u64;
        let mut packet = packet.to_vec();
        let arrival = Arrival::game(from);
        self.endpoint
            .handle_datagram(self.now, arrival, &mut packet);
        self.drains();
    }

    fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..64 {
            let due = self.endpoint.poll_timeout().filter(|due| *due < end);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.drains();
            self.is_sound();
        }
        self.now = end;
        self.endpoint.handle_timeout(end);
        self.drains();
    }

    fn drains(&mut self) {
        for (_, datagram) in drain(&mut self.endpoint, self.now) {
            if datagram[0] & 0xC0 == 0x80 {
                let len = usize::from(datagram[0] & 3) + 1;
                let truncated = datagram[3..3 + len].iter();
                let truncated = truncated.fold(0, |number, byte| number << 8 | u64::from(*byte));
                let window = 1 << (8 * len);
                let number = self.newest & !(window - 1) | truncated;
                let is_next_round = number + window / 2 < self.newest;
                self.newest = self
                    .newest
                    .max(number + if is_next_round { window } else { 0 });
            }
        }
        while self.reads {
            let Some(event) = self.endpoint.poll_event() else {
                break;
            };
            if let Event::Disconnected { peer, .. } = &event {
                assert_eq!(*peer, self.beginning.peer);
                assert!(!self.has_ended, "it ended twice");
                self.has_ended = true;
            } else if let Event::Message { .. } = &event {
                assert!(!self.has_ended, "a message after the end");
                self.messages += 1;
            }
        }
    }

    fn is_sound(&mut self) {
        self.round += 1;
        let sound = self.endpoint.audit(self.round);
        sound.unwrap_or_else(|unsound| panic!("{unsound}"));
        let Some(stats) = self.endpoint.peer_stats(self.beginning.peer) else {
            return;
        };
        let held = stats.receive_buffered_bytes;
        // Reliable messages within credit, unreliable ones within as much again.
        assert!(held <= 2 * 64_000, "{held} bytes are held");
        // Each message is charged with what its bookkeeping takes, and has a byte at least.
        assert!(held <= 160 * self.received, "{held} of {}", self.received);
        assert!(stats.in_flight_bytes <= 1 << 20, "{stats:?}");
    }

    /// Nothing comes any more: the connection ends within its time.
    fn stays_alone(mut self) -> u64 {
        self.reads = true;
        self.drains();
        for _ in 0..30 {
            self.passes(Duration::from_secs(2));
        }
        assert!(self.has_ended, "{:?}", self.endpoint.stats());
        assert_eq!(self.endpoint.stats().unread_bytes, 0);
        self.messages
    }
}

/// Messages of all kinds, what else an honest peer says, and what his like says late in a session.
fn seeds(is_server: bool) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for channel in 0..4 {
        let id: &[u8] = if channel < 2 { &[] } else { &[0, 0] };
        let whole = [&[0xC0 | channel], id, &[3, 1, 2, 3]].concat();
        let part = |offset: &[u8], len: u8| {
            let place = [&[0xE0 | channel, 0, 1], offset, &[0x43, 0x20, 0x40, len]].concat();
            [place, vec![channel; len.into()]].concat()
        };
        let mut seed = Vec::new();
        put_packet(&[whole, part(&[0], 200)].concat(), &mut seed);
        seed.extend([SEND - 4 + channel, 9, 9, TIME - 3, 9, ACK - 1]);
        put_packet(&part(&[0x42, 0x58], 200), &mut seed);
        // What all four parts have in common, so that the third is not missed.
        let parity = [0x11, channel, 0, 1, 0, 0x43, 0x20, 0x43, 0x20, 0x40, 200];
        put_packet(&part(&[0x40, 200], 200), &mut seed);
        put_packet(&[&parity[..], &[channel; 200]].concat(), &mut seed);
        seed.extend([TIME - 1, 20]);
        all.push(seed);
    }
    let said: [&[u8]; 8] = [
        &[0x01],
        &[0x03, 2, 0x80, 0, 0xFF, 0xFF, 0x04, 0x80, 1, 0xFF, 0xFF],
        &[0x10, 2, 0, 0, 0x40, 0x80, 0x10, 3, 0, 0, 0x40, 0x80],
        &[0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0x07, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x08, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        &[0x02, 0, 1, 0, 0, 0x09, 0, 1, 0, 0, 1, 0, 1],
        &[0x05, 0, 7, 2, b'o', b'k'],
        &[0x00],
    ];
    for frames in said {
        let mut seed = vec![SEND - 2, 0, 50];
        put_packet(frames, &mut seed);
        seed.extend([TIME - 2, 5]);
        all.push(seed);
    }
    let late = Session::whole().frames().into_iter();
    let late = late.filter(|frames| frames.len() < 300).step_by(4);
    for frames in late.skip(usize::from(is_server)).take(6) {
        let mut seed = Vec::new();
        put_packet(&frames, &mut seed);
        all.push(seed);
    }
    all
}

fn put_packet(frames: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    put_number(frames.len(), out);
    out.extend_from_slice(frames);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_bring_messages() {
        for is_server in [true, false] {
            let seeds = seeds(is_server);
            let messages: Vec<u64> = seeds.iter().map(|seed| lie(is_server, seed)).collect();
            assert!(messages.iter().sum::<u64>() >= 8, "{messages:?}");
        }
    }
}
