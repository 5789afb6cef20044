use super::*;

const SMALL: &str = r#"
title = "Small"
duration = "2s"
drain = "1s"
[link]
delay = "20ms"
jitter = "3ms"
loss = "5%"
[[clients]]
count = 2
[[traffic]]
name = "state"
delivery = "unreliable"
direction = "down"
rate_hz = 20
[[traffic]]
name = "orders"
delivery = "ordered"
size = "20..200"
rate_hz = 5
"#;

fn wrong(text: &str) -> String {
    let error = Scenario::parse(text).expect_err("it is wrong");
    error.in_file("a.toml")
}

/// What is wrong with a scenario that is good but for these lines, which begin at line 3.
fn wrong_with(lines: &str) -> String {
    wrong(&format!("title = \"x\"\nduration = \"1s\"\n{lines}\n"))
}

#[test]
fn the_same_scenario_and_seed_give_the_same_outcome() {
    let scenario = Scenario::parse(SMALL).expect("a good scenario");
    let json = |seed| serde_json::to_string(&scenario.run(seed)).expect("an outcome is JSON");
    assert_eq!(json(7), json(7));
    assert_ne!(scenario.run(7).wire_hash, scenario.run(8).wire_hash);
}

#[test]
fn a_recorded_trace_changes_nothing_but_memory() {
    let scenario = Scenario::parse(SMALL).expect("a good scenario");
    let (outcome, mut world) = Player::new(&scenario, 7).traced().run();
    assert_eq!(outcome, scenario.run(7));
    assert!(world.trace().contains("Hello"));
    let sent = outcome.wire_up.datagrams + outcome.wire_down.datagrams;
    assert_eq!(world.datagrams().len() as u64, sent);
}

#[test]
fn an_outcome_counts_every_message_once() {
    let scenario = Scenario::parse(SMALL).expect("a good scenario");
    let outcome = scenario.run(7);
    let names: Vec<_> = outcome
        .traffic
        .iter()
        .map(|found| (found.name.as_str(), found.direction))
        .collect();
    use Direction::{Down, Up};
    assert_eq!(names, [("state", Down), ("orders", Up), ("orders", Down)]);
    for found in &outcome.traffic {
        assert_eq!(found.sent, found.delivered + found.lost, "{}", found.name);
        assert_eq!(found.latency.count, found.delivered);
        assert!(found.latency.min_us >= 20_000, "the link takes 20 ms");
        let bars: u64 = found.latency.histogram.iter().map(|bar| bar.count).sum();
        assert_eq!(bars, found.delivered);
    }
    for (found, series) in outcome.traffic.iter().zip(&outcome.series.traffic) {
        assert_eq!(series.delivered.len() as u64, outcome.series.intervals);
        let delivered: u64 = series.delivered.iter().map(|count| u64::from(*count)).sum();
        assert_eq!(delivered, found.delivered);
        assert_eq!(
            series.max_us.iter().max().map(|max| u64::from(*max)),
            Some(found.latency.max_us)
        );
    }
    // Due at 0, 1/20, ... of 2 s, for two clients, but for those before the server knows them.
    let state = &outcome.traffic[0];
    assert_eq!(state.sent + state.unsent, 80);
    assert!(state.lost > 0, "one in twenty is lost");
    assert_eq!(outcome.traffic[1].lost, 0);
    assert_eq!(outcome.connections.connected_at_end, 2);
    assert_eq!(outcome.series.connections.len(), 2);
}

#[test]
fn the_outcome_of_a_small_scenario_is_known() {
    let scenario = Scenario::parse(
        "title = \"Tiny\"\nduration = \"300ms\"\ndrain = \"100ms\"\n[link]\ndelay = \"10ms\"\n[[traffic]]\nname = \"a\"\ndelivery = \"reliable\"\nrate_hz = 10",
    );
    let outcome = scenario.expect("a good scenario").run(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&outcome).expect("an outcome is JSON"));
}

#[test]
fn what_is_not_as_expected_is_told() {
    let text = format!(
        "{SMALL}[traffic.expect]\nlatency_max = \"5ms\"\n[expect]\nhandshake_max = \"1ms\"\nfaults = [\"lost\", \"codel\"]\n"
    );
    let outcome = Scenario::parse(&text).expect("a good scenario").run(7);
    assert_eq!(outcome.unmet.len(), 4, "{:#?}", outcome.unmet);
    assert!(
        outcome.unmet[0].starts_with("a handshake took 4"),
        "{:?}",
        outcome.unmet
    );
    assert_eq!(outcome.unmet[1], "the fault `codel` never struck");
    assert!(
        outcome.unmet[2].starts_with("orders up: the latest is "),
        "{:?}",
        outcome.unmet
    );
    assert!(
        outcome.unmet[2].ends_with("expected at most 5ms"),
        "{:?}",
        outcome.unmet
    );
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    assert_eq!(
        wrong("title = \"x\"\nduration = 5"),
        "a.toml:2:12: `duration`: expected a time from \"100ms\" to \"24h\", such as \"25ms\" or \"1.5s\""
    );
    assert_eq!(
        wrong_with("[link]\nlos = \"5%\""),
        "a.toml:4:1: there is no key `los` in `link`: expected ".to_owned()
            + &LinkKeys::KEYS_AND_WAYS
                .iter()
                .map(|key| format!("`{key}`"))
                .collect::<Vec<_>>()
                .join(", ")
            + "; did you mean `loss`?"
    );
    let cases = [
        (
            "[link]\nloss = \"101%\"",
            "a.toml:4:8: `loss`: expected a share",
        ),
        ("[link]\nloss = 0.5", "a.toml:4:8: `loss`: expected a share"),
        (
            "[link.up]\nqueue = 5",
            "a.toml:3:2: `link`: `queue` and `codel` need a `rate`",
        ),
        (
            "[link]\nburst_length = 3\nburst_gap = \"1s\"",
            "a.toml:3:1: `link`: `burst_length` and `burst_gap` belong",
        ),
        (
            "[link]\nflap_up = \"1s\"",
            "a.toml:3:1: `link`: `flap_up` and",
        ),
        (
            "[link]\njitter_max = \"1s\"",
            "a.toml:3:1: `link`: `jitter_max` needs `jitter`",
        ),
        (
            "[link]\nrate_trace = \"t\"",
            "a.toml:4:14: `rate_trace`: the trace t: there is nobody",
        ),
        (
            "[[clients]]\ncount = 2001",
            "a.toml:4:9: `count`: expected a whole number from 1 to 2000",
        ),
        (
            "[[clients]]\n[[clients]]",
            "a.toml:4:1: `clients`: there is another group \"client\"",
        ),
        (
            "[[clients]]\nreconnect = \"soon\"",
            "a.toml:4:13: `reconnect`: expected \"never\" or a time",
        ),
        (
            "[clients]\ncount = 1",
            "a.toml:3:1: `clients`: expected a list of tables: [[clients]]",
        ),
        (
            "[[traffic]]\nname = \"a\"",
            "a.toml:3:1: `traffic`: a `delivery` is missing",
        ),
        (
            "[[traffic]]\nname = \"a\"\ndelivery = \"fast\"",
            "a.toml:5:12: `delivery`: expected one of \"unreliable\", ",
        ),
        (
            "[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nsize = \"9..8\"",
            "a.toml:6:8: `size`: expected 8 to 65536",
        ),
        (
            "[[traffic]]\nname = \"a\"\ndelivery = \"sequenced\"\ntotal = 9",
            "a.toml:6:9: `total`: what is not reliable",
        ),
        (
            "[[event]]\nkind = \"stall\"",
            "a.toml:3:1: `event`: a time is missing",
        ),
        (
            "[[event]]\nat = \"1s\"\nkind = \"stall\"",
            "a.toml:3:1: `event`: an event \"stall\" needs `for`",
        ),
        (
            "[[event]]\nat = \"1s\"\nkind = \"stall\"\nfor = \"1s\"\nwho = \"me\"",
            "a.toml:7:7: `who`: there is nobody",
        ),
        (
            "[[event]]\nat = \"1s\"\nkind = \"stall\"\nby = \"1s\"",
            "a.toml:6:6: `by`: an event \"stall\" has no such key",
        ),
        (
            "[expect]\nfaults = [\"x\"]",
            "a.toml:4:10: `faults`: expected a list of some of lost, ",
        ),
        (
            "[endpoint]\nkeepalive_interval = \"9s\"",
            "a.toml:3:1: `endpoint`: ",
        ),
        ("x", "a.toml:3:2: this is not TOML: "),
        (
            "title = \"again\"",
            "a.toml:3:1: this is not TOML: duplicate key",
        ),
    ];
    for (lines, expected) in cases {
        let text = wrong_with(lines);
        assert!(text.starts_with(expected), "{lines}\n{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn settings_come_on_top_and_are_named_when_they_are_wrong() {
    let read = |setting: &str| {
        Reader::new()
            .set(setting)
            .expect("it has a key and a value")
            .read(SMALL)
    };
    let changed = read("clients.0.count=5").expect("a good setting");
    assert_eq!(changed.clients(), 5);
    let changed = read("link.up.loss=1%").expect("a good setting");
    assert_eq!(changed.groups[0].link.up.loss, Some(10));
    assert_eq!(changed.groups[0].link.down.loss, Some(50));
    let error = |setting| read(setting).expect_err("it is wrong").in_file("a.toml");
    assert!(
        error("link.loss=half")
            .starts_with("a.toml: in the setting link.loss=half: `loss`: expected a share")
    );
    assert!(error("clients.9.count=1").contains("`clients` is a list of 1"));
    assert!(error("title.x=1").contains("`title` is a value"));
    assert!(error("linc.loss=1%").contains("there is no key `linc`"));
    assert!(Reader::new().set("nonsense").is_err());
}

#[test]
fn a_bad_line_of_a_trace_is_named_with_the_key_that_names_the_trace() {
    let text = "title = \"x\"\nduration = \"1s\"\n[link]\ndelay_trace = \"far.csv\"\n";
    let reader = Reader::new().traces(|path| Ok(format!("0,1,0\n# {path}\n5,x,0\n")));
    let error = reader
        .read(text)
        .expect_err("it is wrong")
        .in_file("a.toml");
    assert_eq!(
        error,
        "a.toml:4:15: `delay_trace`: the trace far.csv: line 3: delay_ms: expected milliseconds from 0 to 3600000, with up to six places"
    );
}

#[test]
fn a_recorded_delay_is_what_messages_take() {
    let text = "title = \"x\"\nduration = \"1s\"\n[link.up]\ndelay_trace = \"t\"\n[[traffic]]\nname = \"a\"\ndelivery = \"unreliable\"\ndirection = \"up\"\nrate_hz = 60";
    let reader = Reader::new().traces(|_| Ok("0,30,0\n500,80,0\n".to_owned()));
    let latency = reader.read(text).expect("a good scenario").run(1).traffic[0]
        .latency
        .clone();
    assert_eq!((latency.min_us, latency.max_us), (30_000, 80_000));
}

#[test]
fn a_client_whose_address_changed_stays_connected() {
    let text =
        "title = \"x\"\nduration = \"15s\"\n[[event]]\nat = \"1s\"\nkind = \"rebind-address\"";
    let outcome = Scenario::parse(text).expect("a good scenario").run(1);
    let found = outcome.connections;
    assert_eq!(
        (
            found.disconnects,
            found.reconnect.count,
            found.connected_at_end
        ),
        (0, 0, 1)
    );
}

#[test]
fn events_strike_whom_they_name_for_as_long_as_they_say() {
    let text = "
        title = \"x\"
        duration = \"4s\"
        [[clients]]
        name = \"a\"
        count = 2
        [[traffic]]
        name = \"t\"
        delivery = \"unreliable\"
        direction = \"up\"
        rate_hz = 10
        [[event]]
        at = \"1s\"
        every = \"2s\"
        kind = \"blackhole\"
        who = \"a-2\"
        for = \"500ms\"
        [[event]]
        at = \"2s\"
        kind = \"partition\"
        for = \"500ms\"
        direction = \"up\"
    ";
    let outcome = Scenario::parse(text).expect("a good scenario").run(1);
    // 5 messages in half a second: two blackholes for one client, one partition for both.
    assert_eq!(outcome.traffic[0].lost, 5 + 5 + 10);
    let strikes: Vec<&str> = outcome.faults.keys().map(String::as_str).collect();
    assert_eq!(strikes, ["blackholed", "partitioned_one_way"]);
}

#[test]
fn links_from_elsewhere_replace_the_scenarios_and_its_outages_strike_them_too() {
    let text = format!("{SMALL}[[event]]\nat = \"500ms\"\nkind = \"blackhole\"\nfor = \"200ms\"\n");
    let scenario = Scenario::parse(&text).expect("a good scenario");
    let link = || crate::Link::new().latency(crate::ms(7));
    let (outcome, _) = Player::new(&scenario, 7).links(link(), link()).run();
    assert!(!outcome.faults.contains_key("lost"), "{:?}", outcome.faults);
    assert!(
        outcome.faults.contains_key("blackholed"),
        "{:?}",
        outcome.faults
    );
    let fastest = outcome.traffic.iter().map(|found| found.latency.min_us);
    assert_eq!(fastest.min(), Some(7_000));
}

#[test]
fn marks_and_others_traffic_ask_for_what_they_need() {
    let link = |keys: &str| wrong_with(&format!("[link]\nrate = \"1Mbit/s\"\n{keys}"));
    let no_rate = |keys: &str| wrong_with(&format!("[link]\n{keys}"));
    assert_eq!(
        link("ecn = true"),
        "a.toml:3:1: `link`: `ecn` needs `codel`, or an `ecn_threshold` for a queue without"
    );
    assert_eq!(
        link("codel = true\necn = true\necn_threshold = 5"),
        "a.toml:3:1: `link`: `ecn_threshold` is for a queue without `codel`: that knows by itself when to mark"
    );
    assert_eq!(
        link("ecn_threshold = 5"),
        "a.toml:3:1: `link`: `ecn_threshold` needs `ecn`"
    );
    assert_eq!(
        link("ecn_path = \"eat\""),
        "a.toml:5:12: `ecn_path`: expected one of \"bleach\", \"drop\", \"swap\", \"mark\""
    );
    assert_eq!(
        no_rate("cross_flows = 1"),
        "a.toml:3:1: `link`: `cross_flows` and `cross_rate` need a `rate` or a `rate_trace`"
    );
    assert_eq!(
        link("cross_rtt = \"30ms\""),
        "a.toml:3:1: `link`: `cross_rtt` needs `cross_flows`"
    );
    assert_eq!(
        link("cross_rate = \"1Mbit/s\"\ncross_on = \"1s\""),
        "a.toml:3:1: `link`: `cross_on` and `cross_off` belong together"
    );
    assert_eq!(
        link("cross_on = \"1s\"\ncross_off = \"1s\""),
        "a.toml:3:1: `link`: `cross_on` and `cross_off` need a `cross_rate`"
    );
    assert_eq!(
        link("cross_flows = 101"),
        "a.toml:5:15: `cross_flows`: expected a whole number from 1 to 100"
    );
}

#[test]
fn each_key_of_marks_and_others_traffic_reaches_the_link() {
    let shown = |keys: &str| {
        let text = format!(
            "title = \"x\"\nduration = \"1s\"\n[link]\nrate = \"1Mbit/s\"\nqueue = 9\n{keys}\n"
        );
        let scenario = Scenario::parse(&text).expect("a good scenario");
        let link = scenario.groups[0].link.up.build();
        link.slow().map(ToString::to_string).unwrap_or_default()
    };
    let plain = "1000 kbit/s queue 9";
    assert_eq!(shown(""), plain);
    assert_eq!(
        shown("codel = true\necn = true"),
        format!("{plain} CoDel with ECN")
    );
    assert_eq!(
        shown("ecn = true\necn_threshold = 4"),
        format!("{plain} ECN above 4")
    );
    assert_eq!(
        shown("ecn = true\necn_threshold = \"6kB\""),
        format!("{plain} ECN above 6000 B")
    );
    assert_eq!(
        shown("cross_flows = 2\ncross_rtt = \"80ms\""),
        format!("{plain} shared with 2 flows of 80ms")
    );
    assert_eq!(
        shown("cross_rate = \"500kbit/s\"\ncross_on = \"1s\"\ncross_off = \"3s\""),
        format!("{plain} shared with 500 kbit/s 1s on 3s off")
    );
}
