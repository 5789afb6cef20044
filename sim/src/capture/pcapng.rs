//! A capture as pcapng, which Wireshark and tshark open; `docs/wireshark` has the dissector for what is inside.
//!
//! Each host is an interface, and each datagram one packet: as its sender sent it, when it sent it, marked as outgoing. What
//! became of it stands in the packet's comment, `lost: dropped in a burst` or `arrived after 25.000 ms` for example
//! (`frame.comment contains "lost"` filters). Time 0 is the world's beginning.
//!
//! The keys are packets too, on an interface of their own with the link type USER0, each before the first packet that it
//! opens: a dissector cannot read the blocks that pcapng has for secrets. A first line there names the ports:
//!
//! ```text
//! TICKWIRE_CAPTURE 1 ports=7000,8081
//! ```
//!
//! The format is draft-ietf-opsawg-pcapng; little-endian, times in nanoseconds.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use tickwire_core::{Ecn, Instant};

use super::{Capture, CapturedDatagram, Course};
use crate::address;
use crate::link::ecn;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const LINK_RAW_IP: u16 = 101;
const LINK_USER0: u16 = 147;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_USER_APPLICATION: u16 = 4;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_INTERFACE_DESCRIPTION: u16 = 3;
const OPTION_INTERFACE_RESOLUTION: u16 = 9;
const OPTION_PACKET_FLAGS: u16 = 2;

/// Times are in units of 10^-9 s.
const NANOSECONDS: u8 = 9;
const OUTGOING: u32 = 2;

/// Writes a capture. `title` says what it is of. **With `keys` whoever gets the file can read all that was said.**
///
/// # Errors
///
/// Those of `out`.
pub fn write(capture: &Capture, title: &str, keys: bool, out: &mut impl Write) -> io::Result<()> {
    section_header(capture, title, out)?;
    interface(LINK_USER0, "keys", "what a dissector must know", out)?;
    for host in &capture.hosts {
        interface(LINK_RAW_IP, &host.name, &host.address.to_string(), out)?;
    }
    let ports = format!(
        "TICKWIRE_CAPTURE 1 ports={},{}",
        address::GAME_PORT,
        address::DISCOVERY_PORT
    );
    packet(0, capture.began_at, ports.as_bytes(), &[], out)?;
    let mut secrets = capture.keys.iter().filter(|_| keys).peekable();
    for datagram in &capture.datagrams {
        while let Some((at, line)) = secrets.next_if(|(at, _)| *at <= datagram.sent_at) {
            packet(0, *at, line.as_bytes(), &[], out)?;
        }
        let options = [
            (OPTION_COMMENT, remark(capture, datagram).into_bytes()),
            (OPTION_PACKET_FLAGS, OUTGOING.to_le_bytes().to_vec()),
        ];
        let interface = u32::from(datagram.from.number()) + 1;
        packet(interface, datagram.sent_at, &ip(datagram), &options, out)?;
    }
    Ok(())
}

fn section_header(capture: &Capture, title: &str, out: &mut impl Write) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER.to_le_bytes());
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend((-1_i64).to_le_bytes());
    let mut comment = title.to_owned();
    if capture.left_out.datagrams > 0 {
        let left_out = capture.left_out.datagrams;
        let _ = write!(
            comment,
            "; {left_out} more datagrams are left out at the end"
        );
    }
    let application = concat!("tickwire ", env!("CARGO_PKG_VERSION"));
    option(OPTION_COMMENT, comment.as_bytes(), &mut body);
    option(OPTION_USER_APPLICATION, application.as_bytes(), &mut body);
    option(OPTION_END, &[], &mut body);
    block(SECTION_HEADER, &body, out)
}

fn interface(link: u16, name: &str, description: &str, out: &mut impl Write) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend(link.to_le_bytes());
    body.extend([0; 2 + 4]); // reserved; packets of any length
    option(OPTION_INTERFACE_NAME, name.as_bytes(), &mut body);
    option(
        OPTION_INTERFACE_DESCRIPTION,
        description.as_bytes(),
        &mut body,
    );
    option(OPTION_INTERFACE_RESOLUTION, &[NANOSECONDS], &mut body);
    option(OPTION_END, &[], &mut body);
    block(INTERFACE, &body, out)
}

fn packet(
    interface: u32,
    at: Instant,
    bytes: &[u8],
    options: &[(u16, Vec<u8>)],
    out: &mut impl Write,
) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).expect("a datagram is shorter than 64 KiB");
    let (high, low) = ((at.as_nanos() >> 32) as u32, at.as_nanos() as u32);
    let mut body = Vec::with_capacity(bytes.len() + 64);
    for field in [interface, high, low, len, len] {
        body.extend(field.to_le_bytes());
    }
    body.extend(bytes);
    pad(&mut body);
    for (code, value) in options {
        option(*code, value, &mut body);
    }
    if !options.is_empty() {
        option(OPTION_END, &[], &mut body);
    }
    block(ENHANCED_PACKET, &body, out)
}

/// A block: its type, its length, what it says, and its length again.
fn block(kind: u32, body: &[u8], out: &mut impl Write) -> io::Result<()> {
    let len = u32::try_from(body.len() + 12).expect("a block is shorter than 4 GiB");
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&len.to_le_bytes())
}

fn option(code: u16, value: &[u8], body: &mut Vec<u8>) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Everything begins at a multiple of 4 bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// What became of a datagram: `lost: dropped in a burst`, or `arrived after 25.000 ms; bit 9 flipped`.
fn remark(capture: &Capture, datagram: &CapturedDatagram) -> String {
    if let Some(cause) = datagram.lost() {
        return format!("lost: {}", cause.trim_start_matches("✗ "));
    }
    let mut text = String::new();
    for landing in &datagram.landings {
        let separator = if text.is_empty() { "" } else { "; " };
        let after = landing.at.saturating_duration_since(datagram.sent_at);
        let micros = after.as_micros();
        let host = match datagram.course {
            Course::Everybody => format!(" at {}", capture.name(landing.host)),
            Course::Met(_) | Course::Stopped(_) | Course::Nobody => String::new(),
        };
        let _ = match landing.lost {
            None => write!(
                text,
                "{separator}arrived{host} after {}.{:03} ms",
                micros / 1_000,
                micros % 1_000
            ),
            Some(cause) => write!(text, "{separator}a copy lost{host}: {cause}"),
        };
    }
    if text.is_empty() {
        text.push_str("still under way at the end");
    }
    let marked = datagram.arrival().map(|landing| landing.ecn);
    if let Some(ecn) = marked.filter(|ecn| *ecn != datagram.ecn) {
        let (before, after) = (ecn::name(datagram.ecn), ecn::name(ecn));
        let _ = write!(text, "; {before} became {after}");
    }
    if datagram.is_hurt() {
        let fate = datagram.course.to_string();
        let fate = fate.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let _ = write!(text, "; {fate} on the way");
    }
    text
}

/// The datagram with UDP and IP headers as they would have crossed the wire.
fn ip(datagram: &CapturedDatagram) -> Vec<u8> {
    let (source, destination) = (datagram.source, datagram.destination);
    let mut udp = Vec::with_capacity(datagram.bytes.len() + 8);
    let len = u16::try_from(datagram.bytes.len() + 8).expect("UDP datagrams are shorter");
    for field in [source.port(), destination.port(), len, 0] {
        udp.extend(field.to_be_bytes());
    }
    udp.extend(&datagram.bytes);

    let traffic_class = match datagram.ecn {
        Some(Ecn::Ect0) => 0b10,
        Some(Ecn::Ect1) => 0b01,
        Some(Ecn::Ce) => 0b11,
        None => 0,
    };
    let mut packet = Vec::with_capacity(udp.len() + 40);
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, traffic_class]);
            packet.extend((len + 20).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]); // do not fragment; TTL 64; UDP
            packet.extend(from.octets());
            packet.extend(to.octets());
            let checksum = checksum([packet.as_slice()]);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
            let pseudo = [&from.octets()[..], &to.octets()].concat();
            seal_udp(&pseudo, &mut udp);
        }
        (from, to) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            packet.extend([0x60, traffic_class << 4, 0, 0]);
            packet.extend(len.to_be_bytes());
            packet.extend([17, 64]);
            packet.extend(octets(from));
            packet.extend(octets(to));
            let pseudo = packet[8..40].to_vec();
            seal_udp(&pseudo, &mut udp);
        }
    }
    packet.extend(udp);
    packet
}

/// Fills in the checksum, over the addresses and the whole datagram (RFC 768, RFC 8200 section 8.1).
fn seal_udp(addresses: &[u8], udp: &mut [u8]) {
    let len = (udp.len() as u32).to_be_bytes();
    let sum = checksum([addresses, &len, &[0, 0, 0, 17], udp]);
    // 0 would say that there is none.
    let sum = if sum == 0 { u16::MAX } else { sum };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
}

/// The internet checksum (RFC 1071); all parts but the last have an even length.
fn checksum<const N: usize>(parts: [&[u8]; N]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or_default();
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests;
