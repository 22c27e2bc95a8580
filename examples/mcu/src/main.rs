//! The binary: reads the command line, serves until SIGTERM or SIGINT.

use clap::Parser;
use fluvial_mcu::{Config, Server};
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = Config::parse();
    // What clients offer and we do not take is no news.
    common::init_log("info,str0m=error,dimpl=error,rtc_dtls=error,sctp_proto=error,is=error");
    common::run(common::until_terminated(
        Server::start(config),
        Server::shut_down,
    ))
}
