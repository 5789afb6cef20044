//! Decoders of core. What they do with bytes is in `core/src/fuzz`; here are their seeds.

use tickwire_core::fuzz;

use crate::Target;
use crate::session::{Session, settings};

const fn decoder(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target {
        name,
        run,
        seeds,
        // A frame decoded is some words, and is shown as text.
        memory: (4_096, 256),
        weight: 1,
    }
}

pub(crate) const FRAMES: Target = decoder("frames", fuzz::frames, || Session::whole().frames());

pub(crate) const HEADERS: Target = decoder("headers", fuzz::headers, || {
    let packets = Session::whole().wire.into_iter();
    let packets = packets.filter(|(_, datagram)| datagram.len() < 80);
    let numbered = packets.map(|(_, datagram)| {
        let parameters = [0, 9, 1, 0, 0, 0, 0, 0, 0, 4, 0];
        [&parameters[..], &datagram].concat()
    });
    numbered.collect()
});

pub(crate) const HANDSHAKES: Target = decoder("handshakes", fuzz::handshakes, || {
    let mut seeds = fuzz::handshake_seeds();
    for (loaded, is_known) in [(false, false), (false, true), (true, true)] {
        let settings = settings().unproven_max(if loaded { 0 } else { 4 });
        let mut session = Session::new(settings, is_known);
        session.run_for(std::time::Duration::from_millis(100));
        let outside = session.wire.into_iter().map(|(_, datagram)| datagram);
        seeds.extend(outside.filter(|datagram| datagram[0] >= 0xC0));
    }
    seeds
});

pub(crate) const NUMBERS: Target = decoder("numbers", fuzz::numbers, || {
    let powers = (0..64).step_by(7).map(|shift| (1_u64 << shift) - 1);
    powers.map(|number| number.to_be_bytes().to_vec()).collect()
});

pub(crate) const COOKIES: Target = decoder("cookies", fuzz::cookies, || {
    let times = [0_u32, 9_999, 10_000, 2_559_999, u32::MAX];
    let seeds = times.map(|time| [&time.to_be_bytes()[..], &[5; 80]].concat());
    seeds.to_vec()
});

pub(crate) const TOKENS: Target = Target {
    memory: (8_192, 256),
    ..decoder("tokens", fuzz::tokens, fuzz::token_seeds)
};

pub(crate) const DISCOVERY: Target = decoder("discovery", fuzz::discovery, || {
    let lines = [
        "DISCOVER_SERVER\n",
        "SERVER_INFO name=arena players=3 max=8 port=7000\n",
        "SERVER_INFO name=a%20%C3%A9 players=4294967295 max=0 port=65535 id=00ff00ff00ff00ff\n",
        " SERVER_INFO\tport=1 x=y name=%E2%80%AE \r\n",
    ];
    lines.map(|line| line.as_bytes().to_vec()).to_vec()
});

pub(crate) const CHECKPOINTS: Target = Target {
    // A slot's peer, and four lists of each.
    memory: (1 << 20, 1_024),
    weight: 2,
    ..decoder("checkpoints", fuzz::checkpoints, || {
        let [idle, busy] = [0, 1].map(|stage| {
            let config = || tickwire_core::Config::builder().unproven_max(6);
            let mut session = Session::new(config(), true);
            if stage == 1 {
                session.run_for(std::time::Duration::from_millis(40));
                session.talk(2);
                session.run_for(std::time::Duration::from_millis(2));
            }
            session
        });
        let ends = [&idle.client, &idle.server, &busy.client, &busy.server];
        ends.map(fuzz::save).to_vec()
    })
};
