//! What came of a run as one HTML page that needs nothing else: tables, charts, and a ladder of its datagrams.
//!
//! The page holds the data as JSON and draws it itself, so the numbers in it are those of the JSON; each cell says in
//! `data-path` which one it shows. Texts of the data reach the page by `textContent` alone, the JSON is escaped so that it
//! cannot end its element, and the page's own policy forbids it to load anything.
//!
//! However long a run was, its page stays small: `sample` decides what is left out, and the page says so.
//!
//! | file | what |
//! |---|---|
//! | `page.html`, `page.css` | the page |
//! | `base.js` | elements, and numbers for people |
//! | `tables.js`, `charts.js` | an outcome |
//! | `ladder.js`, `hands.js` | datagrams between two hosts; pointer and keys there |
//! | `start.js` | begins it all |

mod sample;
mod shrink;

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::capture::{Capture, CapturedDatagram};
use crate::scenario::Outcome;
use tickwire_core::trace::Content;

pub use self::sample::DATAGRAMS_MAX;
pub use self::shrink::{INTERVALS_MAX, LOG_MAX, SERIES_VALUES_MAX};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 6] = [
    include_str!("base.js"),
    include_str!("tables.js"),
    include_str!("charts.js"),
    include_str!("ladder.js"),
    include_str!("hands.js"),
    include_str!("start.js"),
];

/// What a page is about.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The command that makes the page again.
    pub command: &'a str,
    /// What came of the run.
    pub outcome: &'a Outcome,
    /// What crossed the wire, for the ladder.
    pub capture: Option<&'a Capture>,
}

impl Report<'_> {
    /// Writes the page. The same run gives the same bytes.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut rest = PAGE;
        while let Some((before, (name, after))) = rest
            .split_once("{{")
            .and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
        {
            out.write_all(before.as_bytes())?;
            match name {
                "title" => out.write_all(escaped(&self.outcome.title).as_bytes())?,
                "style" => out.write_all(STYLE.as_bytes())?,
                "data" => out.write_all(harmless(&self.data()?.to_string()).as_bytes())?,
                "script" => SCRIPTS
                    .iter()
                    .try_for_each(|script| out.write_all(script.as_bytes()))?,
                _ => unreachable!("the page has no other places"),
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }

    fn data(&self) -> io::Result<Value> {
        let (outcome, left_out) = shrink::shrunk(self.outcome);
        Ok(json!({
            "made_by": concat!("tickwire ", env!("CARGO_PKG_VERSION")),
            // As text: a script's numbers are not exact above 2^53.
            "seed": self.outcome.seed.to_string(),
            "command": self.command,
            "outcome": serde_json::to_value(outcome)?,
            "left_out": left_out,
            "capture": self.capture.map(capture),
        }))
    }
}

fn capture(capture: &Capture) -> Value {
    let sample = sample::of(capture, DATAGRAMS_MAX);
    let hosts = capture.hosts.iter().map(|host| host.name.as_str());
    let kept = sample.kept.iter().map(|index| &capture.datagrams[*index]);
    let gaps = sample.gaps.iter().map(|gap| {
        let (low, high) = gap.between.unzip();
        json!([low, high, gap.from.as_nanos(), gap.to.as_nanos(), gap.count])
    });
    let left_out: u64 = sample.gaps.iter().map(|gap| gap.count).sum();
    json!({
        "hosts": hosts.collect::<Vec<_>>(),
        "began_ns": capture.began_at.as_nanos(),
        "ended_ns": capture.ended_at.as_nanos(),
        "left_out": left_out,
        "gaps": gaps.collect::<Vec<_>>(),
        "datagrams": kept.map(datagram).collect::<Vec<_>>(),
    })
}

/// Sent at, from, to, bytes, content, mark, landings (at, host, what took it).
fn datagram(sent: &CapturedDatagram) -> Value {
    let landings = sent.landings.iter().map(|landing| {
        let lost = landing.lost.map(|cause| cause.to_string());
        json!([landing.at.as_nanos(), landing.host.number(), lost])
    });
    json!([
        sent.sent_at.as_nanos(),
        sent.from.number(),
        sent.to.map(|host| host.number()),
        sent.bytes.len(),
        lines(&sent.content),
        sent.course.to_string(),
        landings.collect::<Vec<_>>(),
    ])
}

/// A packet's number and each of its frames on lines of their own.
fn lines(content: &Content) -> String {
    let Content::Packet {
        number,
        generation,
        compact_ack,
        frames,
    } = content
    else {
        return content.to_string();
    };
    let compact = compact_ack.map(|low| format!("Ack(..={low})"));
    let frames = frames.iter().map(ToString::to_string);
    let number = match generation {
        0 => format!("#{number}"),
        generation => format!("#{number} key {generation}"),
    };
    let parts = std::iter::once(number).chain(compact);
    parts.chain(frames).collect::<Vec<_>>().join("\n")
}

/// JSON that cannot end the element it stands in, nor begin another: `<`, `>` and `&` occur in strings only.
fn harmless(json: &str) -> String {
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e");
    json.replace('&', "\\u0026")
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
