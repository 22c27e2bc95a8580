use crate::termination;
use std::process::ExitCode;

/// Starts a server, waits for SIGTERM or SIGINT, and has it end in order.
///
/// # Errors
/// Where it does not start, or signals cannot be had.
pub async fn until_terminated<S>(
    start: impl Future<Output = anyhow::Result<S>>,
    end: impl AsyncFnOnce(S),
) -> anyhow::Result<()> {
    until_terminated_or_done(start, async |_: &S| std::future::pending().await, end).await
}

/// The same for a server that may be `done` by itself.
///
/// # Errors
/// As [`until_terminated`].
pub async fn until_terminated_or_done<S>(
    start: impl Future<Output = anyhow::Result<S>>,
    done: impl AsyncFnOnce(&S) -> &'static str,
    end: impl AsyncFnOnce(S),
) -> anyhow::Result<()> {
    let server = start.await?;
    let why = tokio::select! {
        signal = termination() => signal?,
        why = done(&server) => why,
    };
    tracing::info!("{why}: ending");
    end(server).await;
    tracing::info!("ended");
    Ok(())
}

/// Runs a server to its end: what a binary's `main` gives back. An error is logged.
pub fn run(server: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(server) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
