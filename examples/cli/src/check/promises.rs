//! What a manifest or a playlist promises of media, beside what came: codecs, and bit rates.

use super::{Finding, Severity};
use media::Kind;

/// What was found in the segments of a rendition.
#[derive(Debug, Default)]
pub struct Found {
    /// Kinds and names (RFC 6381) of the codecs of pictures and sound.
    pub codecs: Vec<(Kind, String)>,
    /// Bytes of segments, and how long they last, in nanoseconds.
    pub segments: Vec<(u64, i64)>,
    /// Some of it could not be had.
    pub is_partial: bool,
}

/// Rates are told rounded, and some tell those of the samples alone.
const TOLERANCE: f64 = 1.1;

fn warning(rule: String, name: &str, clause: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        rule,
        place: name.to_owned(),
        clause: clause.to_owned(),
    }
}

/// Of a name of a codec what tells codecs apart that no decoder takes for each other.
fn family(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let mut parts = name.split('.');
    let (entry, kind) = (parts.next().unwrap_or_default(), parts.next());
    let object = parts.next();
    let family = match (entry, kind, object) {
        ("avc1" | "avc2" | "avc3" | "avc4" | "dva1" | "dvav", ..) => "H.264",
        ("hvc1" | "hev1" | "dvh1" | "dvhe", ..) => "H.265",
        ("vvc1" | "vvi1", ..) => "H.266",
        ("av01" | "dav1", ..) => "AV1",
        ("vp8" | "vp08", ..) => "VP8",
        ("vp9" | "vp09", ..) => "VP9",
        ("mp4a", Some("40"), Some("32" | "33" | "34")) | ("mp4a", Some("69" | "6b"), _) => {
            "MPEG audio"
        }
        ("mp3" | ".mp3", ..) => "MPEG audio",
        ("mp4a", Some("40" | "66" | "67" | "68"), _) => "AAC",
        ("ac-3", ..) | ("mp4a", Some("a5"), _) => "AC-3",
        ("ec-3", ..) | ("mp4a", Some("a6"), _) => "E-AC-3",
        ("mp4v", Some("60" | "61" | "62" | "63" | "64" | "65"), _) | ("mp2v", ..) => "MPEG-2 video",
        ("mp4v", Some("20"), _) => "MPEG-4 video",
        (other, ..) => return other.to_owned(),
    };
    family.to_owned()
}

/// Profile and level, by which a client decides whether it can decode; `None` where they are told in no known way.
fn profile_and_level(name: &str) -> Option<(u32, u32)> {
    let name = name.to_ascii_lowercase();
    let mut parts = name.split('.').skip(1);
    match family(&name).as_str() {
        "H.264" => {
            let hex = parts.next().filter(|hex| hex.len() == 6)?;
            let byte = |range| u32::from_str_radix(hex.get(range)?, 16).ok();
            Some((byte(0..2)?, byte(4..6)?))
        }
        "H.265" => {
            let profile = parts.next()?.parse().ok()?;
            let level = parts.nth(1)?;
            Some((profile, level.get(1..)?.parse().ok()?))
        }
        _ => None,
    }
}

/// Whether what is told of a codec (`told`, all names) is true of one that was found.
fn is_told(told: &[&str], found: &str) -> Result<(), (Severity, String)> {
    let same = |name: &&&str| {
        let name = name.trim();
        // Some tell no more than that.
        family(name) == family(found) || (name == "mp4a" && found.starts_with("mp4a"))
    };
    let mut known = told.iter().filter(same).peekable();
    if known.peek().is_none() {
        let told = told.join(",");
        let rule = format!("codecs: {told:?} is told, the media are {found}");
        return Err((Severity::Error, rule));
    }
    let Some((profile, level)) = profile_and_level(found) else {
        return Ok(());
    };
    let mut wrong = None;
    for name in known {
        match profile_and_level(name) {
            Some((told, most)) if told != profile || most < level => wrong = Some(name.trim()),
            _ => return Ok(()),
        }
    }
    wrong.map_or(Ok(()), |name| {
        let rule = format!("codecs: {name} is told, the media are {found}");
        Err((Severity::Warning, rule))
    })
}

/// Compares `CODECS` or `@codecs` with the codecs of media.
pub fn codecs(told: &str, found: &Found, name: &str, clause: &str) -> Vec<Finding> {
    let told: Vec<_> = told.split(',').collect();
    let media = found
        .codecs
        .iter()
        .filter(|(kind, codec)| *kind != Kind::Data && !codec.starts_with("enc"));
    let wrong = media.filter_map(|(_, codec)| is_told(&told, codec).err());
    let findings = wrong.map(|(severity, rule)| Finding {
        severity,
        ..warning(rule, name, clause)
    });
    findings.collect()
}

fn rate(bytes: u64, nanos: i64) -> f64 {
    bytes as f64 * 8e9 / nanos.max(1) as f64
}

/// Compares `@bandwidth` with segments: what is sent at that rate, from any of them on, has to be there when it is played, which begins
/// after `@minBufferTime` (ISO/IEC 23009-1 §5.3.5.2).
///
/// That is looked at where segments end, so that no segment is taken for too large whose samples come in time.
pub fn bandwidth(told: u32, min_buffer: i64, found: &Found, name: &str) -> Option<Finding> {
    let told = f64::from(told);
    // Bits that are missing at the end of the run of segments that is worst until here.
    let (mut missing, mut most) = (0.0_f64, 0.0_f64);
    let mut run = (0_u64, 0_i64);
    let mut worst = run;
    for (bytes, nanos) in &found.segments {
        if missing <= 0.0 {
            (missing, run) = (0.0, (0, 0));
        }
        missing += *bytes as f64 * 8.0 - told * TOLERANCE * *nanos as f64 / 1e9;
        run = (run.0 + bytes, run.1 + nanos);
        if missing > most {
            (most, worst) = (missing, run);
        }
    }
    (most > told * TOLERANCE * min_buffer as f64 / 1e9).then(|| {
        let rule = format!(
            "bandwidth: {told} bit/s are told, {:.0} are needed for {:.3} s, of which minBufferTime covers {:.3}",
            rate(worst.0, worst.1),
            worst.1 as f64 / 1e9,
            min_buffer as f64 / 1e9,
        );
        warning(rule, name, "ISO/IEC 23009-1 §5.3.5.2")
    })
}

/// The peak segment bit rate: of any run of segments that lasts between half and one and a half of the target duration (RFC 8216bis
/// §4.4.6.2); and the average one.
pub fn rates(target: i64, found: &Found) -> (f64, f64) {
    let mut peak = 0.0_f64;
    for start in 0..found.segments.len() {
        let mut run = (0_u64, 0_i64);
        for (bytes, nanos) in &found.segments[start..] {
            run = (run.0 + bytes, run.1 + nanos);
            if run.1 > target / 2 * 3 {
                break;
            }
            if run.1 >= target / 2 {
                peak = peak.max(rate(run.0, run.1));
            }
        }
    }
    let segments = || found.segments.iter();
    let bytes = segments().map(|(bytes, _)| bytes).sum();
    let nanos = segments().map(|(_, nanos)| nanos).sum();
    (peak, rate(bytes, nanos))
}

/// Compares what a variant tells with the sums of what its renditions have.
pub fn variant(
    told: u64,
    told_average: Option<u64>,
    (peak, average): (f64, f64),
    name: &str,
) -> Vec<Finding> {
    const CLAUSE: &str = "RFC 8216bis §4.4.6.2";
    let mut findings = Vec::new();
    let mut compare = |what: &str, told: u64, measured: f64| {
        if measured > told as f64 * TOLERANCE {
            let rule = format!("{what}: {told} bit/s are told, the segments have {measured:.0}");
            findings.push(warning(rule, name, CLAUSE));
        }
    };
    compare("BANDWIDTH", told, peak);
    if let Some(told) = told_average {
        compare("AVERAGE-BANDWIDTH", told, average);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(codecs: &[&str], segments: &[(u64, i64)]) -> Found {
        let codecs = codecs.iter().map(|name| (Kind::Video, (*name).to_owned()));
        Found {
            codecs: codecs.collect(),
            segments: segments.to_vec(),
            is_partial: false,
        }
    }

    #[test]
    fn names_of_codecs_mean_the_same_in_many_ways() {
        let rules = |told: &str, media: &str| -> Vec<Severity> {
            let findings = codecs(told, &found(&[media], &[]), "", "");
            findings.iter().map(|finding| finding.severity).collect()
        };
        for (told, media) in [
            ("avc1.64001F", "avc1.64001f"),
            // A level above is more than is needed; avc3 differs by where parameter sets are.
            ("avc3.640028, mp4a.40.2", "avc1.64001f"),
            ("mp4a.40.5", "mp4a.40.2"),
            ("mp4a", "mp4a.40.2"),
            ("hev1.1.6.L93", "hvc1.1.6.L93.B0"),
            ("mp4a.40.34", "mp4a.6B"),
            ("avc1.64001f,mp4a.40.2", "encv"),
        ] {
            assert_eq!(rules(told, media), [], "{told}, {media}");
        }
        assert_eq!(rules("avc1.4d001f", "avc1.64001f"), [Severity::Warning]);
        assert_eq!(rules("avc1.64001e", "avc1.64001f"), [Severity::Warning]);
        assert_eq!(
            rules("hvc1.1.6.L90.B0", "hvc1.1.6.L93.B0"),
            [Severity::Warning]
        );
        assert_eq!(rules("avc1.64001f", "hvc1.1.6.L93.B0"), [Severity::Error]);
        assert_eq!(rules("mp4a.40.2", "ac-3"), [Severity::Error]);
    }

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn what_is_buffered_first_covers_a_peak() {
        // 1 Mbit/s, and a second of three times as much.
        let (even, peak) = ((125_000, SECOND), (375_000, SECOND));
        let one = found(&[], &[even, even, peak, even]);
        let is_told = |told, buffer, found| bandwidth(told, buffer * SECOND, found, "").is_some();
        assert!(!is_told(1_000_000, 2, &one));
        assert!(is_told(1_000_000, 1, &one));
        assert!(!is_told(3_000_000, 0, &one));
        // Two in a row are twice as much; in between it does not recover.
        let two = found(&[], &[even, peak, even, peak, even]);
        assert!(is_told(1_000_000, 3, &two));
    }

    #[test]
    fn a_peak_is_one_of_half_the_target_and_more() {
        let segments = [
            (250_000, 2 * SECOND),
            (125_000, SECOND / 4),
            (500_000, 2 * SECOND),
        ];
        let (peak, average) = rates(2 * SECOND, &found(&[], &segments));
        // The short one alone does not count, with the one behind it it does.
        assert_eq!(peak.round(), (625_000.0_f64 * 8.0 / 2.25).round());
        assert_eq!(average.round(), (875_000.0_f64 * 8.0 / 4.25).round());
        assert_eq!(
            variant(2_300_000, Some(1_700_000), (peak, average), "").len(),
            0
        );
        assert_eq!(
            variant(2_000_000, Some(1_400_000), (peak, average), "").len(),
            2
        );
    }
}
