//! Entropy from the operating system.

use std::io;

use tickwire_core::Entropy;

/// Entropy for one endpoint on real sockets. Ask anew for every endpoint.
///
/// # Errors
///
/// When the operating system has no randomness to give, which on common systems does not happen after boot.
pub fn entropy() -> io::Result<Entropy> {
    let mut seed = [0; 8];
    let mut secret = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    Ok(Entropy {
        seed: u64::from_le_bytes(seed),
        secret,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endpoints_are_born_alike() {
        let one = entropy().expect("the host has randomness");
        let other = entropy().expect("the host has randomness");
        assert_ne!(one.secret, other.secret);
        assert_ne!(one.seed, other.seed);
    }
}
