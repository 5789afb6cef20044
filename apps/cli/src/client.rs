//! An endpoint that asks: for `ping` and `discover`, which connect to nobody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tickwire_core::Config;
use tickwire_tokio::{Handle, Options};

use crate::failure::cannot_bind;

/// An endpoint on a free port of all interfaces. With `v6` it speaks IPv6 as well as IPv4, if the host does.
pub(crate) fn bind(v6: bool) -> anyhow::Result<Handle> {
    if v6 {
        match bind_to(Ipv6Addr::UNSPECIFIED.into()) {
            Ok(handle) => return Ok(handle),
            Err(error) => tracing::debug!("no IPv6 here: {error:#}"),
        }
    }
    bind_to(Ipv4Addr::UNSPECIFIED.into())
}

fn bind_to(address: IpAddr) -> anyhow::Result<Handle> {
    let options = Options::new(Config::builder()).game(SocketAddr::new(address, 0));
    tickwire_tokio::bind(options).map_err(|error| cannot_bind(&error))
}
