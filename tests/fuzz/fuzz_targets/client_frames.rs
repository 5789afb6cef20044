#![no_main]

tickwire_fuzz::fuzz!("client_frames");
