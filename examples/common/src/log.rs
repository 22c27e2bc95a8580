use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Logs to standard error, one line per event, what `filter` (as `RUST_LOG` has it) says where `RUST_LOG` does not: libraries of servers talk
/// much.
pub fn init_log(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    // A second call, as from several tests in one process, leaves the first one's settings.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}
