//! What a real network did, as a link: how much it carried when ([`Capacity`]), how long it took and what it lost
//! ([`Conditions`]).
//!
//! Both are read from text, a line for each moment, and begin again when they are over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::Instant;

use crate::ms;

/// Bytes that one line of a [`Capacity`] lets through, headers of IPv4 and UDP included.
const OPPORTUNITY_BYTES: usize = 1_500;
/// Longest recording: a day, in milliseconds.
const TIME_MAX_MS: u64 = 86_400_000;
/// Most lines of a recording.
const LINES_MAX: usize = 2_000_000;
/// The heading that a table of conditions may have.
const HEADING: &str = "send_ms,delay_ms,lost";

/// Why a recorded network cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what is expected.
    pub text: String,
}

impl TraceError {
    fn new(line: usize, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { line, text }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for TraceError {}

/// When a network could carry 1,500 bytes: a packet-delivery trace as Mahimahi (Netravali et al. 2015) has them.
///
/// ```
/// use tickwire_sim::{Capacity, Link, Rate, ms};
///
/// // 1,500 bytes at 5 ms, 3,000 at 10 ms, and so on every 10 ms.
/// let capacity = Capacity::parse("5\n10\n10\n")?;
/// let link = Link::new().latency(ms(20)).rate(Rate::recorded(capacity).queue_datagrams(50));
/// # let _ = link;
/// # Ok::<(), tickwire_sim::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity(Arc<[u64]>);

impl Capacity {
    /// Reads a trace: one time a line, in whole milliseconds, none before the one above it. The last one is when it
    /// begins again.
    ///
    /// # Errors
    ///
    /// The first line that is not as said, or an end after no time at all or more than a day.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut times = Vec::new();
        for (number, line) in lines(text)? {
            let time = line.parse().ok().filter(|time| *time <= TIME_MAX_MS);
            let Some(time) = time else {
                let text = "expected a time in whole milliseconds, up to 86400000 (a day)";
                return Err(TraceError::new(number, text));
            };
            if times.last().is_some_and(|last| *last > time) {
                return Err(TraceError::new(
                    number,
                    "the time is before that of the line above",
                ));
            }
            times.push(time);
        }
        match times.last() {
            None => Err(TraceError::new(1, "there is no time in it")),
            Some(0) => Err(TraceError::new(
                times.len(),
                "the last time must be above 0: it is when the trace begins again",
            )),
            Some(_) => Ok(Self(times.into())),
        }
    }

    /// How much it carries on average, in bits per second.
    #[must_use]
    pub fn bits_per_second(&self) -> u64 {
        let bits = (self.0.len() * OPPORTUNITY_BYTES * 8) as u64;
        bits * 1_000 / self.period()
    }

    fn period(&self) -> u64 {
        self.0.last().copied().unwrap_or(1).max(1)
    }

    /// Time of the opportunity with this number, counted on through all repetitions.
    fn time(&self, number: u64) -> Duration {
        let count = self.0.len() as u64;
        let within = usize::try_from(number % count).unwrap_or(0);
        ms(number / count * self.period() + self.0[within])
    }

    /// The first opportunity at or after this time.
    fn first_from(&self, time: Duration) -> u64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let millis = nanos.div_ceil(1_000_000);
        let round = millis.saturating_sub(1) / self.period();
        let left = millis - round * self.period();
        let within = self.0.partition_point(|at| *at < left) as u64;
        round * self.0.len() as u64 + within
    }
}

/// A [`Capacity`] at work.
#[derive(Debug)]
pub(crate) struct Opportunities {
    capacity: Capacity,
    /// When the trace began.
    since: Instant,
    /// The latest that was used, with the bytes left of it.
    number: u64,
    left: usize,
}

impl Opportunities {
    pub(crate) fn new(capacity: Capacity, since: Instant) -> Self {
        Self {
            capacity,
            since,
            number: 0,
            left: OPPORTUNITY_BYTES,
        }
    }

    /// When the last of `bytes` has left, if nothing else was to be sent since `now`. What was not used before is lost.
    pub(crate) fn finish(&mut self, now: Instant, bytes: usize) -> Instant {
        let first = self
            .capacity
            .first_from(now.saturating_duration_since(self.since));
        if first > self.number {
            (self.number, self.left) = (first, OPPORTUNITY_BYTES);
        }
        let mut missing = bytes;
        while missing > self.left {
            missing -= self.left;
            (self.number, self.left) = (self.number + 1, OPPORTUNITY_BYTES);
        }
        self.left -= missing;
        self.since + self.capacity.time(self.number)
    }
}

/// How long a network took and what it lost: one row for each datagram that somebody sent through it.
///
/// What is sent at a time meets what the latest row before it met. Of several rows with one time each meets one datagram, in
/// their order, and the last of them holds on.
///
/// ```
/// use tickwire_sim::{Conditions, Link, ms};
///
/// let conditions = Conditions::parse("send_ms,delay_ms,lost\n0,21.5,0\n20,48,0\n40,,1\n")?;
/// let link = Link::new().conditions(conditions);
/// # let _ = link;
/// # Ok::<(), tickwire_sim::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    rows: Arc<[Row]>,
    /// After this it begins again.
    period: Duration,
    /// How often it began again, and the row after the one that was met last.
    next: (u128, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// Since the first row.
    sent: Duration,
    /// `None` if it was lost.
    delay: Option<Duration>,
}

impl Conditions {
    /// Reads a table with the columns `send_ms,delay_ms,lost`: times in milliseconds with up to six places, the delay at
    /// most an hour, and `lost` 0 or 1; the delay of what was lost may be missing. A heading is not needed.
    ///
    /// # Errors
    ///
    /// The first line that is not as said, or is sent before the one above it.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut first = None;
        for (number, line) in lines(text)? {
            if number == 1 && line.replace(' ', "") == HEADING {
                continue;
            }
            let (sent, delay) = row(number, line)?;
            let first = *first.get_or_insert(sent);
            let sent = sent.checked_sub(first);
            match (sent, rows.last()) {
                (Some(sent), Some(last)) if sent >= last.sent => rows.push(Row { sent, delay }),
                (Some(sent), None) => rows.push(Row { sent, delay }),
                _ => return Err(TraceError::new(number, "it was sent before the line above")),
            }
        }
        let Some(last) = rows.last() else {
            return Err(TraceError::new(1, "there is no row in it"));
        };
        // The last row holds as long as one does on average.
        let gaps = u32::try_from(rows.len() - 1).unwrap_or(u32::MAX).max(1);
        let period = last.sent + (last.sent / gaps).max(ms(1));
        Ok(Self::new(rows, period))
    }

    /// From rows in the order of their times: when each begins to hold, the first also before that, and how long what it
    /// meets takes, if it arrives. There is one at least.
    pub(crate) fn of_rows(
        rows: impl IntoIterator<Item = (Duration, Option<Duration>)>,
        period: Duration,
    ) -> Self {
        let rows = rows.into_iter();
        let rows: Vec<Row> = rows.map(|(sent, delay)| Row { sent, delay }).collect();
        debug_assert!(rows.is_sorted_by_key(|row| row.sent), "out of order");
        Self::new(rows, period)
    }

    fn new(rows: Vec<Row>, period: Duration) -> Self {
        Self {
            rows: rows.into(),
            period,
            next: (0, 0),
        }
    }

    /// How long a datagram takes that is sent `age` after the link was put in place; `None` if it is lost.
    pub(crate) fn meet(&mut self, age: Duration) -> Option<Duration> {
        let period = self.period.as_nanos().max(1);
        let round = age.as_nanos() / period;
        let within = Duration::from_nanos(u64::try_from(age.as_nanos() % period).unwrap_or(0));
        let after = self.rows.partition_point(|row| row.sent <= within);
        let last = after.saturating_sub(1);
        let time = self.rows.get(last)?.sent;
        let first = self.rows.partition_point(|row| row.sent < time);
        let next = if self.next.0 == round { self.next.1 } else { 0 };
        let met = next.clamp(first, last);
        self.next = (round, met + 1);
        self.rows[met].delay
    }
}

fn row(number: usize, line: &str) -> Result<(Duration, Option<Duration>), TraceError> {
    let wrong = |text: &str| TraceError::new(number, text);
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let [sent, delay, lost] = cells[..] else {
        return Err(wrong(
            "expected three values, send_ms,delay_ms,lost, such as 40,21.5,0",
        ));
    };
    let sent = millis(sent, TIME_MAX_MS).ok_or_else(|| {
        wrong("send_ms: expected milliseconds from 0 to 86400000, with up to six places")
    })?;
    let bad_delay =
        || wrong("delay_ms: expected milliseconds from 0 to 3600000, with up to six places");
    let delay = match lost {
        "0" => Some(millis(delay, 3_600_000).ok_or_else(bad_delay)?),
        "1" if delay.is_empty() => None,
        "1" => millis(delay, 3_600_000)
            .map(|_| None)
            .ok_or_else(bad_delay)?,
        _ => return Err(wrong("lost: expected 0 or 1")),
    };
    Ok((sent, delay))
}

/// `21.5` in milliseconds, exactly.
fn millis(text: &str, most: u64) -> Option<Duration> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(places) || places.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let nanos: u64 = format!("{places:0<6}").parse().ok()?;
    let time = (whole <= most).then(|| ms(whole) + Duration::from_nanos(nanos))?;
    (time <= ms(most)).then_some(time)
}

/// The lines that say something, with their numbers: not those that are empty or begin with `#`.
fn lines(text: &str) -> Result<impl Iterator<Item = (usize, &str)>, TraceError> {
    if text.lines().count() > LINES_MAX {
        let text = format!("it has more than {LINES_MAX} lines");
        return Err(TraceError::new(LINES_MAX + 1, text));
    }
    let lines = text.lines().map(str::trim).enumerate();
    let numbered = lines.map(|(index, line)| (index + 1, line));
    Ok(numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')))
}

#[cfg(test)]
mod tests;
