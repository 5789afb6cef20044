//! Bytes as calls. Total: any bytes give a record or an error that names the field.

use alloc::borrow::Cow;
use core::net::SocketAddr;

use super::addresses::AddressReader;
use super::call::{Call, EndReason, Outcome, Record, Refused};
use super::codec::{address, bytes, duration, ip, number, small, text};
use super::config::list;
use super::reading::Decode;
use super::tag::{self, OUTPUT, TIME, VARIANT};
use crate::channel::options::{Priority, SendOptions};
use crate::channel::qos::Qos;
use crate::congestion::CongestionControl;
use crate::crypto::{ConnectToken, PublicKey, ServerIdentity};
use crate::discovery::Prefix;
use crate::id::{ChannelId, PeerId};
use crate::time::Instant;
use crate::transmit::{Arrival, Ecn, Socket};
use crate::wire::{DecodeError, Reader};

/// What the reader remembers from one record to the next.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    time: Instant,
    addresses: AddressReader,
    arrival: Option<Arrival>,
    receiver: Option<PeerId>,
    /// A poll that gave nothing and has no byte: the next record.
    empty_poll: Option<Record<'static>>,
    number: u64,
}

impl Decoder {
    pub(super) fn new(born_at: Instant) -> Self {
        Self {
            time: born_at,
            addresses: AddressReader::default(),
            arrival: None,
            receiver: None,
            empty_poll: None,
            number: 0,
        }
    }
}

impl Decode for Decoder {
    type Record<'a> = Record<'a>;

    fn record<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Record<'a>, DecodeError> {
        self.number += 1;
        if let Some(record) = self.empty_poll.take() {
            return Ok(record);
        }
        let offset = reader.offset() as u64;
        let tag = reader.u8("tag")?;
        if tag & TIME != 0 {
            let error = reader.error("time");
            let nanos = self.time.as_nanos().checked_add(number(reader, "time")?);
            self.time = nanos.map(Instant::from_nanos).ok_or(error)?;
        }
        let call = self.call(tag, reader)?;
        let mut record = Record {
            number: self.number,
            offset,
            at: self.time,
            call,
            outcome: Outcome::Nothing,
            agreed: None,
            token: None,
        };
        if tag & OUTPUT != 0 {
            self.output(&mut record, reader)?;
        }
        if tag & VARIANT != 0 && is_poll(tag) {
            let is_event = record.call == Call::PollEvent;
            self.empty_poll = Some(Record {
                number: self.number + 1,
                offset,
                at: self.time,
                call: if is_event {
                    Call::PollEvent
                } else {
                    Call::PollTransmit
                },
                outcome: Outcome::Nothing,
                agreed: None,
                token: None,
            });
        }
        Ok(record)
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn is_next_bare(&self) -> bool {
        self.empty_poll.is_some()
    }

    fn is_end(record: &Record<'_>) -> bool {
        matches!(record.call, Call::End { .. })
    }
}

impl Decoder {
    fn call<'a>(&mut self, tag: u8, reader: &mut Reader<'a>) -> Result<Call<'a>, DecodeError> {
        let unknown = DecodeError {
            field: "tag",
            offset: reader.offset(),
        };
        let variant = tag & VARIANT != 0;
        Ok(match tag & tag::KIND {
            tag::HANDLE_DATAGRAM => self.datagram(variant, reader)?,
            tag::CONNECT => Call::Connect {
                to: self.addresses.read(reader, "address to connect to")?,
                server: match variant {
                    true => ServerIdentity::Known(PublicKey::from_bytes(reader.array("key")?)),
                    false => ServerIdentity::TrustOnFirstUse,
                },
            },
            tag::SEND => self.send(variant, reader)?,
            tag::POLL_TRANSMIT if tag & OUTPUT != 0 => Call::PollTransmit,
            tag::POLL_EVENT if tag & OUTPUT != 0 => Call::PollEvent,
            tag::SET_ACCEPTING => Call::SetAccepting { accepting: variant },
            tag::REBIND => Call::Rebind {
                is_other_network: variant,
            },
            _ if variant => return Err(unknown),
            tag::HANDLE_TIMEOUT => Call::HandleTimeout,
            tag::POLL_TRANSMIT => Call::PollTransmit,
            tag::POLL_EVENT => Call::PollEvent,
            tag::FLUSH => Call::Flush,
            tag::HANDLE_TOO_LONG => Call::HandleTooLong {
                to: self.addresses.read(reader, "destination")?,
                len: small(reader, "length")?,
            },
            tag::CONNECT_WITH_TOKEN => {
                let to = self.addresses.read(reader, "address to connect to")?;
                let error = reader.error("connect token");
                let token = ConnectToken::decode(bytes(reader, "connect token")?);
                Call::ConnectWithToken {
                    to,
                    token: Cow::Owned(token.map_err(|_| error)?),
                }
            }
            tag::SET_UNIX_TIME => Call::SetUnixTime {
                since_epoch: duration(reader, "unix time")?,
            },
            tag::PING => Call::Ping {
                peer: peer(reader)?,
            },
            tag::PROBE => Call::Probe {
                to: self.addresses.read(reader, "address to probe")?,
            },
            tag::DISCONNECT => Call::Disconnect {
                peer: peer(reader)?,
                code: small(reader, "code of the farewell")?,
                text: text(reader, "text of the farewell")?,
            },
            tag::DISCOVER => Call::Discover {
                timeout: duration(reader, "timeout of the query")?,
                targets: targets(reader)?,
            },
            tag::SET_PLAYERS => Call::SetPlayers {
                players: small(reader, "players")?,
            },
            tag::SET_ANNOUNCE_PORT => Call::SetAnnouncePort {
                port: small(reader, "port")?,
            },
            tag::SET_ANNOUNCE_TARGETS => Call::SetAnnounceTargets {
                targets: targets(reader)?,
            },
            tag::SET_INTERFACES => Call::SetInterfaces {
                interfaces: Cow::Owned(list(reader, "interfaces", prefix)?),
            },
            tag::BAN => Call::Ban {
                address: ip(reader, "address to ban")?,
            },
            tag::UNBAN => Call::Unban {
                address: ip(reader, "address to unban")?,
            },
            tag::SET_CONGESTION => Call::SetCongestion {
                peer: peer(reader)?,
                congestion: CongestionControl::read(reader)?,
            },
            tag::SET_QOS => Call::SetQos {
                peer: peer(reader)?,
                channel: ChannelId::new(reader.u8("channel")?),
                qos: Qos::read_any(reader)?,
            },
            tag::CHECKPOINT if tag & OUTPUT != 0 => {
                self.addresses = AddressReader::default();
                self.arrival = None;
                self.receiver = None;
                Call::Checkpoint
            }
            tag::END => {
                let error = reader.error("reason of the end");
                let reason = EndReason::from_code(reader.u8("reason of the end")?);
                Call::End {
                    reason: reason.ok_or(error)?,
                }
            }
            _ => return Err(unknown),
        })
    }

    fn send<'a>(
        &mut self,
        is_same_peer: bool,
        reader: &mut Reader<'a>,
    ) -> Result<Call<'a>, DecodeError> {
        let peer = match (is_same_peer, self.receiver) {
            (true, Some(before)) => before,
            (true, None) => return Err(reader.error("tag")),
            (false, _) => peer(reader)?,
        };
        self.receiver = Some(peer);
        let error = reader.error("channel");
        let channel = number(reader, "channel")?;
        Ok(Call::Send {
            peer,
            channel: ChannelId::new(u8::try_from(channel >> 1).map_err(|_| error)?),
            options: match channel & 1 {
                0 => SendOptions::new(),
                _ => options(reader)?,
            },
            payload: bytes(reader, "payload")?,
        })
    }

    fn datagram<'a>(
        &mut self,
        is_new_way: bool,
        reader: &mut Reader<'a>,
    ) -> Result<Call<'a>, DecodeError> {
        let way = match (is_new_way, self.arrival) {
            (false, Some(before)) => before,
            (false, None) => return Err(reader.error("tag")),
            (true, _) => way(reader)?,
        };
        let from = self.addresses.read(reader, "sender")?;
        let arrival = Arrival { from, ..way };
        self.arrival = Some(arrival);
        Ok(Call::HandleDatagram {
            arrival,
            datagram: bytes(reader, "datagram")?,
        })
    }

    /// What came out: at the end of the record.
    fn output<'a>(
        &mut self,
        record: &mut Record<'a>,
        reader: &mut Reader<'a>,
    ) -> Result<(), DecodeError> {
        match record.call {
            Call::HandleDatagram { .. } => {
                let error = reader.error("what keys gave");
                let bits = reader.u8("what keys gave")?;
                if bits == 0 || bits & !tag::revealed::KNOWN != 0 {
                    return Err(error);
                }
                if bits & tag::revealed::AGREED != 0 {
                    record.agreed = Some(reader.array("agreement")?);
                }
                if bits & tag::revealed::TOKEN != 0 {
                    record.token = Some(bytes(reader, "content of a token")?);
                }
            }
            Call::PollTransmit => {
                record.outcome = Outcome::Transmit {
                    to: self.addresses.read(reader, "destination")?,
                    len: small(reader, "length")?,
                    hash: u32::from_be_bytes(reader.array("hash")?),
                };
            }
            Call::PollEvent => {
                let hash = u32::from_be_bytes(reader.array("hash")?);
                record.outcome = Outcome::Event { hash };
            }
            Call::Checkpoint => {
                let hash = reader.u64("hash of the state")?;
                record.outcome = Outcome::State { hash };
            }
            Call::Connect { .. }
            | Call::ConnectWithToken { .. }
            | Call::Send { .. }
            | Call::Ping { .. }
            | Call::SetCongestion { .. }
            | Call::SetQos { .. }
            | Call::Rebind { .. }
            | Call::Discover { .. } => {
                let error = reader.error("refusal");
                let refused = Refused::from_code(reader.u8("refusal")?);
                record.outcome = Outcome::Refused(refused.ok_or(error)?);
            }
            Call::HandleTimeout
            | Call::Flush
            | Call::Probe { .. }
            | Call::Disconnect { .. }
            | Call::SetPlayers { .. }
            | Call::SetAnnouncePort { .. }
            | Call::SetAnnounceTargets { .. }
            | Call::SetInterfaces { .. }
            | Call::Ban { .. }
            | Call::Unban { .. }
            | Call::SetAccepting { .. }
            | Call::HandleTooLong { .. }
            | Call::SetUnixTime { .. }
            | Call::End { .. } => return Err(reader.error("tag")),
        }
        Ok(())
    }
}

fn is_poll(tag: u8) -> bool {
    matches!(tag & tag::KIND, tag::POLL_TRANSMIT | tag::POLL_EVENT)
}

fn options(reader: &mut Reader<'_>) -> Result<SendOptions, DecodeError> {
    let error = reader.error("options of a message");
    let bits = reader.u8("options of a message")?;
    if bits & !tag::options::KNOWN != 0 {
        return Err(error);
    }
    let priority = match bits & tag::options::PRIORITY {
        0 => Priority::Low,
        1 => Priority::Normal,
        2 => Priority::High,
        _ => return Err(error),
    };
    let mut options = SendOptions::new().priority(priority);
    if bits & tag::options::TIME_TO_LIVE != 0 {
        options = options.time_to_live(duration(reader, "time to live")?);
    }
    if bits & tag::options::KEY != 0 {
        options = options.key(reader.u64("key")?);
    }
    options.receipt = bits & tag::options::RECEIPT != 0;
    Ok(options)
}

/// How a datagram arrived; the sender follows elsewhere.
fn way(reader: &mut Reader<'_>) -> Result<Arrival, DecodeError> {
    let error = reader.error("way of arrival");
    let bits = reader.u8("way of arrival")?;
    if bits & !tag::arrival::KNOWN != 0 {
        return Err(error);
    }
    let has_local = bits & tag::arrival::HAS_LOCAL != 0;
    let to = if has_local {
        Some(ip(reader, "local address")?)
    } else {
        None
    };
    let unset = SocketAddr::from(([0, 0, 0, 0], 0));
    Ok(Arrival {
        from: unset,
        to,
        socket: match bits & tag::arrival::DISCOVERY_SOCKET {
            0 => Socket::Game,
            _ => Socket::Discovery,
        },
        ecn: match bits >> tag::arrival::ECN_SHIFT {
            0 => None,
            1 => Some(Ecn::Ect0),
            2 => Some(Ecn::Ect1),
            _ => Some(Ecn::Ce),
        },
    })
}

fn peer(reader: &mut Reader<'_>) -> Result<PeerId, DecodeError> {
    let slot = small(reader, "peer")?;
    let generation = small(reader, "peer")?;
    Ok(PeerId::new(slot, generation))
}

fn targets(reader: &mut Reader<'_>) -> Result<Cow<'static, [SocketAddr]>, DecodeError> {
    let targets = list(reader, "targets", |reader| address(reader, "target"))?;
    Ok(Cow::Owned(targets))
}

fn prefix(reader: &mut Reader<'_>) -> Result<Prefix, DecodeError> {
    Ok(Prefix {
        address: ip(reader, "interface")?,
        len: reader.u8("prefix length")?,
    })
}
