use alloc::vec::Vec;

use super::*;

const PATIENCE: Duration = Duration::from_millis(500);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn config(idle: u64) -> Config {
    let config = Config::builder().idle_timeout(secs(idle));
    config.build().expect("valid")
}

fn server(idle: u64) -> Keepalive {
    Keepalive::new(&config(idle), Role::Server)
}

/// A server asks after its silence and is answered if its translator bears that; if not, the client speaks a while later.
/// Returns the silence.
fn be_silent(keepalive: &mut Keepalive, now: &mut Instant, bears: Duration) -> Duration {
    let silence = keepalive.interval();
    *now = keepalive.due_at(*now, *now);
    keepalive.on_sent(*now, Spoken::Keepalive(silence));
    *now = *now
        + if silence < bears {
            PATIENCE / 2
        } else {
            PATIENCE * 4
        };
    keepalive.on_heard(*now, Duration::ZERO, false, PATIENCE);
    keepalive.audit().expect("within its bounds");
    silence
}

fn silences(keepalive: &mut Keepalive, bears: Duration, count: usize) -> Vec<u64> {
    let mut now = Instant::ZERO;
    let mut silence = || be_silent(keepalive, &mut now, bears).as_millis() as u64;
    (0..count).map(|_| silence()).collect()
}

#[test]
fn silences_begin_short_and_grow_by_a_quarter_up_to_the_bound() {
    let forever = secs(3_600);
    let first = silences(&mut server(600), forever, 12);
    assert_eq!(first[..4], [15_000, 18_750, 23_437, 29_296]);
    assert_eq!(first[11], 100_000);
    let first = silences(&mut server(12), forever, 5);
    assert_eq!(
        first,
        [2_000, 2_500, 3_125, 3_906, 4_000],
        "a third of the idle timeout"
    );
    let mut client = Keepalive::new(&config(12), Role::Client);
    assert_eq!(client.interval(), secs(3), "a quarter of the idle timeout");
    client.on_heard(Instant::ZERO, secs(60), false, PATIENCE);
    assert_eq!(client.interval(), secs(6), "half the idle timeout");
}

#[test]
fn a_silence_that_was_too_long_twice_is_not_dared_again() {
    let mut keepalive = server(600);
    let all = silences(&mut keepalive, secs(30), 100);
    assert_eq!(all.iter().filter(|silence| **silence > 30_000).count(), 2);
    assert!(
        all[20..]
            .iter()
            .all(|silence| (20_000..30_000).contains(silence))
    );
}

#[test]
fn what_was_too_long_once_may_have_been_chance() {
    let mut keepalive = server(600);
    let mut now = Instant::ZERO;
    for nth in 0..40 {
        let bears = if nth == 5 {
            Duration::ZERO
        } else {
            secs(3_600)
        };
        be_silent(&mut keepalive, &mut now, bears);
    }
    assert_eq!(keepalive.interval(), secs(100));
}

#[test]
fn another_port_leaves_no_doubt() {
    let mut keepalive = server(600);
    silences(&mut keepalive, secs(30), 5);
    assert_eq!(keepalive.interval(), secs(15));
    keepalive.on_port_changed(&config(600));
    let all = silences(&mut keepalive, secs(30), 50);
    assert!(all.iter().all(|silence| *silence < 30_000), "{all:?}");
}

#[test]
fn another_port_in_the_midst_of_it_is_another_translator() {
    let mut keepalive = server(600);
    silences(&mut keepalive, secs(30), 100);
    keepalive.on_port_changed(&config(600));
    assert_eq!(silences(&mut keepalive, secs(3_600), 20)[19], 100_000);
}

#[test]
fn a_translator_that_forgets_before_the_first_silence_is_found_too() {
    let mut keepalive = server(600);
    let all = silences(&mut keepalive, secs(10), 50);
    assert!(all[10..].iter().all(|silence| *silence < 10_000), "{all:?}");
    let all = silences(&mut keepalive, Duration::ZERO, 50);
    assert_eq!(all[49], 2_500, "and no further than this");
}

#[test]
fn messages_make_silences_short_again() {
    let mut keepalive = server(600);
    silences(&mut keepalive, secs(3_600), 5);
    assert!(keepalive.interval() > secs(15));
    keepalive.on_sent(Instant::ZERO, Spoken::Other);
    assert!(keepalive.interval() > secs(15));
    keepalive.on_sent(Instant::ZERO, Spoken::Messages);
    assert_eq!(keepalive.interval(), secs(15));
    silences(&mut keepalive, secs(3_600), 5);
    keepalive.on_heard(Instant::ZERO, secs(1), true, PATIENCE);
    assert_eq!(keepalive.interval(), secs(15));
}

#[test]
fn a_client_waits_half_as_long_again_as_its_server() {
    let mut client = Keepalive::new(&config(600), Role::Client);
    assert_eq!(client.interval(), Duration::from_millis(22_500));
    client.on_heard(Instant::ZERO, secs(40), false, PATIENCE);
    assert_eq!(client.interval(), secs(60));
    // An answer to what was said a moment ago says nothing.
    client.on_heard(Instant::ZERO, PATIENCE, false, PATIENCE);
    assert_eq!(client.interval(), secs(60));
    client.on_heard(Instant::ZERO, secs(8), false, PATIENCE);
    assert_eq!(client.interval(), secs(12));
}

#[test]
fn a_fixed_interval_stays() {
    let config = Config::builder().keepalive_interval(secs(3));
    let config = config.build().expect("valid");
    for role in [Role::Server, Role::Client] {
        let mut keepalive = Keepalive::new(&config, role);
        assert_eq!(silences(&mut keepalive, secs(2), 5), [3_000; 5]);
        keepalive.on_heard(Instant::ZERO, secs(60), true, PATIENCE);
        assert_eq!(keepalive.interval(), secs(3));
        // Whatever is heard: our own silence counts.
        let (sent, heard) = (Instant::from_millis(1_000), Instant::from_millis(3_000));
        assert_eq!(keepalive.due_at(sent, heard), Instant::from_millis(4_000));
    }
}
