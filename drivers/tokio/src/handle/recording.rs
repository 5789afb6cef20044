//! Recording while the endpoint runs.

use std::path::PathBuf;

use super::Handle;
use crate::recording::{
    Kind, RecordTo, Recorded, RecordingFile, StartRecordingError, StopRecordingError,
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
