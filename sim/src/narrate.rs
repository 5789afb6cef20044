//! What an owner is told, in words for the trace.

use std::time::Duration;

use tickwire_core::{Abandonment, Event, PublicKey, RebindStage, ServerInfo};

/// Longest message that is shown itself and not by its length.
const QUOTED_MAX: usize = 24;

/// The event as the end of a sentence that begins with the host's name; `None` for those that are told too often.
pub(crate) fn narrate(event: &Event) -> Option<String> {
    Some(match event {
        Event::Connected {
            address,
            server_key: Some(key),
            ..
        } => format!("is connected with {address}, key {}", short(key)),
        Event::Connected {
            address,
            client: Some(client),
            ..
        } => format!("is connected with {address}, client {}", client.id),
        Event::Connected { address, .. } => format!("is connected with {address}"),
        Event::Message {
            channel, payload, ..
        } => format!("is given {} on {channel}", content(payload)),
        Event::Delivered {
            channel,
            message,
            after,
            ..
        } => format!(
            "knows {message} of {channel} delivered after {}",
            millis(*after)
        ),
        Event::Abandoned {
            channel,
            message,
            why,
            ..
        } => match why {
            Abandonment::Expired => format!("knows {message} of {channel} expired"),
            Abandonment::Superseded => format!("knows {message} of {channel} superseded"),
        },
        Event::Pong { rtt, .. } => format!("hears the echo of its ping after {}", millis(*rtt)),
        Event::ProbeAnswered { address, rtt } => {
            format!("knows that {address} is there, {} away", millis(*rtt))
        }
        Event::Disconnected {
            reason,
            undelivered,
            ..
        } => match undelivered {
            0 => format!("is disconnected: {reason}"),
            count => format!("is disconnected: {reason}; {count} undelivered"),
        },
        Event::Tick { skipped: 0, .. } => return None,
        Event::Tick { tick, skipped, .. } => format!("skips {skipped} ticks before tick {tick}"),
        Event::ServerFound(server) => format!("finds {}", listing(server)),
        Event::ServerExpired(server) => format!("misses {}", listing(server)),
        Event::DiscoveryEnded => String::from("ends its search"),
        Event::Rebinding { stage, .. } => match stage {
            RebindStage::Started => "sends by another socket".to_owned(),
            RebindStage::Validating => "asks whether it is heard there".to_owned(),
            RebindStage::Done { rtt } => format!("is heard there, {} away", millis(*rtt)),
            RebindStage::Failed => "gets no answer there".to_owned(),
        },
        Event::PathChanged { from, to, .. } => format!("follows its peer from {from} to {to}"),
        _ => return None,
    })
}

/// The first eight digits.
fn short(key: &PublicKey) -> String {
    key.to_string()
        .chars()
        .take(8)
        .chain("..".chars())
        .collect()
}

fn content(payload: &[u8]) -> String {
    let is_quotable = !payload.is_empty()
        && payload.len() <= QUOTED_MAX
        && payload
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    match str::from_utf8(payload) {
        Ok(text) if is_quotable => format!("\"{text}\""),
        Ok(_) | Err(_) => format!("{} B", payload.len()),
    }
}

fn listing(server: &ServerInfo) -> String {
    let ServerInfo {
        name,
        address,
        players,
        players_max,
        ..
    } = server;
    format!("\"{name}\" at {address} with {players} of {players_max} players")
}

fn millis(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_core::ServerInfo;

    #[test]
    fn short_text_is_quoted_and_the_rest_counted() {
        assert_eq!(content(b"jump left"), "\"jump left\"");
        assert_eq!(content(b""), "0 B");
        assert_eq!(content(&[1, 2, 3]), "3 B");
        assert_eq!(content(&[b'x'; 25]), "25 B");
    }

    #[test]
    fn a_found_server_is_told_in_full() {
        let server = ServerInfo {
            id: None,
            name: String::from("arena"),
            address: ([10, 0, 0, 2], 7_000).into(),
            players: 3,
            players_max: 8,
        };
        assert_eq!(
            narrate(&Event::ServerFound(server)).as_deref(),
            Some("finds \"arena\" at 10.0.0.2:7000 with 3 of 8 players")
        );
    }

    #[test]
    fn ordinary_ticks_are_not_told() {
        let tick = |skipped| Event::Tick {
            tick: 9,
            skipped,
            late: Duration::ZERO,
        };
        assert_eq!(narrate(&tick(0)), None);
        assert_eq!(
            narrate(&tick(2)).as_deref(),
            Some("skips 2 ticks before tick 9")
        );
    }
}
