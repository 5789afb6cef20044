//! The table of addresses: one that came before is one byte or two.
//!
//! A number says which: 0, a new address follows and takes the next place in the table; `n`, the address at place
//! `n - 1`. A full table is emptied before the next address, whichever that is. Writer and reader do the same and so agree, and
//! the table is bounded however many strangers send.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::codec;
use crate::wire::{DecodeError, Reader};

/// Places of the table.
const PLACES: usize = 4_096;

/// Buckets of the writer's index to begin with: it stays small while there are few, since far memory costs more than a search.
const BUCKETS: usize = 64;

/// For writing: the table and an index into it.
#[derive(Debug)]
pub(super) struct AddressWriter {
    table: Vec<SocketAddr>,
    /// Place + 1 of an address, at its hash or behind it; 0 is free. A power of two, at least twice as many as addresses.
    buckets: Vec<u16>,
}

impl AddressWriter {
    pub(super) fn new() -> Self {
        Self {
            table: Vec::new(),
            buckets: alloc::vec![0; BUCKETS],
        }
    }

    pub(super) fn forget(&mut self) {
        self.table.clear();
        self.buckets.fill(0);
    }

    pub(super) fn put(&mut self, address: SocketAddr, out: &mut Vec<u8>) {
        if self.table.len() == PLACES {
            self.forget();
        }
        let bucket = match self.find(&address) {
            Ok(number) => return codec::put_number(number.into(), out),
            Err(free) => free,
        };
        self.table.push(address);
        self.buckets[bucket] = self.table.len() as u16;
        if self.table.len() * 2 > self.buckets.len() {
            self.grow();
        }
        out.push(0);
        codec::put_address(address, out);
    }

    /// The number of an address, or the bucket for it.
    fn find(&self, address: &SocketAddr) -> Result<u16, usize> {
        let mask = self.buckets.len() - 1;
        let mut bucket = hash(address) & mask;
        loop {
            match self.buckets[bucket] {
                0 => return Err(bucket),
                number if self.table[usize::from(number) - 1] == *address => return Ok(number),
                _ => bucket = (bucket + 1) & mask,
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.buckets = alloc::vec![0; self.buckets.len() * 4];
        for (place, address) in self.table.iter().enumerate() {
            if let Err(free) = self.find(address) {
                self.buckets[free] = place as u16 + 1;
            }
        }
    }
}

/// Addresses differ most in the last bytes and the port.
fn hash(address: &SocketAddr) -> usize {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    let mixed = (ip << 16 ^ u64::from(address.port())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 48) as usize
}

/// For reading: the table.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressReader {
    table: Vec<SocketAddr>,
}

impl AddressReader {
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
    ) -> Result<SocketAddr, DecodeError> {
        if self.table.len() == PLACES {
            self.table.clear();
        }
        let error = reader.error(field);
        let number: usize = codec::small(reader, field)?;
        if number > 0 {
            return self.table.get(number - 1).copied().ok_or(error);
        }
        let address = codec::address(reader, field)?;
        self.table.push(address);
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: u32) -> SocketAddr {
        SocketAddr::from((number.to_be_bytes(), 7_000))
    }

    #[test]
    fn an_address_that_came_before_is_one_byte() {
        let (mut writer, mut out) = (AddressWriter::new(), Vec::new());
        for number in 0..100 {
            writer.put(numbered(number), &mut out);
        }
        let before = out.len();
        for number in 0..100 {
            writer.put(numbered(number), &mut out);
        }
        assert_eq!(out.len() - before, 100);
    }

    #[test]
    fn reader_and_writer_agree_through_a_flood_of_strangers() {
        let (mut writer, mut reader) = (AddressWriter::new(), AddressReader::default());
        for round in 0..20_000 {
            let mut out = Vec::new();
            let address = numbered(if round % 3 == 0 { 7 } else { round * 31 });
            writer.put(address, &mut out);
            let read = reader.read(&mut Reader::new(&out), "address");
            assert_eq!(read, Ok(address));
            assert!(writer.table.len() <= PLACES && reader.table.len() <= PLACES);
        }
    }

    #[test]
    fn a_place_without_an_address_is_refused() {
        let read = AddressReader::default().read(&mut Reader::new(&[1]), "from");
        assert!(read.is_err());
    }
}
