//! `fluvial check`: whether a file keeps to its standard.

use crate::format::Format;
use crate::input;
use crate::net::Place;
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::BTreeMap;
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

/// The exit status where there are errors.
const BROKEN: u8 = 1;

pub fn run(args: &Args) -> Result<ExitCode> {
    args.reading.options(input::Order::File);
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
        Format::Hls => hls_playlist(reader)?,
        Format::Dash => dash_manifest(reader)?,
        Format::Ts | Format::M2ts => transport_stream(reader)?,
        Format::Mp4 => match &place {
            // What nobody needs of a file is not read.
            Place::File(path) if args.input != "-" => {
                let file = File::open(path)?;
                let len = file.metadata()?.len();
                iso_file(file, |file, wanted| {
                    let at = file.stream_position()?;
                    let passed = wanted.min(len.saturating_sub(at));
                    file.seek(SeekFrom::Start(at + passed))?;
                    Ok(passed)
                })?
            }
            _ => iso_file(reader, |_, _| Ok(0))?,
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

/// Checks an MP4; `skip` passes over bytes that nobody needs, and says how many.
fn iso_file<R: Read>(
    mut reader: R,
    mut skip: impl FnMut(&mut R, u64) -> io::Result<u64>,
) -> Result<Vec<Finding>> {
    let mut checker = mp4::check::Checker::new(mp4::Limits::default());
    let mut buffer = vec![0; 128 << 10];
    let mut findings = Vec::new();
    loop {
        if checker.needless() > buffer.len() as u64 {
            let passed = skip(&mut reader, checker.needless())?;
            checker.handle_gap(passed);
        }
        let n = reader.read(&mut buffer)?;
        match n {
            0 => checker.handle_eof(),
            n => checker.handle_input(&buffer[..n]),
        }
        while let Some(finding) = checker.poll_finding() {
            let (offset, path) = (finding.offset, &finding.path);
            findings.push(Finding {
                severity: match finding.rule.severity() {
                    mp4::check::Severity::Warning => Severity::Warning,
                    mp4::check::Severity::Error => Severity::Error,
                },
                rule: format!("{}: {}", finding.rule, finding.what),
                place: match path.as_str() {
                    "" => format!("offset {offset}"),
                    path => format!("offset {offset}, {path}"),
                },
                clause: finding.rule.clause().into(),
            });
        }
        if n == 0 {
            return Ok(findings);
        }
    }
}

fn hls_playlist(mut reader: impl Read) -> Result<Vec<Finding>> {
    let mut text = Vec::new();
    reader.read_to_end(&mut text)?;
    let findings = hls::check(&text).into_iter().map(|finding| Finding {
        severity: match finding.severity {
            hls::Severity::Warning => Severity::Warning,
            hls::Severity::Error => Severity::Error,
        },
        rule: format!("{}: {}", finding.tag, finding.what),
        place: match finding.line {
            0 => "playlist".into(),
            line => format!("line {line}"),
        },
        clause: format!("RFC 8216bis §{}", finding.clause),
    });
    Ok(findings.collect())
}

fn dash_manifest(mut reader: impl Read) -> Result<Vec<Finding>> {
    let mut text = Vec::new();
    reader.read_to_end(&mut text)?;
    let mpd = match dash::Mpd::parse(&text) {
        Ok(mpd) => mpd,
        Err(error) => {
            return Ok(vec![Finding {
                severity: Severity::Error,
                rule: error.to_string(),
                place: "manifest".into(),
                clause: "ISO/IEC 23009-1".into(),
            }]);
        }
    };
    let findings = dash::check(&mpd).into_iter().map(|finding| Finding {
        severity: match finding.severity {
            dash::Severity::Warning => Severity::Warning,
            dash::Severity::Error => Severity::Error,
        },
        rule: finding.rule,
        place: finding.path,
        clause: finding.clause.into(),
    });
    Ok(findings.collect())
}

/// Findings of one rule about one PID that are told; the rest is counted.
const SAME: usize = 10;

fn transport_stream(mut reader: impl Read) -> Result<Vec<Finding>> {
    use mpegts::check::{Checker, Rule};
    let mut checker = Checker::new();
    let mut buffer = vec![0; 128 << 10];
    let mut findings = Vec::new();
    let mut counts: BTreeMap<(Rule, Option<u16>), usize> = BTreeMap::new();
    loop {
        let n = reader.read(&mut buffer)?;
        if n == 0 {
            checker.handle_eof();
        } else {
            checker.handle_input(&buffer[..n]);
        }
        while let Some(finding) = checker.poll_finding() {
            let pid = finding.pid.map(mpegts::packet::Pid::get);
            let count = counts.entry((finding.rule, pid)).or_default();
            *count += 1;
            if *count > SAME {
                continue;
            }
            let of = pid.map_or(String::new(), |pid| format!(", PID {pid}"));
            findings.push(Finding {
                severity: match finding.rule {
                    // What a receiver can live with.
                    Rule::PtsError | Rule::PcrAccuracyError => Severity::Warning,
                    _ => Severity::Error,
                },
                rule: format!("{}: {}", finding.rule, finding.what),
                place: format!("offset {}{of}", finding.offset),
                clause: "ETSI TR 101 290 §5.2".into(),
            });
        }
        if n == 0 {
            break;
        }
    }
    for ((rule, pid), count) in counts {
        if count > SAME {
            findings.push(Finding {
                severity: Severity::Warning,
                rule: format!("{rule}: {} more of these", count - SAME),
                place: pid.map_or("stream".into(), |pid| format!("PID {pid}")),
                clause: "ETSI TR 101 290 §5.2".into(),
            });
        }
    }
    Ok(findings)
}
