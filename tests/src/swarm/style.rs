//! How the endpoints of a seed are configured.

use std::fmt;

use tickwire_core::{Config, ConfigBuilder, Qos};
use tickwire_sim::{Mix, Rng, World};

use super::case::Case;
use crate::manners::{Manners, qos};

/// How the endpoints of a seed are configured: with room, tight or tiny; with counters that begin near their wraps, where
/// the feature `planted` can do that.
#[derive(Clone, Debug)]
pub(super) struct Style {
    room: Room,
    /// Of each channel: who goes first, shares, rates.
    qos: [Qos; 4],
    /// Of each host: how it goes about sending.
    manners: Vec<Manners>,
    /// In one seed of three keys are changed often.
    packets_per_key: Option<u64>,
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
    match rng.below(3) {
        0 => [(); 4].map(|()| qos(&mut rng)),
        _ => [Qos::new(); 4],
    }
}

impl Style {
    /// That of a case. Hosts whose manners are left out have the usual ones.
    pub(super) fn of(case: &Case) -> Self {
        let mut style = Self::draw(&mut World::new(case.seed).fork_rng("style"), case.seed);
        for (host, manners) in style.manners.iter_mut().enumerate() {
            if !case.manners.contains(&host) {
                *manners = Manners::USUAL;
            }
        }
        style
    }

    fn draw(rng: &mut Rng, seed: u64) -> Self {
        let manners = |host| Manners::drawn(&mut rng.fork_nth("manners", host));
        Self {
            // Streams of their own: the other draws stay what they were.
            qos: any_qos(rng.fork("qos")),
            manners: (0..Mix::draw(seed).hosts() as u64).map(manners).collect(),
            packets_per_key: {
                let mut rng = rng.fork("keys");
                (rng.below(3) == 0).then(|| 100 + rng.below(200))
            },
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
    pub(super) fn said_max(&self) -> usize {
        // Something is put before it.
        self.room.bounds().map_or(9_000, |bounds| bounds[0] - 100)
    }

    /// Of a host by its number. `places`: peers of an endpoint with little room, twice as many as clients so that a lost one may
    /// come again.
    pub(super) fn config(&self, case: &Case, host: usize, places: u32) -> ConfigBuilder {
        let usual = Config::default();
        let channels = usual.channels().iter().zip(self.qos);
        let parity = self.manners[host].parity;
        let channels = channels.map(|(channel, qos)| channel.clone().qos(qos).parity(parity));
        let channels: Vec<_> = channels.collect();
        let mut config = self.manners[host].of(Config::builder().channels(channels.clone()));
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
        if let Some(packets) = self.packets_per_key {
            config = config.packets_per_key(packets);
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

/// In one line: how much room, who has which manners, whether channels are no equals.
impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} room", self.room)?;
        if let Some(packets) = self.packets_per_key {
            write!(f, "; keys for {packets} packets")?;
        }
        for (host, manners) in self.manners.iter().enumerate() {
            let name = char::from(b'A' + u8::try_from(host).unwrap_or(0));
            write!(f, "; {name}: {manners}")?;
        }
        for (channel, qos) in self.qos.iter().enumerate() {
            if *qos != Qos::new() {
                write!(f, "; channel {channel}: {qos}")?;
            }
        }
        Ok(())
    }
}
