//! Pictures as other programs see them: tshark must name everything that crosses a wire, and a browser must show the numbers of
//! the JSON. Only with the feature `pictures`, since it needs these programs: `.ci/run pictures`.

mod browser;
mod everything;
mod forged;
mod tshark;

use std::collections::BTreeSet;

use serde_json::Value;
use tickwire_core::trace::{Content, Frame};
use tickwire_sim::Capture;
use tickwire_sim::capture::CapturedDatagram;

use everything::everything;
use tshark::File;

/// The dissector's name of a datagram.
fn type_of(content: &Content) -> &'static str {
    match content {
        Content::Packet { .. } => "PACKET",
        Content::Hello { .. } => "HELLO",
        Content::Welcome { .. } => "WELCOME",
        Content::Refuse(_) => "REFUSE",
        Content::Reset => "RESET",
        Content::Probe => "PROBE",
        Content::ProbeReply => "PROBE_REPLY",
        Content::Retry => "RETRY",
        Content::Discovery(_) => "DISCOVERY",
        other @ (Content::Stun | Content::Unknown | _) => panic!("no endpoint sends {other}"),
    }
}

/// The dissector's number of a frame.
fn frame_type(frame: &Frame) -> u8 {
    match frame {
        Frame::Padding => 0,
        Frame::Ping => 1,
        Frame::Ack { ecn: None, .. } => 2,
        Frame::Ack { ecn: Some(_), .. } => 9,
        Frame::Credit {
            channel: Some(_), ..
        } => 3,
        Frame::Credit { channel: None, .. } => 4,
        Frame::Close { .. } => 5,
        Frame::Skip { .. } => 0x10,
        Frame::Parity { .. } => 0x11,
        Frame::PathChallenge { .. } => 6,
        Frame::PathResponse { .. } => 7,
        Frame::ResetToken => 8,
        Frame::Message { .. } => 0x80,
        other @ (Frame::Unknown | _) => panic!("no endpoint sends {other}"),
    }
}

fn frames(content: &Content) -> &[Frame] {
    let Content::Packet { frames, .. } = content else {
        return &[];
    };
    frames
}

/// A field's values, as tshark prints them.
fn values(layers: &Value, field: &str) -> Vec<String> {
    let list = layers[field].as_array().into_iter().flatten();
    list.map(|value| value.as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn tshark_names_every_datagram_and_every_frame_of_a_capture() {
    let capture = everything();
    assert_is_everything(&capture);
    let file = File::of(&capture, true, "everything");
    let fields = [
        "tickwire.type",
        "tickwire.frame.type",
        "tickwire.number",
        "_ws.col.Info",
    ];
    let shown = file.layers(&fields);
    assert_eq!(shown.len(), capture.datagrams.len());
    for (sent, shown) in capture.datagrams.iter().zip(&shown) {
        assert_eq!(values(shown, "tickwire.type"), [type_of(&sent.content)]);
        let expected = frames(&sent.content).iter().map(frame_type);
        let expected: Vec<_> = expected.map(|kind| format!("0x{kind:02x}")).collect();
        assert_eq!(values(shown, "tickwire.frame.type"), expected);
        if let Content::Packet { number, .. } = sent.content {
            assert_eq!(values(shown, "tickwire.number"), [number.to_string()]);
        }
        // The line of the simulator's trace, but for what Wireshark escapes in a column.
        let line = values(shown, "_ws.col.Info")[0].replace("\\\\", "\\");
        // Which message is a copy is known to its sender only.
        let told = sent.content.to_string().replace(", copy)", ")");
        assert_eq!(line, told);
    }
    assert_eq!(file.count(BAD), 0);
}

/// What no packet of ours may be.
const BAD: &str = "tickwire.malformed || tickwire.no_key || _ws.malformed || _ws.lua.error";

/// What the test is about must be there.
fn assert_is_everything(capture: &Capture) {
    let contents = || capture.datagrams.iter().map(|sent| &sent.content);
    let types: BTreeSet<_> = contents().map(type_of).collect();
    assert_eq!(types.len(), 9, "{types:?}");
    let kinds: BTreeSet<_> = contents().flat_map(frames).map(frame_type).collect();
    assert_eq!(Vec::from_iter(kinds), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80]);
    let texts: Vec<_> = contents().map(Content::to_string).collect();
    for part in [
        "Hello(NX",
        "Hello(NK",
        "Welcome(accepted)",
        "Welcome(refused)",
        "Refuse(",
        "Ack(..=",
        "Unreliable(ch0 m",
        "Sequenced(ch1 m",
        "Reliable(ch2 m1 part at 0 of",
        "Ordered(ch3 m1 part at 0 of",
        "Unreliable(ch0, 5 B)",
        "Close(code 4",
        "Close(undeliverable on ch3)",
        " key 1 ",
    ] {
        let is_there = texts.iter().any(|text| text.contains(part));
        assert!(is_there, "nothing has {part}");
    }
    for suite in ["aes-128-gcm", "chacha20-poly1305"] {
        assert!(capture.keys.iter().any(|(_, line)| line.contains(suite)));
    }
}

#[test]
fn tshark_filters_by_field_finds_losses_and_sums_up_correctly() {
    let capture = everything();
    let file = File::of(&capture, true, "fields");
    let count = |is_wanted: &dyn Fn(&CapturedDatagram) -> bool| {
        let wanted = capture.datagrams.iter().filter(|sent| is_wanted(sent));
        wanted.count()
    };
    let lost = count(&|sent| sent.lost().is_some());
    assert!(lost > 0);
    assert_eq!(file.count("frame.comment contains \"lost: \""), lost);
    let has = |sent: &CapturedDatagram, is_wanted: &dyn Fn(&Frame) -> bool| {
        frames(&sent.content).iter().any(is_wanted)
    };
    let acks = count(&|sent| {
        has(
            sent,
            &|frame| matches!(frame, Frame::Ack { ranges, .. } if *ranges[0].end() == 7),
        )
    });
    assert!(acks > 0);
    assert_eq!(file.count("tickwire.ack.largest == 7"), acks);
    let ids = count(&|sent| {
        has(sent, &|frame| {
            matches!(frame, Frame::Message { id: Some(5), .. })
        })
    });
    assert!(ids > 0);
    assert_eq!(file.count("tickwire.message.id == 5"), ids);
    let sums = "ip.checksum.status != Good || udp.checksum.status != Good";
    let checked = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ];
    assert_eq!(file.tshark(&[&checked[..], &["-Y", sums]].concat()), "");
}

#[test]
fn without_keys_tshark_shows_the_header_and_no_frame() {
    let capture = everything();
    let file = File::of(&capture, false, "keyless");
    let sent = capture.datagrams.iter();
    let is_packet = |sent: &&CapturedDatagram| matches!(sent.content, Content::Packet { .. });
    let packets = sent.filter(is_packet).count();
    assert_eq!(file.count("tickwire.no_key && tickwire.id"), packets);
    let opened = "tickwire.frame || _ws.malformed || _ws.lua.error";
    assert_eq!(file.count(opened), 0);
}
