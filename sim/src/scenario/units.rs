//! Quantities with their units, as people write them: `25ms`, `2.5%`, `10Mbit/s`, `64kB`.
//!
//! All arithmetic is in integers: what a unit cannot express exactly is refused, not rounded.

use std::time::Duration;

/// One kind of quantity: its units, with what one of each is in the smallest.
pub(crate) type Units = &'static [(&'static str, u64)];

pub(crate) const TIME: Units = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
pub(crate) const SHARE: Units = &[("%", 10)];
pub(crate) const RATE: Units = &[
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
];
pub(crate) const BYTES: Units = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("KiB", 1_024),
    ("MiB", 1_048_576),
];

/// `text` in the smallest of the units; `None` if it is not a number with one of them, or not a whole number then.
pub(crate) fn parse(text: &str, units: Units) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 12 {
        return None;
    }
    if fraction.is_empty() && number.contains('.') {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let whole: u64 = whole.parse().ok()?;
    let scaled = (u128::from(whole) * scale + fraction) * u128::from(*factor);
    (scaled.is_multiple_of(scale)).then(|| u64::try_from(scaled / scale).ok())?
}

/// A time as people write it, in the largest unit that leaves a whole number.
pub(crate) fn show_time(time: Duration) -> String {
    let nanos = time.as_nanos();
    let unit = TIME.iter().rev().find(|(_, factor)| {
        nanos >= u128::from(*factor) && nanos.is_multiple_of(u128::from(*factor))
    });
    match unit {
        Some((unit, factor)) => format!("{}{unit}", nanos / u128::from(*factor)),
        None => "0s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        assert_eq!(parse("25ms", TIME), Some(25_000_000));
        assert_eq!(parse("1.5 s", TIME), Some(1_500_000_000));
        assert_eq!(parse("0s", TIME), Some(0));
        assert_eq!(parse("2.5%", SHARE), Some(25));
        assert_eq!(parse("0.512Mbit/s", RATE), Some(512_000));
        assert_eq!(parse("64KiB", BYTES), Some(65_536));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for bad in [
            "", "25", "ms", "-1ms", "1..5s", "1.s", ".5s", "1e3ms", "25 mss",
        ] {
            assert_eq!(parse(bad, TIME), None, "{bad}");
        }
        assert_eq!(
            parse("0.25%", SHARE),
            None,
            "a tenth of a percent is the least"
        );
        assert_eq!(parse("99999999999999999999s", TIME), None);
        assert_eq!(parse("9999999999999999h", TIME), None);
    }

    #[test]
    fn times_are_shown_as_they_are_read() {
        for text in ["25ms", "90s", "2h", "1500us", "0s"] {
            let nanos = parse(text, TIME).expect("it is a time");
            assert_eq!(show_time(Duration::from_nanos(nanos)), text);
        }
    }
}
