//! What one panel of the picture shows: curves over an axis, and a scale for them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use tickwire_sim::scenario::sweep::{SweepReport, Swept};

use super::axis::{self, Axis};
use super::table::label;

/// A ratio of values from which on only a logarithm shows all of them.
const LOG_RATIO: f64 = 12.0;

/// One kind of traffic.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) unit: &'static str,
    pub(super) curves: Vec<Curve>,
    pub(super) scale: Scale,
}

/// One line: a value for each of the axis.
#[derive(Debug)]
pub(super) struct Curve {
    /// Which value of the other axis it stands for.
    pub(super) series: usize,
    pub(super) is_dashed: bool,
    pub(super) values: Vec<f64>,
}

/// How values become heights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) is_log: bool,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Values that get a line and a label.
    pub(super) marks: Vec<f64>,
}

/// Along which axis curves go, and which has a curve for each value: losses go along unless there is only one.
pub(super) fn axes(report: &SweepReport) -> (Axis, Axis) {
    let (losses, rtts) = (axis::losses(report), axis::rtts(report));
    if is_along_losses(report) {
        (losses, rtts)
    } else {
        (rtts, losses)
    }
}

fn is_along_losses(report: &SweepReport) -> bool {
    report.losses_permille.len() > 1 || report.rtts_us.len() == 1
}

/// A panel for each kind of traffic and direction.
pub(super) fn panels(report: &SweepReport) -> Vec<Panel> {
    let (along, other) = axes(report);
    let lengths = (along.values.len(), other.values.len());
    let is_along_losses = is_along_losses(report);
    let curve = |grid: &[Vec<u64>], unit: f64, is_dashed: bool| -> Vec<Curve> {
        let value = |point: usize, series: usize| {
            let (loss, rtt) = if is_along_losses {
                (point, series)
            } else {
                (series, point)
            };
            number(grid[loss][rtt]) / unit
        };
        let curves = (0..lengths.1).map(|series| Curve {
            series,
            is_dashed,
            values: (0..lengths.0).map(|point| value(point, series)).collect(),
        });
        curves.collect()
    };
    let panel = |swept: &Swept| {
        let (what, unit, curves) = if swept.is_bulk {
            ("goodput", "Mbit/s", curve(&swept.goodput_bps, 1e6, false))
        } else {
            let mut curves = curve(&swept.p99_us, 1e3, false);
            curves.extend(curve(&swept.p50_us, 1e3, true));
            ("latency", "ms", curves)
        };
        Panel {
            title: format!("{}: {what}", label(swept)),
            unit,
            scale: Scale::of(&curves),
            curves,
        }
    };
    report.traffic.iter().map(panel).collect()
}

impl Scale {
    fn of(curves: &[Curve]) -> Self {
        let values = || curves.iter().flat_map(|curve| curve.values.iter().copied());
        let most = values().fold(0.0, f64::max).max(1e-3);
        let least = values().filter(|value| *value > 0.0).fold(most, f64::min);
        if most / least < LOG_RATIO {
            let step = step(most / 5.0);
            let high = (most / step).ceil() * step;
            let count = (high / step).round();
            let marks = (0..=32_u32).map(f64::from).take_while(|nth| *nth <= count);
            return Self {
                is_log: false,
                low: 0.0,
                high,
                marks: marks.map(|nth| nth * step).collect(),
            };
        }
        let (low, high) = (step(least / 1.5), most * 1.3);
        let decades = (-4..=9).map(|power| 10_f64.powi(power));
        let marks = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * decade));
        Self {
            is_log: true,
            low,
            high,
            marks: marks
                .filter(|mark| (low * 0.999..=high).contains(mark))
                .collect(),
        }
    }

    /// A plain scale with these marks, and a little room at both ends for dots.
    pub(super) fn along(values: &[f64]) -> Self {
        let ends = (values.first().copied(), values.last().copied());
        let (first, last) = (ends.0.unwrap_or(0.0), ends.1.unwrap_or(1.0));
        let room = if last > first {
            (last - first) / 40.0
        } else {
            1.0
        };
        Self {
            is_log: false,
            low: first - room,
            high: last + room,
            marks: values.to_vec(),
        }
    }

    /// Where a value is between the ends: 0 at the low one, 1 at the high one.
    fn height(&self, value: f64) -> f64 {
        let (value, low, high) = match self.is_log {
            true => (
                value.max(self.low).log10(),
                self.low.log10(),
                self.high.log10(),
            ),
            false => (value, self.low, self.high),
        };
        (value - low) / (high - low)
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place in a picture is small"
    )]
    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (self.height(*value) * f64::from(to - from)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.marks.clone(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        shown(*value)
    }
}

/// A number that people like, 1, 2 or 5 of something, not below this one.
fn step(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
    let step = digits.into_iter().find(|step| *step >= least * 0.999_999);
    step.unwrap_or(10.0 * decade)
}

/// A value as a mark says it: without digits that say nothing.
pub(super) fn shown(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Values of a sweep are far below 2^52, so that none is rounded.
#[expect(clippy::cast_precision_loss, reason = "they are below 2^52")]
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(values: &[f64]) -> Scale {
        Scale::of(&[Curve {
            series: 0,
            is_dashed: false,
            values: values.to_vec(),
        }])
    }

    #[test]
    fn near_values_have_a_scale_from_zero_with_round_marks() {
        let scale = scale(&[3.2, 9.1]);
        assert_eq!((scale.is_log, scale.low, scale.high), (false, 0.0, 10.0));
        assert_eq!(scale.marks, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    }

    #[test]
    fn far_values_have_a_logarithmic_scale() {
        let scale = scale(&[11.0, 900.0]);
        assert!(scale.is_log);
        let marks: Vec<String> = scale.marks.iter().map(|mark| shown(*mark)).collect();
        assert_eq!(marks, ["10", "20", "50", "100", "200", "500", "1000"]);
        let places = [scale.low, 100.0, scale.high].map(|value| scale.map(&value, (200, 0)));
        assert_eq!((places[0], places[2]), (200, 0));
        assert!((80..130).contains(&places[1]), "{places:?}");
    }

    #[test]
    fn an_axis_has_room_at_its_ends_even_for_one_value() {
        let axis = Scale::along(&[0.0, 1.0, 5.0]);
        assert!(axis.map(&0.0, (0, 400)) > 0 && axis.map(&5.0, (0, 400)) < 400);
        assert_eq!(Scale::along(&[7.0]).map(&7.0, (0, 400)), 200);
    }

    #[test]
    fn nothing_at_all_has_a_scale_too() {
        assert!(scale(&[0.0]).high > 0.0);
        assert!(scale(&[]).high > 0.0);
    }

    #[test]
    fn marks_are_without_digits_that_say_nothing() {
        let marks = [0.5, 20.0, 0.0, 1_000.0].map(shown);
        assert_eq!(marks, ["0.5", "20", "0", "1000"]);
    }
}
