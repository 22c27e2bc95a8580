use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// Tells every task that holds a clone of it to end.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Not yet begun.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Begins it. A second time does nothing.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it begins.
    pub async fn wait(&self) {
        // The sender lives in `self`, so this cannot fail before the value is true.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

/// Calls `reload` at each SIGHUP, by which operators ask for it, as long as this is polled; never returns. Elsewhere than on Unix
/// there is no such thing.
///
/// # Errors
/// If the system does not let a handler be installed.
pub async fn on_hangup(mut reload: impl FnMut()) -> io::Result<std::convert::Infallible> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        while hangup.recv().await.is_some() {
            reload();
        }
    }
    #[cfg(not(unix))]
    let _ = &mut reload;
    std::future::pending().await
}

/// Waits for SIGTERM or SIGINT (Ctrl-C elsewhere) and gives its name.
///
/// # Errors
/// If the system does not let a handler be installed.
pub async fn termination() -> io::Result<&'static str> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        })
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await?;
        Ok("Ctrl-C")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reaches_who_waits_and_who_comes_later() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        assert!(!shutdown.has_begun());
        shutdown.begin();
        waiting.await.unwrap();
        shutdown.wait().await;
        assert!(shutdown.has_begun());
    }
}
