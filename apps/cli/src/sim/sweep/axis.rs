//! The two things that are swept: one goes along the table and the picture, the other has a row or a line for each value.

use tickwire_sim::scenario::sweep::SweepReport;

/// One of the two, with its values as people read them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) values: Vec<f64>,
    pub(super) labels: Vec<String>,
}

/// Losses, in percent.
pub(super) fn losses(report: &SweepReport) -> Axis {
    let losses = report.losses_permille.iter();
    Axis {
        name: "loss",
        unit: "%",
        values: losses.clone().map(|loss| f64::from(*loss) / 10.0).collect(),
        labels: losses
            .map(|loss| match loss % 10 {
                0 => format!("{}", loss / 10),
                tenth => format!("{}.{tenth}", loss / 10),
            })
            .collect(),
    }
}

/// Round trips, in milliseconds.
pub(super) fn rtts(report: &SweepReport) -> Axis {
    let millis: Vec<u32> = report
        .rtts_us
        .iter()
        .map(|rtt| u32::try_from(rtt / 1_000).unwrap_or(u32::MAX))
        .collect();
    Axis {
        name: "round trip",
        unit: "ms",
        values: millis.iter().map(|rtt| f64::from(*rtt)).collect(),
        labels: millis.iter().map(u32::to_string).collect(),
    }
}
