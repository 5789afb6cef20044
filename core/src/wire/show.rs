//! What a datagram holds, read from its bytes before they are encrypted: see [`trace`](crate::trace).

use alloc::string::String;
use alloc::vec::Vec;

use super::frame::{Frame, Message, Parity};
use super::handshake::{REFUSE_END_LEN, decode_refuse};
use super::{Kind, Reader};
use crate::config::ChannelConfig;
use crate::crypto::Pattern;
use crate::trace::{Content, Frame as Shown};

/// The content of a packet: its number and the generation of its keys, the compact ack if any, and the frames in `plain`. Behind so many messages there are
/// copies.
pub(crate) fn packet(
    (number, generation): (u64, u64),
    compact_ack: Option<u8>,
    plain: &[u8],
    messages: u32,
    channels: &[ChannelConfig],
) -> Content {
    let mut frames = Vec::new();
    let mut reader = Reader::new(plain);
    let mut seen = 0;
    while !reader.is_empty() {
        let Ok(frame) = Frame::decode(&mut reader, channels) else {
            frames.push(Shown::Unknown);
            break;
        };
        seen += u32::from(matches!(frame, Frame::Message(_)));
        frames.push(show_frame(&frame, seen > messages, channels));
    }
    Content::Packet {
        number,
        generation,
        compact_ack,
        frames,
    }
}

fn show_frame(frame: &Frame<'_>, is_copy: bool, channels: &[ChannelConfig]) -> Shown {
    match frame {
        Frame::Padding => Shown::Padding,
        Frame::Ping => Shown::Ping,
        Frame::Ack(ack) => Shown::Ack {
            ranges: ack.ranges().collect(),
            delay_us: ack.delay_us,
            ecn: ack.ecn,
        },
        Frame::Credit { channel, limit } => Shown::Credit {
            channel: Some(*channel),
            limit: *limit,
        },
        Frame::CreditAll { limit } => Shown::Credit {
            channel: None,
            limit: *limit,
        },
        Frame::Close(close) => Shown::Close {
            kind: close.kind,
            code: close.code,
            text: String::from(close.text),
        },
        Frame::Skip(skip) => Shown::Skip {
            channel: skip.channel,
            id: skip.id,
        },
        Frame::Parity(Parity { covered, bytes }) => Shown::Parity {
            channel: covered.channel,
            id: covered.id,
            covered: (covered.offset, covered.offset.saturating_add(covered.len)),
            total: covered.total,
            len: bytes.len(),
        },
        Frame::PathChallenge(data) => Shown::PathChallenge { data: *data },
        Frame::PathResponse(data) => Shown::PathResponse { data: *data },
        Frame::ResetToken(_) => Shown::ResetToken,
        Frame::Message(message) => show_message(message, is_copy, channels),
    }
}

fn show_message(message: &Message<'_>, is_copy: bool, channels: &[ChannelConfig]) -> Shown {
    let config = channels.get(usize::from(message.channel));
    Shown::Message {
        channel: message.channel,
        delivery: config.map(|config| config.delivery),
        id: message.id,
        fragment: message.fragment.map(|part| (part.offset, part.total)),
        len: message.payload.len(),
        is_copy,
    }
}

/// The HELLO to a server, or the WELCOME to a client that may come in.
pub(crate) fn handshake(datagram: &[u8]) -> Content {
    match datagram.first().copied().map(Kind::of) {
        Some(Kind::Welcome) => Content::Welcome { accepted: true },
        _ => other(datagram),
    }
}

/// A datagram to somebody who is no peer of ours.
pub(crate) fn other(datagram: &[u8]) -> Content {
    match Kind::of(datagram.first().copied().unwrap_or_default()) {
        Kind::Stun => Content::Stun,
        Kind::Text => {
            let text = String::from_utf8_lossy(datagram);
            Content::Discovery(String::from(text.trim()))
        }
        // Made by a peer, which describes it itself.
        Kind::Packet | Kind::Unknown => Content::Unknown,
        Kind::Hello => Content::Hello {
            known_key: hello_pattern(datagram).map(Pattern::knows_key),
            has_token: hello_pattern(datagram).is_some_and(Pattern::has_psk),
        },
        Kind::Welcome => Content::Welcome { accepted: false },
        Kind::Refuse => {
            let id_len = datagram.len().saturating_sub(1 + REFUSE_END_LEN);
            Content::Refuse(decode_refuse(datagram, id_len).map(|(refusal, _)| refusal))
        }
        Kind::Reset => Content::Reset,
        Kind::Probe => Content::Probe,
        Kind::ProbeReply => Content::ProbeReply,
        Kind::Retry => Content::Retry,
    }
}

/// Which handshake a HELLO begins.
fn hello_pattern(datagram: &[u8]) -> Option<Pattern> {
    let id_len = datagram.get(2).copied().unwrap_or_default();
    Pattern::from_code(*datagram.get(3 + usize::from(id_len))?)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::{other, packet};
    use crate::config::Config;
    use crate::event::Refusal;
    use crate::transmit::EcnCounts;
    use crate::wire::frame::{self, Ack, Close, close};
    use crate::wire::handshake::encode_refuse;
    use crate::wire::packet::ConnectionId;

    #[test]
    fn a_packet_reads_as_the_list_of_its_frames() {
        let mut plain = Vec::new();
        assert!(Ack::encode(
            [4..=4, 0..=2].into_iter(),
            1_200,
            Some(EcnCounts {
                ect0: 4,
                ect1: 0,
                ce: 1
            }),
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
            packet((7, 2), Some(9), &plain, 0, Config::default().channels()).to_string(),
            "#7 key 2 Ack(..=9) Ack(4, 0..=2 after 1.200 ms, marks 4/0/1) Ping Credit(ch3 to 500 B) Close(code 4, \"bye\")"
        );
    }

    #[test]
    fn a_refusal_tells_why() {
        let id = ConnectionId::new(&[1, 2, 3]).expect("3 bytes");
        let mut bytes = Vec::new();
        encode_refuse(&id, Refusal::Banned, [7; 4], &mut bytes);
        assert_eq!(other(&bytes).to_string(), "Refuse(this address is banned)");
    }

    #[test]
    fn nothing_is_too_broken_to_be_shown() {
        for first in 0..=255 {
            for len in 0..8 {
                let bytes: Vec<u8> = core::iter::once(first).chain(0..len).collect();
                let _ = other(&bytes).to_string();
                let _ = packet((0, 0), None, &bytes, 0, Config::default().channels()).to_string();
            }
        }
        assert_eq!(packet((0, 0), None, &[0x07], 0, &[]).to_string(), "#0 ?");
    }
}
