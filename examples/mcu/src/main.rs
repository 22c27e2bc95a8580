//! The binary: reads the command line, serves until SIGTERM or SIGINT.

use clap::Parser;
use fluvial_mcu::{Config, Server};
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = Config::parse();
    // What clients offer and we do not take is no news.
    common::init_log_with("info,str0m=error,dimpl=error,sctp_proto=error,is=error");
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
