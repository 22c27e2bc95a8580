#![doc = include_str!("../README.md")]
#![allow(unreachable_pub, reason = "nothing of a program is public")]

mod check;
mod format;
mod input;
mod output;
mod plot;
mod probe;
mod progress;
mod remux;
mod repair;
mod time;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Media files and streams: look at them, turn one kind into another, check and mend them.
#[derive(Debug, Parser)]
#[command(name = "fluvial", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell what is in a file: container, tracks, samples, and what is wrong.
    Probe(probe::Args),
    /// Put the samples of one file into another, without touching them.
    Remux(remux::Args),
    /// Tell which rules of its standard a file breaks; exit with 1 where there are errors.
    Check(check::Args),
    /// Make a plain MP4 of a recording that was cut off.
    Repair(repair::Args),
    /// Draw a file: bit rate, pictures, interleaving, buffer.
    Plot(plot::Args),
}

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Probe(args) => probe::run(&args),
        Command::Remux(args) => remux::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Repair(args) => repair::run(&args),
        Command::Plot(args) => plot::run(&args),
    };
    match outcome {
        Ok(code) => code,
        // Who reads from us has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fluvial: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = Some(std::io::ErrorKind::BrokenPipe);
    error.chain().any(|cause| {
        let io = cause.downcast_ref().map(std::io::Error::kind);
        let json = cause
            .downcast_ref()
            .and_then(serde_json::Error::io_error_kind);
        io == broken || json == broken
    })
}
