//! A sweep as tables: a row for each loss, a column for each round trip.

use tickwire_sim::scenario::Direction;
use tickwire_sim::scenario::sweep::{SweepReport, Swept};

use super::axis;
use crate::output::{Table, clean};
use crate::sim::show::tenths;

/// All tables, without a line break at the end.
pub(super) fn text(report: &SweepReport) -> String {
    let last = report.first_seed + report.seeds - 1;
    let mut parts = vec![format!(
        "{}; {} points, seeds {} to {last}",
        clean(&report.title),
        report.losses_permille.len() * report.rtts_us.len(),
        report.first_seed,
    )];
    for swept in &report.traffic {
        parts.push(block(report, swept));
    }
    if let Some(troubles) = troubles(report) {
        parts.push(troubles);
    }
    parts.join("\n\n")
}

fn block(report: &SweepReport, swept: &Swept) -> String {
    let name = label(swept);
    if swept.is_bulk {
        let cell = |loss: usize, rtt: usize| tenths(swept.goodput_bps[loss][rtt], 1_000_000);
        return format!("{name}: goodput, Mbit/s\n{}", grid(report, cell));
    }
    let cell = |loss: usize, rtt: usize| {
        let [p50, p99] =
            [&swept.p50_us, &swept.p99_us].map(|times| tenths(times[loss][rtt], 1_000));
        let lost = swept.lost_permille[loss][rtt];
        match lost {
            0 => format!("{p50} / {p99}"),
            lost => format!("{p50} / {p99} ({}.{}%)", lost / 10, lost % 10),
        }
    };
    format!(
        "{name}: latency p50 / p99, ms (and messages lost)\n{}",
        grid(report, cell)
    )
}

/// The traffic's name with its direction.
pub(super) fn label(swept: &Swept) -> String {
    let way = match swept.direction {
        Direction::Up => '↑',
        Direction::Down => '↓',
    };
    format!("{} {way}", clean(&swept.name))
}

fn grid(report: &SweepReport, cell: impl Fn(usize, usize) -> String) -> String {
    let (losses, rtts) = (axis::losses(report), axis::rtts(report));
    let mut rows = vec![vec!["LOSS \\ RTT".to_owned()]];
    rows[0].extend(rtts.labels.iter().map(|rtt| format!("{rtt} ms")));
    for (index, loss) in losses.labels.iter().enumerate() {
        let mut row = vec![format!("{loss} %")];
        row.extend((0..rtts.labels.len()).map(|rtt| cell(index, rtt)));
        rows.push(row);
    }
    Table::of(rows).render()
}

/// That connections ended, if they did.
fn troubles(report: &SweepReport) -> Option<String> {
    let disconnects: u64 = report.disconnects.iter().flatten().sum();
    let text = format!("{disconnects} disconnects in all runs together");
    (disconnects > 0).then_some(text)
}
