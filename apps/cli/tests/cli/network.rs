//! `tickwire sim run --link-from`, the built binary on recordings made in the simulator.

use tickwire_core::{ChannelId, Config, Endpoint, SecretKey, ServerIdentity};
use tickwire_sim::{Bursts, Link, Pair, World, ms};

use crate::support::{TestFile, refusal, run};

const UNRELIABLE: u8 = 0;

/// What both ends recorded of 20 s on a network that takes 30 ms and loses datagrams in rows, only those of the client.
struct Recorded {
    client: Vec<u8>,
    server: Vec<u8>,
    full: Vec<u8>,
    /// Begun while they were connected.
    late: Vec<u8>,
    lost: u64,
}

fn recorded() -> Recorded {
    let mut pair = Pair::new(7);
    pair.world.record(pair.client);
    for host in [pair.client, pair.server] {
        pair.world.record_redacted(host);
    }
    let clean = Link::new().latency(ms(30));
    let mut pair = pair.link(clean.clone()).connect();
    let (client, server) = (pair.client, pair.server);
    let mut full = Vec::new();
    for tick in 0..1_000 {
        if tick == 50 {
            let lossy = clean.clone().bursts(Bursts::by_datagram(3, 40));
            pair.world.link(client, server, lossy);
        }
        if tick == 900 {
            pair.world.link(client, server, clean.clone());
        }
        let _ = pair.send_to_server(UNRELIABLE, &[1; 30]);
        let _ = pair.send_to_client(UNRELIABLE, &[2; 200]);
        pair.run_for(ms(20));
        pair.server_events();
        pair.client_events();
    }
    full.extend(pair.world.end_recording(client));
    let lost = pair.world.faults().lost_in_burst;
    let (of_client, of_server) = (
        pair.world.end_redacted(client),
        pair.world.end_redacted(server),
    );
    pair.world.record_redacted(client);
    for _ in 0..50 {
        let _ = pair.send_to_server(UNRELIABLE, &[1; 30]);
        let _ = pair.send_to_client(UNRELIABLE, &[2; 200]);
        pair.run_for(ms(20));
        pair.server_events();
        pair.client_events();
    }
    Recorded {
        client: of_client,
        server: of_server,
        full,
        late: pair.world.end_redacted(client),
        lost,
    }
}

fn file(bytes: &[u8]) -> TestFile {
    let file = TestFile::new();
    std::fs::write(&file.path, bytes).expect("the temporary directory is writable");
    file
}

#[test]
fn a_scenario_is_played_over_the_network_that_was_recorded() {
    let recorded = recorded();
    assert!(recorded.lost > 20, "{}", recorded.lost);
    let played = |bytes: &[u8]| {
        let file = file(bytes);
        let outcome = run(&[
            "sim",
            "run",
            "--link-from",
            file.as_str(),
            "--seed",
            "3",
            "--json",
        ]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let mut outcome = outcome.json();
        assert_eq!(outcome["network"]["source"], file.as_str());
        outcome["network"]["source"] = "".into();
        outcome
    };
    let at_client = played(&recorded.client);
    let network = &at_client["network"]["paths"][0];
    assert_eq!(network["peer"], 1);
    assert_eq!(network["recorded_by"], "client");
    assert_eq!(network["is_side_assumed"], false);
    assert_eq!(network["up"]["lost"], recorded.lost);
    assert_eq!(network["down"]["lost"], 0);
    assert_eq!(network["round_trip_min_us"], 60_000);
    assert_eq!(at_client["seed"], 3);
    let latency = &at_client["traffic"][0]["latency"];
    assert!(
        latency["min_us"]
            .as_u64()
            .is_some_and(|us| (30_000..31_000).contains(&us)),
        "{latency}"
    );
    assert!(
        at_client["faults"]["lost"].as_u64() > Some(20),
        "{}",
        at_client["faults"]
    );
    assert_eq!(
        played(&recorded.full),
        at_client,
        "a full recording tells the same"
    );

    let at_server = played(&recorded.server);
    let network = &at_server["network"]["paths"][0];
    assert_eq!(network["recorded_by"], "server");
    assert_eq!(network["up"]["lost"], recorded.lost);
    assert_eq!(network["down"]["lost"], 0);
}

#[test]
fn the_side_can_be_said_and_is_told() {
    let late = file(&recorded().late);
    let text = |more: &[&str]| {
        let mut arguments = vec!["sim", "run", "lossy-wifi", "--link-from", late.as_str()];
        arguments.extend(["--set", "duration=2s"]);
        arguments.extend(more);
        run(&arguments).stdout
    };
    assert!(
        text(&[]).contains("peer 1, recorded probably by the client: "),
        "{}",
        text(&[])
    );
    let said = text(&["--link-side", "server", "--link-peer", "1"]);
    assert!(said.contains("peer 1, recorded by the server: "), "{said}");
}

/// A server's recording of three clients on paths of 20, 40 and 60 ms there and back, of whom the second says most and the third least.
fn of_three() -> Vec<u8> {
    let mut world = World::new(11);
    let identity = SecretKey::from_bytes([5; 32]);
    let key = identity.public_key();
    let config = Config::builder().accepts(true).identity(Some(identity));
    let server = world.add(config.build().expect("a valid configuration"));
    world.record_redacted(server);
    let address = world.address(server);
    let mut clients = Vec::new();
    for nth in 1..=3 {
        let client = world.add(Config::default());
        let link = Link::new().latency(ms(10 * nth));
        world.link(client, server, link.clone());
        world.link(server, client, link);
        let dial = |endpoint: &mut Endpoint, now| {
            endpoint.connect(now, address, ServerIdentity::Known(key))
        };
        let peer = world.act(client, dial).expect("nobody else is dialled");
        clients.push((client, peer, nth));
        world.run_for(ms(200));
    }
    for tick in 0..200 {
        for (client, peer, nth) in &clients {
            // The second says most, the third least.
            let each = [2, 1, 4][*nth as usize - 1];
            if tick % each == 0 {
                let _ = world.act(*client, |endpoint, now| {
                    endpoint.send(now, *peer, ChannelId::new(UNRELIABLE), b"x")
                });
            }
        }
        for peer in world.view(server).peers().collect::<Vec<_>>() {
            let _ = world.act(server, |endpoint, now| {
                endpoint.send(now, peer, ChannelId::new(UNRELIABLE), b"y")
            });
        }
        world.run_for(ms(20));
    }
    world.end_redacted(server)
}

#[test]
fn each_client_has_the_path_of_a_peer_of_its_own_in_turn() {
    let file = file(&of_three());
    let played = |clients: &str, more: &[&str]| {
        let mut arguments = vec![
            "sim",
            "run",
            "perfect",
            "--link-from",
            file.as_str(),
            "--json",
        ];
        let (count, length) = (format!("clients.0.count={clients}"), "duration=3s");
        arguments.extend(["--set", &count, "--set", length]);
        arguments.extend(more);
        let outcome = run(&arguments);
        assert!(outcome.code != Some(2), "{outcome:?}");
        let paths = outcome.json()["network"]["paths"].clone();
        let paths = paths.as_array().expect("a list").clone();
        let path =
            |path: &serde_json::Value| (path["peer"].as_u64(), path["round_trip_min_us"].as_u64());
        paths.iter().map(path).collect::<Vec<_>>()
    };
    let path = |peer, us| (Some(peer), Some(us));
    let (first, second, third) = (path(1, 20_000), path(2, 40_000), path(3, 60_000));
    // The second exchanged most.
    assert_eq!(played("5", &[]), [second, first, third]);
    assert_eq!(played("1", &[]), [second]);
    assert_eq!(played("2", &["--link-peer", "3"]), [third]);
}

#[test]
fn what_is_whole_of_a_recording_is_a_network_too() {
    let whole = recorded().client;
    let cut = file(&whole[..whole.len() / 2]);
    let arguments = ["sim", "run", "--link-from", cut.as_str(), "--json"];
    let error = refusal(2, &arguments);
    assert!(error.contains("--salvage takes what is before"), "{error}");
    let saved = run(&[&arguments[..], &["--salvage"]].concat());
    assert_eq!(saved.code, Some(0), "{saved:?}");
    assert!(
        saved.stderr.contains("what is before is taken"),
        "{saved:?}"
    );
    let path = &saved.json()["network"]["paths"][0];
    let span = path["length_us"].as_u64().expect("a number");
    assert!(
        (5_000_000..15_000_000).contains(&span),
        "half of 20 s: {path}"
    );
    assert_eq!(run(&["sim", "run", "lan", "--salvage"]).code, Some(2));
}

#[test]
fn what_is_no_network_is_told_in_one_line_and_nothing_is_written() {
    let recorded = recorded();
    let trace = TestFile::new();
    let refused = |bytes: &[u8], more: &[&str]| {
        let file = file(bytes);
        let mut arguments = vec!["sim", "run", "lan", "--link-from", file.as_str()];
        arguments.extend(["--trace", trace.as_str()]);
        arguments.extend(more);
        let error = refusal(2, &arguments);
        assert!(error.contains(file.as_str()), "{error}");
        assert!(!trace.path.exists(), "nothing is written");
        error
    };
    let whole = &recorded.client;
    let error = refused(&whole[..whole.len() / 2], &[]);
    assert!(
        error.contains("cannot be a link: it is cut off at record "),
        "{error}"
    );
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let error = refused(&damaged, &[]);
    assert!(
        error.contains("cannot be a link: it is damaged between"),
        "{error}"
    );
    let error = refused(b"title = \"x\"\n", &[]);
    assert!(error.contains("cannot be a link: it is "), "{error}");
    let error = refused(whole, &["--link-peer", "2"]);
    assert!(error.contains("--link-peer 2: the peers of"), "{error}");

    let mut alone = Pair::new(1);
    alone.world.record_redacted(alone.client);
    let error = refused(&alone.world.end_redacted(alone.client), &[]);
    assert!(error.contains("there is no peer in it"), "{error}");
    alone.world.record_redacted(alone.client);
    let mut greeted = alone.link(Link::new().latency(ms(30))).connect();
    let error = refused(&greeted.world.end_redacted(greeted.client), &[]);
    assert!(
        error.contains("no round trip to peer 1 was measured"),
        "{error}"
    );

    let mut changed = recorded.full.clone();
    let half = changed.len() / 2;
    let errors = (half..half + 200).step_by(7).map(|at| {
        changed[at] ^= 1;
        tickwire_core::record::repair(&mut changed);
        let file = file(&changed);
        let outcome = run(&["sim", "run", "perfect", "--link-from", file.as_str()]);
        changed[at] ^= 1;
        outcome
    });
    let mut errors =
        errors.filter(|outcome| outcome.stderr.contains("replays differently from record "));
    assert_eq!(
        errors
            .next()
            .expect("one of them changes what comes out")
            .code,
        Some(2)
    );

    let error = refusal(2, &["sim", "run", "--link-from", "/no/such/file"]);
    assert!(
        error.contains("cannot read the recording /no/such/file"),
        "{error}"
    );
    let outcome = run(&["sim", "run", "lan", "--link-peer", "1"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}
