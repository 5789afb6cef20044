//! What a datagram holds, as fields of a qlog event.

use std::time::Duration;

use serde_json::{Value, json};
use tickwire_core::trace::{Content, Frame};
use tickwire_core::{Delivery, EcnCounts};

use super::millis;

/// `type`, and what a datagram of that type has besides.
pub(super) fn contents(content: &Content) -> Value {
    let mut data = json!({"type": type_name(content)});
    match content {
        Content::Packet {
            number,
            generation,
            compact_ack,
            frames,
        } => {
            data["packet_number"] = json!(number);
            if *generation > 0 {
                data["key_generation"] = json!(generation);
            }
            let compact =
                compact_ack.map(|low| json!({"frame_type": "compact_ack", "low_8_bits": low}));
            let frames = frames.iter().map(frame);
            data["frames"] = compact.into_iter().chain(frames).collect();
        }
        Content::Hello {
            known_key: Some(known_key),
            has_token,
        } => {
            let pattern = if *known_key { "NK" } else { "NX" };
            let psk = if *has_token { "psk2" } else { "" };
            data["pattern"] = json!(format!("{pattern}{psk}"));
        }
        Content::Welcome { accepted } => data["accepted"] = json!(accepted),
        Content::Refuse(Some(refusal)) => data["refusal"] = json!(refusal.to_string()),
        Content::Discovery(text) => data["text"] = json!(text),
        Content::Hello {
            known_key: None, ..
        }
        | Content::Refuse(None)
        | Content::Reset
        | Content::Probe
        | Content::ProbeReply
        | Content::Retry
        | Content::Stun
        | Content::Unknown
        | _ => {}
    }
    data
}

fn type_name(content: &Content) -> &'static str {
    match content {
        Content::Packet { .. } => "packet",
        Content::Hello { .. } => "hello",
        Content::Welcome { .. } => "welcome",
        Content::Refuse(_) => "refuse",
        Content::Reset => "reset",
        Content::Probe => "probe",
        Content::ProbeReply => "probe_reply",
        Content::Retry => "retry",
        Content::Discovery(_) => "discovery",
        Content::Stun => "stun",
        Content::Unknown | _ => "unknown",
    }
}

fn frame(frame: &Frame) -> Value {
    match frame {
        Frame::Padding => json!({"frame_type": "padding"}),
        Frame::Ping => json!({"frame_type": "ping"}),
        Frame::Ack {
            ranges,
            delay_us,
            ecn,
        } => {
            let ranges = ranges.iter().map(|range| [*range.start(), *range.end()]);
            let delay = millis(Duration::from_micros(*delay_us));
            let ranges: Vec<_> = ranges.collect();
            let mut ack = json!({"frame_type": "ack", "ack_delay": delay, "acked_ranges": ranges});
            if let Some(EcnCounts { ect0, ect1, ce }) = ecn {
                (ack["ect0"], ack["ect1"], ack["ce"]) = (json!(ect0), json!(ect1), json!(ce));
            }
            ack
        }
        Frame::Credit { channel, limit } => {
            let mut credit = json!({"frame_type": "credit", "limit": limit});
            if let Some(channel) = channel {
                credit["channel"] = json!(channel);
            }
            credit
        }
        Frame::Close { kind, code, text } => {
            json!({"frame_type": "close", "kind": close_name(*kind), "code": code, "reason": text})
        }
        Frame::Skip { channel, id } => {
            json!({"frame_type": "skip", "channel": channel, "message_id": id})
        }
        Frame::Parity {
            channel,
            id,
            covered: (start, end),
            total,
            len,
        } => {
            let covered = json!({"offset": start, "length": end - start, "total": total});
            json!({"frame_type": "parity", "channel": channel, "message_id": id, "covered": covered, "length": len})
        }
        Frame::PathChallenge { data } => {
            json!({"frame_type": "path_challenge", "data": hex(*data)})
        }
        Frame::PathResponse { data } => {
            json!({"frame_type": "path_response", "data": hex(*data)})
        }
        Frame::ResetToken => json!({"frame_type": "reset_token"}),
        Frame::Message {
            channel,
            delivery,
            id,
            fragment,
            len,
            is_copy,
        } => {
            let mut message = json!({"frame_type": "message", "channel": channel, "length": len});
            if let Some(delivery) = delivery {
                message["delivery"] = json!(delivery_name(*delivery));
            }
            if let Some(id) = id {
                message["message_id"] = json!(id);
            }
            if let Some((offset, total)) = fragment {
                message["fragment"] = json!({"offset": offset, "total": total});
            }
            if *is_copy {
                message["copy"] = json!(true);
            }
            message
        }
        Frame::Unknown | _ => json!({"frame_type": "unknown"}),
    }
}

fn hex(data: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(data))
}

/// As docs/PROTOCOL.md numbers the kinds of CLOSE.
fn close_name(kind: u8) -> Value {
    match kind {
        0 => json!("application"),
        1 => json!("violation"),
        2 => json!("undeliverable"),
        3 => json!("refused"),
        other => json!(other),
    }
}

fn delivery_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Unreliable => "unreliable",
        Delivery::Sequenced => "sequenced",
        Delivery::Reliable => "reliable",
        Delivery::Ordered => "ordered",
    }
}
