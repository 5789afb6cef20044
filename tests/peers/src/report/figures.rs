//! Figures as people read them, from integers.

use crate::lab::Micros;
use crate::work::Quantiles;

/// Milliseconds of a time, `-` if there is none.
pub(crate) fn ms(time: Option<Micros>) -> String {
    time.map_or("-".to_owned(), |time| (time / 1_000).to_string())
}

/// `p50/p99/p99.9` in milliseconds.
pub(crate) fn three(times: Quantiles) -> String {
    let [p50, p99, p999] = [times.p50, times.p99, times.p999].map(ms);
    format!("{p50}/{p99}/{p999}")
}

/// `p50/p99` in milliseconds.
pub(crate) fn two(times: Quantiles) -> String {
    format!("{}/{}", ms(times.p50), ms(times.p99))
}

/// Seconds with two places, `-` if there are none.
pub(crate) fn seconds(time: Option<Micros>) -> String {
    time.map_or("-".to_owned(), |time| fraction(time, 1_000_000, 2))
}

/// Millionths as percent with two places.
pub(crate) fn percent(ppm: u64) -> String {
    format!("{} %", fraction(ppm, 10_000, 2))
}

/// A part of a whole as percent with two places.
pub(crate) fn share(part: u64, whole: u64) -> String {
    percent(part * 1_000_000 / whole.max(1))
}

/// Tenths with one place.
pub(crate) fn tenths(tenths: u64) -> String {
    fraction(tenths, 10, 1)
}

/// `value / unit` with that many decimal places, rounded to the nearest.
pub(crate) fn fraction(value: u64, unit: u64, places: u32) -> String {
    let scale = 10_u64.pow(places);
    let scaled = (value * scale + unit / 2) / unit;
    let (whole, rest) = (scaled / scale, scaled % scale);
    format!("{whole}.{rest:0width$}", width = places as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rounded_to_the_nearest() {
        assert_eq!(fraction(4_345_678, 1_000_000, 2), "4.35");
        assert_eq!(fraction(999_999, 1_000_000, 2), "1.00");
        assert_eq!(percent(843_210), "84.32 %");
        assert_eq!(ms(None), "-");
    }
}
