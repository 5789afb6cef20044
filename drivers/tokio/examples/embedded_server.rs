//! A server inside another program: echoes every message on the channel it came on.
//!
//! `cargo run -p tickwire-tokio --example embedded_server -- 127.0.0.1:8080`
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;

use tickwire_core::{Config, Event, Farewell};
use tickwire_tokio::{Options, bind};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let server = bind(Options::new(Config::builder().accepts(true)).game(address))?;
    println!("listening on {}, Ctrl-C ends it", server.local_addr());

    let stopper = server.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let report = stopper.shutdown(Farewell::new(0, "server stops")).await;
            println!("{} peers told goodbye", report.peers);
        }
    });

    while let Some(event) = server.next_event().await {
        if let Event::Message {
            peer,
            channel,
            payload,
        } = &event
            && let Err(refusal) = server.send(*peer, *channel, payload)
        {
            println!("not echoed to {peer}: {refusal}");
        }
        println!("{event:?}");
    }
    Ok(())
}
