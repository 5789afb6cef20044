#![no_main]

tickwire_fuzz::fuzz!("tokens");
