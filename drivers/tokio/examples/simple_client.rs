//! A client from hello to goodbye: connects, sends data with a receipt, pings, and disconnects with a reason.
//!
//! `cargo run -p tickwire-tokio --example simple_client -- 127.0.0.1:8080`, with the example `embedded_server` running.
#![expect(
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "an example talks to its reader, and needs few of the events"
)]

use std::error::Error;

use tickwire_core::{ChannelId, Config, Event, Farewell, SendOptions, ServerIdentity};
use tickwire_tokio::{Options, bind};

/// The reliable, unordered channel of the default configuration.
const RELIABLE: ChannelId = ChannelId::new(2);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;

    let client = bind(Options::new(Config::builder()))?;
    let server = client.connect(address, ServerIdentity::TrustOnFirstUse)?;

    // What to do next is decided by what happened: no step waits for a fixed time.
    let mut awaited = 3;
    while awaited > 0 {
        let Some(event) = client.next_event().await else {
            return Err("the endpoint ended".into());
        };
        match event {
            Event::Connected { .. } => {
                println!("connected to {address}");
                let receipt = SendOptions::new().receipt();
                client.send_with(server, RELIABLE, b"hello, server", &receipt)?;
                client.ping(server)?;
            }
            Event::Delivered { message, after, .. } => {
                println!("{message} was delivered after {after:?}");
                awaited -= 1;
            }
            Event::Pong { rtt, .. } => {
                println!("the round trip takes {rtt:?}");
                awaited -= 1;
            }
            Event::Message { payload, .. } => {
                println!("the server says {:?}", String::from_utf8_lossy(&payload));
                awaited -= 1;
            }
            Event::Disconnected { reason, .. } => return Err(reason.to_string().into()),
            _ => {}
        }
    }

    let report = client.shutdown(Farewell::new(7, "seen enough")).await;
    println!("disconnected, {} messages undelivered", report.undelivered);
    Ok(())
}
