//! W4: what a server computes and keeps for each client.
//!
//! Asked once a tick at 60 Hz: it reads 64 bytes of state from each client and sends it 200, and each way there is a
//! reliable message of 100 bytes in one tick of ten. Instructions are those below [`crowd::serve`], without the clients.

mod aead;
mod callgrind;
mod crowd;
mod heap;

use anyhow::Context;
use serde::Serialize;

use super::Plan;
use crate::contender::Contender;
use crowd::Crowd;

const CLIENTS: [usize; 2] = [64, 512];

/// Allocations are counted in this many ticks, when all pools have had time to grow.
const WARM_TICKS: u64 = 600;
const TICKS: u64 = 120;
/// Instructions take a hundred times as long to count: those of the longer run less those of the shorter one.
const FEW_TICKS: u64 = 20;
const MORE_TICKS: u64 = 40;
const AEAD_TICKS: u64 = 1_000;

/// A row of the table: of each client and tick.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cpu {
    pub(crate) contender: String,
    /// With 64 clients, and with 512. `None` if valgrind is not there.
    pub(crate) instructions: [Option<u64>; 2],
    pub(crate) allocations_tenths: Option<u64>,
    pub(crate) allocated_bytes: Option<u64>,
    pub(crate) idle_connection_bytes: Option<i64>,
}

/// What this program is called with by itself, below valgrind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// Who plays, how many clients, and for how many ticks.
    Crowd(Contender, usize, u64),
    Aead,
}

impl Probe {
    /// Does what is counted.
    pub(crate) fn run(self) {
        match self {
            Self::Crowd(contender, clients, ticks) => {
                Crowd::connected(contender, clients).play_for(ticks, true);
            }
            Self::Aead => aead::serve(AEAD_TICKS),
        }
    }
}

/// All that the plan wants, one after the other: so nobody's threads are in anybody's counts.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Cpu>> {
    let has_valgrind = callgrind::is_installed();
    if !has_valgrind {
        eprintln!(
            "SKIPPED: instructions: valgrind is not installed (Debian: apt-get install valgrind)"
        );
    }
    let mut rows = Vec::new();
    for contender in &plan.contenders {
        let instructions = if has_valgrind && !plan.quick {
            [
                instructions(*contender, CLIENTS[0])?,
                instructions(*contender, CLIENTS[1])?,
            ]
            .map(Some)
        } else {
            [None; 2]
        };
        rows.push(memory(*contender, plan.quick, instructions));
    }
    if has_valgrind && !plan.quick {
        rows.push(bare_aead()?);
    }
    Ok(rows)
}

fn memory(contender: Contender, is_quick: bool, instructions: [Option<u64>; 2]) -> Cpu {
    let [few, many] = if is_quick { [8, 64] } else { CLIENTS };
    let (live_of_few, _) = idle_then_busy(contender, few, is_quick);
    let (live_of_many, [allocations, bytes]) = idle_then_busy(contender, many, is_quick);
    Cpu {
        contender: contender.to_string(),
        instructions,
        allocations_tenths: Some(allocations),
        allocated_bytes: Some(bytes),
        idle_connection_bytes: Some((live_of_many - live_of_few) / (many - few) as i64),
    }
}

/// Bytes that the server keeps when all are connected and silent; then tenths of allocations and bytes of each client
/// and tick when they play.
fn idle_then_busy(contender: Contender, clients: usize, is_quick: bool) -> (i64, [u64; 2]) {
    let before = heap::counted().live;
    let mut crowd = Crowd::connected(contender, clients);
    let (warm, ticks) = if is_quick {
        (60, 20)
    } else {
        (WARM_TICKS, TICKS)
    };
    crowd.play_for(warm, false);
    let live = crowd.counted().live - before;
    crowd.play_for(warm, true);
    let (from, heard) = (crowd.counted(), crowd.heard());
    crowd.play_for(ticks, true);
    let (to, heard) = (crowd.counted(), crowd.heard() - heard);
    let turns = ticks * clients as u64;
    assert!(
        heard >= turns,
        "{contender}: the server heard {heard} messages in {turns} turns"
    );
    let allocations = (to.allocations - from.allocations) * 10 / turns;
    (live, [allocations, (to.bytes - from.bytes) / turns])
}

/// Instructions of each client and tick.
fn instructions(contender: Contender, clients: usize) -> anyhow::Result<u64> {
    let run = |ticks: u64| {
        let arguments = [
            contender.to_string(),
            clients.to_string(),
            ticks.to_string(),
        ];
        callgrind::instructions("*crowd::serve", &arguments)
            .with_context(|| format!("instructions of {contender} with {clients} clients"))
    };
    let added = run(MORE_TICKS)? - run(FEW_TICKS)?;
    Ok(added / ((MORE_TICKS - FEW_TICKS) * clients as u64))
}

fn bare_aead() -> anyhow::Result<Cpu> {
    let total = callgrind::instructions("*aead::serve", &["aead".to_owned()])?;
    Ok(Cpu {
        contender: "AES-128-GCM alone".to_owned(),
        instructions: [Some(total / AEAD_TICKS), None],
        allocations_tenths: None,
        allocated_bytes: None,
        idle_connection_bytes: None,
    })
}
