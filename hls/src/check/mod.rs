//! Whether a playlist keeps to RFC 8216bis: each rule that it breaks, with its line and clause.
//!
//! The parsers pass over what can be passed over, as players do; this does not.
//!
//! ```
//! let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:5.5,\na.ts\n";
//! let findings: Vec<String> = fluvial_hls::check(playlist).iter().map(ToString::to_string).collect();
//! assert_eq!(findings, [
//!     "error: line 3: EXTINF: 5.5 s, rounded, is more than the target duration of 4 s (RFC 8216bis §4.4.3.1)",
//!     "error: line 3: EXTINF: fractions of a second need version 3 (RFC 8216bis §8)",
//! ]);
//! ```

mod date_range;
mod media;
mod multivariant;

use crate::rules::{Kind, kind};
use crate::tag::{Define, Place, Scope};
use crate::{Error, Line, Lines, Rule, Tag};
use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// How bad a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A rule that asks ("SHOULD"), or what players are known to need.
    Warning,
    /// A rule that has to be kept ("MUST").
    Error,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Number of the line, from 1; 0 for the playlist as a whole.
    pub line: usize,
    /// Name of the tag, without its `#`; `URI` for a URI line, `playlist` for all of it.
    pub tag: Cow<'static, str>,
    /// What is wrong.
    pub what: Cow<'static, str>,
    /// The clause of RFC 8216bis that says so.
    pub clause: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "error: ",
        })?;
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(
            f,
            "{}: {} (RFC 8216bis §{})",
            self.tag, self.what, self.clause
        )
    }
}

/// Findings that are kept: who breaks a thousand rules has been understood.
const MOST: usize = 1000;

/// Takes findings.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn push(
        &mut self,
        severity: Severity,
        line: usize,
        tag: impl Into<Cow<'static, str>>,
        what: impl Into<Cow<'static, str>>,
        clause: &'static str,
    ) {
        if self.0.len() < MOST {
            self.0.push(Finding {
                severity,
                line,
                tag: tag.into(),
                what: what.into(),
                clause,
            });
        }
    }

    fn error(
        &mut self,
        line: usize,
        tag: &'static str,
        what: impl Into<Cow<'static, str>>,
        clause: &'static str,
    ) {
        self.push(Severity::Error, line, tag, what, clause);
    }

    fn warn(
        &mut self,
        line: usize,
        tag: &'static str,
        what: impl Into<Cow<'static, str>>,
        clause: &'static str,
    ) {
        self.push(Severity::Warning, line, tag, what, clause);
    }

    fn refused(&mut self, error: &Error) {
        match error {
            Error::Invalid {
                line,
                tag,
                rule,
                clause,
            } => {
                self.push(Severity::Error, *line, *tag, rule.to_string(), clause);
            }
            Error::Limit { line, .. } => {
                self.push(Severity::Error, *line, "playlist", error.to_string(), "4");
            }
            Error::State(what) => self.push(Severity::Error, 0, "playlist", *what, "4"),
        }
    }
}

/// What both kinds of playlists are asked.
trait Check {
    /// A tag that could be read.
    fn tag(&mut self, line: usize, tag: &Tag<'_>, findings: &mut Findings);
    /// A URI.
    fn uri(&mut self, line: usize, uri: &str, findings: &mut Findings);
    /// The end.
    fn finish(&mut self, findings: &mut Findings);
}

/// The rules that a playlist breaks, in the order of its lines as far as they are about one.
#[must_use]
pub fn check(playlist: &[u8]) -> Vec<Finding> {
    let mut findings = Findings::default();
    // A byte order mark is told, and what is behind it is looked at all the same.
    let text = playlist.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(playlist);
    if text.len() < playlist.len() {
        let rule = Rule::ByteOrderMark.to_string();
        findings.push(Severity::Error, 1, "playlist", rule, "4");
    }
    let lines = match Lines::parse(text) {
        Ok(lines) => lines,
        Err(error) => {
            findings.refused(&error);
            return findings.0;
        }
    };
    match kind(lines.clone()) {
        Ok(Kind::Media) => run(
            lines,
            Kind::Media,
            &mut media::Media::default(),
            &mut findings,
        ),
        Ok(Kind::Multivariant) => {
            let mut check = multivariant::Multivariant::default();
            run(lines, Kind::Multivariant, &mut check, &mut findings);
        }
        Err(error) => findings.refused(&error),
    }
    findings.0
}

fn run(mut lines: Lines<'_>, kind: Kind, check: &mut impl Check, findings: &mut Findings) {
    let mut seen = 0;
    while let Some(line) = lines.next() {
        let number = lines.number();
        let is_first = number == 1;
        if is_first && !matches!(line, Ok(Line::Tag(Tag::ExtM3u))) {
            findings.error(1, "EXTM3U", Rule::FirstLine.to_string(), "4.4.1.1");
        }
        match &line {
            Ok(Line::Tag(tag)) => {
                let place = tag.place();
                let scope = place.scope;
                if belongs_elsewhere(scope, kind) {
                    let what = Rule::OtherPlaylist.to_string();
                    findings.error(number, place.name, what, place.clause);
                }
                let once = matches!(scope, Scope::Once | Scope::MediaOnce);
                let again = seen & place.bit != 0;
                if once && again || matches!(tag, Tag::ExtM3u) && !is_first && again {
                    findings.error(number, place.name, Rule::Repeated.to_string(), place.clause);
                }
                seen |= place.bit;
                check.tag(number, tag, findings);
            }
            Ok(Line::Uri(uri)) => check.uri(number, uri, findings),
            Ok(Line::Comment(_) | Line::Blank) => {}
            Err(error) => {
                // It stood there, though what it says is not known.
                seen |= Place::of_line(lines.raw()).map_or(0, |place| place.bit);
                findings.refused(error);
            }
        }
    }
    check.finish(findings);
}

const fn belongs_elsewhere(scope: Scope, kind: Kind) -> bool {
    match scope {
        Scope::Any | Scope::Once => false,
        Scope::Media | Scope::MediaOnce | Scope::Segment => !matches!(kind, Kind::Media),
        Scope::Multivariant | Scope::Session => !matches!(kind, Kind::Multivariant),
    }
}

/// The variables of a playlist.
#[derive(Debug, Default)]
struct Variables(Vec<String>);

impl Variables {
    fn tag(&mut self, line: usize, define: &Define<'_>, findings: &mut Findings) {
        let name = define.name.or(define.import).or(define.query_param);
        let Some(name) = name else { return };
        if self.0.iter().any(|known| known == name) {
            let what = format!("a second variable {name:?}");
            findings.error(line, "EXT-X-DEFINE", what, "4.4.2.3");
        } else {
            self.0.push(name.to_owned());
        }
    }
}

/// Which version a feature needs, and which one the playlist says it has.
#[derive(Debug, Default)]
struct Versions {
    told: Option<u64>,
    /// The features that need more than 1, each with the line where it is used first.
    needed: Vec<(u64, usize, &'static str, &'static str)>,
}

impl Versions {
    fn need(&mut self, version: u64, line: usize, tag: &'static str, what: &'static str) {
        if !self.needed.iter().any(|(_, _, _, known)| *known == what) {
            self.needed.push((version, line, tag, what));
        }
    }

    fn finish(&self, findings: &mut Findings) {
        let told = self.told.unwrap_or(1);
        for (version, line, tag, what) in &self.needed {
            if *version > told {
                findings.error(*line, tag, format!("{what} need version {version}"), "8");
            }
        }
    }
}
