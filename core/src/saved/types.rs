//! Numbers, lists, times and addresses.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use bytes::Bytes;
use zeroize::{Zeroize, Zeroizing};

use super::{Loader, Saved};
use crate::record::codec;
use crate::time::Instant;
use crate::wire::DecodeError;

macro_rules! saved_numbers {
    ($($number:ty),*) => {$(
        impl Saved for $number {
            fn save(&self, out: &mut Vec<u8>) {
                codec::put_number(*self as u64, out);
            }

            fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
                from.read(codec::small)
            }
        }
    )*};
}

saved_numbers!(u16, u32, u64, usize);

impl Saved for u8 {
    fn save(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(|reader, field| reader.u8(field))
    }

    fn save_slice(slice: &[Self], out: &mut Vec<u8>) {
        out.extend_from_slice(slice);
    }

    fn load_vec(len: usize, from: &mut Loader<'_>) -> Result<Vec<Self>, DecodeError> {
        from.read(|reader, field| reader.take(len, field).map(Vec::from))
    }
}

impl Saved for bool {
    fn save(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(codec::flag)
    }
}

impl Saved for Instant {
    fn save(&self, out: &mut Vec<u8>) {
        self.as_nanos().save(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        u64::load(from).map(Self::from_nanos)
    }
}

impl Saved for Duration {
    fn save(&self, out: &mut Vec<u8>) {
        codec::put_duration(*self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(codec::duration)
    }
}

impl Saved for IpAddr {
    fn save(&self, out: &mut Vec<u8>) {
        codec::put_ip(*self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(codec::ip)
    }
}

impl Saved for SocketAddr {
    fn save(&self, out: &mut Vec<u8>) {
        codec::put_address(*self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(codec::address)
    }
}

impl Saved for String {
    fn save(&self, out: &mut Vec<u8>) {
        codec::put_bytes(self.as_bytes(), out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(|reader, field| codec::text(reader, field).map(Self::from))
    }
}

impl Saved for Bytes {
    fn save(&self, out: &mut Vec<u8>) {
        codec::put_bytes(self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        from.read(|reader, field| codec::bytes(reader, field).map(Self::copy_from_slice))
    }
}

/// As many as the type says: their number is not written.
impl<T: Saved, const N: usize> Saved for [T; N] {
    fn save(&self, out: &mut Vec<u8>) {
        T::save_slice(self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let items = T::load_vec(N, from)?;
        items
            .try_into()
            .map_err(|_| from.field_error("a list of fixed length"))
    }
}

impl<T: Saved> Saved for Vec<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        T::save_slice(self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let len = usize::load(from)?;
        T::load_vec(len, from)
    }
}

impl<T: Saved> Saved for VecDeque<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        let (front, back) = self.as_slices();
        T::save_slice(front, out);
        T::save_slice(back, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        Vec::load(from).map(Self::from)
    }
}

impl<K: Saved + Ord, V: Saved> Saved for BTreeMap<K, V> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        for (key, value) in self {
            key.save(out);
            value.save(out);
        }
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let entries: Vec<(K, V)> = Vec::load(from)?;
        Ok(entries.into_iter().collect())
    }
}

impl<T: Saved + Ord> Saved for BTreeSet<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        self.iter().for_each(|item| item.save(out));
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let items: Vec<T> = Vec::load(from)?;
        Ok(items.into_iter().collect())
    }
}

impl<T: Saved> Saved for Option<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.is_some().save(out);
        if let Some(value) = self {
            value.save(out);
        }
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        Ok(match bool::load(from)? {
            true => Some(T::load(from)?),
            false => None,
        })
    }
}

impl<T: Saved + Zeroize> Saved for Zeroizing<T> {
    fn save(&self, out: &mut Vec<u8>) {
        T::save(self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        T::load(from).map(Self::new)
    }
}

impl<T: Saved> Saved for Box<T> {
    fn save(&self, out: &mut Vec<u8>) {
        T::save(self, out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        T::load(from).map(Self::new)
    }
}

impl<A: Saved, B: Saved> Saved for (A, B) {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
        self.1.save(out);
    }

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        Ok((A::load(from)?, B::load(from)?))
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::Reader;

    /// Loads what was saved, and nothing shorter.
    fn survives<T: Saved + Debug + PartialEq>(value: &T) {
        let config = crate::Config::default();
        let mut bytes = Vec::new();
        value.save(&mut bytes);
        let load = |bytes: &[u8]| {
            let mut loader = Loader::new(Reader::new(bytes), &config);
            let loaded = loader.field::<T>("value")?;
            loader.finish().map(|()| loaded)
        };
        assert_eq!(load(&bytes).as_ref(), Ok(value));
        for cut in 0..bytes.len() {
            assert_eq!(load(&bytes[..cut]).ok(), None, "{cut} of {bytes:?}");
        }
        bytes.push(0);
        assert!(load(&bytes).is_err(), "something is left");
    }

    proptest! {
        #[test]
        fn whatever_is_saved_is_loaded_and_nothing_shorter(
            numbers: (u8, u16, u32, u64, bool),
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            list in prop::collection::vec(prop::option::of(any::<u32>()), 0..20),
            map in prop::collection::btree_map(any::<u16>(), ".{0,6}", 0..12),
            set in prop::collection::btree_set(any::<u64>(), 0..12),
            v6: bool, ip: [u16; 8], port: u16, seconds: u64, nanos in 0u32..1_000_000_000,
        ) {
            let (a, b, c, d, e) = numbers;
            survives(&a);
            survives(&b);
            survives(&c);
            survives(&d);
            survives(&e);
            survives(&bytes);
            survives(&Bytes::from(bytes));
            survives(&VecDeque::from(list.clone()));
            survives(&list);
            survives(&map);
            survives(&set);
            survives(&Duration::new(seconds, nanos));
            survives(&Instant::from_nanos(seconds));
            survives(&[a, a ^ 1, a ^ 2]);
            let ip = match v6 {
                true => IpAddr::from(ip),
                false => IpAddr::from(c.to_be_bytes()),
            };
            survives(&ip);
            survives(&SocketAddr::new(ip, port));
        }
    }
}
