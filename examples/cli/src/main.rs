#![doc = include_str!("../README.md")]
#![allow(unreachable_pub, reason = "nothing of a program is public")]

mod check;
mod fields;
mod format;
mod input;
mod lines;
mod net;
mod output;
mod plot;
mod pool;
mod probe;
mod progress;
mod remux;
mod repair;
mod salvage;
mod stop;
mod time;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Media files and streams: look at them, turn one kind into another, check and mend them.
#[derive(Debug, Parser)]
#[command(name = "fluvial", version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What `--help` ends with.
const EXAMPLES: &str = "\
Examples:
  fluvial probe clip.mp4                                   what is in a file
  fluvial probe --json https://host/clip.mp4               the same for a program, reading only what it needs
  fluvial remux clip.ts clip.mp4                           into another container
  fluvial remux clip.mp4 out.m3u8 --segments ts            into HLS
  fluvial remux clip.mp4 part.mp4 --from 1:30 --to 2:00    a part, from the keyframe before
  fluvial remux clip.mp4 rtmp://host/live/name             publish, in the time that it lasts
  fluvial remux rtmps://host/live/name take.mp4            record, until the stream or Ctrl-C ends it
  fluvial remux - - --format flv < in.ts > out.flv         in a pipe
  fluvial check clip.ts                                    is it as its standard says?
  fluvial repair broken.mp4 whole.mp4                      a recording that was cut off

Exit status: 0 when all went well, 1 when it did not or `check` found errors, 2 for a command line that makes no sense.
`fluvial COMMAND --help` tells more.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell what is in a file or stream: container, tracks, samples, and what is wrong.
    Probe(probe::Args),
    /// Put the samples of one file or stream into another, without touching them.
    Remux(remux::Args),
    /// Tell which rules of its standard a file breaks; exit with 1 where there are errors.
    Check(check::Args),
    /// Make a plain MP4 of a recording that was cut off.
    Repair(repair::Args),
    /// Draw a file as SVG or PNG: bit rate, pictures, interleaving, buffer.
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Args::command().debug_assert();
    }
}
