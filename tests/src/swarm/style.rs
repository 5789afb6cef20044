//! How the endpoints of a seed are configured.

use tickwire_core::{Config, ConfigBuilder, Priority, Qos, RateLimit};
use tickwire_sim::Rng;

use super::case::Case;

/// How the endpoints of a seed are configured: with room, tight or tiny; with counters that begin near their wraps, where
/// the feature `planted` can do that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    room: Room,
    /// Of each channel: who goes first, shares, rates.
    qos: [Qos; 4],
    #[cfg(feature = "planted")]
    first_numbers: (u64, u64),
}

/// Bounds of an endpoint.
#[derive(Clone, Copy, Debug)]
enum Room {
    Usual,
    Tight,
    /// Little more than one message.
    Tiny,
}

/// Bytes of the longest message, in a queue to send, in a channel's credit, in a connection, unread.
type Bounds = [usize; 5];

impl Room {
    const fn bounds(self) -> Option<Bounds> {
        match self {
            Self::Usual => None,
            Self::Tight => Some([10_000, 40_000, 12_000, 20_000, 14_000]),
            Self::Tiny => Some([3_000, 9_000, 3_500, 5_000, 4_500]),
        }
    }
}

/// In one seed of three channels are no equals.
fn any_qos(mut rng: Rng) -> [Qos; 4] {
    let mut all = [Qos::new(); 4];
    if rng.below(3) > 0 {
        return all;
    }
    for qos in &mut all {
        let priorities = [Priority::Low, Priority::Normal, Priority::High];
        qos.priority = priorities[usize::try_from(rng.below(3)).unwrap_or(0)];
        qos.weight = u8::try_from(rng.between(1, 100)).unwrap_or(1);
        let rate = RateLimit::new(rng.between(20_000, 500_000), rng.between(1_500, 20_000));
        qos.rate = (rng.below(3) == 0).then_some(rate);
    }
    all
}

impl Style {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self {
            // A stream of its own: the other draws stay what they were.
            qos: any_qos(rng.fork("qos")),
            room: match rng.below(6) {
                0 => Room::Tiny,
                1 | 2 => Room::Tight,
                _ => Room::Usual,
            },
            #[cfg(feature = "planted")]
            first_numbers: {
                let bits = [0, 0, 0, 8, 16, 24, 32];
                let mut near = |before: u64| {
                    let bits = bits[usize::try_from(rng.below(7)).unwrap_or(0)];
                    (1_u64 << bits).saturating_sub(1 + rng.below(before)) * u64::from(bits > 0)
                };
                (near(200), near(50))
            },
        }
    }

    /// Bytes of the longest message that is said.
    pub(super) fn said_max(self) -> usize {
        // Something is put before it.
        self.room.bounds().map_or(9_000, |bounds| bounds[0] - 100)
    }

    /// `places`: peers of an endpoint with little room, twice as many as clients so that a lost one may come again.
    pub(super) fn config(self, case: &Case, places: u32) -> ConfigBuilder {
        let usual = Config::default();
        let channels = usual.channels().iter().zip(self.qos);
        let channels = channels.map(|(channel, qos)| channel.clone().qos(qos));
        let channels: Vec<_> = channels.collect();
        let mut config = Config::builder().channels(channels.clone());
        if let Some([message, queue, credit, connection, unread]) = self.room.bounds() {
            let channels = channels.into_iter().map(|channel| {
                let channel = channel.message_size_max(message);
                channel
                    .receive_bytes_max(credit)
                    .send_queue_bytes_max(queue)
            });
            config = config
                .channels(channels.collect())
                .connection_bytes_max(connection)
                .unread_bytes_max(unread)
                .peers_max(2 * places)
                .half_open_max(places);
        }
        #[cfg(feature = "planted")]
        {
            config = config.first_numbers(self.first_numbers.0, self.first_numbers.1);
            if let Some(bug) = case.bug {
                config = config.planted(bug);
            }
        }
        #[cfg(not(feature = "planted"))]
        let _ = case;
        config
    }
}
