//! What the choice of channels costs: the same match with the mixed channels of the game and with everything reliable
//! and ordered. `docs/UDP-AND-TCP.md` shows the figures, and this keeps them true.

use std::fmt;
use std::time::Duration;

use tickwire_core::ChannelId;
use tickwire_game::EVENTS;
use tickwire_sim::{Link, ms};

use crate::party::Party;

const PLAYERS: u32 = 8;
const SECONDS: u64 = 10;
const DOCUMENT: &str = include_str!("../../docs/UDP-AND-TCP.md");

/// What a match cost.
#[derive(Debug)]
struct Cost {
    /// UDP payload of all hosts together.
    bytes: u64,
    /// Age of the snapshots that arrived, youngest first.
    ages: Vec<Duration>,
}

impl Cost {
    fn of(loss_permille: u16, channel_override: Option<ChannelId>) -> Self {
        let link = Link::new().latency(ms(25)).loss(loss_permille);
        let mut party = Party::new(5, PLAYERS, &link, channel_override);
        party.run_until_all_play();
        party.ages.clear();
        let before = party.bytes_sent();
        party.run_for(Duration::from_secs(SECONDS));
        party.ages.sort_unstable();
        Self {
            bytes: party.bytes_sent() - before,
            ages: party.ages,
        }
    }

    /// Of 100 snapshots so many are younger.
    fn age(&self, percent: usize) -> Duration {
        self.ages[(self.ages.len() - 1) * percent / 100]
    }

    /// In a second for each player, both ways.
    fn bytes_per_player_second(&self) -> u64 {
        self.bytes / u64::from(PLAYERS) / SECONDS
    }
}

/// Positions that are sent again when nobody wants them, a number and an acknowledgement for each, and the newest
/// waiting for one that was lost: what it costs to make everything reliable because that seems safe.
#[test]
fn everything_reliable_costs_more_bytes_than_the_mixed_channels() {
    let mut rows = Vec::new();
    for loss_permille in [0, 10, 50] {
        let mixed = Cost::of(loss_permille, None);
        let reliable = Cost::of(loss_permille, Some(EVENTS));
        assert!(reliable.bytes > mixed.bytes, "{reliable:?} <= {mixed:?}");
        assert!(reliable.age(99) >= mixed.age(99));
        rows.push(Row::new(loss_permille, "mixed", &mixed));
        rows.push(Row::new(loss_permille, "all reliable", &reliable));
    }
    for row in &rows {
        show(row);
    }
    for row in &rows {
        assert!(
            row.is_told(DOCUMENT),
            "docs/UDP-AND-TCP.md should say: {row}"
        );
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the document names the command that prints its figures"
)]
fn show(row: &Row) {
    println!("{row}");
}

/// A row of the document's table.
struct Row {
    /// Loss and channels.
    name: String,
    /// Bytes a second for each player; ages of which 50 and 99 of 100 snapshots are younger, in milliseconds.
    figures: [u64; 3],
}

/// What a figure in the document may be off before it must be renewed: a tenth, and a tick for ages in milliseconds.
const SLACK_PERCENT: u64 = 10;
const SLACK: u64 = 34;

impl Row {
    fn new(loss_permille: u16, channels: &str, cost: &Cost) -> Self {
        let age = |percent| u64::try_from(cost.age(percent).as_millis()).expect("a short time");
        Self {
            name: format!("| {} % | {channels} |", loss_permille / 10),
            figures: [cost.bytes_per_player_second(), age(50), age(99)],
        }
    }

    /// Whether the document has this row, with figures that are about the same.
    fn is_told(&self, document: &str) -> bool {
        let Some(line) = document.lines().find(|line| line.starts_with(&self.name)) else {
            return false;
        };
        let mut told = line[self.name.len()..].split_ascii_whitespace();
        let mut told = std::iter::from_fn(|| told.find_map(|word| word.parse::<u64>().ok()));
        self.figures.iter().all(|figure| {
            let slack = SLACK.max(figure * SLACK_PERCENT / 100);
            told.next()
                .is_some_and(|told| told.abs_diff(*figure) <= slack)
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [bytes, usual, late] = self.figures;
        write!(f, "{} {bytes} | {usual} ms | {late} ms |", self.name)
    }
}
