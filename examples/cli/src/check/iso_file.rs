//! MP4: files, fragments, segments.

use super::{Finding, Severity};
use anyhow::Result;
use mp4::check::Checker;
use std::io::{self, Read};

/// What a checker found since it was asked last, with the offsets.
pub fn findings(checker: &mut Checker) -> impl Iterator<Item = (u64, Finding)> {
    std::iter::from_fn(|| {
        let finding = checker.poll_finding()?;
        let (offset, path) = (finding.offset, &finding.path);
        let found = Finding {
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
        };
        Some((offset, found))
    })
}

/// Checks a file; `skip` passes over bytes that nobody needs, and says how many.
pub fn check<R: Read>(
    mut reader: R,
    mut skip: impl FnMut(&mut R, u64) -> io::Result<u64>,
) -> Result<Vec<Finding>> {
    let mut checker = Checker::new(mp4::Limits::default());
    let mut buffer = vec![0; 128 << 10];
    let mut found = Vec::new();
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
        found.extend(findings(&mut checker).map(|(_, finding)| finding));
        if n == 0 {
            return Ok(found);
        }
    }
}
