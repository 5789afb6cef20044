//! State as bytes.

use alloc::vec::Vec;

use super::split;
use crate::config::Config;
use crate::crypto::{Identity, SecretKey};
use crate::endpoint::Endpoint;
use crate::entropy::Entropy;
use crate::machine::{self, Machine};
use crate::record::codec;
use crate::saved::Loader;
use crate::wire::{DecodeError, Reader, varint};

/// Any bytes as numbers, in the two ways in which there are any.
pub fn numbers(data: &[u8]) {
    if let Some((value, len)) = varint::decode(data) {
        let mut out = Vec::new();
        varint::encode(value, &mut out);
        assert!(value <= varint::MAX);
        assert!(out.len() <= len, "the shortest form is written");
        assert_eq!(out.len(), varint::len(value));
        assert_eq!(varint::decode(&out), Some((value, out.len())));
    }
    let mut reader = Reader::new(data);
    if let Ok(value) = codec::number(&mut reader, "number") {
        let mut out = Vec::new();
        codec::put_number(value, &mut out);
        assert!(out.len() <= reader.offset());
        assert_eq!(codec::number(&mut Reader::new(&out), "number"), Ok(value));
    }
    let (value, _) = split::<8>(data);
    let value = u64::from_be_bytes(value);
    let mut out = Vec::new();
    varint::encode(value, &mut out);
    let expected = Some((value.min(varint::MAX), out.len()));
    assert_eq!(varint::decode(&out), expected);
    out.clear();
    codec::put_number(value, &mut out);
    assert_eq!(codec::number(&mut Reader::new(&out), "number"), Ok(value));
    let mut reader = Reader::new(data);
    while let Ok(time) = codec::duration(&mut reader, "duration") {
        let mut out = Vec::new();
        codec::put_duration(time, &mut out);
        let again = codec::duration(&mut Reader::new(&out), "duration");
        assert_eq!(again, Ok(time));
    }
}

/// Any bytes as the state of an endpoint with the default configuration: what can be read saves to bytes that can be read, and to
/// the same from then on.
pub fn checkpoints(data: &[u8]) {
    let config = Config::default();
    let Ok(first) = load(&config, identity(), data) else {
        return;
    };
    let bytes = saved(&first);
    let again = load(&config, identity(), &bytes).expect("what was saved can be loaded");
    assert_eq!(saved(&again), bytes);
}

/// All of an endpoint's state.
#[must_use]
pub fn save(endpoint: &Endpoint) -> Vec<u8> {
    saved(&endpoint.machine)
}

/// The endpoint that was born with these and has this state.
///
/// # Panics
///
/// If that is no state of such an endpoint.
#[must_use]
pub fn revive(config: Config, entropy: Entropy, state: &[u8]) -> Endpoint {
    let identity = machine::identity(&config, &entropy);
    let machine = load(&config, identity, state).expect("a state that was saved");
    let mut endpoint = Endpoint::new(config, entropy, machine.now());
    endpoint.machine = machine;
    endpoint.set_audit(true);
    endpoint
}

fn identity() -> Identity {
    Identity::new(SecretKey::from_bytes([3; 32]), true)
}

fn load(config: &Config, identity: Identity, state: &[u8]) -> Result<Machine, DecodeError> {
    let mut loader = Loader::new(Reader::new(state), config);
    let machine = Machine::load(&mut loader, identity)?;
    loader.finish()?;
    Ok(machine)
}

fn saved(machine: &Machine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.save(&mut bytes);
    bytes
}
