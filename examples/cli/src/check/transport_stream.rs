//! Transport streams, by ETSI TR 101 290.

use super::{Finding, Severity};
use anyhow::Result;
use std::collections::BTreeMap;
use std::io::Read;

/// Findings of one rule about one PID that are told; the rest is counted.
const SAME: usize = 10;

/// Checks a stream, or a segment of HLS, which has its tables at its start and need not repeat them (RFC 8216bis §3.1.1).
pub fn check(mut reader: impl Read, is_segment: bool) -> Result<Vec<Finding>> {
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
            let is_table = matches!(finding.rule, Rule::PatError | Rule::PmtError);
            if is_segment && is_table && finding.what.ends_with("500 ms") {
                continue;
            }
            let pid = finding.pid.map(mpegts::packet::Pid::get);
            let count = counts.entry((finding.rule, pid)).or_default();
            *count += 1;
            if *count > SAME {
                continue;
            }
            let of = pid.map_or(String::new(), |pid| format!(", PID {pid}"));
            findings.push(Finding {
                severity: match finding.rule {
                    // What is filled up is meant to have a constant rate; what is not may have one by chance.
                    Rule::PcrAccuracyError if is_filled(&checker) => Severity::Error,
                    // What a receiver can live with.
                    Rule::PtsError | Rule::PcrAccuracyError => Severity::Warning,
                    Rule::PcrRepetitionError if is_segment => Severity::Warning,
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

/// Whether there are packets that only fill a stream up to its rate.
fn is_filled(checker: &mpegts::check::Checker) -> bool {
    let mut pids = checker.statistics();
    pids.any(|(pid, counted)| pid == mpegts::packet::Pid::NULL && counted.packets > 0)
}
