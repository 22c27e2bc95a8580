//! Whether a document keeps to the rules: the schema's, the standard's, and its profiles'.

mod namespaces;
mod rules;
mod schema;
mod timeline;
mod xlink;

use crate::Mpd;
use std::fmt;

/// How bad a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A client may do well, but a rule is broken that asks, or a profile's.
    Warning,
    /// A rule is broken that has to be kept.
    Error,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where, as an XPath: `/MPD/Period[1]/@start`; elements of a name count from 1.
    pub path: String,
    /// Which rule, and what breaks it.
    pub rule: String,
    /// The clause that says so, of ISO/IEC 23009-1 unless another standard is named.
    pub clause: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(
            f,
            "{severity}: {}: {} ({})",
            self.path, self.rule, self.clause
        )
    }
}

/// Takes findings.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, path: &str, rule: impl Into<String>, clause: &'static str) {
        self.push(Severity::Error, path, rule.into(), clause);
    }

    fn push(&mut self, severity: Severity, path: &str, rule: String, clause: &'static str) {
        // A document of a million breaches has been understood after some of them.
        if self.0.len() < 1000 {
            self.0.push(Finding {
                severity,
                path: path.into(),
                rule,
                clause,
            });
        }
    }
}

/// Looks for broken rules, in the order of the document; a thousand at most.
///
/// ```
/// use fluvial_dash::{Mpd, check};
///
/// let mpd: Mpd = "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' profiles='urn:mpeg:dash:profile:isoff-live:2011'>
///     <Period start='PT0S'/></MPD>".parse()?;
/// let findings = check(&mpd);
/// assert_eq!(
///     findings[0].to_string(),
///     "error: /MPD: the attribute minBufferTime is missing (MPD schema)",
/// );
/// # Ok::<(), fluvial_dash::Error>(())
/// ```
#[must_use]
pub fn check(mpd: &Mpd) -> Vec<Finding> {
    check_with(mpd, |_| None)
}

/// The same, and what is elsewhere (`xlink:href`), as far as `resolve` gives what is at a URL: elements of the same name that lead in
/// no circle.
#[must_use]
pub fn check_with(mpd: &Mpd, mut resolve: impl FnMut(&str) -> Option<Vec<u8>>) -> Vec<Finding> {
    let mut findings = Findings::default();
    namespaces::check(mpd, &mut findings);
    schema::check(mpd, &mut findings);
    rules::check(mpd, &mut findings);
    timeline::check(mpd, &mut findings);
    xlink::check(mpd, &mut resolve, &mut findings);
    findings.0
}
