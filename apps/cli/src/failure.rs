//! How a command fails: what is said and which exit code it gives.
//!
//! Commands return `anyhow::Result`; its chain is printed on one line after `error:`. An error that a
//! [`Failure::BadInput`] is in the chain of ends the process with 2, any other with 1.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// What was wrong, in a whole sentence that says where and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Options, files or ports that the caller has to change: exit code 2.
    BadInput(String),
    /// The command was right and did not succeed, an unreachable server for example: exit code 1.
    Failed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Failure {}

/// An error with exit code 2.
pub(crate) fn bad_input(text: impl Into<String>) -> anyhow::Error {
    Failure::BadInput(text.into()).into()
}

/// An error with exit code 1.
pub(crate) fn failed(text: impl Into<String>) -> anyhow::Error {
    Failure::Failed(text.into()).into()
}

/// A socket that could not be had. `what` names it, `UDP` for example, and `option` what chooses its address.
pub(crate) fn cannot_listen(
    what: &str,
    address: SocketAddr,
    option: &str,
    error: &io::Error,
) -> anyhow::Error {
    let kind = error.kind();
    let advice = if kind == io::ErrorKind::AddrInUse {
        format!(
            "the port is in use: stop what uses it, choose another port with {option}, or port 0 for any free one"
        )
    } else if kind == io::ErrorKind::AddrNotAvailable {
        format!("this host has no such address: choose one of its addresses with {option}")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!(
            "not permitted: ports below 1024 need privileges, choose a higher one with {option}"
        )
    } else {
        format!("{error}: choose another address with {option}")
    };
    bad_input(format!("cannot listen on {what} {address}: {advice}"))
}

/// An endpoint that `tickwire_tokio::bind` refused: a port in use, an address of another host, an impossible option.
/// The error says which and what to do.
pub(crate) fn cannot_bind(error: &io::Error) -> anyhow::Error {
    bad_input(error.to_string())
}

/// The exit code for `error`.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(Failure::BadInput(_)) => 2,
        Some(Failure::Failed(_)) | None => 1,
    }
}

/// Whether a reader of ours went away (`tickwire discover | head -1`): nothing to complain about.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_exit_code_survives_added_context() {
        let error = Err::<(), _>(bad_input("no such file")).context("while reading the key");
        let error = error.expect_err("it is an error");
        assert_eq!(exit_code(&error), 2);
        assert_eq!(format!("{error:#}"), "while reading the key: no such file");
        assert_eq!(exit_code(&anyhow::anyhow!("anything else")), 1);
    }

    #[test]
    fn a_port_in_use_names_the_address_and_the_option() {
        let address = SocketAddr::from(([127, 0, 0, 1], 7_777));
        let in_use = io::Error::from(io::ErrorKind::AddrInUse);
        let error = cannot_listen("UDP", address, "--bind", &in_use);
        let text = error.to_string();
        assert!(
            text.contains("UDP 127.0.0.1:7777: the port is in use"),
            "{text}"
        );
        assert!(text.contains("--bind"), "{text}");
        assert_eq!(exit_code(&error), 2);
    }

    #[test]
    fn a_closed_pipe_is_recognised_below_context() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = anyhow::Error::from(closed).context("cannot write to stdout");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&failed("no answer")));
    }
}
