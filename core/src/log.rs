//! Log lines of what the endpoint does, with the `tracing` feature. Never keys, tokens or messages.

/// A line at debug level; nothing at all without the feature.
macro_rules! debug {
    ($format:literal $(, $argument:expr)* $(,)?) => {{
        #[cfg(feature = "tracing")]
        tracing::debug!($format $(, $argument)*);
        #[cfg(not(feature = "tracing"))]
        { $(let _ = &$argument;)* }
    }};
}

pub(crate) use debug;
