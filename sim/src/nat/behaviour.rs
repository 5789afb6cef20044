//! The axes along which NATs differ, with the values that are found in the world.

/// On what of the other side something depends (RFC 4787 sections 4.1 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependence {
    /// On nothing: "endpoint-independent".
    Independent,
    /// On its address: "address-dependent".
    Address,
    /// On its address and its port: "address and port-dependent".
    AddressAndPort,
}

/// Which port a new mapping gets (RFC 4787 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ports {
    /// That of the inside socket, or none at all if it is taken.
    Preserve,
    /// That of the inside socket, or any if it is taken.
    PreserveElseRandom,
    /// The one so many above the last.
    Sequential {
        /// How many above, at least 1.
        step: u16,
    },
    /// Any.
    Random,
    /// One of a block that belongs to the inside address, as carriers do to keep their logs short (RFC 7422).
    Contiguous {
        /// Ports of one block.
        block: u16,
    },
}

/// Which of its outside addresses a mapping gets (RFC 4787 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// All mappings of one inside address get the same one of so many.
    Paired {
        /// 1 to 8.
        addresses: u8,
    },
    /// Each mapping gets any of so many.
    Arbitrary {
        /// 1 to 8.
        addresses: u8,
    },
}

impl Pooling {
    pub(crate) fn addresses(self) -> u8 {
        match self {
            Self::Paired { addresses } | Self::Arbitrary { addresses } => addresses.clamp(1, 8),
        }
    }
}

/// What happens to a datagram from inside that is sent to an outside address (RFC 4787 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hairpin {
    /// It is dropped.
    Off,
    /// It is turned around with the inside address of its sender, who is then not recognised.
    InternalSource,
    /// It is turned around with the outside address of its sender, as RFC 4787 REQ-9 asks.
    ExternalSource,
}

/// What counts as use of a mapping (RFC 4787 REQ-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refresh {
    /// Datagrams from inside.
    Outbound,
    /// Those and what came back.
    Both,
}
