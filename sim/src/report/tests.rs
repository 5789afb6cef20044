use super::*;
use crate::Scenario;
use crate::capture::CaptureLimits;
use crate::scenario::Player;

fn page(title: &str) -> (String, Outcome) {
    let text = format!(
        "title = '{title}'\nduration = \"1s\"\n[link]\nloss = \"5%\"\n[[traffic]]\nname = \"a\"\ndelivery = \"ordered\"\nrate_hz = 20\n"
    );
    let scenario = Scenario::parse(&text).expect("it is a scenario");
    let player = Player::new(&scenario, u64::MAX).captured(CaptureLimits::default());
    let (outcome, mut world) = player.run();
    let capture = world.take_capture();
    let mut out = Vec::new();
    let report = Report {
        command: "tickwire sim run",
        outcome: &outcome,
        capture: capture.as_ref(),
    };
    report.write(&mut out).expect("a Vec takes everything");
    (String::from_utf8(out).expect("a page is text"), outcome)
}

/// The data inside a page.
fn data(page: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"data\">";
    let (_, rest) = page.split_once(start).expect("the page has its data");
    let (data, _) = rest.split_once("</script>").expect("it ends");
    serde_json::from_str(data).expect("it is JSON")
}

#[test]
fn the_numbers_in_a_page_are_those_of_the_json() {
    let (page, outcome) = page("x");
    let data = data(&page);
    let json = serde_json::to_value(&outcome).expect("an outcome is JSON");
    assert_eq!(data["outcome"], json);
    assert_eq!(data["seed"], u64::MAX.to_string());
    let datagrams = data["capture"]["datagrams"].as_array().expect("a list");
    let sent = outcome.wire_up.datagrams + outcome.wire_down.datagrams;
    assert_eq!(datagrams.len() as u64, sent);
    assert_eq!(data["capture"]["left_out"], 0);
}

#[test]
fn a_page_refers_to_nothing_outside_of_itself() {
    let (page, _) = page("x");
    for word in [
        "http:",
        "https:",
        "src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
    ] {
        // The namespaces of SVG are names, not places.
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn texts_of_a_scenario_stay_texts() {
    let title = "</script><script>alert(1)</script> & <b>{{data}}</b>";
    let (page, _) = page(title);
    assert!(!page.contains("<script>alert"));
    assert!(!page.contains("<b>{{"));
    assert_eq!(data(&page)["outcome"]["title"], title);
    let scripts = page.matches("</script>").count();
    assert_eq!(scripts, 2, "the data and the script end, nothing else does");
}

#[test]
fn the_same_run_gives_the_same_page() {
    assert_eq!(page("x").0, page("x").0);
}
