//! A11: ten thousand handshakes that are begun and never ended, each repeated now and then, take the places of nobody.

use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::{Config, Endpoint, Entropy, Instant, ServerIdentity};
use tickwire_sim::{HostId, Link, World, ms};

use super::tell;

const HANDSHAKES: u32 = 10_000;
/// A server tells its clients apart by the address and the key of their HELLOs.
const NETWORKS: u32 = 100;

struct Siege {
    world: World,
    server: HostId,
    hellos: Vec<(SocketAddr, Vec<u8>)>,
}

impl Siege {
    fn new(unproven_max: u32) -> Self {
        let mut world = World::new(11);
        world.default_link(Link::new().latency(ms(25)));
        let server = Config::builder().accepts(true).unproven_max(unproven_max);
        let server = world.add(server.build().expect("a valid configuration"));
        let to = world.address(server);
        let hellos = (0..HANDSHAKES).map(|number| {
            let entropy = Entropy::from_seed(u64::from(number) + 1_000);
            let mut client = Endpoint::new(Config::default(), entropy, Instant::ZERO);
            let dialled = client.connect(Instant::ZERO, to, ServerIdentity::TrustOnFirstUse);
            dialled.expect("it can dial");
            let mut hello = Vec::new();
            let sent = client.poll_transmit(Instant::ZERO, &mut hello);
            assert!(sent.is_some());
            let [_, _, high, low] = (number / NETWORKS).to_be_bytes();
            let network = (number % NETWORKS).to_be_bytes()[3];
            (SocketAddr::from(([60, network, high, low], 7)), hello)
        });
        let hellos = hellos.collect();
        Self {
            world,
            server,
            hellos,
        }
    }

    /// All of them knock, over the time between two.
    fn knock(&mut self) {
        for batch in 0..100 {
            for number in 0..HANDSHAKES as usize / 100 {
                let (from, hello) = &self.hellos[batch * 100 + number];
                self.world.spoof(*from, self.server, hello);
            }
            self.world.run_for(ms(290));
            assert!(self.world.view(self.server).stats().half_open_now <= 64);
        }
    }
}

/// Every 29 seconds, with and without load that asks for cookies.
#[test]
fn handshakes_that_never_end_take_bounded_places_and_are_forgotten() {
    for unproven_max in [6, 5_000] {
        let mut siege = Siege::new(unproven_max);
        for _ in 0..2 {
            siege.knock();
        }
        siege.world.run_for(Duration::from_secs(6));
        let stats = siege.world.view(siege.server).stats();
        assert_eq!((stats.half_open_now, stats.peers_now), (0, 0));
        assert_eq!(siege.world.view(siege.server).poll_timeout(), None);
        let dropped = stats.drops.half_open_full + stats.retries;
        tell(format_args!(
            "{HANDSHAKES} handshakes, twice: {dropped} not even begun, 0 left"
        ));
        let client = siege.world.add(Config::default());
        let peer = siege.world.dial(client, siege.server);
        siege.world.run_for(ms(200));
        assert!(siege.world.view(client).peer_stats(peer).is_some());
        assert_eq!(siege.world.view(siege.server).stats().peers_now, 1);
    }
}
