//! KCP, set for speed (no delay, 10 ms, fast resend after 2, no congestion window; windows of 128) and flushed each time
//! that it is asked. It has no messages without repetition: state goes beside it in bare datagrams, as its users do, so a
//! byte before each datagram tells the two apart. It has no handshake either.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use kcp::Kcp;

use super::Setup;
use super::outbox::{Outbox, outgoing};
use crate::lab::{
    Class, Host, Micros, Outgoing, Sink, client_address, client_number, server_address,
};

const WINDOW: u16 = 128;
const OF_KCP: u8 = 1;
const STATE: u8 = 0;

/// Where the datagrams of one conversation go.
#[derive(Debug)]
struct Exit {
    from: SocketAddr,
    to: SocketAddr,
    outbox: Rc<RefCell<Outbox>>,
}

impl Write for Exit {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = outgoing(self.from, self.to, 0);
        self.outbox.borrow_mut().push(sent, &[&[OF_KCP], bytes]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct KcpHost {
    address: SocketAddr,
    peers: Vec<(SocketAddr, Kcp<Exit>)>,
    outbox: Rc<RefCell<Outbox>>,
    states: Outbox,
    buf: Vec<u8>,
}

pub(super) fn server(setup: Setup) -> Box<dyn Host> {
    let clients = (0..setup.clients).map(|number| (number, client_address(number)));
    Box::new(KcpHost::new(setup.now, server_address(), clients))
}

pub(super) fn client(setup: Setup, number: usize) -> Box<dyn Host> {
    let server = [(number, server_address())];
    Box::new(KcpHost::new(
        setup.now,
        client_address(number),
        server.into_iter(),
    ))
}

impl KcpHost {
    fn new(
        now: Micros,
        address: SocketAddr,
        peers: impl Iterator<Item = (usize, SocketAddr)>,
    ) -> Self {
        let outbox = Rc::new(RefCell::new(Outbox::default()));
        let peers = peers.map(|(number, to)| {
            let exit = Exit {
                from: address,
                to,
                outbox: Rc::clone(&outbox),
            };
            let mut kcp = Kcp::new(number as u32 + 1, exit);
            kcp.set_nodelay(true, 10, 2, true);
            kcp.set_wndsize(WINDOW, WINDOW);
            let updated = kcp.update((now / 1_000) as u32);
            updated.expect("its exit takes everything");
            (to, kcp)
        });
        Self {
            peers: peers.collect(),
            outbox,
            address,
            states: Outbox::default(),
            buf: Vec::new(),
        }
    }
}

impl Host for KcpHost {
    fn on_datagram(&mut self, _: Micros, from: SocketAddr, bytes: &mut [u8]) {
        match bytes.split_first() {
            Some((&OF_KCP, segments)) => {
                let peer = client_number(from).unwrap_or(0);
                // What it cannot read it refuses, and nothing else happens.
                let _ = self.peers[peer].1.input(segments);
            }
            Some((_, state)) => self.states.push(outgoing(from, self.address, 0), &[state]),
            None => {}
        }
    }

    fn on_time(&mut self, now: Micros) {
        for (_, kcp) in &mut self.peers {
            let updated = kcp.update((now / 1_000) as u32);
            updated.expect("its exit takes everything");
        }
    }

    fn receive(&mut self, _: Micros, sink: &mut Sink<'_>) {
        self.buf.clear();
        while let Some(arrived) = self.states.pop(&mut self.buf) {
            let peer = client_number(arrived.from).unwrap_or(0);
            sink(peer, Class::Unreliable, &self.buf);
            self.buf.clear();
        }
        for (peer, (_, kcp)) in self.peers.iter_mut().enumerate() {
            while let Ok(len) = kcp.peeksize() {
                self.buf.resize(len, 0);
                let len = kcp.recv(&mut self.buf).expect("it told the length");
                sink(peer, Class::Reliable, &self.buf[..len]);
            }
        }
        self.buf.clear();
    }

    fn send(&mut self, _: Micros, peer: usize, class: Class, payload: &[u8]) -> bool {
        let (to, kcp) = &mut self.peers[peer];
        if class == Class::Unreliable {
            let sent = outgoing(self.address, *to, 1);
            self.outbox.borrow_mut().push(sent, &[&[STATE], payload]);
            return true;
        }
        // It takes whatever it is given; two windows of work keep it busy.
        kcp.wait_snd() < 2 * usize::from(WINDOW) && kcp.send(payload).is_ok()
    }

    fn flush(&mut self, _: Micros) {}

    fn finish(&mut self, _: Micros) {
        for (_, kcp) in &mut self.peers {
            kcp.flush().expect("its exit takes everything");
        }
    }

    fn transmit(&mut self, _: Micros, buf: &mut Vec<u8>) -> Option<Outgoing> {
        self.outbox.borrow_mut().pop(buf)
    }

    fn is_connected(&self, _: usize) -> bool {
        true
    }
}
