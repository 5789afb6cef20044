//! A server with many clients, asked once a tick, with nothing between them that takes time.

use tickwire_core::CongestionControl;

use super::heap::{self, Counted};
use crate::contender::{Contender, Setup};
use crate::lab::{Class, Host, Micros, Outgoing, TICK_HZ, client_number};

/// What a tick brings each client, and what it says.
const DOWN: [u8; 200] = [1; 200];
const UP: [u8; 64] = [2; 64];
const RELIABLE: [u8; 100] = [3; 100];
/// Each way a client has a reliable message in one tick of so many.
const TICKS_BETWEEN: usize = 10;

const CONNECT_TICKS_MAX: u64 = 10 * TICK_HZ;

/// Datagrams on their way, in memory that is used again.
#[derive(Debug, Default)]
struct Mail {
    bytes: Vec<u8>,
    letters: Vec<(Outgoing, usize)>,
}

impl Mail {
    fn with_room() -> Self {
        Self {
            bytes: Vec::with_capacity(16 << 20),
            letters: Vec::with_capacity(1 << 16),
        }
    }

    /// Takes all that the host wants to send.
    fn collect(&mut self, now: Micros, host: &mut dyn Host) {
        while let Some(sent) = host.transmit(now, &mut self.bytes) {
            self.letters.push((sent, self.bytes.len()));
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.letters.clear();
    }
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Crowd {
    server: Box<dyn Host>,
    clients: Vec<Box<dyn Host>>,
    tick: u64,
    to_server: Mail,
    to_clients: Mail,
    heard: u64,
}

impl Crowd {
    /// All are connected, and nobody has said anything. What the server allocates is counted from here on.
    pub(super) fn connected(contender: Contender, clients: usize) -> Self {
        let setup = Setup {
            seed: 1,
            now: 0,
            clients,
            count_states: false,
            congestion: CongestionControl::default(),
        };
        let server = heap::counting(|| contender.server(setup));
        let clients = (0..clients).map(|number| contender.client(setup, number));
        let mut crowd = Self {
            server,
            clients: clients.collect(),
            tick: 0,
            to_server: Mail::with_room(),
            to_clients: Mail::with_room(),
            heard: 0,
        };
        while !crowd.is_connected() {
            assert!(
                crowd.tick < CONNECT_TICKS_MAX,
                "{contender}: not all connect"
            );
            crowd.play(false);
        }
        crowd
    }

    fn is_connected(&self) -> bool {
        let mut clients = self.clients.iter().enumerate();
        clients.all(|(number, client)| client.is_connected(0) && self.server.is_connected(number))
    }

    /// Plays this many ticks, talking or not.
    pub(super) fn play_for(&mut self, ticks: u64, talks: bool) {
        (0..ticks).for_each(|_| self.play(talks));
    }

    /// Messages that the server's application was given.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    pub(super) fn counted(&self) -> Counted {
        heap::counted()
    }

    fn play(&mut self, talks: bool) {
        self.tick += 1;
        let now = self.tick * 1_000_000 / TICK_HZ;
        self.play_clients(now, talks);
        let (server, tick) = (&mut *self.server, self.tick as usize);
        let talks_to = if talks { self.clients.len() } else { 0 };
        let (inbox, outbox) = (&mut self.to_server, &mut self.to_clients);
        self.heard += heap::counting(|| serve(server, now, tick, talks_to, inbox, outbox));
    }

    fn play_clients(&mut self, now: Micros, talks: bool) {
        let mut begin = 0;
        for (sent, end) in &self.to_clients.letters {
            let bytes = &mut self.to_clients.bytes[begin..*end];
            begin = *end;
            if let Some(number) = client_number(sent.to) {
                self.clients[number].on_datagram(now, sent.from, bytes);
            }
        }
        self.to_clients.clear();
        for (number, client) in self.clients.iter_mut().enumerate() {
            client.on_time(now);
            client.receive(now, &mut |_, _, _| {});
            if talks {
                client.send(now, 0, Class::Unreliable, &UP);
                if (self.tick as usize + number).is_multiple_of(TICKS_BETWEEN) {
                    client.send(now, 0, Class::Reliable, &RELIABLE);
                }
            }
            client.flush(now);
            client.finish(now);
            self.to_server.collect(now, &mut **client);
        }
    }
}

/// The server's tick, and all that is measured: callgrind is told the name of this function.
#[inline(never)]
fn serve(
    server: &mut dyn Host,
    now: Micros,
    tick: usize,
    talks_to: usize,
    inbox: &mut Mail,
    outbox: &mut Mail,
) -> u64 {
    let (mut begin, mut heard) = (0, 0);
    for (sent, end) in &inbox.letters {
        server.on_datagram(now, sent.from, &mut inbox.bytes[begin..*end]);
        begin = *end;
    }
    inbox.clear();
    server.on_time(now);
    server.receive(now, &mut |_, _, _| heard += 1);
    for number in 0..talks_to {
        server.send(now, number, Class::Unreliable, &DOWN);
        if (tick + number).is_multiple_of(TICKS_BETWEEN) {
            server.send(now, number, Class::Reliable, &RELIABLE);
        }
    }
    server.flush(now);
    server.finish(now);
    outbox.collect(now, server);
    heard
}
