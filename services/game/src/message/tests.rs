use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::snapshot::PlayerState;

fn encoded(number: u32, message: &Message<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(number, &mut bytes);
    assert_eq!(bytes.len(), message.encoded_len(), "{message:?}");
    bytes
}

fn assert_round_trip(number: u32, message: &Message<'_>) {
    let bytes = encoded(number, message);
    let received = Message::decode(&bytes).expect("what encode wrote");
    assert_eq!(received.message, *message);
    assert_eq!(received.number, message.is_event().then_some(number));
}

fn finite() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |number| number.is_finite())
}

fn position() -> impl Strategy<Value = Position> {
    (finite(), finite(), finite(), finite())
        .prop_map(|(x, y, z, rotation)| Position::new(x, y, z, rotation).expect("finite"))
}

fn shot() -> impl Strategy<Value = Shot> {
    (any::<u16>(), finite(), finite())
        .prop_map(|(weapon, x, y)| Shot::new(weapon, x, y).expect("finite"))
}

fn good_name() -> impl Strategy<Value = Name> {
    proptest::collection::vec(any::<char>(), 1..=32).prop_filter_map("a good name", |text| {
        Name::new(&text.into_iter().collect::<alloc::string::String>()).ok()
    })
}

fn player_state() -> impl Strategy<Value = PlayerState> {
    (any::<u32>(), any::<u32>(), position()).prop_map(|(id, score, position)| PlayerState {
        id: PlayerId::new(id),
        score,
        position,
    })
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let id = || any::<u32>().prop_map(PlayerId::new);
    prop_oneof![
        position().prop_map(Message::PositionUpdate),
        shot().prop_map(Message::WeaponFired),
        (id(), shot()).prop_map(|(id, shot)| Message::PlayerFired { id, shot }),
        good_name().prop_map(|name| Message::PlayerJoin { name }),
        (id(), any::<u16>()).prop_map(|(id, tick_rate_hz)| Message::Welcome { id, tick_rate_hz }),
        (id(), good_name()).prop_map(|(id, name)| Message::PlayerJoined { id, name }),
        (id(), good_name()).prop_map(|(id, name)| Message::PlayerLeft { id, name }),
        any::<u32>().prop_map(|score| Message::ScoreUpdate { score }),
        (id(), any::<u32>()).prop_map(|(id, score)| Message::PlayerScored { id, score }),
        id().prop_map(|winner| Message::GameOver { winner }),
        Just(Message::Goodbye),
    ]
}

proptest! {
    #[test]
    fn decode_reads_what_encode_wrote(number: u32, message in message()) {
        assert_round_trip(number, &message);
    }

    #[test]
    fn a_snapshot_comes_back_bit_for_bit(
        tick: u64,
        players in proptest::collection::vec(player_state(), 0..70),
    ) {
        let mut records = Vec::new();
        let snapshot = Snapshot::write(tick, players.iter().copied(), &mut records);
        prop_assert_eq!(snapshot.players().collect::<Vec<_>>(), players);
        assert_round_trip(0, &Message::StateSnapshot(snapshot));
    }

    #[test]
    fn any_bytes_decode_or_are_refused_within_their_length(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        type_byte in prop_oneof![0_u8..6, 0x3f_u8..0x49],
    ) {
        for bytes in [bytes.clone(), [vec![type_byte], bytes].concat()] {
            match Message::decode(&bytes) {
                Ok(received) => {
                    let number = received.number.unwrap_or(0);
                    prop_assert_eq!(encoded(number, &received.message), bytes);
                }
                Err(error) => prop_assert!(error.offset <= bytes.len()),
            }
        }
    }

    #[test]
    fn a_message_cut_short_or_too_long_is_refused(message in message()) {
        let mut bytes = encoded(7, &message);
        for len in 0..bytes.len() {
            let error = Message::decode(&bytes[..len]).expect_err("cut");
            prop_assert_eq!(error.reason, DecodeReason::Truncated);
        }
        bytes.push(0);
        let error = Message::decode(&bytes).expect_err("one byte more");
        prop_assert_eq!(error.reason, DecodeReason::Trailing);
        prop_assert_eq!(error.offset, bytes.len() - 1);
    }
}

#[test]
fn the_layout_is_as_drawn() {
    let name = Name::new("Ann").expect("good");
    let id = PlayerId::new(0x0102_0304);
    let position = Position::new(1.0, -2.0, 0.5, 0.0).expect("finite");
    let shot = Shot::new(7, 1.0, -2.0).expect("finite");
    let state = PlayerState {
        id,
        score: 9,
        position,
    };
    let mut records = Vec::new();
    let snapshot = Snapshot::write(258, [state], &mut records);
    let floats = "3f800000c0000000";
    let drawn = [
        (
            Message::PositionUpdate(position),
            format!("01{floats}3f00000000000000"),
        ),
        (
            Message::StateSnapshot(snapshot),
            format!(
                "0200000000000001020001{}{floats}3f00000000000000",
                "0102030400000009"
            ),
        ),
        (Message::WeaponFired(shot), format!("030007{floats}")),
        (
            Message::PlayerFired { id, shot },
            format!("04010203040007{floats}"),
        ),
        (
            Message::PlayerJoin { name: name.clone() },
            "400000000503416e6e".into(),
        ),
        (
            Message::Welcome {
                id,
                tick_rate_hz: 30,
            },
            "410000000501020304001e".into(),
        ),
        (
            Message::PlayerJoined {
                id,
                name: name.clone(),
            },
            "42000000050102030403416e6e".into(),
        ),
        (
            Message::PlayerLeft { id, name },
            "43000000050102030403416e6e".into(),
        ),
        (
            Message::ScoreUpdate { score: 9 },
            "440000000500000009".into(),
        ),
        (
            Message::PlayerScored { id, score: 9 },
            "45000000050102030400000009".into(),
        ),
        (
            Message::GameOver { winner: id },
            "460000000501020304".into(),
        ),
        (Message::Goodbye, "4700000005".into()),
    ];
    for (message, hex) in drawn {
        let bytes = encoded(5, &message);
        let shown: alloc::string::String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, hex, "{message:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_field_and_offset() {
    let position = Message::PositionUpdate(Position::default());
    let fields = [("x", 1), ("y", 5), ("z", 9), ("rotation", 13)];
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (field, offset) in fields {
            let mut bytes = encoded(0, &position);
            bytes[offset..offset + 4].copy_from_slice(&bad.to_be_bytes());
            let error = Message::decode(&bytes).expect_err("not finite");
            let reason = DecodeReason::NotFinite;
            assert_eq!(
                error,
                DecodeError {
                    reason,
                    field,
                    offset
                }
            );
        }
        assert_eq!(Position::new(0.0, bad, 0.0, 0.0), None);
        assert_eq!(Shot::new(1, bad, 0.0), None);
    }
}

#[test]
fn bad_names_are_refused_with_the_rule_they_break() {
    let long = [b'x'; 33];
    let cases: [(&[u8], NameError); 4] = [
        (b"", NameError::Empty),
        (&long, NameError::TooLong),
        (b"a\x07b", NameError::ControlCharacter),
        (b"\xff\xfe", NameError::NotUtf8),
    ];
    for (text, rule) in cases {
        let len = u8::try_from(text.len()).expect("short");
        let bytes = [&[0x40, 0, 0, 0, 0, len], text].concat();
        let error = Message::decode(&bytes).expect_err("a bad name");
        let reason = DecodeReason::Name(rule);
        assert_eq!(
            error,
            DecodeError {
                reason,
                field: "name",
                offset: 6
            }
        );
    }
}

#[test]
fn a_snapshot_of_32_players_fits_one_datagram() {
    let players = (0..32).map(|number| PlayerState {
        id: PlayerId::new(number),
        score: 0,
        position: Position::default(),
    });
    let mut records = Vec::new();
    let snapshot = Snapshot::write(0, players, &mut records);
    assert_eq!(Message::StateSnapshot(snapshot).encoded_len(), 779);
}
