use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

fn answer(name: &str) -> Answer {
    Answer {
        name: name.to_string(),
        players: 3,
        players_max: 32,
        port: 8080,
        id: Some(0x0123_4567_89ab_cdef),
    }
}

fn encoded(answer: &Answer) -> Vec<u8> {
    let mut line = Vec::new();
    answer.encode(&mut line);
    line
}

#[test]
fn the_question_may_have_white_space_around_it() {
    for question in [
        "DISCOVER_SERVER",
        "DISCOVER_SERVER\n",
        "DISCOVER_SERVER\r\n",
        " \t\x0b\x0c\r\nDISCOVER_SERVER  \n\n",
    ] {
        assert!(is_question(question.as_bytes()), "{question:?}");
    }
}

#[test]
fn other_text_is_no_question() {
    for other in [
        "",
        " ",
        "discover_server",
        "DISCOVER_SERVER2",
        "DISCOVER_SERVER DISCOVER_SERVER",
        "DISCOVER _SERVER",
        "DISCOVER_SERVER\0",
        "SERVER_INFO name=a port=1",
    ] {
        assert!(!is_question(other.as_bytes()), "{other:?}");
    }
}

#[test]
fn an_answer_is_one_line_with_the_name_percent_encoded() {
    let line = encoded(&answer("Käse & friends=100%"));
    let expected = "SERVER_INFO name=K%C3%A4se%20%26%20friends%3D100%25 \
                    players=3 max=32 port=8080 id=0123456789abcdef\n";
    assert_eq!(String::from_utf8_lossy(&line), expected);
}

#[test]
fn the_longest_answer_fits_its_bound() {
    let longest = Answer {
        name: "\u{1f3ae}".repeat(NAME_LEN_MAX / 4),
        players: u32::MAX,
        players_max: u32::MAX,
        port: u16::MAX,
        id: Some(u64::MAX),
    };
    let line = encoded(&longest);
    assert_eq!(line.len(), 275);
    assert!(line.len() <= ANSWER_LEN_MAX);
    assert_eq!(Answer::parse(&line), Some(longest));
}

#[test]
fn order_is_free_and_unknown_or_missing_keys_are_fine() {
    let text = b" SERVER_INFO\tport=9 map=de_dust%2 flag new=a=b name=x\r\n";
    let expected = Answer {
        players: 0,
        players_max: 0,
        port: 9,
        id: None,
        ..answer("x")
    };
    assert_eq!(Answer::parse(text), Some(expected));
}

#[test]
fn answers_with_a_key_missing_or_malformed_are_refused() {
    for bad in [
        "SERVER_INFO",
        "SERVER_INFO name=a",
        "SERVER_INFO port=1",
        "SERVER_INFO name= port=1",
        "SERVER_INFO name=a port=0",
        "SERVER_INFO name=a port=65536",
        "SERVER_INFO name=a port=+1",
        "SERVER_INFO name=a port=",
        "SERVER_INFO name=a port=1 port=1",
        "SERVER_INFO name=a name=b port=1",
        "SERVER_INFO name=a port=1 players=-1",
        "SERVER_INFO name=a port=1 players=4294967296",
        "SERVER_INFO name=a port=1 max=00000000001",
        "SERVER_INFO name=a port=1 id=123",
        "SERVER_INFO name=a port=1 id=0123456789abcdeg",
        "SERVER_INFO name=% port=1",
        "SERVER_INFO name=%4 port=1",
        "SERVER_INFO name=%zz port=1",
        "SERVER_INFO name=%+1 port=1",
        "SERVER_INFO name=%FF port=1",
        "SERVER_INFOname=a port=1",
        "server_info name=a port=1",
    ] {
        assert_eq!(Answer::parse(bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn names_and_answers_over_their_bounds_are_refused() {
    let with_name = |name: &str| format!("SERVER_INFO name={name} port=1");
    assert!(Answer::parse(with_name(&"n".repeat(64)).as_bytes()).is_some());
    assert!(Answer::parse(with_name(&"n".repeat(65)).as_bytes()).is_none());
    assert!(Answer::parse(with_name(&"%6e".repeat(64)).as_bytes()).is_some());
    assert!(Answer::parse(with_name(&"%6e".repeat(65)).as_bytes()).is_none());

    let mut line = encoded(&answer("n"));
    line.resize(ANSWER_LEN_MAX, b' ');
    assert!(Answer::parse(&line).is_some());
    line.push(b' ');
    assert!(Answer::parse(&line).is_none());
}

#[test]
fn control_characters_in_names_are_replaced() {
    let text = "SERVER_INFO name=a%1B%5B31m%00%0A%C2%9B\x07%E2%80%AEb port=1";
    let parsed = Answer::parse(text.as_bytes()).expect("a well-formed answer");
    assert_eq!(parsed.name, "a?[31m?????b");
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = is_question(&bytes);
        let _ = Answer::parse(&bytes);
    }

    #[test]
    fn anything_after_the_answers_word_is_an_answer_or_none(
        words in prop::collection::vec("(name|players|max|port|id|x)?=?[%0-9a-fA-F+\u{0}-\u{7f}]{0,20}", 0..8),
    ) {
        let text = format!("SERVER_INFO {} name=a port=1", words.join(" "));
        if let Some(parsed) = Answer::parse(text.as_bytes()) {
            prop_assert_eq!(Answer::parse(&encoded(&parsed)), Some(parsed));
        }
    }

    #[test]
    fn decoding_gives_back_what_was_encoded(
        name in any::<String>(),
        players in any::<u32>(),
        players_max in any::<u32>(),
        port in 1..=u16::MAX,
        id in any::<Option<u64>>(),
    ) {
        let mut name = format!("n{name}");
        while name.len() > NAME_LEN_MAX {
            name.pop();
        }
        let sent = Answer { name, players, players_max, port, id };
        let line = encoded(&sent);
        prop_assert!(line.is_ascii() && line.len() <= ANSWER_LEN_MAX);
        let expected = Answer { name: printable(&sent.name), ..sent };
        prop_assert_eq!(Answer::parse(&line), Some(expected));
    }

    #[test]
    fn white_space_never_hides_the_question(before in "[ \t\n\r\u{b}\u{c}]{0,40}", after in "[ \t\n\r\u{b}\u{c}]{0,40}") {
        let text = [before.as_str(), "DISCOVER_SERVER", after.as_str()].concat();
        prop_assert!(is_question(text.as_bytes()));
    }
}
