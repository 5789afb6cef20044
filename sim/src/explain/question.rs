//! What is asked: one message, or the slowest.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use tickwire_core::{ChannelId, PeerId};

/// Messages of a list, where it is not said how many.
const LATE_DEFAULT: usize = 10;

/// Which messages to explain.
///
/// As text: `2.17` is message 17 on channel 2; `p0.1:2.17` with that peer, `10.0.0.2:7000:2.17` with the peer at that
/// address; `sent:2.17` or `received:2.17` where both directions have one. `late` is the ten slowest, `late:50` the fifty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// One message, in one direction or both.
    Message(Which),
    /// The slowest, as many as this.
    Late(usize),
}

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// Only what went this way.
    pub direction: Option<Direction>,
    /// Only with this peer.
    pub with: Option<With>,
    /// Its channel.
    pub channel: ChannelId,
    /// Its number.
    pub id: u64,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the endpoint that recorded.
    Sent,
    /// To it.
    Received,
}

/// Who the message went to or came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// The peer of this name.
    Peer(PeerId),
    /// Whoever was at this address.
    Address(SocketAddr),
}

/// A text that is no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoQuestion;

impl fmt::Display for NoQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a message is CHANNEL.NUMBER, 2.17 for example, before it PEER: (p0.1: or 10.0.0.2:7000:) and sent: or \
             received: where more than one has it; or late, or late:50",
        )
    }
}

impl Error for NoQuestion {}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent",
            Self::Received => "received",
        })
    }
}

impl FromStr for Question {
    type Err = NoQuestion;

    fn from_str(text: &str) -> Result<Self, NoQuestion> {
        if text == "late" {
            return Ok(Self::Late(LATE_DEFAULT));
        }
        if let Some(count) = text.strip_prefix("late:") {
            let count: usize = count.parse().map_err(|_| NoQuestion)?;
            return if count > 0 {
                Ok(Self::Late(count))
            } else {
                Err(NoQuestion)
            };
        }
        let (direction, rest) = direction(text);
        let (with, message) = match rest.rsplit_once(':') {
            None => (None, rest),
            Some((with, message)) => (Some(parse_with(with)?), message),
        };
        let (channel, id) = message.split_once('.').ok_or(NoQuestion)?;
        Ok(Self::Message(Which {
            direction,
            with,
            channel: ChannelId::new(channel.parse().map_err(|_| NoQuestion)?),
            id: id.parse().map_err(|_| NoQuestion)?,
        }))
    }
}

fn direction(text: &str) -> (Option<Direction>, &str) {
    for direction in [Direction::Sent, Direction::Received] {
        let rest = text.strip_prefix(&direction.to_string());
        if let Some(rest) = rest.and_then(|rest| rest.strip_prefix(':')) {
            return (Some(direction), rest);
        }
    }
    (None, text)
}

fn parse_with(text: &str) -> Result<With, NoQuestion> {
    if let Ok(address) = text.parse() {
        return Ok(With::Address(address));
    }
    let numbers = text.strip_prefix('p').ok_or(NoQuestion)?;
    let (slot, generation) = numbers.split_once('.').ok_or(NoQuestion)?;
    let slot = slot.parse().map_err(|_| NoQuestion)?;
    let generation = generation.parse().map_err(|_| NoQuestion)?;
    Ok(With::Peer(PeerId::new(slot, generation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(text: &str) -> Which {
        match text.parse() {
            Ok(Question::Message(which)) => which,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_message_is_named_by_channel_and_number_and_more_where_needed() {
        let plain = which("2.17");
        assert_eq!((plain.channel, plain.id), (ChannelId::new(2), 17));
        assert_eq!((plain.direction, plain.with), (None, None));
        let peer = PeerId::new(3, 1);
        assert_eq!(which("p3.1:2.17").with, Some(With::Peer(peer)));
        let full = which("received:[::1]:7000:0.4");
        let address = "[::1]:7000".parse().expect("an address");
        assert_eq!(full.with, Some(With::Address(address)));
        assert_eq!(full.direction, Some(Direction::Received));
        assert_eq!(which("sent:2.17").direction, Some(Direction::Sent));
    }

    #[test]
    fn the_slowest_are_asked_for_by_their_number() {
        assert_eq!("late".parse(), Ok(Question::Late(10)));
        assert_eq!("late:3".parse(), Ok(Question::Late(3)));
    }

    #[test]
    fn what_is_no_question_is_told_what_is() {
        for text in [
            "",
            "2",
            "2.",
            ".17",
            "2.x",
            "2:17",
            "256.1",
            "p1:2.17",
            "nobody:2.17",
            "late:0",
            "late:",
            "to:2.17",
        ] {
            assert_eq!(text.parse::<Question>(), Err(NoQuestion), "{text}");
        }
    }
}
