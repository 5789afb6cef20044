//! What a sender may ask for one message, beside its channel's promise.

use core::time::Duration;

use crate::saved::saved;

/// Which of the messages that wait on a channel leaves first. It counts on `Unreliable` and `Reliable` channels; on the
/// others the order sent is the promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Priority {
    /// After all others.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before all others.
    High,
}

saved!(enum Priority { 0 = Low, 1 = Normal, 2 = High });

/// Options of one message, for [`Endpoint::send_with`](crate::Endpoint::send_with). The default asks for nothing, as
/// [`send`](crate::Endpoint::send) does.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::SendOptions;
///
/// // The newest health of player 7 is worth having for 200 ms.
/// let options = SendOptions::new().key(7).time_to_live(Duration::from_millis(200)).receipt();
/// assert_eq!(options.key, Some(7));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct SendOptions {
    /// Which message of the channel leaves first.
    pub priority: Priority,
    /// How long the message is worth delivering, from `send` on. After that it is not sent any more, nor sent again; a
    /// reliable one is then *abandoned*: those behind it do not wait for it. At most 2^63 ns; `None` (default): for ever.
    pub time_to_live: Option<Duration>,
    /// Newest for this key wins: older messages of the channel with the same key that are not acknowledged (reliable) or not
    /// sent (unreliable) are abandoned. `None` (default): none.
    pub key: Option<u64>,
    /// On reliable channels: tells by [`Event::Delivered`](crate::Event::Delivered) that the peer's endpoint has the message,
    /// or by [`Event::Abandoned`](crate::Event::Abandoned) that it was given up. One of them comes unless the connection
    /// ends before.
    pub receipt: bool,
}

saved!(SendOptions {
    priority,
    time_to_live,
    key,
    receipt
});

impl SendOptions {
    /// Asks for nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            priority: Priority::Normal,
            time_to_live: None,
            key: None,
            receipt: false,
        }
    }

    /// Sets the priority.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the time to live.
    #[must_use]
    pub const fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = Some(time_to_live);
        self
    }

    /// Sets the key.
    #[must_use]
    pub const fn key(mut self, key: u64) -> Self {
        self.key = Some(key);
        self
    }

    /// Asks for a receipt.
    #[must_use]
    pub const fn receipt(mut self) -> Self {
        self.receipt = true;
        self
    }
}
