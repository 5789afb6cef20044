//! The built binary, as users and scripts meet it.

mod asking;
mod command_line;
mod echo;
#[cfg(feature = "sim")]
mod explain;
#[cfg(feature = "sim")]
mod network;
#[cfg(feature = "sim")]
mod pictures;
mod play;
#[cfg(all(unix, feature = "sim"))]
mod recording;
#[cfg(feature = "sim")]
mod replay;
#[cfg(feature = "sim")]
mod sim;
mod support;
mod sweep;
mod token;
