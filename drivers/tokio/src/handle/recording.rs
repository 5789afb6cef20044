//! Recording while the endpoint runs.

use std::path::PathBuf;

use super::Handle;
use crate::recording::{
    DumpError, Kind, RecordTo, Recorded, RecordingFile, RingOptions, RingStats,
    StartRecordingError, StopRecordingError,
};

/// Recording while the endpoint runs. All is also written when the endpoint shuts down.
impl Handle {
    /// Records every call from here on to a new file at `path`, until [`stop_recording`](Self::stop_recording). The
    /// recording begins with a checkpoint of the endpoint's whole state: `tickwire replay` needs nothing else.
    ///
    /// **The file holds the secrets of all sessions**, though never the configured long-term key. See
    /// [`Options::record`](crate::Options::record).
    ///
    /// # Errors
    ///
    /// [`StartRecordingError`], and nothing is begun.
    pub fn start_recording(&self, path: impl Into<PathBuf>) -> Result<(), StartRecordingError> {
        self.start(Kind::Full, path.into())
    }

    /// Ends the recording, whoever began it: at once, though the wait is cancelled. Waits until the file is written.
    ///
    /// # Errors
    ///
    /// [`StopRecordingError`], if nothing was recorded or not all of it could be written.
    pub async fn stop_recording(&self) -> Result<Recorded, StopRecordingError> {
        self.stop_kind(Kind::Full).await
    }

    /// As [`start_recording`](Self::start_recording), without secrets: see
    /// [`Options::record_redacted`](crate::Options::record_redacted). Both can be under way at once.
    ///
    /// # Errors
    ///
    /// [`StartRecordingError`], and nothing is begun.
    pub fn start_redacted(&self, path: impl Into<PathBuf>) -> Result<(), StartRecordingError> {
        self.start(Kind::Redacted, path.into())
    }

    /// As [`stop_recording`](Self::stop_recording), for [`start_redacted`](Self::start_redacted).
    ///
    /// # Errors
    ///
    /// [`StopRecordingError`], if nothing was recorded or not all of it could be written.
    pub async fn stop_redacted(&self) -> Result<Recorded, StopRecordingError> {
        self.stop_kind(Kind::Redacted).await
    }

    /// Where [`start_recording`](Self::start_recording) or [`Options::record`](crate::Options::record) records to, while it does.
    #[must_use]
    pub fn recording_to(&self) -> Option<PathBuf> {
        let state = self.shared.lock();
        Some(state.recordings.path(Kind::Full)?.to_owned())
    }

    /// Keeps the latest of what happens in memory from here on, in the place of another ring; `None` ends it. See
    /// [`Options::keep_ring`](crate::Options::keep_ring).
    pub fn keep_ring(&self, ring: Option<RingOptions>) {
        self.shared.keep_ring(ring);
    }

    /// Writes what the ring holds at this moment to a new file at `path` (mode 0600, on Unix), which appears once it is
    /// whole; if `path` is a directory, to the next one in it, `ring-7-asked.twred` for example. The ring goes on. Waits
    /// until it is written, and it is written though the wait is cancelled.
    ///
    /// # Errors
    ///
    /// [`DumpError`], if there is no ring or no file can be made.
    pub async fn dump_ring(&self, path: impl Into<PathBuf>) -> Result<Recorded, DumpError> {
        let dumping = self.shared.lock().dump_ring(path.into())?;
        dumping.done().await.map_err(DumpError::File)
    }

    /// What became of the ring's dumps that nobody asked for; `None` without a ring.
    #[must_use]
    pub fn ring_stats(&self) -> Option<RingStats> {
        self.shared.lock().recordings.ring_stats()
    }

    /// The file is made without the lock: a slow disk holds nobody up.
    fn start(&self, kind: Kind, path: PathBuf) -> Result<(), StartRecordingError> {
        if let Some(path) = self.shared.lock().recordings.path(kind) {
            let path = path.to_owned();
            return Err(StartRecordingError::Busy { path });
        }
        let to = RecordTo {
            path,
            replaces: false,
            kind,
        };
        let file = RecordingFile::create(&to).map_err(StartRecordingError::File)?;
        self.shared.start_recording(file)
    }

    async fn stop_kind(&self, kind: Kind) -> Result<Recorded, StopRecordingError> {
        let writing = self.shared.lock().stop_recording(kind);
        let writing = writing.ok_or(StopRecordingError::NotRecording)?;
        writing.done().await.map_err(StopRecordingError::File)
    }
}
