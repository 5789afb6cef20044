//! `tickwire replay --explain`, the built binary on a recording made on loopback.

use serde_json::Value;

use crate::replay::recorded;
use crate::support::{TestFile, refusal, run};

fn explain(file: &TestFile, message: &str) -> Value {
    let outcome = run(&["replay", file.as_str(), "--explain", message, "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.json()
}

fn messages(told: &Value) -> &[Value] {
    told["messages"].as_array().expect("a list")
}

/// What the time went into is the time, span by span and cause by cause.
fn check(message: &Value) {
    let number = |value: &Value| value.as_i64().expect("a number");
    let total = number(&message["total_ns"]);
    let causes = message["causes_ns"].as_object().expect("causes");
    assert_eq!(causes.values().map(number).sum::<i64>(), total, "{message}");
    let spans = message["spans"].as_array().expect("spans");
    let lengths = spans
        .iter()
        .map(|span| number(&span["to_ns"]) - number(&span["from_ns"]));
    assert_eq!(lengths.sum::<i64>(), total, "{message}");
    let ends = number(&message["ended_ns"]) - number(&message["began_ns"]);
    assert_eq!(ends, total, "{message}");
}

#[test]
fn the_slowest_messages_of_a_served_game_are_told_and_add_up() {
    let (file, _) = recorded();
    let told = explain(&file, "late:30");
    assert_eq!(told["identical"], true);
    let all = messages(&told);
    assert_eq!(all.len(), 30);
    all.iter().for_each(check);
    let totals = all.iter().map(|message| message["total_ns"].as_u64());
    assert!(totals.is_sorted_by(|a, b| a >= b), "{told}");

    let table = run(&["replay", file.as_str(), "--explain", "late"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    assert_eq!(table.stdout.lines().count(), 11, "{table:?}");

    // Each name asks for the very message that it stands at.
    let slowest = &all[0];
    let name = slowest["name"].as_str().expect("a name");
    let again = explain(&file, name);
    assert_eq!(messages(&again), std::slice::from_ref(slowest));
    let page = run(&["replay", file.as_str(), "--explain", name]);
    assert!(page.stdout.starts_with(name), "{page:?}");
    assert!(page.stdout.contains("  total"), "{page:?}");
    shown_adds_up(&page.stdout);
}

/// What is printed adds up to what is printed, to the microsecond.
fn shown_adds_up(page: &str) {
    let (_, sum) = page.split_once("\n         sum\n").expect("a sum");
    let micros = sum.lines().map(|line| {
        let millis = line.split_whitespace().next().expect("a number");
        let digits: String = millis.chars().filter(|c| *c != '.').collect();
        digits.parse::<u64>().expect("milliseconds")
    });
    let micros: Vec<u64> = micros.collect();
    let (total, parts) = micros.split_last().expect("a total");
    assert_eq!(parts.iter().sum::<u64>(), *total, "{page}");
}

#[test]
fn what_cannot_be_explained_is_one_line_that_says_what_can() {
    let (file, _) = recorded();
    let ask = |message| refusal(2, &["replay", file.as_str(), "--explain", message]);
    let error = ask("sent:2.99999999");
    assert!(
        error.contains("has no such message 2.99999999: there are sent:p"),
        "{error}"
    );
    // Two bots: each is sent a first message.
    let error = ask("2.0");
    assert!(error.contains("say which: "), "{error}");
    assert!(ask("17").contains("CHANNEL.NUMBER"), "{}", ask("17"));
    let both = ["replay", file.as_str(), "--explain", "late", "--trace"];
    assert!(
        refusal(2, &both).contains("--trace"),
        "they exclude each other"
    );
}
