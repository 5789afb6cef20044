//! Why a bot's connection ended: as it should, or with something to tell the user.

use tickwire_core::{CloseReason, Farewell, Refusal};
use tickwire_game::{Dismissal, Phase};

use super::bot::Plan;
use crate::failure::failed;

/// Whether this end of a connection is a failure, and what to say then.
pub(super) fn failure(reason: &CloseReason, phase: Phase, plan: &Plan) -> Option<anyhow::Error> {
    if phase == Phase::Leaving {
        return None;
    }
    let server = plan.server;
    let text = match reason {
        CloseReason::Local(farewell) if farewell.code == Dismissal::Goodbye.code() => return None,
        CloseReason::Remote(farewell) if is_regular(farewell) => return None,
        CloseReason::Remote(farewell) => {
            format!("the server at {server} ended the connection: {farewell}")
        }
        CloseReason::HandshakeTimeout => format!(
            "no answer from {server}: check the address and the port, that `tickwire serve` runs there, \
             and that no firewall drops UDP"
        ),
        CloseReason::Refused(Refusal::WrongKey) => return Some(plan.trust.wrong_key()),
        CloseReason::Refused(refusal) => {
            format!(
                "the server at {server} does not let us in: {refusal}; {}",
                advice(*refusal)
            )
        }
        CloseReason::Local(_)
        | CloseReason::IdleTimeout
        | CloseReason::Undeliverable { .. }
        | CloseReason::Violation(_)
        | CloseReason::PeerSawViolation(_)
        | CloseReason::Reset
        | CloseReason::Replaced
        | CloseReason::Exhausted
        | _ => format!("the connection to {server} was lost: {reason}"),
    };
    Some(failed(text))
}

fn is_regular(farewell: &Farewell) -> bool {
    let regular = [Dismissal::Goodbye, Dismissal::ServerStops];
    regular
        .iter()
        .any(|dismissal| dismissal.code() == farewell.code)
}

fn advice(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Full => "try again later, or start it with a larger --max-players",
        Refusal::Banned => "ask whoever runs it",
        Refusal::NotAccepting => "it is probably stopping, try again later",
        Refusal::TokenMissing => "ask whoever runs it for one, and give it with --token FILE",
        Refusal::TokenInvalid | Refusal::TokenElsewhere => {
            "ask for a token for this server, made with the key that it was started with"
        }
        Refusal::TokenExpired | Refusal::TokenUsed | Refusal::TokenOutdated => {
            "each token is good once and not for long: ask for another one"
        }
        Refusal::TokensFull | Refusal::TokenClock => "try again later, or tell whoever runs it",
        Refusal::WrongVersion { .. }
        | Refusal::WrongProtocolId
        | Refusal::WrongChannels
        | Refusal::WrongKey
        | Refusal::NoCipher
        | _ => "use the same version of tickwire on both sides",
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::num::NonZeroU32;

    use tickwire_core::{CongestionControl, PublicKey};
    use tickwire_game::Name;

    use super::*;
    use crate::join::bot::BotTrust;

    fn plan() -> Plan {
        Plan {
            server: SocketAddr::from(([192, 0, 2, 1], 8_080)),
            trust: BotTrust::Own(PublicKey::from_bytes([7; 32])),
            name: Name::new("Ada").expect("a good name"),
            number: 0,
            tick_rate_hz: NonZeroU32::new(30).expect("not 0"),
            congestion: CongestionControl::default(),
            redundancy: 40,
            is_announced: false,
            duration: None,
            record: None,
            rebind_every: None,
        }
    }

    fn said(reason: &CloseReason, phase: Phase) -> Option<String> {
        failure(reason, phase, &plan()).map(|error| error.to_string())
    }

    #[test]
    fn a_server_that_stops_and_a_goodbye_are_no_failures() {
        for dismissal in [Dismissal::Goodbye, Dismissal::ServerStops] {
            let reason = CloseReason::Remote(dismissal.farewell());
            assert_eq!(said(&reason, Phase::Playing), None);
        }
        assert_eq!(said(&CloseReason::IdleTimeout, Phase::Leaving), None);
    }

    #[test]
    fn failures_say_what_happened_where_and_what_to_do() {
        let timeout = said(&CloseReason::HandshakeTimeout, Phase::Connecting);
        let text = timeout.expect("a failure");
        assert!(
            text.starts_with("no answer from 192.0.2.1:8080: check"),
            "{text}"
        );
        let full = said(&CloseReason::Refused(Refusal::Full), Phase::Connecting);
        let text = full.expect("a failure");
        assert!(
            text.contains("the server is full; try again later"),
            "{text}"
        );
        let name = said(
            &CloseReason::Remote(Dismissal::BadName.farewell()),
            Phase::Joining,
        );
        assert!(name.expect("a failure").contains("1 to 32 characters"));
        let lost = said(&CloseReason::IdleTimeout, Phase::Playing).expect("a failure");
        assert!(lost.contains("to 192.0.2.1:8080 was lost"), "{lost}");
    }
}
