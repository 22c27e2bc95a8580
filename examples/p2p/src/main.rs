//! The binary: reads the command line, serves until SIGTERM or SIGINT.

use clap::Parser;
use fluvial_p2p::{Config, Server};
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = Config::parse();
    // Each step of each client is no news.
    common::init_log_with("info,turn_server_proto=error,stun_proto=off,stun_types=off");
    common::run(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let server = Server::start(config).await?;
    let signal = common::termination().await?;
    tracing::info!("{signal}: ending");
    server.shut_down().await;
    tracing::info!("ended");
    Ok(())
}
