//! What all peers of an endpoint share and are lent on every call.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::audit::Notes;
use crate::config::Config;
use crate::journal::Journal;
use crate::key_log::KeyLog;
use crate::notice::Notices;
use crate::pool::{Blocks, Pool};
use crate::reliability::recovery::{Record, Verdict};
use crate::rng::SecretRng;
use crate::saved::{Loader, Saved};
use crate::trace::Content;
use crate::wire::DecodeError;

/// Lines of trace kept for an owner who does not poll them.
const TRACE_LINES_MAX: usize = 4_096;

/// Settings, memory and accounts.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) pool: Pool,
    pub(crate) blocks: Blocks,
    /// Cost of the messages unread by the owner, over all peers.
    pub(crate) unread_bytes: usize,
    /// Scratch: what an acknowledgement or a timeout decided.
    pub(crate) verdicts: Vec<(Verdict, Record)>,
    /// For audits.
    pub(crate) notes: Notes,
    pub(crate) notices: Notices,
    pub(crate) journal: Journal,
    trace: Option<VecDeque<Content>>,
    pub(crate) key_log: KeyLog,
    /// What addresses are asked to say back.
    pub(crate) path_rng: SecretRng,
}

impl Shared {
    pub(crate) fn new(config: Config, path_rng: SecretRng) -> Self {
        Self {
            config,
            pool: Pool::default(),
            blocks: Blocks::default(),
            unread_bytes: 0,
            verdicts: Vec::new(),
            notes: Notes::default(),
            notices: Notices::default(),
            journal: Journal::default(),
            trace: None,
            key_log: KeyLog::default(),
            path_rng,
        }
    }

    /// Memory, scratch and trace are left out.
    pub(super) fn save(&self, out: &mut Vec<u8>) {
        let Self {
            config: _,
            pool: _,
            blocks: _,
            unread_bytes,
            verdicts: _,
            notes: _,
            notices: _,
            journal: _,
            key_log: _,
            trace: _,
            path_rng,
        } = self;
        unread_bytes.save(out);
        path_rng.save(out);
    }

    pub(super) fn load(from: &mut Loader<'_>) -> Result<Self, DecodeError> {
        let unread_bytes = from.field("unread_bytes")?;
        let path_rng = from.field("path_rng")?;
        let mut shared = Self::new(from.config().clone(), path_rng);
        shared.unread_bytes = unread_bytes;
        Ok(shared)
    }

    pub(crate) fn set_trace(&mut self, on: bool) {
        self.trace = on.then(VecDeque::new);
    }

    /// Notes a line for the datagram that leaves now, if anybody wants to know.
    pub(crate) fn trace(&mut self, content: impl FnOnce(&Config) -> Content) {
        let Some(lines) = &mut self.trace else { return };
        if lines.len() == TRACE_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(content(&self.config));
    }

    pub(crate) fn poll_trace(&mut self) -> Option<Content> {
        self.trace.as_mut()?.pop_front()
    }
}
