//! `--link-from`: a network that was recorded, in the place of the scenario's links.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tickwire_core::record;
use tickwire_sim::scenario::{Player, RecordedNetwork, RecordedPath, RecordedWay};
use tickwire_sim::survey::{self, PeerSurvey, Side};
use tickwire_sim::{Link, Recording, RecordingError, RedactedRecording, Survey};

use crate::failure::bad_input;
use crate::output::{self, clean};
use crate::replay;

/// Options of `sim run` that name a recorded network.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "A recorded network (docs/SCENARIOS.md)")]
#[group(skip)]
pub(super) struct Args {
    /// Play over the network that this recording saw, redacted or not, instead of the scenario's links
    #[arg(long, value_name = "FILE")]
    pub(super) link_from: Option<PathBuf>,

    /// Take the path to this peer of the recording for all clients [default: each client has the path to another peer, in turn,
    /// and the first one that to the peer with which most datagrams were exchanged]
    #[arg(long, value_name = "N", requires = "link_from")]
    link_peer: Option<u32>,

    /// Of a recording that is cut off or damaged take what is before
    #[arg(long, requires = "link_from")]
    salvage: bool,

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
    /// Up and down, for each client in turn.
    links: Vec<(Link, Link)>,
    told: RecordedNetwork,
}

impl Args {
    /// The network, if one is asked for, for so many clients.
    ///
    /// # Errors
    ///
    /// Bad input, on one line that names the file.
    pub(super) fn read(&self, clients: usize) -> anyhow::Result<Option<Network>> {
        let Some(file) = &self.link_from else {
            return Ok(None);
        };
        let source = clean(&file.display().to_string());
        let survey = self.survey(file, &source)?;
        let (mut links, mut paths) = (Vec::new(), Vec::new());
        for peer in self.peers(&survey, &source)?.into_iter().take(clients) {
            let path = peer.path().ok_or_else(|| unmeasured(&source, peer))?;
            let told = self.told(&survey, peer, &path);
            links.push(match told.recorded_by {
                Side::Client => (path.to_peer, path.from_peer),
                Side::Server => (path.from_peer, path.to_peer),
            });
            paths.push(told);
        }
        let told = RecordedNetwork { source, paths };
        Ok(Some(Network { links, told }))
    }

    /// Whose paths there are, at least one: the busiest first. Those of which too little is known are left out, unless there
    /// is no other.
    fn peers<'a>(&self, survey: &'a Survey, shown: &str) -> anyhow::Result<Vec<&'a PeerSurvey>> {
        let Some(busiest) = survey.busiest() else {
            return Err(unfit(shown, "there is no peer in it"));
        };
        if let Some(number) = self.link_peer {
            let peer = survey.peer(number).ok_or_else(|| {
                let count = survey.peers.len();
                bad_input(format!(
                    "--link-peer {number}: the peers of {shown} are 1 to {count}; `tickwire replay --summary` shows them"
                ))
            })?;
            return Ok(vec![peer]);
        }
        let mut peers: Vec<&PeerSurvey> = survey.peers.iter().collect();
        peers.retain(|peer| peer.path().is_some());
        peers.sort_by_key(|peer| (std::cmp::Reverse(peer.datagrams()), peer.peer));
        if peers.is_empty() {
            peers.push(busiest);
        }
        Ok(peers)
    }

    fn told(&self, survey: &Survey, peer: &PeerSurvey, path: &survey::Path) -> RecordedPath {
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
        RecordedPath {
            peer: peer.peer,
            recorded_by,
            is_side_assumed: known.is_none(),
            length_us: micros(path.length),
            round_trip_min_us: micros(path.round_trip_min),
            up,
            down,
        }
    }

    /// What the file tells of the network.
    fn survey(&self, file: &Path, shown: &str) -> anyhow::Result<Survey> {
        let bytes = replay::read_bytes(file)?;
        if record::is_redacted(&bytes) {
            let recording = self.whole(shown, RedactedRecording::salvage(bytes))?;
            return Ok(Survey::of(&recording));
        }
        let recording = self.whole(shown, Recording::salvage(bytes))?;
        Survey::of_full(&recording).map_err(|divergence| {
            let (record, software) = (divergence.record, clean(recording.software()));
            let text = format!(
                "it replays differently from record {record} on; it was made by version {software}, which can tell what it saw"
            );
            unfit(shown, &text)
        })
    }

    /// A recording that is whole, or what is whole of it if that is asked for.
    fn whole<R>(
        &self,
        shown: &str,
        salvaged: Result<(R, Option<RecordingError>), RecordingError>,
    ) -> anyhow::Result<R> {
        let (recording, rest) = salvaged.map_err(|error| unfit(shown, &error.to_string()))?;
        match rest {
            None => {}
            Some(error) if self.salvage => {
                output::remark(&format!("{shown}: {error}; what is before is taken"));
            }
            Some(error) => {
                return Err(unfit(
                    shown,
                    &format!("{error}; --salvage takes what is before"),
                ));
            }
        }
        Ok(recording)
    }
}

impl Network {
    /// Puts it in the place of the scenario's links.
    pub(super) fn under<'a>(&self, player: Player<'a>) -> Player<'a> {
        let player = player.links_in_turn(self.links.iter().cloned());
        player.told(self.told.clone())
    }
}

/// Why a peer has no path.
fn unmeasured(shown: &str, peer: &PeerSurvey) -> anyhow::Error {
    let number = peer.peer;
    let text = format!(
        "no round trip to peer {number} was measured in it; record while something is said both ways"
    );
    unfit(shown, &text)
}

/// Why a file is no network.
fn unfit(shown: &str, why: &str) -> anyhow::Error {
    bad_input(format!("{shown} cannot be a link: {why}"))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
