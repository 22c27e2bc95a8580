//! The binary: reads the command line, serves until SIGTERM or SIGINT.

use clap::Parser;
use std::process::ExitCode;
use streaming_server::{Config, Server};

fn main() -> ExitCode {
    let config = Config::parse();
    common::init_log("info,rtc_dtls=error");
    common::run(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let server = Server::start(config).await?;
    let tls = server.tls();
    let reload = common::on_hangup(|| {
        tracing::info!("SIGHUP: the certificate is read again");
        if let Some(tls) = &tls {
            tls.reload();
        }
    });
    let signal = tokio::select! {
        signal = common::termination() => signal?,
        failed = reload => match failed? {},
    };
    tracing::info!("{signal}: ending");
    server.shut_down().await;
    tracing::info!("ended");
    Ok(())
}
