//! `fluvial check`: whether a file keeps to its standard.

mod iso_file;
mod manifest;
mod playlist;
mod promises;
mod segments;
mod times;
mod transport_stream;

use crate::format::Format;
use crate::input;
use crate::net::Place;
use anyhow::{Result, bail};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, a URL (http, https), or `-` for standard input.
    input: String,
    /// Print a JSON line for each finding.
    #[arg(long)]
    json: bool,
    /// Look at a playlist or manifest only, not at what it refers to: the playlists and the segments behind it.
    #[arg(long)]
    shallow: bool,
    #[command(flatten)]
    reading: input::Reading,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Warning,
    Error,
}

/// A rule that a file breaks.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Which rule, and what breaks it.
    pub rule: String,
    /// Where.
    pub place: String,
    /// The clause that says so.
    pub clause: String,
}

impl Finding {
    /// At a place within something that has a name.
    fn within(mut self, name: &str) -> Self {
        self.place = format!("{name}: {}", self.place);
        self
    }
}

/// The exit status where there are errors.
const BROKEN: u8 = 1;

pub fn run(args: &Args) -> Result<ExitCode> {
    args.reading.options(input::Order::File);
    crate::stop::listen();
    let (mut reader, place) = input::bytes(&args.input)?;
    let mut start = Vec::new();
    reader
        .by_ref()
        .take(Format::LOOK as u64)
        .read_to_end(&mut start)?;
    let format = Format::sniff(&start).or_else(|| Format::by_name(place.name()));
    let Some(format) = format else {
        bail!("{}: not a format that is known here", args.input);
    };
    let reader = io::Cursor::new(start).chain(reader);
    let findings = match format {
        Format::Hls | Format::Dash => {
            let mut text = Vec::new();
            { reader }.read_to_end(&mut text)?;
            let mut walk = segments::Walk::new(args.shallow);
            match format {
                Format::Hls => playlist::check(&text, &place, &mut walk),
                _ => manifest::check(&text, &place, &mut walk),
            }
            walk.findings
        }
        Format::Ts | Format::M2ts => transport_stream::check(reader, false)?,
        Format::Mp4 => match &place {
            // What nobody needs of a file is not read.
            Place::File(path) if args.input != "-" => {
                let file = File::open(path)?;
                let len = file.metadata()?.len();
                iso_file::check(file, |file, wanted| {
                    let at = file.stream_position()?;
                    let passed = wanted.min(len.saturating_sub(at));
                    file.seek(SeekFrom::Start(at + passed))?;
                    Ok(passed)
                })?
            }
            _ => iso_file::check(reader, |_, _| Ok(0))?,
        },
        other => bail!("{}: there are no rules for {other} here", args.input),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    for finding in &findings {
        if args.json {
            serde_json::to_writer(&mut out, finding)?;
            writeln!(out)?;
        } else {
            let severity = match finding.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            writeln!(
                out,
                "{severity}: {}: {} ({})",
                finding.place, finding.rule, finding.clause
            )?;
        }
    }
    if !args.json {
        let warnings = findings.len() - errors;
        writeln!(out, "{format}: {errors} errors, {warnings} warnings")?;
    }
    out.flush()?;
    Ok(if errors > 0 {
        ExitCode::from(BROKEN)
    } else {
        ExitCode::SUCCESS
    })
}
