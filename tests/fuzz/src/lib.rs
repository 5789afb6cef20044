//! What the files in `fuzz_targets` have in common: one line each says which target of `tickwire-targets` libFuzzer runs.

pub use libfuzzer_sys;
pub use tickwire_targets::Target;

/// The whole of a fuzz target, by name.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        static TARGET: std::sync::LazyLock<$crate::Target> =
            std::sync::LazyLock::new(|| $crate::Target::named($name));

        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.check(data));
    };
}
