//! Why a side ends a connection, as the other side reads it.

use tickwire_core::Farewell;

/// The game's reasons to end a connection. The code and the text travel in the [`Farewell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dismissal {
    /// The player said goodbye.
    Goodbye,
    /// The server stops.
    ServerStops,
    /// No authenticated datagram came for the allowed time.
    Silent,
    /// The queue of events was full: the player takes less than is sent.
    QueueFull,
    /// Connected, but did not ask to join in time.
    NoJoin,
    /// The name breaks a rule.
    BadName,
    /// No place left.
    Full,
}

impl Dismissal {
    /// The farewell's code: from 1 up, in the order above.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32 + 1
    }

    /// The text for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::ServerStops => "the server stops",
            Self::Silent => "nothing was heard of the player",
            Self::QueueFull => "too slow: the queue of events is full",
            Self::NoJoin => "connected but did not join in time",
            Self::BadName => {
                "a name has 1 to 32 characters, not only white space and no control characters"
            }
            Self::Full => "the game is full",
        }
    }

    /// Both, for the connection's end.
    #[must_use]
    pub fn farewell(self) -> Farewell {
        Farewell::new(self.code(), self.text())
    }
}
