//! How the endpoints of a seed are configured.

use tickwire_core::{Config, ConfigBuilder};
use tickwire_sim::Rng;

use super::case::Case;

/// How the endpoints of a seed are configured: with room, or tight; with counters that begin near their wraps, where
/// the feature `planted` can do that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    is_tight: bool,
    #[cfg(feature = "planted")]
    first_numbers: (u64, u64),
}

impl Style {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self {
            is_tight: rng.below(3) == 0,
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

    /// `places`: peers of a tight endpoint, twice as many as clients so that a lost one may come again.
    pub(super) fn config(self, case: &Case, places: u32) -> ConfigBuilder {
        let mut config = Config::builder();
        if self.is_tight {
            let usual = Config::default();
            let channels = usual.channels().iter().map(|channel| {
                let channel = channel.clone().message_size_max(10_000);
                channel
                    .receive_bytes_max(12_000)
                    .send_queue_bytes_max(40_000)
            });
            config = config
                .channels(channels.collect())
                .connection_bytes_max(20_000)
                .unread_bytes_max(14_000)
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
