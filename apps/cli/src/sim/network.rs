//! `--link-from`: a network that was recorded, in the place of the scenario's links.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tickwire_core::record;
use tickwire_sim::scenario::{Player, RecordedNetwork, RecordedWay};
use tickwire_sim::survey::{self, PeerSurvey, Side};
use tickwire_sim::{Recording, RecordingError, RedactedRecording, Survey};

use crate::failure::bad_input;
use crate::output::clean;
use crate::replay;

/// Options of `sim run` that name a recorded network.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "A recorded network (docs/SCENARIOS.md)")]
#[group(skip)]
pub(super) struct Args {
    /// Play over the network that this recording saw, redacted or not, instead of the scenario's links
    #[arg(long, value_name = "FILE")]
    pub(super) link_from: Option<PathBuf>,

    /// Take the path to this peer of the recording [default: the one that most datagrams were exchanged with]
    #[arg(long, value_name = "N", requires = "link_from")]
    link_peer: Option<u32>,

    /// At whose end it was recorded [default: known if it holds the handshake; else server if it has several peers]
    #[arg(long, value_name = "SIDE", requires = "link_from")]
    link_side: Option<Recorder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Recorder {
    Client,
    Server,
}

/// A recorded network, ready to be played over.
#[derive(Debug)]
pub(super) struct Network {
    path: survey::Path,
    told: RecordedNetwork,
}

impl Args {
    /// The network, if one is asked for.
    ///
    /// # Errors
    ///
    /// Bad input, on one line that names the file.
    pub(super) fn read(&self) -> anyhow::Result<Option<Network>> {
        let Some(file) = &self.link_from else {
            return Ok(None);
        };
        let shown = clean(&file.display().to_string());
        let survey = survey(file)?;
        let peer = self.peer(&survey, &shown)?;
        let path = peer.path().ok_or_else(|| {
            let number = peer.peer;
            unfit(
                &shown,
                &format!("no round trip to peer {number} was measured in it; record while something is said both ways"),
            )
        })?;
        let told = self.told(shown, &survey, peer, &path);
        Ok(Some(Network { path, told }))
    }

    fn peer<'a>(&self, survey: &'a Survey, shown: &str) -> anyhow::Result<&'a PeerSurvey> {
        let Some(busiest) = survey.busiest() else {
            return Err(unfit(shown, "there is no peer in it"));
        };
        let Some(number) = self.link_peer else {
            return Ok(busiest);
        };
        survey.peer(number).ok_or_else(|| {
            let count = survey.peers.len();
            bad_input(format!(
                "--link-peer {number}: the peers of {shown} are 1 to {count}; `tickwire replay --summary` shows them"
            ))
        })
    }

    fn told(
        &self,
        source: String,
        survey: &Survey,
        peer: &PeerSurvey,
        path: &survey::Path,
    ) -> RecordedNetwork {
        let given = self.link_side.map(|side| match side {
            Recorder::Client => Side::Client,
            Recorder::Server => Side::Server,
        });
        let known = given.or(peer.recorded_by);
        let likely = if survey.peers.len() > 1 {
            Side::Server
        } else {
            Side::Client
        };
        let to_peer = RecordedWay::new(path.to_peer_datagrams, path.to_peer_lost);
        let from_peer = RecordedWay::new(path.from_peer_datagrams, path.from_peer_lost);
        let recorded_by = known.unwrap_or(likely);
        let (up, down) = match recorded_by {
            Side::Client => (to_peer, from_peer),
            Side::Server => (from_peer, to_peer),
        };
        RecordedNetwork {
            source,
            peer: peer.peer,
            recorded_by,
            is_side_assumed: known.is_none(),
            length_us: micros(path.length),
            round_trip_min_us: micros(path.round_trip_min),
            up,
            down,
        }
    }
}

impl Network {
    /// Puts it in the place of the scenario's links.
    pub(super) fn under<'a>(&self, player: Player<'a>) -> Player<'a> {
        let (to_peer, from_peer) = (self.path.to_peer.clone(), self.path.from_peer.clone());
        let player = match self.told.recorded_by {
            Side::Client => player.links(to_peer, from_peer),
            Side::Server => player.links(from_peer, to_peer),
        };
        player.told(self.told.clone())
    }
}

/// What the file tells of the network.
fn survey(file: &Path) -> anyhow::Result<Survey> {
    let shown = clean(&file.display().to_string());
    let bytes = replay::read_bytes(file)?;
    let unreadable = |error: RecordingError| unfit(&shown, &error.to_string());
    if record::is_redacted(&bytes) {
        let recording = RedactedRecording::read(bytes).map_err(unreadable)?;
        return Ok(Survey::of(&recording));
    }
    let recording = Recording::read(bytes).map_err(unreadable)?;
    Survey::of_full(&recording).map_err(|divergence| {
        let (record, software) = (divergence.record, clean(recording.software()));
        let text = format!(
            "it replays differently from record {record} on; it was made by version {software}, which can tell what it saw"
        );
        unfit(&shown, &text)
    })
}

/// Why a file is no network.
fn unfit(shown: &str, why: &str) -> anyhow::Error {
    bad_input(format!("{shown} cannot be a link: {why}"))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
