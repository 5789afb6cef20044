//! An endpoint that asks: for `ping` and `discover`, which connect to nobody.

use std::net::SocketAddr;

use tickwire_core::Config;
use tickwire_tokio::{Handle, Options};

use crate::failure::cannot_bind;
use crate::place;

/// An endpoint on a free port of all interfaces. With `v6` it speaks IPv6 as well as IPv4, if the host does.
pub(crate) fn bind(v6: bool) -> anyhow::Result<Handle> {
    if v6 {
        match bind_to(true) {
            Ok(handle) => return Ok(handle),
            Err(error) => tracing::debug!("no IPv6 here: {error:#}"),
        }
    }
    bind_to(false)
}

fn bind_to(is_v6: bool) -> anyhow::Result<Handle> {
    let address = SocketAddr::new(place::any_address(is_v6), 0);
    let options = Options::new(Config::builder()).game(address);
    tickwire_tokio::bind(options).map_err(|error| cannot_bind(&error))
}
