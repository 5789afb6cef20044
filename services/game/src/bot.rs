//! A player without a person: walks a fixed path, scores and shoots now and then.
//!
//! The path is a rectangle walked at constant speed; where it starts follows from the bot's number, so bots are
//! apart from each other and a run repeats exactly.

use tickwire_core::Event;

use crate::client::{GameClient, Phase};
use crate::message::{Message, Shot};
use crate::outlet::Outlet;
use crate::snapshot::Position;

/// Steps along one side of the path.
const SIDE_STEPS: u32 = 100;
/// Length of one step.
const STEP: f32 = 0.25;
/// Ticks between two points won.
const SCORE_TICKS: u32 = 30;
/// Ticks between two shots.
const SHOT_TICKS: u32 = 10;

/// A [`GameClient`] that plays by itself.
#[derive(Debug)]
pub struct Bot {
    client: GameClient,
    /// Ticks played, begun at a place that follows from the bot's number.
    step: u32,
    score: u32,
}

impl Bot {
    /// The bot with this number, 0, 1, 2, ..., playing as `client`.
    #[must_use]
    pub const fn new(client: GameClient, number: u32) -> Self {
        Self {
            client,
            step: number.wrapping_mul(7),
            score: 0,
        }
    }

    /// Takes one event and gives all that follows from it to the endpoint behind `outlet`.
    pub fn run(&mut self, event: &Event, outlet: &mut impl Outlet) {
        if matches!(event, Event::Tick { .. }) && self.client.phase() == Phase::Playing {
            self.play();
        }
        self.client.run(event, outlet);
    }

    /// Asks to leave; see [`GameClient::leave`].
    pub fn leave(&mut self, outlet: &mut impl Outlet) {
        self.client.leave();
        self.client.drain(outlet);
    }

    /// The client it plays as.
    #[must_use]
    pub const fn client(&self) -> &GameClient {
        &self.client
    }

    /// One tick: a step on the path, and in their turns a shot and a point.
    fn play(&mut self) {
        self.step = self.step.wrapping_add(1);
        let position = path(self.step);
        self.client.send(&Message::PositionUpdate(position));
        if self.step.is_multiple_of(SHOT_TICKS)
            && let Some(shot) = Shot::new(1, -position.x(), -position.z())
        {
            self.client.send(&Message::WeaponFired(shot));
        }
        if self.step.is_multiple_of(SCORE_TICKS) && self.client.winner().is_none() {
            self.score += 1;
            let score = self.score;
            self.client.send(&Message::ScoreUpdate { score });
        }
    }
}

/// Where a walker is after `step` steps: round a square in the x-z plane, looking ahead.
fn path(step: u32) -> Position {
    let side = step / SIDE_STEPS % 4;
    let along = f32::from(u16::try_from(step % SIDE_STEPS).expect("below 100")) * STEP;
    let length = f32::from(u16::try_from(SIDE_STEPS).expect("a small constant")) * STEP;
    let quarter_turn = core::f32::consts::FRAC_PI_2;
    let (x, z, turns) = match side {
        0 => (along, 0.0, 0.0),
        1 => (length, along, 1.0),
        2 => (length - along, length, 2.0),
        _ => (0.0, length - along, 3.0),
    };
    Position::new(x, 0.0, z, turns * quarter_turn).expect("small numbers are finite")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_closed_and_made_of_equal_steps() {
        for step in 0..2 * 4 * SIDE_STEPS {
            let (here, next) = (path(step), path(step + 1));
            let distance = (next.x() - here.x()).abs() + (next.z() - here.z()).abs();
            assert!((distance - STEP).abs() < 1e-6, "step {step}: {distance}");
        }
        assert_eq!(path(0), path(4 * SIDE_STEPS));
    }
}
