//! The binary: reads the command line, serves until SIGTERM or SIGINT.

use clap::Parser;
use fluvial_p2p::{Config, Server};
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = Config::parse();
    // Each step of each client is no news.
    common::init_log("info,turn_server_proto=error,stun_proto=off,stun_types=off");
    common::run(common::until_terminated(
        Server::start(config),
        Server::shut_down,
    ))
}
