//! State as bytes, and back: what a checkpoint of an endpoint is made of.
//!
//! Every struct and enum with state that outlives a call says once, beside its definition, which fields it has
//! ([`saved!`]). The list is used to take a value apart and to build it, so the compiler asks for a field that is
//! missing. Numbers are LEB128, lists begin with their length, enums with a number of their own; nothing is named and
//! nothing aligned. The layout belongs to one version of this crate: a checkpoint is read by the version that wrote it.
//!
//! Not saved, and made anew: idle memory, scratch, and traces, which nobody can tell apart from outside; ciphers, which
//! follow from their keys; and the settings, which a recording's header holds.
//!
//! Invariants:
//! - `load` undoes `save`: the value acts the same from then on, and saves to the same bytes.
//! - Loading is total. Any bytes give a value or an error that names the field; what they make it allocate is in
//!   proportion to their number. A value with impossible content may panic in later calls, but not loop or grow.

mod types;

use alloc::vec::Vec;

use crate::config::Config;
use crate::wire::{DecodeError, Reader};

/// State that can be written down.
pub(crate) trait Saved: Sized {
    fn save(&self, out: &mut Vec<u8>);

    fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError>;

    /// Several, without their number. Bytes do it at once.
    fn save_slice(slice: &[Self], out: &mut Vec<u8>) {
        slice.iter().for_each(|item| item.save(out));
    }

    /// So many.
    fn load_vec(len: usize, from: &mut Loader<'_>) -> Result<Vec<Self>, DecodeError> {
        // Nothing is reserved in advance: the number is not to be trusted.
        (0..len).map(|_| Self::load(from)).collect()
    }
}

/// Where values are loaded from, and what they need besides.
#[derive(Debug)]
pub(crate) struct Loader<'a> {
    reader: Reader<'a>,
    config: &'a Config,
    field: &'static str,
}

impl<'a> Loader<'a> {
    pub(crate) const fn new(reader: Reader<'a>, config: &'a Config) -> Self {
        Self {
            reader,
            config,
            field: "checkpoint",
        }
    }

    /// The settings of the endpoint whose state this is.
    pub(crate) const fn config(&self) -> &'a Config {
        self.config
    }

    /// The next value; errors name it so.
    pub(crate) fn field<T: Saved>(&mut self, name: &'static str) -> Result<T, DecodeError> {
        self.field = name;
        T::load(self)
    }

    /// The error for what was read last, which cannot be.
    pub(crate) const fn field_error(&self, name: &'static str) -> DecodeError {
        self.reader.error(name)
    }

    /// What is read by other means than [`Saved`].
    pub(crate) fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>, &'static str) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        read(&mut self.reader, self.field)
    }

    /// # Errors
    ///
    /// If something is left.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.reader.is_empty() {
            return Ok(());
        }
        Err(self.reader.error("end of the checkpoint"))
    }
}

/// Implements [`Saved`] for a struct, by its fields, or for an enum, by its variants and a number for each:
///
/// ```text
/// saved!(Allowance { limit, used });
/// saved!(ChannelId(index));
/// saved!(Pacer { bytes, filled_at } if |pacer, config| pacer.is_sound(config));
/// saved!(enum Verdict { 0 = Acked, 1 = Lost { at }, 2 = Message(message) });
/// ```
macro_rules! saved {
    ($name:ident { $($field:ident),* $(,)? } $(if $is_sound:expr)?) => {
        impl crate::saved::Saved for $name {
            fn save(&self, out: &mut alloc::vec::Vec<u8>) {
                let Self { $($field),* } = self;
                $(crate::saved::Saved::save($field, out);)*
            }

            fn load(
                from: &mut crate::saved::Loader<'_>,
            ) -> Result<Self, crate::wire::DecodeError> {
                let loaded = Self {
                    $($field: from.field(concat!(stringify!($name), ".", stringify!($field)))?),*
                };
                $(
                    let is_sound: fn(&Self, &crate::config::Config) -> bool = $is_sound;
                    if !is_sound(&loaded, from.config()) {
                        return Err(from.field_error(stringify!($name)));
                    }
                )?
                Ok(loaded)
            }
        }
    };
    ($name:ident($item:ident)) => {
        impl crate::saved::Saved for $name {
            fn save(&self, out: &mut alloc::vec::Vec<u8>) {
                let Self($item) = self;
                crate::saved::Saved::save($item, out);
            }

            fn load(
                from: &mut crate::saved::Loader<'_>,
            ) -> Result<Self, crate::wire::DecodeError> {
                Ok(Self(from.field(stringify!($name))?))
            }
        }
    };
    (enum $name:ident {
        $($code:literal = $variant:ident $({ $($field:ident),* })? $(( $($item:ident),* ))?),* $(,)?
    }) => {
        impl crate::saved::Saved for $name {
            fn save(&self, out: &mut alloc::vec::Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? $(( $($item),* ))? => {
                        out.push($code);
                        $($(crate::saved::Saved::save($field, out);)*)?
                        $($(crate::saved::Saved::save($item, out);)*)?
                    })*
                }
            }

            fn load(
                from: &mut crate::saved::Loader<'_>,
            ) -> Result<Self, crate::wire::DecodeError> {
                match from.field::<u8>(stringify!($name))? {
                    $($code => Ok(Self::$variant
                        $({ $($field: from.field(
                            concat!(stringify!($name), ".", stringify!($field)),
                        )?),* })?
                        $(( $(from.field(
                            concat!(stringify!($name), ".", stringify!($item)),
                        )?),* ))?
                    ),)*
                    _ => Err(from.field_error(stringify!($name))),
                }
            }
        }
    };
}

pub(crate) use saved;
