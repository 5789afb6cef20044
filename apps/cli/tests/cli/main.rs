//! The built binary, as users and scripts meet it.

mod command_line;
mod echo;
mod support;
