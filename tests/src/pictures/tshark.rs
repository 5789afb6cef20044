//! tshark with the dissector of `docs/wireshark`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tickwire_sim::Capture;
use tickwire_sim::capture::pcapng;

/// A capture in a file of its own, removed when dropped.
pub(super) struct File(PathBuf);

impl File {
    pub(super) fn of(capture: &Capture, with_keys: bool, name: &str) -> Self {
        let mut bytes = Vec::new();
        pcapng::write(capture, name, with_keys, &mut bytes).expect("a Vec takes everything");
        let name = format!("tickwire-{}-{name}.pcapng", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).expect("the temporary directory is writable");
        Self(path)
    }

    /// What tshark prints about it.
    pub(super) fn tshark(&self, args: &[&str]) -> String {
        let dissector =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wireshark/tickwire.lua");
        let output = Command::new("tshark")
            .arg("-r")
            .arg(&self.0)
            .arg("-X")
            .arg(format!("lua_script:{}", dissector.display()))
            .args(args)
            .output()
            .expect("tshark is installed: .ci/run pictures says how");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        // A mistake in the script is no failure of tshark's.
        assert!(!told.contains("Lua"), "{told}");
        String::from_utf8(output.stdout).expect("tshark prints text")
    }

    /// One field of each Tickwire packet, empty where it has none.
    pub(super) fn column(&self, field: &str) -> Vec<String> {
        let text = self.tshark(&["-Y", "tickwire", "-T", "fields", "-e", field]);
        text.lines().map(str::to_owned).collect()
    }

    /// Fields of each Tickwire packet, as JSON: an object of lists.
    pub(super) fn layers(&self, fields: &[&str]) -> Vec<Value> {
        let mut args = vec!["-Y", "tickwire", "-T", "json"];
        args.extend(fields.iter().flat_map(|field| ["-e", *field]));
        let packets: Value = serde_json::from_str(&self.tshark(&args)).expect("tshark writes JSON");
        let packets = packets.as_array().expect("a list").iter();
        packets
            .map(|packet| packet["_source"]["layers"].clone())
            .collect()
    }

    /// How many packets a display filter lets through.
    pub(super) fn count(&self, filter: &str) -> usize {
        self.tshark(&["-Y", filter]).lines().count()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
