use super::TagValue;
use crate::attributes::{Refused, attribute_tag};
use crate::value::{LINE, enumerated, write_encoded};
use crate::{ByteRange, Decimal, Hex, Limits, Rule};
use core::fmt;

/// Duration and title of a segment: `EXTINF` (RFC 8216bis §4.4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inf<'a> {
    /// In seconds.
    pub duration: Decimal,
    /// For people; mostly empty.
    pub title: &'a str,
}

impl<'a> Inf<'a> {
    /// From text that starts with its line, as nearly all packagers write it: no title, no space. How long the line is with its
    /// end, too, which nobody has to look for then.
    #[inline]
    pub(crate) fn plain_line(text: &'a str) -> Option<(Self, usize)> {
        let (duration, rest) = Decimal::read(text.as_bytes().strip_prefix(b"#EXTINF:")?)?;
        let [b',', b'\n', after @ ..] = rest else {
            return None;
        };
        let inf = Self {
            duration,
            title: "",
        };
        (duration.as_nanos() >= 0).then(|| (inf, text.len() - after.len()))
    }

    /// From the text after the colon. The comma that the standard wants after the duration may be missing.
    #[inline]
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (duration, rest) = Decimal::read(text.as_bytes())?;
        if duration.as_nanos() < 0 {
            return None;
        }
        // What `read` leaves is a suffix that starts behind an ASCII character.
        let rest = text.get(text.len() - rest.len()..)?;
        let title = match rest.as_bytes() {
            [b','] | [] => "",
            [b',', ..] => rest.get(1..)?,
            _ if rest.trim_ascii().is_empty() => "",
            _ => rest.trim_ascii_start().strip_prefix(',')?,
        };
        Some(Self { duration, title })
    }
}

impl<'a> TagValue<'a> for Inf<'a> {
    fn read(text: &'a str, _: &Limits) -> Result<Self, Refused> {
        Ok(Inf::parse(text).ok_or(Rule::Value)?)
    }
}

impl fmt::Display for Inf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.duration.fmt(f)?;
        f.write_str(",")?;
        write_encoded(f, self.title, LINE)
    }
}

enumerated! {
    /// Value of `EXT-X-PLAYLIST-TYPE`.
    PlaylistType {
        /// Segments are only ever added.
        Event = "EVENT",
        /// Nothing changes.
        Vod = "VOD",
    }
}

enumerated! {
    /// How segments are encrypted: `METHOD` of `EXT-X-KEY`.
    KeyMethod {
        /// Not at all.
        None = "NONE",
        /// Whole segments, AES-128 in CBC mode.
        Aes128 = "AES-128",
        /// Samples, AES-128 in CBC mode.
        SampleAes = "SAMPLE-AES",
        /// Samples, as in Common Encryption's `cenc`.
        SampleAesCtr = "SAMPLE-AES-CTR",
    }
}

attribute_tag! {
    /// Where to start playing: `EXT-X-START` (RFC 8216bis §4.4.2.2).
    Start<'a> {
        required {
            /// Seconds from the start of the playlist, or where negative from the end of its last segment.
            time_offset: Decimal = "TIME-OFFSET",
        }
        flags {
            /// Samples before that time are not to be shown.
            precise = "PRECISE",
        }
    }
}

attribute_tag! {
    /// A variable: `EXT-X-DEFINE` (RFC 8216bis §4.4.2.3). One of `name`, `import` and `query_param` is there.
    Define<'a> {
        optional {
            /// Its name, defined here.
            name: &'a str = "NAME",
            /// Its value, with `name`.
            value: &'a str = "VALUE",
            /// Its name, defined in the multivariant playlist.
            import: &'a str = "IMPORT",
            /// Its name, defined by the query of the playlist's URI.
            query_param: &'a str = "QUERYPARAM",
        }
    }
    check
}

impl Define<'_> {
    fn check(&self) -> Result<(), Rule> {
        let named = [self.name, self.import, self.query_param];
        if named.iter().flatten().count() != 1 {
            return Err(Rule::OneOf("NAME, IMPORT and QUERYPARAM"));
        }
        if self.name.is_some() && self.value.is_none() {
            return Err(Rule::MissingAttribute("VALUE"));
        }
        Ok(())
    }
}

attribute_tag! {
    /// About the parts: `EXT-X-PART-INF` (RFC 8216bis §4.4.3.7).
    PartInf<'a> {
        required {
            /// Longest duration of a part, in seconds.
            part_target: Decimal = "PART-TARGET",
        }
    }
}

attribute_tag! {
    /// What the server can do: `EXT-X-SERVER-CONTROL` (RFC 8216bis §4.4.3.8).
    ServerControl<'a> {
        optional {
            /// Segments older than this many seconds can be left out of a delta update.
            can_skip_until: Decimal = "CAN-SKIP-UNTIL",
            /// Least distance from the end to play at, in seconds.
            hold_back: Decimal = "HOLD-BACK",
            /// The same where parts are played.
            part_hold_back: Decimal = "PART-HOLD-BACK",
        }
        flags {
            /// Date ranges can be left out of a delta update too.
            can_skip_dateranges = "CAN-SKIP-DATERANGES",
            /// A request for the playlist can wait for what is asked.
            can_block_reload = "CAN-BLOCK-RELOAD",
        }
    }
}

attribute_tag! {
    /// How segments are encrypted: `EXT-X-KEY` and `EXT-X-SESSION-KEY` (RFC 8216bis §4.4.4.4, §4.4.6.5).
    Key<'a> {
        required {
            /// The method.
            method: KeyMethod<'a> = "METHOD",
        }
        optional {
            /// Where to get the key.
            uri: &'a str = "URI",
            /// Initialization vector, 128 bits.
            iv: Hex<'a> = "IV",
            /// How the key is represented; absent: `identity`.
            key_format: &'a str = "KEYFORMAT",
            /// Versions of the key format, separated by `/`.
            key_format_versions: &'a str = "KEYFORMATVERSIONS",
        }
    }
    check
}

impl Key<'_> {
    fn check(&self) -> Result<(), Rule> {
        if self.uri.is_none() && self.method != KeyMethod::None {
            return Err(Rule::MissingAttribute("URI"));
        }
        Ok(())
    }
}

attribute_tag! {
    /// What has to be read before a segment: `EXT-X-MAP` (RFC 8216bis §4.4.4.5).
    Map<'a> {
        required {
            /// The resource.
            uri: &'a str = "URI",
        }
        optional {
            /// Some bytes of it.
            byte_range: ByteRange = "BYTERANGE",
        }
    }
}

attribute_tag! {
    /// A part of a segment: `EXT-X-PART` (RFC 8216bis §4.4.4.9).
    Part<'a> {
        required {
            /// The resource.
            uri: &'a str = "URI",
            /// In seconds.
            duration: Decimal = "DURATION",
        }
        optional {
            /// Some bytes of it.
            byte_range: ByteRange = "BYTERANGE",
        }
        flags {
            /// A player can start with it.
            independent = "INDEPENDENT",
            /// It is missing.
            gap = "GAP",
        }
    }
}
