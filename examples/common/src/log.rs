use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Logs to standard error, one line per event, `info` and above unless `RUST_LOG` says otherwise.
pub fn init_log() {
    init_log_with("info");
}

/// The same, with `filter` (as `RUST_LOG` has it) where `RUST_LOG` does not say otherwise: for servers whose libraries talk much.
pub fn init_log_with(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    // A second call, as from several tests in one process, leaves the first one's settings.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}
