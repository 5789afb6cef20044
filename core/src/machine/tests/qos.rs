//! Priority, weight and rate of channels, as both owners see them.

use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU64;
use core::time::Duration;

use proptest::prelude::*;

use super::link::{Faults, Storm};
use super::pair::{Pair, Side};
use crate::config::ConfigBuilder;
use crate::error::QosError;
use crate::journal::{Hold, Step};
use crate::{
    ChannelConfig, ChannelId, Config, CongestionControl, Delivery, Event, Instant, PeerId,
    Priority, Qos, RateLimit,
};

const MS: Duration = Duration::from_millis(1);

fn ordered(qos: Qos) -> ChannelConfig {
    ChannelConfig::new(Delivery::Ordered).qos(qos)
}

/// 100,000 bytes a second, 10 ms away.
fn narrow(channels: &[ChannelConfig]) -> Storm {
    let config = || -> ConfigBuilder {
        let bytes_per_second = NonZeroU64::new(100_000).expect("not 0");
        Config::builder()
            .channels(channels.to_vec())
            .congestion(CongestionControl::Fixed { bytes_per_second })
    };
    let delay_ms = 10;
    let pair = Pair::connected_with(config(), config());
    let faults = Faults {
        delay_ms,
        ..Faults::default()
    };
    Storm::new(pair, faults, 1)
}

/// Bytes of messages by channel that the side got since it was last asked.
fn got(side: &mut Side, channels: usize) -> Vec<usize> {
    let mut bytes = vec![0; channels];
    for event in side.events.drain(..) {
        if let Event::Message {
            channel, payload, ..
        } = event
        {
            bytes[channel.index()] += payload.len();
        }
    }
    bytes
}

fn fill(side: &mut Side, now: Instant, channel: u8, len: usize) {
    while side.send(now, channel, &vec![channel; len]).is_ok() {}
}

#[test]
fn two_files_share_the_line_by_weight() {
    for (high, low) in [(30, 10), (10, 10), (1, 4)] {
        let first = ordered(Qos::new().weight(high).priority(Priority::Low));
        let second = ordered(Qos::new().weight(low).priority(Priority::High));
        let mut storm = narrow(&[first, second]);
        let mut sums = [0; 2];
        for _ in 0..400 {
            for channel in 0..2 {
                fill(&mut storm.pair.client, storm.pair.now, channel, 2_000);
            }
            storm.run_for(25 * MS);
            let bytes = got(&mut storm.pair.server, 2);
            sums = [sums[0] + bytes[0], sums[1] + bytes[1]];
        }
        assert!(sums[0] + sums[1] > 900_000, "{sums:?}: the line is full");
        // The lead of the one with the higher priority, and what was cut off at the end.
        let slack = 1_024 * usize::from(low.max(high)) + 4_000;
        let (wanted, total) = (usize::from(high), usize::from(high + low));
        let share = (sums[0] + sums[1]) * wanted / total;
        assert!(sums[0].abs_diff(share) <= slack, "{sums:?}: {share}");
    }
}

#[test]
fn a_channel_without_rivals_has_the_whole_line_whatever_its_weight() {
    let times = [1, 100].map(|weight| {
        let quiet = ordered(Qos::new().weight(100).priority(Priority::High));
        let mut storm = narrow(&[ordered(Qos::new().weight(weight)), quiet]);
        fill(&mut storm.pair.client, storm.pair.now, 0, 2_000);
        let begin = storm.pair.now;
        while storm
            .pair
            .client
            .endpoint
            .peer_stats(PEER)
            .is_some_and(|stats| stats.queued_bytes > 0)
        {
            storm.run_for(MS);
        }
        storm.pair.now.saturating_duration_since(begin)
    });
    assert_eq!(times[0], times[1]);
}

const PEER: PeerId = PeerId::new(0, 0);

#[test]
fn what_is_said_in_one_tick_leaves_by_priority() {
    let channels = [Priority::Low, Priority::Normal, Priority::High]
        .map(|priority| ordered(Qos::new().priority(priority)));
    let config = || Config::builder().channels(channels.to_vec());
    let mut pair = Pair::connected_with(config(), config());
    for channel in 0..3 {
        for _ in 0..3 {
            pair.client
                .send(pair.now, channel, &[channel; 900])
                .expect("room");
        }
    }
    pair.client.endpoint.flush(pair.now);
    let mut order = Vec::new();
    for datagram in pair.client.datagrams(pair.now) {
        pair.server.take(pair.now, pair.client.address, &datagram);
        pair.server.poll();
        order.extend(pair.server.payloads().iter().map(|payload| payload[0]));
    }
    assert_eq!(order, [2, 2, 2, 1, 1, 1, 0, 0, 0]);
}

/// State leaves at its tick beside bulk of the highest priority and weight.
#[test]
fn fresh_state_does_not_wait_for_bulk_whatever_that_is_worth() {
    let bulk = ordered(Qos::new().priority(Priority::High).weight(100));
    let state = Qos::new().priority(Priority::Low).weight(1);
    let state = ChannelConfig::new(Delivery::Sequenced).qos(state);
    let mut storm = narrow(&[bulk, state]);
    let mut late = 0;
    for round in 0..300 {
        fill(&mut storm.pair.client, storm.pair.now, 0, 2_000);
        if round > 20 {
            storm
                .pair
                .client
                .send(storm.pair.now, 1, &[1; 200])
                .expect("state is taken");
        }
        storm.pair.client.endpoint.flush(storm.pair.now);
        storm.settle();
        storm.run_for(11 * MS);
        let state = got(&mut storm.pair.server, 2)[1];
        late += usize::from(round > 20 && state == 0);
        storm.run_for(6 * MS);
    }
    assert_eq!(late, 0, "states that did not leave at once");
}

/// State alone would take twice what the line carries, and yet a message gets through.
#[test]
fn too_much_state_starves_no_event() {
    let state = ChannelConfig::new(Delivery::Unreliable);
    let mut storm = narrow(&[state, ordered(Qos::new())]);
    let mut waits = 0;
    for round in 0..300 {
        for _ in 0..4 {
            storm
                .pair
                .client
                .send(storm.pair.now, 0, &[0; 900])
                .expect("state is taken");
        }
        if round % 50 == 0 {
            storm
                .pair
                .client
                .send(storm.pair.now, 1, &[1; 100])
                .expect("room");
        }
        storm.pair.client.endpoint.flush(storm.pair.now);
        storm.run_for(17 * MS);
        let is_open = storm
            .pair
            .client
            .endpoint
            .channel_stats(PEER, ChannelId::new(1));
        waits += usize::from(is_open.is_some_and(|stats| stats.queued_bytes > 0));
    }
    assert_eq!(got(&mut storm.pair.server, 2)[1], 600);
    assert!(waits < 6 * 20, "{waits} ticks for six events");
}

/// When frames of a channel came, and their bytes.
fn arrivals(storm: &mut Storm, until: Instant, wakes: &mut u32) -> Vec<(Instant, usize)> {
    let mut all = Vec::new();
    while storm.pair.now < until {
        storm.settle();
        let bytes = got(&mut storm.pair.server, 2)[0];
        if bytes > 0 {
            all.push((storm.pair.now, bytes));
        }
        *wakes += 1;
        let next = storm.next().unwrap_or(until).min(until);
        storm.pair.now = next.max(storm.pair.now + Duration::from_nanos(1));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is sent over whatever is lost: what arrives never exceeds rate and burst over any time, all of it arrives,
    /// and nobody is woken more often than there are datagrams and timers.
    #[test]
    fn a_rate_holds_over_any_time_and_delivers_everything(
        rate in 3_000u64..60_000,
        burst in 1_500u64..6_000,
        sizes in prop::collection::vec(1usize..3_000, 1..40),
        loss in prop::sample::select(vec![0u64, 0, 100]),
        seed in any::<u64>(),
    ) {
        let limit = RateLimit::new(rate, burst);
        let limited = ordered(Qos::new().rate(limit)).message_size_max(3_000);
        let config = || Config::builder().channels(vec![limited.clone(), ordered(Qos::new())]);
        let pair = Pair::connected_with(config(), config());
        let mut storm = Storm::new(pair, Faults { loss, delay_ms: 10, ..Faults::default() }, seed);
        for size in &sizes {
            storm.pair.client.send(storm.pair.now, 0, &vec![0; *size]).expect("room");
        }
        storm.pair.client.endpoint.flush(storm.pair.now);
        let begin = storm.pair.now;
        let total: usize = sizes.iter().sum();
        let mut wakes = 0;
        // Lost pieces take their rate a second time, and backed-off probes their time.
        let time = Duration::from_millis(10_000 + total as u64 * 1_000 / rate * 4);
        let arrivals = arrivals(&mut storm, begin + time, &mut wakes);
        let arrived: usize = arrivals.iter().map(|(_, bytes)| bytes).sum();
        prop_assert_eq!(arrived, total);
        if loss == 0 {
            // What is in pieces counts when it is whole: a message's worth may come with its last piece.
            let slack = sizes.iter().max().copied().unwrap_or(0);
            for (first, (from, _)) in arrivals.iter().enumerate() {
                let mut sum = 0;
                for (to, bytes) in &arrivals[first..] {
                    sum += bytes;
                    let time = to.saturating_duration_since(*from).as_nanos();
                    let most = u128::from(burst) + u128::from(rate) * time / 1_000_000_000;
                    prop_assert!(sum as u128 <= most + slack as u128, "{} in {} ns", sum, time);
                }
            }
            // And no less: the last came when the rate had brought it, with eight bytes a piece, the copies that leave while
            // nothing is known of the path, and 50 ms for the way.
            let frames = sizes.iter().map(|size| size + 8 * (1 + size / 1_000));
            let frames = frames.sum::<usize>() as u64 + 2_400;
            let (last, _) = arrivals.last().copied().unwrap_or((begin, 0));
            let needed = Duration::from_millis(frames.saturating_sub(burst) * 1_000 / rate + 50);
            prop_assert!(last <= begin + needed, "{} later", last.saturating_duration_since(begin).as_millis());
        }
        let stats = storm.pair.client.endpoint.channel_stats(PEER, ChannelId::new(0)).expect("connected");
        prop_assert!(stats.bytes_sent >= total as u64);
        let datagrams = storm.pair.client.endpoint.stats().datagrams_sent + storm.pair.server.endpoint.stats().datagrams_sent;
        prop_assert!(u64::from(wakes) <= 20 + 4 * datagrams, "{} wakes for {} datagrams", wakes, datagrams);
    }
}

#[test]
fn a_rate_is_changed_while_messages_wait_for_it() {
    let slow = Qos::new().rate(RateLimit::new(2_500, 1_500));
    let channel = ordered(slow).message_size_max(2_000);
    let mut storm = narrow(&[channel, ordered(Qos::new())]);
    let channel = ChannelId::new(0);
    for _ in 0..20 {
        storm
            .pair
            .client
            .send(storm.pair.now, 0, &[0; 1_000])
            .expect("room");
    }
    storm.run_for(1_000 * MS);
    let slowly = got(&mut storm.pair.server, 2)[0];
    assert!((2_000..=4_000).contains(&slowly), "{slowly}");
    let stats = storm
        .pair
        .client
        .endpoint
        .channel_stats(PEER, channel)
        .expect("connected");
    assert_eq!(stats.qos, slow);
    assert!(stats.rate_waits >= 2, "{stats:?}");
    let set = storm
        .pair
        .client
        .endpoint
        .set_qos(PEER, channel, &Qos::new());
    assert_eq!(set, Ok(()));
    storm.run_for(300 * MS);
    let fast = got(&mut storm.pair.server, 2)[0];
    assert_eq!(slowly + fast, 20_000, "the rest comes at once");
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut pair = Pair::connected();
    let client = &mut pair.client.endpoint;
    let mut set = |peer, channel, qos: Qos| client.set_qos(peer, ChannelId::new(channel), &qos);
    let nobody = PeerId::new(7, 7);
    assert_eq!(set(nobody, 0, Qos::new()), Err(QosError::UnknownPeer));
    assert_eq!(set(PEER, 4, Qos::new()), Err(QosError::UnknownChannel));
    let out_of_range = |field, allowed| Err(QosError::OutOfRange { field, allowed });
    let weightless = out_of_range("qos.weight", "1 to 100");
    assert_eq!(set(PEER, 0, Qos::new().weight(0)), weightless);
    assert_eq!(set(PEER, 0, Qos::new().weight(101)), weightless);
    let rate = |rate, burst| Qos::new().rate(RateLimit::new(rate, burst));
    let burst = out_of_range("qos.rate.burst_bytes", "1500 to 67108864 bytes");
    assert_eq!(set(PEER, 0, rate(1_000, 1_499)), burst);
    // 64 KiB within 15 s; an unreliable channel ends no connection.
    assert_eq!(set(PEER, 2, rate(4_369, 1_500)), Err(QosError::RateTooLow));
    assert_eq!(set(PEER, 2, rate(4_370, 1_500)), Ok(()));
    assert_eq!(set(PEER, 0, rate(100, 1_500)), Ok(()));
    let stats = client
        .channel_stats(PEER, ChannelId::new(0))
        .expect("there");
    assert_eq!(stats.qos, rate(100, 1_500));
    assert_eq!(client.channel_stats(PEER, ChannelId::new(4)), None);
}

#[test]
fn a_message_that_waits_for_its_rate_says_so() {
    let channel = ordered(Qos::new().rate(RateLimit::new(10_000, 1_500)));
    let config = || Config::builder().channels(vec![channel.clone()]);
    let mut pair = Pair::connected_with(config(), config());
    pair.client.endpoint.set_journal(true);
    for _ in 0..2 {
        pair.client.send(pair.now, 0, &[0; 1_000]).expect("room");
    }
    pair.client.endpoint.flush(pair.now);
    let _ = pair.client.datagrams(pair.now);
    let mut hold = None;
    while let Some(entry) = pair.client.endpoint.poll_journal() {
        if let Step::Waits { hold: found, .. } = entry.step {
            hold = Some(found);
        }
    }
    // Two frames of 1,005 bytes, and 1,500 at first: 510 are missing.
    let until = pair.now + 51 * MS;
    assert_eq!(hold, Some(Hold::Rate { until }));
    assert_eq!(
        pair.client.endpoint.poll_timeout(),
        Some(until).min(pair.client.endpoint.poll_timeout())
    );
    let budget = pair
        .client
        .endpoint
        .channel_budget(PEER, ChannelId::new(0), pair.now);
    assert_eq!(budget, 0, "what waits takes all that the rate brings");
}

/// What waits for its rate longer than it is fresh is dropped, and nobody wakes for it in vain.
#[test]
fn state_above_its_rate_is_dropped_and_not_late() {
    let state = Qos::new().rate(RateLimit::new(3_000, 1_500));
    let state = ChannelConfig::new(Delivery::Unreliable).qos(state);
    let mut storm = narrow(&[state, ordered(Qos::new())]);
    for _ in 0..200 {
        storm
            .pair
            .client
            .send(storm.pair.now, 0, &[0; 200])
            .expect("state is taken");
        storm.pair.client.endpoint.flush(storm.pair.now);
        storm.run_for(17 * MS);
    }
    let bytes = got(&mut storm.pair.server, 2)[0];
    // 3.4 s at 3,000 bytes a second, and the burst.
    assert!((10_000..=11_700).contains(&bytes), "{bytes}");
    let stats = storm
        .pair
        .client
        .endpoint
        .peer_stats(PEER)
        .expect("connected");
    assert!(stats.drops.send_stale > 100, "{:?}", stats.drops);
}

/// A long message that its rate would let leave too late does not hold up a short one, and nobody is woken in vain for that.
#[test]
fn what_cannot_leave_in_time_is_not_waited_for() {
    let state = Qos::new().rate(RateLimit::new(3_000, 1_500));
    let state = ChannelConfig::new(Delivery::Unreliable).qos(state);
    let mut storm = narrow(&[state, ordered(Qos::new())]);
    // 1,140 bytes leave at once, 1,000 could after 200 ms, and for 20 there is room.
    for len in [1_140, 1_000, 20] {
        storm
            .pair
            .client
            .send(storm.pair.now, 0, &vec![0; len])
            .expect("state is taken");
    }
    storm.pair.client.endpoint.flush(storm.pair.now);
    storm.run_for(50 * MS);
    assert_eq!(got(&mut storm.pair.server, 2)[0], 1_160);
    let stats = storm.pair.client.endpoint.peer_stats(PEER);
    assert_eq!(stats.expect("connected").drops.send_stale, 1);
}
