//! An endpoint born again from a recording, to be called as the first one was.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::call::{Call, Outcome, Record};
use super::header::Beginning;
use super::recording::Recording;
use crate::crypto::{Agreed, TokenBytes};
use crate::discovery::DiscoveryQuery;
use crate::endpoint::Endpoint;
use crate::event::{Event, Farewell};
use crate::journal::Entry;
use crate::machine::Revealed;
use crate::time::Instant;
use crate::transmit::Transmit;

/// An endpoint that is given the recorded calls one by one.
///
/// It records as the first one did, so what a call gave back is judged by the very code that judged it then. It needs
/// no long-term key: what that key agreed on is recorded. Its packets are protected by
/// [`Portable`](crate::Portable), which gives the same bytes as any other implementation.
#[derive(Debug)]
pub struct Replica {
    endpoint: Endpoint,
    datagram: Vec<u8>,
}

/// What a call gave back this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// As a recording keeps it: compare it with [`Record::outcome`].
    pub outcome: Outcome,
    /// The datagram that left: its bytes are in [`Replica::datagram`].
    pub transmit: Option<Transmit>,
    /// The event that was handed out.
    pub event: Option<Event>,
    /// What the datagram says, decrypted, in one line.
    pub trace: Option<String>,
}

impl Replica {
    /// The endpoint as it was where the recording begins.
    #[must_use]
    pub fn new(recording: &Recording) -> Self {
        let header = recording.header();
        let mut endpoint = match (&header.beginning, recording.machine()) {
            (Beginning::Birth(entropy), _) => {
                let (config, entropy) = (header.config.clone(), entropy.clone());
                match header.identity() {
                    Some(identity) => Endpoint::reborn(config, entropy, identity, header.begins_at),
                    None => Endpoint::recorded(config, entropy, header.begins_at),
                }
            }
            (Beginning::Checkpoint(_), machine) => {
                Endpoint::revived(machine.expect("where a checkpoint is, there is a machine"))
            }
        };
        endpoint.set_trace(true);
        Self {
            endpoint,
            datagram: Vec::new(),
        }
    }

    /// Begins a redacted recording of what is to come; see [`Endpoint::record_redacted`].
    pub fn record_redacted(&mut self, now: Instant) {
        self.endpoint.record_redacted(now);
    }

    /// What of it is finished; see [`Endpoint::take_redacted`].
    pub fn take_redacted(&mut self, out: &mut Vec<u8>) {
        self.endpoint.take_redacted(out);
    }

    /// Ends it and gives what is left; see [`Endpoint::end_redacted`].
    pub fn end_redacted(&mut self, out: &mut Vec<u8>) {
        self.endpoint.end_redacted(out);
    }

    /// The endpoint as it is after the latest call.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Notes from here on what happens to messages: see [`Endpoint::set_journal`].
    pub fn set_journal(&mut self, on: bool) {
        self.endpoint.set_journal(on);
    }

    /// The next step in the life of messages: take all after each call.
    #[must_use]
    pub fn poll_journal(&mut self) -> Option<Entry> {
        self.endpoint.poll_journal()
    }

    /// The datagram that the latest call gave.
    #[must_use]
    pub fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// Makes the next call of the recording, and tells what it gave back.
    pub fn call(&mut self, record: &Record<'_>) -> Output {
        self.datagram.clear();
        let mut output = Output {
            outcome: Outcome::Nothing,
            transmit: None,
            event: None,
            trace: None,
        };
        if record.call == Call::PollTransmit {
            output.transmit = self.endpoint.poll_transmit(record.at, &mut self.datagram);
            output.trace = self
                .endpoint
                .poll_trace()
                .map(|content| content.to_string());
        } else if record.call == Call::PollEvent {
            output.event = self.endpoint.poll_event();
        } else if record.call == Call::Checkpoint {
            let state = self.endpoint.state_hash();
            if let Some(recorder) = &mut self.endpoint.recorder {
                recorder.checkpoint(state);
            }
        } else if matches!(record.call, Call::End { .. }) {
            return output;
        } else {
            self.command(record);
        }
        if let Some(recorder) = &mut self.endpoint.recorder {
            output.outcome = recorder.outcome();
            recorder.forget();
        }
        output
    }

    /// Inputs and commands: what they give back is kept by the recorder.
    fn command(&mut self, record: &Record<'_>) {
        let (endpoint, now) = (&mut self.endpoint, record.at);
        match &record.call {
            Call::HandleDatagram { arrival, datagram } => {
                endpoint.machine.expect_revealed(Revealed {
                    agreed: record.agreed.map(Agreed::new),
                    token: record.token.map(TokenBytes::new),
                });
                self.datagram.extend_from_slice(datagram);
                endpoint.handle_datagram(now, *arrival, &mut self.datagram);
                self.datagram.clear();
            }
            Call::HandleTimeout => endpoint.handle_timeout(now),
            Call::Connect { to, server } => {
                let _ = endpoint.connect(now, *to, *server);
            }
            Call::Send {
                peer,
                channel,
                payload,
                options,
            } => {
                let _ = endpoint.send_with(now, *peer, *channel, payload, options);
            }
            Call::Flush => endpoint.flush(now),
            Call::Ping { peer } => {
                let _ = endpoint.ping(now, *peer);
            }
            Call::Probe { to } => endpoint.probe(now, *to),
            Call::Disconnect { peer, code, text } => {
                endpoint.disconnect(now, *peer, Farewell::new(*code, text));
            }
            Call::Discover { targets, timeout } => {
                let query = DiscoveryQuery {
                    targets: targets.to_vec(),
                    timeout: *timeout,
                };
                let _ = endpoint.discover(now, query);
            }
            Call::SetPlayers { players } => endpoint.set_players(*players),
            Call::SetAnnouncePort { port } => endpoint.set_announce_port(*port),
            Call::SetAnnounceTargets { targets } => endpoint.set_announce_targets(targets),
            Call::SetInterfaces { interfaces } => endpoint.set_interfaces(interfaces),
            Call::Ban { address } => endpoint.ban(*address),
            Call::Unban { address } => endpoint.unban(*address),
            Call::SetAccepting { accepting } => endpoint.set_accepting(*accepting),
            Call::SetCongestion { peer, congestion } => {
                let _ = endpoint.set_congestion(*peer, *congestion);
            }
            Call::SetQos { peer, channel, qos } => {
                let _ = endpoint.set_qos(*peer, *channel, qos);
            }
            Call::Rebind { is_other_network } => {
                let _ = endpoint.rebind(now, *is_other_network);
            }
            Call::HandleTooLong { to, len } => endpoint.handle_too_long(now, *to, *len),
            Call::ConnectWithToken { to, token } => {
                let _ = endpoint.connect_with_token(now, *to, token);
            }
            Call::SetUnixTime { since_epoch } => endpoint.set_unix_time(now, *since_epoch),
            Call::PollTransmit | Call::PollEvent | Call::Checkpoint | Call::End { .. } => {}
        }
    }
}
