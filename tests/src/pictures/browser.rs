//! The HTML report in a real browser, headless Chromium: what it shows are the numbers of the JSON, and it does what it says.

mod chromium;
mod shown;

use serde_json::Value;
use tickwire_sim::Outcome;
use tickwire_sim::capture::{Capture, CaptureLimits};
use tickwire_sim::report::Report;
use tickwire_sim::scenario::{Player, Reader, library};

use chromium::Page;

/// A few seconds of a bad network, small enough that the page lists every datagram.
const SMALL: &str = r#"
title = 'Loss, "quotes" & <b>markup</b>'
duration = "1s"
drain = "500ms"
[link]
delay = "20ms"
loss = "10%"
duplication = "5%"
[[traffic]]
name = "orders"
delivery = "ordered"
size = 60
rate_hz = 20
[traffic.expect]
latency_max = "1ms"
"#;

/// A run and its page.
struct Run {
    outcome: Outcome,
    capture: Capture,
    page: String,
}

impl Run {
    fn of(scenario: &str, settings: &[&str], limits: CaptureLimits) -> Self {
        let mut reader = Reader::new();
        for setting in settings {
            reader = reader.set(setting).expect("it is a setting");
        }
        let scenario = reader.traces(library::trace).read(scenario);
        let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.in_file("scenario")));
        let (outcome, mut world) = Player::new(&scenario, u64::MAX).captured(limits).run();
        let capture = world.take_capture().expect("it was begun");
        let mut page = Vec::new();
        let report = Report {
            command: "tickwire sim run small.toml --report page.html",
            outcome: &outcome,
            capture: Some(&capture),
        };
        report.write(&mut page).expect("a Vec takes everything");
        let page = String::from_utf8(page).expect("a page is text");
        Self {
            outcome,
            capture,
            page,
        }
    }

    fn small() -> Self {
        Self::of(SMALL, &[], CaptureLimits::default())
    }

    /// What the page shows and the JSON does not have, or the other way round.
    fn differences(&self, page: &Page) -> Vec<String> {
        let json = serde_json::to_value(&self.outcome).expect("an outcome is JSON");
        shown::differences(&json, &page.cells())
    }
}

#[test]
fn the_numbers_in_the_page_are_those_of_the_json() {
    let wifi = library::find("lossy-wifi").expect("it is there").text;
    let crash = "[[event]]\nat = \"500ms\"\nkind = \"crash\"\nfor = \"100ms\"\nwho = \"server\"\n\
                 [endpoint]\nidle_timeout = \"1s\"\n";
    for (scenario, settings) in [
        (SMALL.to_owned(), &[][..]),
        (format!("{SMALL}{crash}"), &["drain=3s"]),
        (wifi.to_owned(), &["duration=5s"]),
    ] {
        let run = Run::of(&scenario, settings, CaptureLimits::default());
        let page = Page::open(&run.page, 1280);
        page.assert_is_well();
        let cells = page.cells();
        assert!(cells.len() > 100, "{}", cells.len());
        assert_eq!(run.differences(&page), Vec::<String>::new());
    }
}

#[test]
fn a_wrong_number_in_the_page_is_found() {
    let run = Run::small();
    let sent = run.outcome.traffic[0].sent;
    let wrong = run.page.replacen(
        &format!("\"sent\":{sent},"),
        &format!("\"sent\":{},", sent + 1),
        1,
    );
    assert_ne!(wrong, run.page);
    let page = Page::open(&wrong, 1280);
    page.assert_is_well();
    let differences = run.differences(&page);
    assert!(!differences.is_empty());
    assert!(
        differences
            .iter()
            .all(|text| text.contains("traffic.0.sent")),
        "{differences:?}"
    );
    let missing = run.page.replace("leaves(outcome", "leaves({}");
    let differences = run.differences(&Page::open(&missing, 1280));
    let is_told = |path: &str| differences.contains(&format!("nothing shows {path}"));
    assert!(is_told("ended_us"), "{differences:?}");
}

#[test]
fn a_page_that_fails_is_noticed() {
    let run = Run::small();
    let broken = run.page.replace(
        "function showTraffic() {",
        "function showTraffic() { planted();",
    );
    let page = Page::open(&broken, 1280);
    assert!(!page.is_ready());
    let told = page.console().join("\n");
    assert!(told.contains("planted is not defined"), "{told}");
    let loads = run.page.replace(
        "<main>",
        "<main><img src=\"http://127.0.0.1:9/x.png\" alt=\"\">",
    );
    let told = Page::open(&loads, 1280).console().join("\n");
    assert!(told.contains("Content Security Policy"), "{told}");
}

#[test]
fn the_ladder_lists_every_datagram_with_its_frames_and_its_fate() {
    let run = Run::small();
    assert!(run.capture.datagrams.len() < 200, "all rows are listed");
    let page = Page::open_and(
        &run.page,
        1280,
        "look(ladder.begin, ladder.end - ladder.begin); paintAll(); at('rows-details').open = true; showRows();",
    );
    page.assert_is_well();
    let rows = page.rows("rows");
    assert_eq!(rows.len(), run.capture.datagrams.len());
    let hosts = |sent: &tickwire_sim::capture::CapturedDatagram| {
        let to = sent.to.expect("everybody knows whom he writes to");
        format!("{} → {}", run.capture.name(sent.from), run.capture.name(to))
    };
    for (row, sent) in rows.iter().zip(&run.capture.datagrams) {
        let micros = sent.sent_at.as_nanos() as f64 / 1_000_000.0;
        assert_eq!(row[0], format!("{micros:.3} ms"));
        assert_eq!(row[1], hosts(sent));
        assert_eq!(row[2].replace('\u{202f}', ""), sent.bytes.len().to_string());
        assert_eq!(row[3], sent.content.to_string());
        assert_eq!(row[4].starts_with("lost"), sent.lost().is_some(), "{row:?}");
        assert_eq!(
            row[4].contains("arrived"),
            sent.arrival().is_some(),
            "{row:?}"
        );
    }
}

#[test]
fn keys_lead_to_the_next_loss_and_the_page_tells_what_was_in_it() {
    let run = Run::small();
    let mut lost = run
        .capture
        .datagrams
        .iter()
        .filter(|sent| sent.lost().is_some());
    let (first, second) = (lost.next(), lost.next());
    let second = second.or(first).expect("some are lost");
    let page = Page::open_and(
        &run.page,
        1280,
        "at('stage').focus(); for (const key of ['l', 'l']) at('stage').dispatchEvent(new KeyboardEvent('keydown', { key }));",
    );
    page.assert_is_well();
    let (tip, told) = (page.text("tip"), page.text("say"));
    let parts = second.content.to_string();
    let number = parts.split(' ').next().expect("it has a number");
    assert!(tip.contains(&format!("packet {number}")), "{tip}");
    assert!(
        tip.contains(&format!("{} byte", second.bytes.len())),
        "{tip}"
    );
    assert!(tip.contains("dropped"), "{tip}");
    assert!(told.contains(&parts) && told.contains("lost"), "{told}");
}

#[test]
fn a_pointer_on_a_line_shows_its_datagram() {
    let run = Run::small();
    let page = Page::open_and(
        &run.page,
        1280,
        "const one = ladder.shown.find((one) => one.parts.some((part) => part.includes('(ch')) && !one.isLost), canvas = at('ladder'), box = canvas.getBoundingClientRect();\
         const { left, right, y } = geometry(), isRight = one.from === ladder.pair.left;\
         const where = { clientX: box.left + (isRight ? left : right), clientY: box.top + y(one.sent), bubbles: true };\
         canvas.dispatchEvent(new PointerEvent('pointermove', where));\
         document.documentElement.dataset.wanted = one.parts.join('|');",
    );
    page.assert_is_well();
    let wanted = page.attribute("data-wanted");
    let tip = page.text("tip");
    for part in wanted.split('|').skip(1) {
        assert!(tip.contains(part), "{tip} does not show {part}");
    }
}

#[test]
fn nothing_sticks_out_of_a_narrow_or_a_wide_window_in_light_and_dark() {
    let run = Run::small();
    for width in [400, 1280] {
        let page = Page::open_and(
            &run.page,
            width,
            "at('theme').click(); paintAll(); document.querySelectorAll('details').forEach((one) => { one.open = true; });\
             document.documentElement.dataset.wide = document.documentElement.scrollWidth + ' of ' + innerWidth;\
             document.documentElement.dataset.drawn = [...document.querySelectorAll('svg')].every((svg) => svg.clientWidth <= svg.parentElement.clientWidth);",
        );
        page.assert_is_well();
        assert_eq!(page.attribute("data-wide"), format!("{width} of {width}"));
        assert_eq!(page.attribute("data-drawn"), "true");
        assert_eq!(page.attribute("data-theme"), "dark");
    }
}

#[test]
fn a_page_says_what_was_left_out() {
    let limits = CaptureLimits {
        datagrams_max: 30,
        ..CaptureLimits::default()
    };
    let run = Run::of(
        SMALL,
        &["duration=130s", "traffic.0.expect.latency_max=60s"],
        limits,
    );
    let page = Page::open(&run.page, 1280);
    page.assert_is_well();
    let note = page.text("ladder-note").replace('\u{202f}', "");
    let all = run.capture.left_out.datagrams + 30;
    assert!(
        note.starts_with(&format!("30 of {all} datagrams")),
        "{note}"
    );
    let latency = page.text("latency-note");
    assert!(
        latency.contains("Each point stands for 200 ms: 2 intervals"),
        "{latency}"
    );
    let json: Value = serde_json::to_value(&run.outcome).expect("an outcome is JSON");
    assert_eq!(
        shown::differences(&json, &page.cells()),
        Vec::<String>::new()
    );
}
