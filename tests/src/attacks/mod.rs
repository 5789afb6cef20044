//! The attacks of docs/SECURITY.md that no other test has, each a scenario with its pass number.
//!
//! `TICKWIRE_ATTACKS=100 cargo test --release -p tickwire-tests attacks -- --nocapture` does a hundred times as much of what is
//! counted in millions.
//!
//! | file             | attack                                                                 |
//! |------------------|------------------------------------------------------------------------|
//! | `reflection`     | A2: making an endpoint send more than it got, or two talk for ever     |
//! | `injection`      | A4: packets, resets and refusals from the right address without keys   |
//! | `replay`         | A5: what was said once, said again                                     |
//! | `slowloris`      | A11: handshakes that are begun and never ended                         |
//! | `ids`            | A14: guessing connection ids                                           |
//! | `hostile_server` | A15: every datagram type in every state of a client                    |
//! | `downgrade`      | A16: other versions                                                    |
//! | `foreign`        | A19: datagrams of other protocols                                      |

mod downgrade;
mod foreign;
mod hostile_server;
mod ids;
mod injection;
mod reflection;
mod replay;
mod slowloris;

/// So many, or as many times more as `TICKWIRE_ATTACKS` says.
fn times(usual: u64) -> u64 {
    let factor = std::env::var("TICKWIRE_ATTACKS").ok().map_or(1, |text| {
        text.parse().expect("TICKWIRE_ATTACKS is a number")
    });
    usual * factor
}

/// Figures of a long run.
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn tell(figures: std::fmt::Arguments<'_>) {
    println!("{figures}");
}
