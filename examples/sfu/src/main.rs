//! The binary: reads the command line, serves until SIGTERM or SIGINT, or until nobody is left where that was asked for.

use clap::Parser;
use fluvial_sfu::{Config, Server};
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = Config::parse();
    // What clients offer and we do not take is no news.
    common::init_log("info,str0m=error,dimpl=error,rtc_dtls=error,sctp_proto=error,is=error");
    common::run(common::until_terminated_or_done(
        Server::start(config),
        async |server| {
            server.emptied().await;
            "drained"
        },
        Server::shut_down,
    ))
}
