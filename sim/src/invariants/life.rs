//! I12: a connection begins once, ends once, and is silent after that; a name is never used again.

use std::collections::BTreeMap;

use tickwire_core::{Event, PeerId};

use super::Broken;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connected,
    Over,
}

/// All connections of one life of a host.
#[derive(Debug, Default)]
pub(super) struct Life {
    stages: BTreeMap<PeerId, Stage>,
}

impl Life {
    pub(super) fn on_event(&mut self, event: &Event) -> Result<(), Broken> {
        match event {
            Event::Connected { peer, .. } => match self.stages.insert(*peer, Stage::Connected) {
                None => Ok(()),
                Some(before) => Err(format!("I12: {peer} is connected and was {before:?}")),
            },
            Event::Disconnected { peer, reason, .. } => {
                match self.stages.insert(*peer, Stage::Over) {
                    None | Some(Stage::Connected) => Ok(()),
                    Some(Stage::Over) => Err(format!("I12: {peer} is over twice: {reason}")),
                }
            }
            Event::Message { peer, .. }
            | Event::Delivered { peer, .. }
            | Event::Abandoned { peer, .. }
            | Event::Pong { peer, .. } => match self.stages.get(peer) {
                Some(Stage::Connected) => Ok(()),
                stage => Err(format!("I12: {peer} is {stage:?}, and then {event:?}")),
            },
            Event::ProbeAnswered { .. }
            | Event::Tick { .. }
            | Event::ServerFound(_)
            | Event::ServerExpired(_)
            | Event::DiscoveryEnded
            | Event::PathChanged { .. }
            | Event::Rebinding { .. }
            | _ => Ok(()),
        }
    }
}
