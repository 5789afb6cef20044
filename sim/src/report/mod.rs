//! What came of a run as one HTML page that needs nothing else: tables, charts, and a ladder of all datagrams.
//!
//! The page holds the data as JSON and draws it itself, so the numbers in it are those of the JSON. Texts of the data reach the
//! page by `textContent` alone, the JSON is escaped so that it cannot end its element, and the page's own policy forbids it
//! to load anything.
//!
//! | file | what |
//! |---|---|
//! | `page.html`, `page.css` | the page |
//! | `numbers.js` | tables and charts of an outcome |
//! | `ladder.js` | datagrams between two hosts; begins it all |

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::capture::{Capture, CapturedDatagram};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const NUMBERS: &str = include_str!("numbers.js");
const LADDER: &str = include_str!("ladder.js");

/// Datagrams in a page, at most: browsers stay quick, and the page below 10 MB or so.
pub const DATAGRAMS_MAX: usize = 60_000;

/// What a page is about.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a, T> {
    /// The page's title.
    pub title: &'a str,
    /// The seed of the run.
    pub seed: u64,
    /// The command that makes the run again.
    pub command: &'a str,
    /// What came of the run: a scenario's [`Outcome`](crate::Outcome).
    pub outcome: &'a T,
    /// What crossed the wire, for the ladder.
    pub capture: Option<&'a Capture>,
}

impl<T: Serialize> Report<'_, T> {
    /// Writes the page. The same run gives the same bytes.
    ///
    /// # Errors
    ///
    /// Those of `out`, and of an outcome that cannot be JSON.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut rest = PAGE;
        while let Some((before, (name, after))) = rest
            .split_once("{{")
            .and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
        {
            out.write_all(before.as_bytes())?;
            match name {
                "title" => out.write_all(escaped(self.title).as_bytes())?,
                "style" => out.write_all(STYLE.as_bytes())?,
                "data" => out.write_all(harmless(&self.data()?.to_string()).as_bytes())?,
                "script" => {
                    out.write_all(NUMBERS.as_bytes())?;
                    out.write_all(LADDER.as_bytes())?;
                }
                _ => unreachable!("the page has no other places"),
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }

    fn data(&self) -> io::Result<Value> {
        Ok(json!({
            "made_by": concat!("tickwire ", env!("CARGO_PKG_VERSION")),
            // As text: a script's numbers are not exact above 2^53.
            "seed": self.seed.to_string(),
            "command": self.command,
            "outcome": serde_json::to_value(self.outcome)?,
            "capture": self.capture.map(capture),
        }))
    }
}

fn capture(capture: &Capture) -> Value {
    let kept = capture.datagrams.len().min(DATAGRAMS_MAX);
    let hidden = (capture.datagrams.len() - kept) as u64;
    let hosts = capture.hosts.iter().map(|host| host.name.as_str());
    json!({
        "hosts": hosts.collect::<Vec<_>>(),
        "began_ns": capture.began_at.as_nanos(),
        "ended_ns": capture.ended_at.as_nanos(),
        "left_out": capture.left_out.datagrams + hidden,
        "datagrams": capture.datagrams[..kept].iter().map(datagram).collect::<Vec<_>>(),
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
        sent.content.to_string(),
        sent.course.to_string(),
        landings.collect::<Vec<_>>(),
    ])
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
