//! How a kind of traffic is served: what its channel may have of a connection, and what is asked for each of its messages.

use tickwire_core::{ChannelConfig, Delivery, Priority, Qos, RateLimit, SendOptions};

use super::document::Section;
use super::error::ScenarioError;
use crate::ms;

/// Keys of `[traffic.channel]`.
pub(crate) const CHANNEL_KEYS: &[&str] = &[
    "priority",
    "weight",
    "rate",
    "burst",
    "redundancy",
    "parity",
];
/// Keys of `[traffic.message]`.
pub(crate) const MESSAGE_KEYS: &[&str] = &["priority", "time_to_live", "keys", "receipt"];

/// What may leave at once of a channel that has a rate and no `burst`: ten datagrams.
const BURST: u64 = 12_000;

/// What a channel may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelKeys {
    pub(crate) qos: Qos,
    pub(crate) redundancy: bool,
    /// Fragments that a parity stands for; 0: none does.
    pub(crate) parity: u8,
}

impl Default for ChannelKeys {
    fn default() -> Self {
        Self {
            qos: Qos::new(),
            redundancy: true,
            parity: 0,
        }
    }
}

/// What is asked for each message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageKeys {
    options: SendOptions,
    /// Messages are about so many things in turn; only the newest of each counts.
    keys: Option<u32>,
}

impl ChannelKeys {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, ScenarioError> {
        let mut qos = Qos::new();
        qos.priority = priority(section)?;
        let weight = section.count("weight", 1..=100)?;
        qos.weight = weight.map_or(qos.weight, |weight| u8::try_from(weight).unwrap_or(100));
        let burst = section.bytes("burst", 1_500..=64 << 20)?;
        let rate = section.rate("rate", 1_000..=100_000_000_000)?;
        match (rate, burst) {
            (Some(bits), burst) => {
                qos.rate = Some(RateLimit::new(bits / 8, burst.unwrap_or(BURST)));
            }
            (None, None) => {}
            (None, Some(_)) => {
                return Err(section.error_at("burst", "it belongs to a `rate`, which is missing"));
            }
        }
        let parity = section.count("parity", 2..=16)?.unwrap_or(0);
        Ok(Self {
            qos,
            redundancy: section.flag("redundancy")?.unwrap_or(true),
            parity: u8::try_from(parity).unwrap_or(16),
        })
    }

    /// The same channel, so served.
    pub(crate) fn of(&self, channel: ChannelConfig) -> ChannelConfig {
        let channel = channel.qos(self.qos).redundancy(self.redundancy);
        channel.parity(self.parity)
    }
}

impl MessageKeys {
    pub(crate) fn read(section: &Section<'_>, delivery: Delivery) -> Result<Self, ScenarioError> {
        let mut options = SendOptions::new();
        options.priority = priority(section)?;
        options.time_to_live = section.time("time_to_live", ms(1)..=ms(3_600_000))?;
        options.receipt = section.flag("receipt")?.unwrap_or(false);
        let in_order = matches!(delivery, Delivery::Sequenced | Delivery::Ordered);
        if in_order && section.has("priority") {
            let text = "messages that keep their order have none: it is for \"unreliable\" and \"reliable\"";
            return Err(section.error_at("priority", text));
        }
        if options.receipt && !delivery.is_reliable() {
            let text = "only \"reliable\" and \"ordered\" messages have receipts";
            return Err(section.error_at("receipt", text));
        }
        let keys = section.count("keys", 1..=1_000_000)?;
        Ok(Self { options, keys })
    }

    /// What to ask for message `number`.
    pub(crate) fn options(&self, number: u32) -> SendOptions {
        match self.keys {
            Some(keys) => self.options.key(u64::from(number % keys)),
            None => self.options,
        }
    }

    pub(crate) const fn has_receipts(&self) -> bool {
        self.options.receipt
    }

    /// Whether messages may be given up before they are delivered.
    pub(crate) const fn gives_up(&self) -> bool {
        self.options.time_to_live.is_some() || self.keys.is_some()
    }
}

fn priority(section: &Section<'_>) -> Result<Priority, ScenarioError> {
    let words = [
        ("low", Priority::Low),
        ("normal", Priority::Normal),
        ("high", Priority::High),
    ];
    Ok(section.choice("priority", &words)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    const TOP: &str =
        "title = \"x\"\nduration = \"4s\"\ndrain = \"2s\"\n[link]\ndelay = \"10ms\"\n";

    fn wrong(traffic: &str) -> String {
        let text = format!("{TOP}[[traffic]]\nname = \"a\"\n{traffic}\n");
        let error = Scenario::parse(&text).expect_err("it is wrong");
        error.in_file("a")
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        let reliable = "delivery = \"reliable\"\nrate_hz = 1\n";
        let with = |lines: &str| wrong(&format!("{reliable}{lines}"));
        assert_eq!(
            with("[traffic.channel]\nweigth = 1"),
            "a:11:1: there is no key `weigth` in `traffic.channel`: expected `priority`, `weight`, `rate`, `burst`, `redundancy`, `parity`; did you mean `weight`?"
        );
        assert_eq!(
            with("[traffic.channel]\nweight = 0"),
            "a:11:10: `weight`: expected a whole number from 1 to 100"
        );
        assert_eq!(
            with("[traffic.channel]\nparity = 1"),
            "a:11:10: `parity`: expected a whole number from 2 to 16"
        );
        assert_eq!(
            with("[traffic.channel]\npriority = 3"),
            "a:11:12: `priority`: expected one of \"low\", \"normal\", \"high\""
        );
        assert_eq!(
            with("[traffic.channel]\nburst = 2000"),
            "a:11:9: `burst`: it belongs to a `rate`, which is missing"
        );
        assert_eq!(
            with("size = 60000\n[traffic.channel]\nrate = \"8kbit/s\""),
            "a:11:1: `channel`: at its rate the longest message of channel 1 does not leave within half of delivery_timeout"
        );
        assert_eq!(
            with("[traffic.message]\ntime_to_live = 5"),
            "a:11:16: `time_to_live`: expected a time from \"1ms\" to \"1h\", such as \"25ms\" or \"1.5s\""
        );
        assert_eq!(
            wrong("delivery = \"ordered\"\nrate_hz = 1\n[traffic.message]\npriority = \"low\""),
            "a:11:12: `priority`: messages that keep their order have none: it is for \"unreliable\" and \"reliable\""
        );
        assert_eq!(
            wrong("delivery = \"sequenced\"\nrate_hz = 1\n[traffic.message]\nreceipt = true"),
            "a:11:11: `receipt`: only \"reliable\" and \"ordered\" messages have receipts"
        );
    }

    #[test]
    fn a_rate_a_time_to_live_and_keys_do_what_they_say() {
        let text = format!(
            "{TOP}[[traffic]]\nname = \"slow\"\ndelivery = \"reliable\"\ndirection = \"up\"\nsize = 500\nrate_hz = 20\n\
            [traffic.channel]\nrate = \"20kbit/s\"\nburst = 1500\n[traffic.message]\ntime_to_live = \"200ms\"\nreceipt = true\n\
            [[traffic]]\nname = \"newest\"\ndelivery = \"reliable\"\ndirection = \"up\"\nsize = 500\nrate_hz = 20\n\
            [traffic.channel]\nrate = \"20kbit/s\"\nburst = 1500\n[traffic.message]\nkeys = 1\nreceipt = true\n\
            [expect]\nall_reliable_delivered = true\n"
        );
        let outcome = Scenario::parse(&text).expect("a good scenario").run(1);
        assert!(outcome.unmet.is_empty(), "{:?}", outcome.unmet);
        let [slow, newest] = &outcome.traffic[..] else {
            panic!("{:?}", outcome.traffic)
        };
        for found in [slow, newest] {
            // 2,500 bytes a second and 1,500 at once are 11,500 in 4 s, of 40,000.
            assert!(
                (10_000..=12_500).contains(&found.delivered_bytes),
                "{found:?}"
            );
            let receipts = found.receipts.expect("they were asked for");
            // Some are given up while the acknowledgement is on its way.
            assert!(
                (1..=found.delivered).contains(&receipts.delivered),
                "{found:?}"
            );
            let told = receipts.delivered + receipts.expired + receipts.superseded;
            assert_eq!(told, found.sent, "{found:?}");
        }
        let (expired, superseded) = (
            slow.receipts.unwrap_or_default(),
            newest.receipts.unwrap_or_default(),
        );
        assert!(
            expired.expired > 40 && expired.superseded == 0,
            "{expired:?}"
        );
        assert!(
            superseded.superseded > 40 && superseded.expired == 0,
            "{superseded:?}"
        );
        assert!(
            slow.latency.max_us <= 200_000 + 30_000,
            "{:?}",
            slow.latency
        );
    }

    /// A message of four fragments dies with each of them at a fifth of lost datagrams; with parities for two of them each, less.
    #[test]
    fn parities_bring_long_unreliable_messages_through() {
        let delivered = |channel: &str| {
            let text = format!(
                "{TOP}loss = \"10%\"\n[[traffic]]\nname = \"a\"\ndelivery = \"unreliable\"\nsize = 4000\nrate_hz = 30\n{channel}"
            );
            let outcome = Scenario::parse(&text).expect("a good scenario").run(1);
            outcome.traffic[0].delivered * 100 / outcome.traffic[0].sent
        };
        let (without, with) = (delivered(""), delivered("[traffic.channel]\nparity = 2\n"));
        assert!(
            (55..=75).contains(&without) && with >= 90,
            "{without} % and {with} %"
        );
    }

    #[test]
    fn redundancy_is_off_where_it_is_said_so() {
        let bytes = |endpoint: &str, channel: &str| {
            let text = format!(
                "{TOP}loss = \"10%\"\n{endpoint}[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 30\n{channel}"
            );
            let outcome = Scenario::parse(&text).expect("a good scenario").run(1);
            outcome.wire_up.bytes
        };
        let with = bytes("", "");
        let without = bytes("[endpoint]\nredundancy_percent_max = 0\n", "");
        let by_channel = bytes("", "[traffic.channel]\nredundancy = false\n");
        assert!(without * 11 < with * 10, "{without} and {with}");
        assert!(by_channel * 11 < with * 10, "{by_channel} and {with}");
    }
}
