//! Every combination of what a message may be sent with, on every delivery, with and without copies, whatever quality of
//! service the channel has and whichever controller sends: 7,680 of them, each under fates that proptest thinks of, and
//! with or without parities.
//!
//! A conversation has one message of each of the 24 combinations of options, in any order, and one setting of the channel.

use std::num::NonZeroU64;

use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::test_runner::{Config as Proptest, TestRunner};
use tickwire_core::{
    ChannelConfig, ChannelId, Config, CongestionControl, Delivery, PeerId, Priority, Qos,
    RateLimit, SendOptions,
};
use tickwire_sim::{Fate, Oracle, Pair, ms};

use super::{Book, DELIVERIES, Sent, link};
use crate::schedules;

const CHANNEL: ChannelId = ChannelId::new(0);
/// Fates for each setting.
const CASES: u32 = 3;
/// Bytes a second and at once of a channel that has a rate.
const RATE: (u64, u64) = (30_000, 1_500);
/// Time to live of messages that have one: less than a second round trip.
const BRIEF_MS: u64 = 80;

/// Who may ride along again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copies {
    /// Nothing of this connection.
    OffByBudget,
    /// Nothing of this channel.
    OffByChannel,
    Usual,
    /// As many bytes as without them.
    Most,
}

/// What does not change during a conversation.
#[derive(Clone, Copy, Debug)]
struct Setting {
    delivery: Delivery,
    copies: Copies,
    qos: Qos,
    congestion: CongestionControl,
}

impl Setting {
    fn all() -> Vec<Self> {
        let rate = RateLimit::new(RATE.0, RATE.1);
        let qualities = [
            Qos::new(),
            Qos::new().priority(Priority::High).weight(100),
            Qos::new().priority(Priority::Low).weight(1),
            Qos::new().rate(rate),
        ];
        let fixed = CongestionControl::Fixed {
            bytes_per_second: NonZeroU64::new(100_000).expect("not 0"),
        };
        let controllers = [
            CongestionControl::Game,
            CongestionControl::Cubic,
            CongestionControl::Bbr,
            CongestionControl::NewReno,
            fixed,
        ];
        let mut all = Vec::new();
        for delivery in DELIVERIES {
            for copies in [
                Copies::OffByBudget,
                Copies::OffByChannel,
                Copies::Usual,
                Copies::Most,
            ] {
                for qos in qualities {
                    all.extend(controllers.map(|congestion| Self {
                        delivery,
                        copies,
                        qos,
                        congestion,
                    }));
                }
            }
        }
        all
    }

    fn config(&self, accepts: bool, parity: u8) -> Config {
        let percent = match self.copies {
            Copies::OffByBudget => 0,
            Copies::OffByChannel | Copies::Usual => 40,
            Copies::Most => 100,
        };
        let channel = ChannelConfig::new(self.delivery).qos(self.qos);
        let channel = channel.redundancy(self.copies != Copies::OffByChannel);
        let channel = channel.parity(parity);
        let config = Config::builder().channels(vec![channel]).accepts(accepts);
        let config = config.redundancy_percent_max(percent);
        let config = config.congestion(self.congestion);
        config.build().expect("valid")
    }
}

/// Every combination of a message's options.
fn all_options() -> Vec<SendOptions> {
    let mut all = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        for flags in 0..8 {
            let mut options = SendOptions::new().priority(priority);
            options.time_to_live = (flags & 1 > 0).then_some(ms(BRIEF_MS));
            options.key = (flags & 2 > 0).then_some(7);
            options.receipt = flags & 4 > 0;
            all.push(options);
        }
    }
    all
}

/// One thing that an owner says: when after the one before, how long, and with what.
type Saying = (u64, usize, SendOptions);

/// One message of each combination, in any order.
fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let options = all_options();
    let gaps = proptest::collection::vec(0..25_u64, options.len());
    let small = proptest::collection::vec(4..200_usize, options.len());
    let long = proptest::collection::vec(0..12_usize, options.len());
    (Just(options).prop_shuffle(), gaps, small, long).prop_map(|(options, gaps, small, long)| {
        let all = options.into_iter().zip(gaps).zip(small).zip(long);
        let saying = |(((options, gap), small), long)| match long {
            0 => (gap, 3_000, options),
            1 => (gap, 1_150, options),
            _ => (gap, small, options),
        };
        all.map(saying).collect()
    })
}

/// A conversation under way.
struct Talk {
    pair: Pair,
    peer: PeerId,
    setting: Setting,
    oracle: Oracle,
    book: Book,
}

impl Talk {
    fn new(setting: Setting, parity: u8, up: &[Fate], down: &[Fate]) -> Self {
        let [client, server] = [false, true].map(|accepts| setting.config(accepts, parity));
        let pair = Pair::with_configs(1, client, server);
        let pair = pair.link(link()).connect();
        let pair = pair.link_to_server(link().schedule(up.iter().copied()));
        let pair = pair.link_to_client(link().schedule(down.iter().copied()));
        Self {
            peer: pair.client_peer().expect("connected"),
            pair,
            setting,
            oracle: Oracle::new(setting.delivery),
            book: Book::default(),
        }
    }

    fn say(&mut self, size: usize, options: SendOptions) {
        let payload = self.oracle.next_message(size);
        let peer = self.peer;
        let sent = self.pair.world.act(self.pair.client, |endpoint, now| {
            endpoint.send_with(now, peer, CHANNEL, &payload, &options)
        });
        let (at, told) = (self.pair.world.now(), None);
        let sent = sent.expect("the queue has room for all");
        self.book.0.insert(sent, Sent { at, options, told });
        self.oracle.on_sent_with(size, &options);
    }

    fn pass(&mut self, millis: u64) {
        self.pair.run_for(ms(millis));
        for message in self.pair.server_messages() {
            self.oracle
                .on_received(&message.payload)
                .expect("as promised");
        }
        for (at, event) in self.pair.world.timed_events(self.pair.client) {
            self.book.on_told(at, event);
        }
    }

    /// A channel with a rate has sent no more than that brought by now.
    fn assert_rate(&self) {
        let client = self.pair.world.view(self.pair.client);
        let stats = client.channel_stats(self.peer, CHANNEL).expect("connected");
        let age = self.pair.world.now().as_micros();
        let most = RATE.1 + RATE.0 * age / 1_000_000;
        let is_within = self.setting.qos.rate.is_none() || stats.bytes_sent <= most;
        assert!(is_within, "{} bytes of {most}", stats.bytes_sent);
    }

    /// Bytes that wait to be sent, and that wait for others, on both sides.
    fn held(&self) -> [u64; 4] {
        let stats = [self.pair.client_stats(), self.pair.server_stats()];
        let [client, server] = stats.map(|stats| stats.expect("connected"));
        [
            client.queued_bytes,
            server.queued_bytes,
            client.receive_buffered_bytes,
            server.receive_buffered_bytes,
        ]
    }

    /// Nothing is wrong with the path any more.
    fn end(&mut self) {
        self.pair.heal();
        for _ in 0..100 {
            self.pass(100);
            if self.held() == [0; 4] {
                break;
            }
        }
        self.oracle.complete().expect("what was not excused came");
        self.book.told(self.setting.delivery);
        assert_eq!(self.held(), [0; 4], "bytes are held");
        let copies = self.pair.client_stats().expect("connected").copies_sent;
        let may_copy = matches!(self.setting.copies, Copies::Usual | Copies::Most)
            && self.setting.delivery.is_reliable();
        assert!(may_copy || copies == 0, "{copies} copies");
    }
}

#[test]
fn each_of_them_is_kept_whatever_becomes_of_datagrams() {
    let settings = Setting::all();
    assert_eq!(settings.len() * all_options().len(), 7_680);
    for setting in settings {
        let config = Proptest {
            source_file: Some(file!()),
            ..Proptest::with_cases(CASES)
        };
        let fates = || schedules::fates(40);
        let parities = select(&[0, 2, 3, 16][..]);
        let drawn = (sayings(), parities, fates(), fates());
        let held = TestRunner::new(config).run(&drawn, |(sayings, parity, up, down)| {
            let mut talk = Talk::new(setting, parity, &up, &down);
            for (gap, size, options) in sayings {
                talk.say(size, options);
                talk.pass(gap);
                talk.assert_rate();
            }
            talk.end();
            Ok(())
        });
        held.unwrap_or_else(|failure| panic!("{setting:?}: {failure}"));
    }
}
