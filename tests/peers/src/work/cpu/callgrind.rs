//! Instructions, counted by valgrind: this program runs itself below it, and counts while one function runs.

use std::process::{Command, Stdio};
use std::{env, fs, process};

use anyhow::{Context, bail};

/// Whether valgrind is there.
pub(super) fn is_installed() -> bool {
    let version = Command::new("valgrind").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Instructions of the function of this name while this program's hidden command `probe` runs with these arguments.
pub(super) fn instructions(function: &str, arguments: &[String]) -> anyhow::Result<u64> {
    let exe = env::current_exe().context("this program does not know its own path")?;
    let name = format!(
        "tickwire-peers-{}-{}.callgrind",
        process::id(),
        arguments.join("-")
    );
    let file = env::temp_dir().join(name);
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--toggle-collect={function}"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(exe)
        .arg("probe")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("valgrind cannot be started")?;
    let counted = fs::read_to_string(&file).unwrap_or_default();
    // It may be there or not: what matters is what was read.
    let _ = fs::remove_file(&file);
    if !output.status.success() {
        bail!(
            "valgrind ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let mut lines = counted.lines();
    let total = lines.find_map(|line| {
        line.strip_prefix("summary: ")
            .or(line.strip_prefix("totals: "))
    });
    let total: u64 = total
        .and_then(|total| total.split(' ').next()?.parse().ok())
        .with_context(|| format!("callgrind's file of {arguments:?} has no summary"))?;
    if total == 0 {
        bail!("callgrind saw no call of {function}: was it inlined?");
    }
    Ok(total)
}
