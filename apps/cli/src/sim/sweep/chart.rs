//! A sweep as a picture: a panel for each kind of traffic, a colour for each value of the other axis.

use anyhow::Context;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tickwire_sim::scenario::sweep::SweepReport;

use super::axis::Axis;
use super::panel::{self, Curve, Panel, Scale};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const HEAD: u32 = 126;
const PANEL_WIDTH: u32 = 470;
const PANEL_HEIGHT: u32 = 340;
const FOOT: u32 = 12;
/// Most panels: more would be a poster.
const PANELS_MAX: usize = 12;
/// Where the head's text begins.
const LEFT: i32 = 28;

const FONT: &str = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
const INK: RGBColor = RGBColor(28, 32, 38);
const GREY: RGBColor = RGBColor(96, 103, 112);
const GRID: RGBColor = RGBColor(228, 231, 235);
/// From light to dark in equal steps, told apart by colour-blind eyes too: the green to violet part of viridis.
const PALETTE: [RGBColor; 5] = [
    RGBColor(122, 209, 81),
    RGBColor(34, 168, 132),
    RGBColor(42, 120, 142),
    RGBColor(65, 68, 135),
    RGBColor(68, 1, 84),
];

/// The picture, as SVG.
pub(super) fn svg(report: &SweepReport) -> anyhow::Result<String> {
    let mut text = String::new();
    draw(report, &mut text).context("cannot draw the sweep")?;
    Ok(text)
}

fn draw(report: &SweepReport, text: &mut String) -> anyhow::Result<()> {
    let mut panels = panel::panels(report);
    panels.truncate(PANELS_MAX);
    // Three side by side; four are a square.
    let columns = if panels.len() == 4 {
        2
    } else {
        panels.len().clamp(1, 3)
    };
    let rows = panels.len().div_ceil(columns);
    let times = |count: usize, length: u32| u32::try_from(count).unwrap_or(1) * length;
    let width = times(columns.max(2), PANEL_WIDTH);
    let height = HEAD + times(rows, PANEL_HEIGHT) + FOOT;
    let area = SVGBackend::with_string(text, (width, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let (head, body) = area.split_vertically(HEAD);
    let (body, _) = body.split_vertically(height - HEAD - FOOT);
    let (along, other) = panel::axes(report);
    draw_head(&head, report, &other, &panels)?;
    let cells = body.split_evenly((rows, columns));
    for (cell, panel) in cells.iter().zip(&panels) {
        draw_panel(cell, panel, &along, other.values.len())?;
    }
    area.present()?;
    Ok(())
}

fn draw_head(
    area: &Area<'_>,
    report: &SweepReport,
    other: &Axis,
    panels: &[Panel],
) -> anyhow::Result<()> {
    write(area, &report.title, (LEFT, 32), 27, INK)?;
    let seeds = match report.seeds {
        1 => "1 seed".to_owned(),
        seeds => format!("{seeds} seeds"),
    };
    let remark = format!("{seeds} at each point: the mean of goodput, the median of p50 and p99");
    write(area, &remark, (LEFT, 62), 17, GREY)?;
    let mut x = LEFT;
    x = say(area, other.name, x, GREY)?;
    for (index, label) in other.labels.iter().enumerate() {
        let colour = colour(index, other.values.len());
        x = sample(area, x, colour, false)?;
        x = say(area, &format!("{label} {}", other.unit), x, INK)?;
    }
    let is_dashed = |panel: &Panel| panel.curves.iter().any(|curve| curve.is_dashed);
    if panels.iter().any(is_dashed) {
        x = sample(area, x + 24, GREY, false)?;
        x = say(area, "p99", x, INK)?;
        x = sample(area, x, GREY, true)?;
        say(area, "p50", x, INK)?;
    }
    Ok(())
}

/// Height of the middle of the legend.
const LEGEND: i32 = 96;

/// A word of the legend; tells where the next thing may begin.
fn say(area: &Area<'_>, text: &str, x: i32, colour: RGBColor) -> anyhow::Result<i32> {
    write(area, text, (x, LEGEND), 17, colour)?;
    // Eight units are about the mean width of a letter of this size.
    let length = i32::try_from(text.chars().count()).unwrap_or(0);
    Ok(x + length * 8 + 16)
}

/// A piece of a curve for the legend; tells where its word may begin.
fn sample(area: &Area<'_>, x: i32, colour: RGBColor, is_dashed: bool) -> anyhow::Result<i32> {
    let line = colour.stroke_width(2);
    let piece = |from: i32, to: i32| PathElement::new([(x + from, LEGEND), (x + to, LEGEND)], line);
    if is_dashed {
        for from in [0, 9, 18] {
            area.draw(&piece(from, from + 5))?;
        }
    } else {
        area.draw(&piece(0, 24))?;
        area.draw(&Circle::new((x + 12, LEGEND), 3, colour.filled()))?;
    }
    Ok(x + 32)
}

/// Writes from a point to the right, with the middle of the line there.
fn write(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
    colour: RGBColor,
) -> anyhow::Result<()> {
    let style = TextStyle::from((FONT, size)).color(&colour);
    let style = style.pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

fn draw_panel(area: &Area<'_>, panel: &Panel, along: &Axis, series: usize) -> anyhow::Result<()> {
    let title = format!("{}, {}", panel.title, panel.unit);
    write(area, &title, (LEFT, 16), 20, INK)?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(40)
        .margin_right(26)
        .margin_bottom(6)
        .margin_left(14)
        .x_label_area_size(50)
        .y_label_area_size(48)
        .build_cartesian_2d(Scale::along(&along.values), panel.scale.clone())?;
    let labels = TextStyle::from((FONT, 15)).color(&GREY);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(labels.clone())
        .axis_desc_style(labels)
        .x_desc(format!("{}, {}", along.name, along.unit))
        .draw()?;
    for curve in &panel.curves {
        let points = points(curve, along);
        let colour = colour(curve.series, series);
        if curve.is_dashed {
            let line = colour.mix(0.85).stroke_width(2);
            chart.draw_series(DashedLineSeries::new(points.clone(), 5, 4, line))?;
        } else {
            chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
        }
        let size = if curve.is_dashed { 2 } else { 3 };
        let dots = points.into_iter();
        chart.draw_series(dots.map(|point| Circle::new(point, size, colour.filled())))?;
    }
    Ok(())
}

fn points(curve: &Curve, along: &Axis) -> Vec<(f64, f64)> {
    let places = along.values.iter().copied();
    places.zip(curve.values.iter().copied()).collect()
}

/// The colour of the so-and-so-manyth of so many.
fn colour(index: usize, count: usize) -> RGBColor {
    let steps = (PALETTE.len() - 1) * index;
    let spaces = count.saturating_sub(1).max(1);
    let (whole, rest) = (steps / spaces, steps % spaces);
    let (from, to) = (PALETTE[whole], PALETTE[(whole + 1).min(PALETTE.len() - 1)]);
    let mixed = |from: u8, to: u8| {
        let (from, to) = (usize::from(from), usize::from(to));
        let sum = from * (spaces - rest) + to * rest;
        u8::try_from(sum / spaces).unwrap_or(u8::MAX)
    };
    RGBColor(
        mixed(from.0, to.0),
        mixed(from.1, to.1),
        mixed(from.2, to.2),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tickwire_sim::Scenario;
    use tickwire_sim::scenario::sweep::Sweep;

    use super::*;

    fn report(losses: &[u16], rtts_ms: &[u64]) -> SweepReport {
        let text = "title = \"A & B < C\"\nduration = \"500ms\"\ndrain = \"500ms\"\n[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 20\n[[traffic]]\nname = \"b\"\ndelivery = \"ordered\"\ndirection = \"up\"\ntotal = \"10kB\"\n";
        let scenario = Scenario::parse(text).expect("a good scenario");
        let rtts: Vec<Duration> = rtts_ms
            .iter()
            .map(|rtt| Duration::from_millis(*rtt))
            .collect();
        let sweep = Sweep::new(losses, &rtts, 0, 1).expect("a small sweep");
        let measured: Vec<_> = sweep.runs().iter().map(|run| run.play(&scenario)).collect();
        sweep.gather(&scenario, &measured)
    }

    #[test]
    fn there_is_a_panel_for_each_kind_and_a_dot_for_each_value() {
        let svg = svg(&report(&[0, 20], &[10, 30, 50])).expect("it can be drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(
            svg.contains("A &amp; B &lt; C"),
            "names are text, not markup"
        );
        for title in ["a ↑: latency", "a ↓: latency", "b ↑: goodput"] {
            assert!(svg.contains(title), "{title}");
        }
        // Two latencies with two curves each and one goodput: 5 curves of 2 dots for 3 round trips; 4 in the legend.
        assert_eq!(svg.matches("<circle").count(), 5 * 2 * 3 + 4);
        assert!(svg.contains("loss, %") && svg.contains("50 ms"));
    }

    #[test]
    fn with_one_loss_the_round_trips_go_along() {
        let svg = svg(&report(&[20], &[10, 30])).expect("it can be drawn");
        assert!(svg.contains("round trip, ms") && svg.contains("2 %"));
        svg_of_one_point();
    }

    fn svg_of_one_point() {
        let svg = svg(&report(&[0], &[0])).expect("one point can be drawn");
        assert!(svg.contains("<circle"));
    }

    #[test]
    fn colours_go_from_one_end_of_the_palette_to_the_other() {
        assert_eq!(colour(0, 1), PALETTE[0]);
        assert_eq!((colour(0, 9), colour(8, 9)), (PALETTE[0], PALETTE[4]));
        assert_eq!(colour(1, 3), PALETTE[2]);
    }
}
