//! Stopping: the first Ctrl-C or SIGTERM asks for a graceful end, the second ends the process at once.

use std::io;

use tokio::sync::watch;

/// Exit codes by custom: 128 + the signal's number.
const INTERRUPTED: i32 = 130;
#[cfg(unix)]
const TERMINATED: i32 = 143;

/// Tells whether the end was asked for. Clones tell the same.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    stopped: watch::Receiver<bool>,
}

impl Stop {
    /// Takes both signals over from the system. Call it inside the runtime, before anything listens.
    ///
    /// # Errors
    ///
    /// If the system refuses the handlers.
    pub(crate) fn listen() -> io::Result<Self> {
        let (sender, stopped) = watch::channel(false);
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("asked to stop; ask again to stop at once");
            // Nobody listening means that the command is over anyway.
            let _ = sender.send(true);
            std::process::exit(signals.next().await);
        });
        Ok(Self { stopped })
    }

    /// Resolves once the end was asked for, at once ever after. Cancel safe.
    pub(crate) async fn requested(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the runtime, and with it the watching task, is ending.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Whether the end was asked for.
    pub(crate) fn is_requested(&self) -> bool {
        *self.stopped.borrow()
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next signal's exit code.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPTED
    }
}
