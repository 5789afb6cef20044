//! One line of text for a datagram, as wire traces print it.

use alloc::string::String;
use core::fmt::Write;

use super::frame::{Ack, Frame, Message};
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
        let _ = write!(line, " Ack(..={low:#04x})");
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
        Frame::Credit { channel, limit } => write!(line, "Credit(ch{channel} to {limit})"),
        Frame::CreditAll { limit } => write!(line, "Credit(all to {limit})"),
        Frame::Close(close) if close.text.is_empty() => {
            write!(line, "Close(kind {}, code {})", close.kind, close.code)
        }
        Frame::Close(close) => write!(
            line,
            "Close(kind {}, code {}, \"{}\")",
            close.kind, close.code, close.text
        ),
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
    write!(
        line,
        " after {}.{:03}ms)",
        ack.delay_us / 1_000,
        ack.delay_us % 1_000
    )
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

/// Describes a datagram that is no packet.
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
                Some(0) => "Hello(NX)",
                Some(1) => "Hello(NK)",
                _ => "Hello(?)",
            }
        }
        Kind::Welcome => "Welcome",
        Kind::Refuse => "Refuse",
        Kind::Reset => "Reset",
        Kind::Probe => "Probe",
        Kind::ProbeReply => "ProbeReply",
        Kind::Unknown => "Unknown",
    };
    String::from(name)
}
