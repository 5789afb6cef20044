//! Counters, all integers with their unit in the name. They only grow, except where they say "now".

use crate::channel::qos::Qos;
use crate::saved::saved;

/// What one connection did and how it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStats {
    /// Smoothed round trip in microseconds (RFC 9002 section 5.3), 0 before the first sample.
    pub rtt_us: u64,
    /// Least round trip seen, in microseconds.
    pub rtt_min_us: u64,
    /// Mean deviation of the round trip in microseconds (`rttvar`): the jitter.
    pub jitter_us: u64,
    /// Packets of ours declared lost, of the last 256 whose fate is known, in tenths of a percent (0 to 1,000).
    pub loss_permille: u16,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received and authenticated.
    pub datagrams_received: u64,
    /// UDP payload bytes sent.
    pub bytes_sent: u64,
    /// UDP payload bytes received and authenticated.
    pub bytes_received: u64,
    /// Messages given to `send`.
    pub messages_sent: u64,
    /// Messages handed to the owner.
    pub messages_received: u64,
    /// Reliable messages or fragments sent again.
    pub retransmissions: u64,
    /// Packets declared lost.
    pub packets_lost: u64,
    /// Copies sent: small reliable messages that rode along again though nobody knew that they were lost.
    pub copies_sent: u64,
    /// Bytes of those copies, and of datagrams that left for their sake alone.
    pub copy_bytes_sent: u64,
    /// Parities sent ([`ChannelConfig::parity`](crate::ChannelConfig::parity)).
    pub parities_sent: u64,
    /// Bytes of their frames.
    pub parity_bytes_sent: u64,
    /// Parities received by which missing bytes of a message came back.
    pub parities_used: u64,
    /// Mean number of packets lost in a row, of those that [`loss_permille`](Self::loss_permille) counts, in tenths; 0 if
    /// none was lost.
    pub loss_run_tenths: u16,
    /// Probes sent because no acknowledgement came (RFC 9002 section 6.2).
    pub probes_sent: u64,
    /// Times that the keys were changed ([`packets_per_key`](crate::ConfigBuilder::packets_per_key)).
    pub key_updates: u64,
    /// Packets that left only because there had been silence for long.
    pub keepalives_sent: u64,
    /// Silence after which such a packet leaves, now, in microseconds.
    pub keepalive_interval_us: u64,
    /// Addresses, other than the one in use, that were asked to prove themselves because packets came from there.
    pub paths_asked: u64,
    /// Times that the connection moved to another address.
    pub path_changes: u64,
    /// Addresses that did not prove themselves in time.
    pub paths_failed: u64,
    /// Longest datagram that the way is known to carry, in bytes of UDP payload, now.
    pub datagram_size_bytes: u64,
    /// Whether packets to the peer are marked as able to be marked (ECN).
    pub ecn: EcnState,
    /// Packets of ours that a queue marked for congestion, as the peer counted them.
    pub marks_told: u64,
    /// Packets received that a queue had marked for congestion.
    pub marks_received: u64,
    /// Congestion window now, in bytes.
    pub congestion_window_bytes: u64,
    /// Bytes a second at which packets leave now, at most.
    pub pacing_rate: u64,
    /// By how much the smoothed round trip is above the least, now, in microseconds: about what waits in queues on the way.
    pub queueing_delay_us: u64,
    /// Bytes in flight now.
    pub in_flight_bytes: u64,
    /// Bytes of messages waiting to be sent or acknowledged, now.
    pub queued_bytes: u64,
    /// Bytes of messages in reassembly, out of order or unread, now.
    pub receive_buffered_bytes: u64,
    /// Drops by reason.
    pub drops: PeerDrops,
}

/// What is known of marks of congestion on the way to a peer (RFC 9000 appendix A.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EcnState {
    /// Not wanted: [`ConfigBuilder::ecn`](crate::ConfigBuilder::ecn).
    #[default]
    Off,
    /// Some packets are marked, to see what becomes of them.
    Testing,
    /// Nothing is marked until the peer has told what became of them.
    Unknown,
    /// Marks arrive, and are heeded.
    Capable,
    /// Marks are taken away, dropped or made up on the way, or the peer cannot see them: nothing is marked.
    Failed,
}

saved!(enum EcnState { 0 = Off, 1 = Testing, 2 = Unknown, 3 = Capable, 4 = Failed });

/// Messages and packets of one connection that were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerDrops {
    /// Packets received twice, or older than the replay window.
    pub duplicate_packet: u64,
    /// Sequenced messages older than one already delivered.
    pub stale_message: u64,
    /// Reliable messages or fragments received again, and fragments of what a parity had made whole.
    pub duplicate_message: u64,
    /// Unreliable messages that made room in a full send queue.
    pub send_queue_full: u64,
    /// Unreliable messages that could not leave in time, or for which a newer one went.
    pub send_stale: u64,
    /// Messages not taken because the owner had too much unread; reliable ones come again.
    pub unread_full: u64,
    /// Unreliable messages whose missing fragments did not come in time, and fragments for which there was no room.
    pub reassembly_expired: u64,
    /// Messages of ours given up because their time to live was over.
    pub expired: u64,
    /// Messages of ours given up because a newer one had their key.
    pub superseded: u64,
    /// Reliable messages that the peer gave up before they had arrived here.
    pub skipped: u64,
    /// Parities of what was here already.
    pub parity_unneeded: u64,
    /// Parities for which there was no room.
    pub parity_no_room: u64,
}

saved!(PeerDrops {
    duplicate_packet,
    stale_message,
    duplicate_message,
    send_queue_full,
    send_stale,
    unread_full,
    reassembly_expired,
    expired,
    superseded,
    skipped,
    parity_unneeded,
    parity_no_room,
});

/// What one channel to one peer did and how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// How it is served now.
    pub qos: Qos,
    /// Bytes of messages waiting to be sent or acknowledged, now.
    pub queued_bytes: u64,
    /// Bytes of frames sent, with those sent again and copies.
    pub bytes_sent: u64,
    /// Pieces that waited for the channel's rate: messages, or fragments of longer ones.
    pub rate_waits: u64,
}

/// What the endpoint did and how it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Peers connected now.
    pub peers_now: u64,
    /// Handshakes that wait for the client's proof, now.
    pub half_open_now: u64,
    /// Connections completed ever, either role.
    pub connections_ever: u64,
    /// First handshake datagrams of clients that were new (repeats not counted, nor those asked to prove their address).
    pub attempts: u64,
    /// Clients asked to prove their address first, because the server was loaded (repeats counted).
    pub retries: u64,
    /// Handshakes completed as server.
    pub accepted: u64,
    /// Handshakes refused, by reason.
    pub refused: RefusedStats,
    /// Datagrams handed in.
    pub datagrams_received: u64,
    /// Datagrams handed out.
    pub datagrams_sent: u64,
    /// UDP payload bytes handed in.
    pub bytes_received: u64,
    /// UDP payload bytes handed out.
    pub bytes_sent: u64,
    /// Discovery queries answered.
    pub discovery_answers: u64,
    /// Bytes of messages unread by the owner, now.
    pub unread_bytes: u64,
    /// Clients that are remembered because their connect tokens were used, now.
    pub used_tokens_now: u64,
    /// Datagrams dropped, by reason.
    pub drops: DatagramDrops,
}

saved!(EndpointStats {
    peers_now,
    half_open_now,
    connections_ever,
    attempts,
    retries,
    accepted,
    refused,
    datagrams_received,
    datagrams_sent,
    bytes_received,
    bytes_sent,
    discovery_answers,
    unread_bytes,
    used_tokens_now,
    drops,
});

/// Handshakes refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedStats {
    /// No place left.
    pub full: u64,
    /// Another protocol version.
    pub wrong_version: u64,
    /// Another application.
    pub wrong_protocol_id: u64,
    /// Other channels.
    pub wrong_channels: u64,
    /// Banned address.
    pub banned: u64,
    /// The client expected another server key.
    pub wrong_key: u64,
    /// The endpoint does not accept.
    pub not_accepting: u64,
    /// No cipher suite in common.
    pub no_cipher: u64,
    /// No connect token, where one is required.
    pub token_missing: u64,
    /// A connect token that does not open: forged, changed, of another authority; or there is no authority.
    pub token_invalid: u64,
    /// An expired connect token.
    pub token_expired: u64,
    /// A connect token for other servers.
    pub token_elsewhere: u64,
    /// A connect token that was used before.
    pub token_used: u64,
    /// A connect token older than one of the same client that was used.
    pub token_outdated: u64,
    /// A connect token for whose use there was no memory.
    pub tokens_full: u64,
    /// A connect token before the endpoint was told the time.
    pub token_clock: u64,
}

saved!(RefusedStats {
    full,
    wrong_version,
    wrong_protocol_id,
    wrong_channels,
    banned,
    wrong_key,
    not_accepting,
    no_cipher,
    token_missing,
    token_invalid,
    token_expired,
    token_elsewhere,
    token_used,
    token_outdated,
    tokens_full,
    token_clock,
});

/// Datagrams dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatagramDrops {
    /// No bytes at all.
    pub empty: u64,
    /// Not ours: first byte below 0x80 and no discovery text, or an unknown type.
    pub foreign: u64,
    /// Ours by the first byte, but malformed or too short.
    pub malformed: u64,
    /// No connection has this id, or it is over.
    pub unknown_connection: u64,
    /// The tag is wrong: forged, damaged or from a connection that is gone.
    pub unauthentic: u64,
    /// A handshake datagram that fits no handshake of ours.
    pub unexpected_handshake: u64,
    /// A new handshake while too many wait.
    pub half_open_full: u64,
    /// An answer withheld by a rate limit, or a server beyond those that a search lists.
    pub rate_limited: u64,
    /// A discovery query or answer from outside the LAN.
    pub discovery_off_link: u64,
}

saved!(DatagramDrops {
    empty,
    foreign,
    malformed,
    unknown_connection,
    unauthentic,
    unexpected_handshake,
    half_open_full,
    rate_limited,
    discovery_off_link,
});
