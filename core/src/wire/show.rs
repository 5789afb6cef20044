//! One line of text for a datagram, as wire traces print it: to be read by people, and the same for the same bytes.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::frame::{Ack, Close, Frame, Message, close};
use super::handshake::{REFUSE_END_LEN, decode_refuse};
use super::{Kind, Reader};
use crate::config::{ChannelConfig, Delivery};

/// Describes the content of a packet: its number, the compact ack if any, and the frames in `plain`.
pub(crate) fn packet(
    number: u64,
    compact_ack: Option<u8>,
    plain: &[u8],
    channels: &[ChannelConfig],
) -> String {
    let mut line = String::new();
    let _ = write!(line, "#{number}");
    if let Some(low) = compact_ack {
        let _ = write!(line, " Ack(..={low})");
    }
    let mut reader = Reader::new(plain);
    while !reader.is_empty() {
        let Ok(frame) = Frame::decode(&mut reader, channels) else {
            line.push_str(" ?");
            break;
        };
        line.push(' ');
        show_frame(&frame, channels, &mut line);
    }
    line
}

fn show_frame(frame: &Frame<'_>, channels: &[ChannelConfig], line: &mut String) {
    let _ = match frame {
        Frame::Padding => write!(line, "Padding"),
        Frame::Ping => write!(line, "Ping"),
        Frame::Ack(ack) => show_ack(ack, line),
        Frame::Credit { channel, limit } => write!(line, "Credit(ch{channel} to {limit} B)"),
        Frame::CreditAll { limit } => write!(line, "Credit(all to {limit} B)"),
        Frame::Close(close) => show_close(close, line),
        Frame::Message(message) => show_message(message, channels, line),
    };
}

fn show_ack(ack: &Ack<'_>, line: &mut String) -> core::fmt::Result {
    line.push_str("Ack(");
    for (index, range) in ack.ranges().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        if range.start() == range.end() {
            write!(line, "{comma}{}", range.start())?;
        } else {
            write!(line, "{comma}{}..={}", range.start(), range.end())?;
        }
    }
    if ack.delay_us > 0 {
        let (millis, micros) = (ack.delay_us / 1_000, ack.delay_us % 1_000);
        write!(line, " after {millis}.{micros:03} ms")?;
    }
    line.write_char(')')
}

fn show_close(close: &Close<'_>, line: &mut String) -> core::fmt::Result {
    match (close.kind, close.code, close.text) {
        (close::APPLICATION, code, "") => write!(line, "Close(code {code})"),
        (close::APPLICATION, 0, text) => write!(line, "Close({text:?})"),
        (close::APPLICATION, code, text) => write!(line, "Close(code {code}, {text:?})"),
        (close::VIOLATION, code, _) => write!(line, "Close(violation {code})"),
        (close::UNDELIVERABLE, channel, _) => write!(line, "Close(undeliverable on ch{channel})"),
        (close::REFUSED, ..) => write!(line, "Close(full)"),
        (kind, code, text) => write!(line, "Close(kind {kind}, code {code}, {text:?})"),
    }
}

fn show_message(
    message: &Message<'_>,
    channels: &[ChannelConfig],
    line: &mut String,
) -> core::fmt::Result {
    let delivery = channels
        .get(usize::from(message.channel))
        .map(|channel| channel.delivery);
    let name = match delivery {
        Some(Delivery::Unreliable) => "Unreliable",
        Some(Delivery::Sequenced) => "Sequenced",
        Some(Delivery::Reliable) => "Reliable",
        Some(Delivery::Ordered) => "Ordered",
        None => "Message",
    };
    write!(line, "{name}(ch{}", message.channel)?;
    if let Some(id) = message.id {
        write!(line, " m{id}")?;
    }
    if let Some(fragment) = message.fragment {
        write!(line, " part {}/{}", fragment.index + 1, fragment.count)?;
    }
    write!(line, ", {} B)", message.payload.len())
}

/// Describes the HELLO to a server, or the WELCOME to a client that may come in.
pub(crate) fn handshake(datagram: &[u8]) -> String {
    match datagram.first().copied().map(Kind::of) {
        Some(Kind::Welcome) => String::from("Welcome(accepted)"),
        _ => other(datagram),
    }
}

/// Describes a datagram to somebody who is no peer of ours.
pub(crate) fn other(datagram: &[u8]) -> String {
    let first = datagram.first().copied().unwrap_or_default();
    let name = match Kind::of(first) {
        Kind::Stun => "Stun",
        Kind::Text => {
            let text = String::from_utf8_lossy(datagram);
            return String::from(text.trim());
        }
        Kind::Packet => "Packet",
        Kind::Hello => {
            match datagram.get(3 + usize::from(datagram.get(2).copied().unwrap_or_default())) {
                Some(0) => "Hello(NX, any key)",
                Some(1) => "Hello(NK, known key)",
                _ => "Hello(?)",
            }
        }
        Kind::Welcome => "Welcome(refused)",
        Kind::Refuse => return show_refuse(datagram),
        Kind::Reset => "Reset",
        Kind::Probe => "Probe",
        Kind::ProbeReply => "ProbeReply",
        Kind::Unknown => "Unknown",
    };
    String::from(name)
}

fn show_refuse(datagram: &[u8]) -> String {
    let id_len = datagram.len().saturating_sub(1 + REFUSE_END_LEN);
    match decode_refuse(datagram, id_len) {
        Some(refusal) => format!("Refuse({refusal})"),
        None => String::from("Refuse(?)"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{other, packet};
    use crate::config::Config;
    use crate::event::Refusal;
    use crate::wire::frame::{self, Ack, Close, close};
    use crate::wire::handshake::encode_refuse;
    use crate::wire::packet::ConnectionId;

    #[test]
    fn a_packet_reads_as_the_list_of_its_frames() {
        let mut plain = Vec::new();
        assert!(Ack::encode(
            [4..=4, 0..=2].into_iter(),
            1_200,
            100,
            &mut plain
        ));
        frame::encode_ping(&mut plain);
        frame::encode_credit(3, 500, &mut plain);
        let bye = Close {
            kind: close::APPLICATION,
            code: 4,
            text: "bye",
        };
        bye.encode(&mut plain);
        assert_eq!(
            packet(7, Some(9), &plain, Config::default().channels()),
            "#7 Ack(..=9) Ack(4, 0..=2 after 1.200 ms) Ping Credit(ch3 to 500 B) Close(code 4, \"bye\")"
        );
    }

    #[test]
    fn a_refusal_tells_why() {
        let id = ConnectionId::new(&[1, 2, 3]).expect("3 bytes");
        let mut bytes = Vec::new();
        encode_refuse(&id, Refusal::Banned, &mut bytes);
        assert_eq!(other(&bytes), "Refuse(this address is banned)");
    }

    #[test]
    fn nothing_is_too_broken_to_be_shown() {
        for first in 0..=255 {
            for len in 0..8 {
                let bytes: Vec<u8> = core::iter::once(first).chain(0..len).collect();
                let _ = other(&bytes);
                let _ = packet(0, None, &bytes, Config::default().channels());
            }
        }
        assert_eq!(packet(0, None, &[0x07], &[]), "#0 ?");
    }
}
