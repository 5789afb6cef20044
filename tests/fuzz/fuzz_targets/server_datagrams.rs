#![no_main]

tickwire_fuzz::fuzz!("server_datagrams");
