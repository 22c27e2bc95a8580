//! The tags of RFC 8216bis §4.4, one line each.

mod media;
mod metadata;
mod multivariant;

pub use media::{
    Define, Inf, Key, KeyMethod, Map, Part, PartInf, PlaylistType, ServerControl, Start,
};
pub use metadata::{DateRange, HintType, PreloadHint, RenditionReport, Skip};
pub use multivariant::{
    ClosedCaptions, ContentSteering, HdcpLevel, IFrameStreamInf, Media, MediaType, SessionData,
    SessionDataFormat, StreamInf, VideoRange,
};

use crate::attributes::Refused;
use crate::value::{LINE, Value, read_integer, write_encoded};
use crate::{ByteRange, DateTime, Limits, Rule};
use core::fmt;

/// What stands after a tag's colon.
pub(crate) trait TagValue<'a>: Sized + fmt::Display {
    fn read(text: &'a str, limits: &Limits) -> Result<Self, Refused>;
}

impl TagValue<'_> for u64 {
    fn read(text: &str, _: &Limits) -> Result<Self, Refused> {
        Ok(read_integer(text).ok_or(Rule::Value)?)
    }
}

impl TagValue<'_> for ByteRange {
    fn read(text: &str, _: &Limits) -> Result<Self, Refused> {
        Ok(ByteRange::parse(text).ok_or(Rule::Value)?)
    }
}

impl TagValue<'_> for DateTime {
    fn read(text: &str, _: &Limits) -> Result<Self, Refused> {
        Ok(text.parse().map_err(|_| Rule::Value)?)
    }
}

/// Which playlists have a tag, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Either kind, any number of times.
    Any,
    /// Either kind.
    Once,
    /// Media playlists, any number of times.
    Media,
    /// Media playlists.
    MediaOnce,
    /// Media playlists, before the segment that it is about.
    Segment,
    /// Multivariant playlists, any number of times.
    Multivariant,
    /// Multivariant playlists, any number of times, though nothing is spoilt if others have it.
    Session,
}

/// What the parsers know of a tag without its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) clause: &'static str,
    /// Whether a playlist is of no use where the tag is damaged or repeated. Others are passed over.
    pub(crate) essential: bool,
    /// Differs from tag to tag.
    pub(crate) bit: u64,
}

impl Place {
    pub(crate) const EXT_M3U: Place = Tag::ExtM3u.place();
    /// Stands for a line with a URI in errors.
    pub(crate) const URI: Place = Place {
        name: "URI",
        clause: "4.4.4",
        ..Place::PLAYLIST
    };
    /// Stands for the whole playlist in errors, and for tags that nothing is known about.
    pub(crate) const PLAYLIST: Place = Place {
        name: "playlist",
        scope: Scope::Any,
        clause: "4.1",
        essential: false,
        bit: 0,
    };

    /// [`bit`](Self::bit) if the tag is about a whole playlist, and so the only one of its name.
    pub(crate) const fn astray(self) -> u64 {
        match self.scope {
            Scope::Once | Scope::MediaOnce => self.bit,
            _ => 0,
        }
    }

    /// The tag of a line, if it has one of the standard's.
    pub(crate) fn of_line(raw: &str) -> Option<Place> {
        let line = raw.trim_ascii().strip_prefix('#')?;
        Self::of(line.split(':').next()?)
    }
}

macro_rules! tags {
    ($($(#[$meta:meta])* $variant:ident $(($value:ty))? = $name:literal, $scope:ident $($essential:ident)?, $clause:literal;)*) => {
        /// A tag of a playlist.
        ///
        /// [`Display`](fmt::Display) gives the line, without its end.
        // Tags pass from the reader to who asked for them; nothing keeps many of them.
        #[allow(clippy::large_enum_variant)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Tag<'a> {
            $(
                $(#[$meta])*
                #[doc = concat!("`", $name, "` (RFC 8216bis §", $clause, ").")]
                $variant $(($value))?,
            )*
            /// A tag that the standard does not define.
            Unknown {
                /// Its name, from `EXT` on.
                name: &'a str,
                /// What stands after the colon, if there is one.
                value: Option<&'a str>,
            },
        }

        impl<'a> Tag<'a> {
            /// Its name, without the `#`.
            #[must_use]
            pub const fn name(&self) -> &'a str {
                match self {
                    $(tags!(@pattern $variant $(($value))?) => $name,)*
                    Tag::Unknown { name, .. } => name,
                }
            }

            /// From a line without its `#` and its end.
            pub(crate) fn read(line: &'a str, limits: &Limits) -> Result<Self, InLine> {
                let colon = memchr::memchr(b':', line.as_bytes()).unwrap_or(line.len());
                let (name, value) = line.split_at_checked(colon).unwrap_or((line, ""));
                let value = value.strip_prefix(':');
                let text = value.unwrap_or("").trim_ascii();
                match name.trim_ascii_end() {
                    $($name => tags!(@read $variant $(($value))?, text, limits)
                        .map_err(|refused| InLine { place: tags!(@place $variant $name $scope $clause $($essential)?), refused }),)*
                    name => Ok(Tag::Unknown { name, value }),
                }
            }
        }

        impl fmt::Display for Tag<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(tags!(@bind value $variant $(($value))?) => tags!(@write f value $name $(($value))?),)*
                    Tag::Unknown { name, value } => {
                        f.write_str("#")?;
                        write_encoded(f, name, LINE)?;
                        match value {
                            Some(value) => {
                                f.write_str(":")?;
                                write_encoded(f, value, LINE)
                            }
                            None => Ok(()),
                        }
                    }
                }
            }
        }

        /// Numbers the tags.
        enum Ordinal {
            $($variant,)*
        }

        impl Place {
            /// The tag of this name.
            fn of(name: &str) -> Option<Place> {
                match name {
                    $($name => Some(tags!(@place $variant $name $scope $clause $($essential)?)),)*
                    _ => None,
                }
            }
        }

        impl Tag<'_> {
            pub(crate) const fn place(&self) -> Place {
                match self {
                    $(tags!(@pattern $variant $(($value))?) => tags!(@place $variant $name $scope $clause $($essential)?),)*
                    Tag::Unknown { .. } => Place::PLAYLIST,
                }
            }
        }
    };
    (@place $variant:ident $name:literal $scope:ident $clause:literal $($essential:ident)?) => {
        Place {
            name: $name,
            scope: Scope::$scope,
            clause: $clause,
            essential: tags!(@essential $($essential)?),
            bit: 1 << Ordinal::$variant as u32,
        }
    };
    (@essential) => { false };
    (@essential essential) => { true };
    (@pattern $variant:ident) => { Tag::$variant };
    (@pattern $variant:ident ($value:ty)) => { Tag::$variant(_) };
    (@bind $bound:ident $variant:ident) => { Tag::$variant };
    (@bind $bound:ident $variant:ident ($value:ty)) => { Tag::$variant($bound) };
    (@write $f:ident $bound:ident $name:literal) => { $f.write_str(concat!("#", $name)) };
    (@write $f:ident $bound:ident $name:literal ($value:ty)) => {{
        $f.write_str(concat!("#", $name, ":"))?;
        fmt::Display::fmt($bound, $f)
    }};
    (@read $variant:ident, $text:ident, $limits:ident) => { Ok(Tag::$variant) };
    (@read $variant:ident ($value:ty), $text:ident, $limits:ident) => {
        <$value as TagValue<'a>>::read($text, $limits).map(Tag::$variant)
    };
}

/// A tag that was refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InLine {
    pub(crate) place: Place,
    pub(crate) refused: Refused,
}

tags! {
    /// Says that this is a playlist.
    ExtM3u = "EXTM3U", Once essential, "4.4.1.1";
    /// Version that a client needs to understand.
    Version(u64) = "EXT-X-VERSION", Once essential, "4.4.1.2";
    /// Every segment can be decoded without the ones before it.
    IndependentSegments = "EXT-X-INDEPENDENT-SEGMENTS", Once, "4.4.2.1";
    /// Where to start playing.
    Start(Start<'a>) = "EXT-X-START", Once, "4.4.2.2";
    /// A variable.
    Define(Define<'a>) = "EXT-X-DEFINE", Any essential, "4.4.2.3";
    /// Longest duration of a segment, in seconds.
    TargetDuration(u64) = "EXT-X-TARGETDURATION", MediaOnce essential, "4.4.3.1";
    /// Number of the first segment.
    MediaSequence(u64) = "EXT-X-MEDIA-SEQUENCE", MediaOnce essential, "4.4.3.2";
    /// Number of discontinuities before the first segment.
    DiscontinuitySequence(u64) = "EXT-X-DISCONTINUITY-SEQUENCE", MediaOnce essential, "4.4.3.3";
    /// No segment will be added.
    EndList = "EXT-X-ENDLIST", MediaOnce, "4.4.3.4";
    /// Whether the playlist can change.
    PlaylistType(PlaylistType<'a>) = "EXT-X-PLAYLIST-TYPE", MediaOnce essential, "4.4.3.5";
    /// Each segment is one picture.
    IFramesOnly = "EXT-X-I-FRAMES-ONLY", MediaOnce, "4.4.3.6";
    /// About the parts.
    PartInf(PartInf<'a>) = "EXT-X-PART-INF", MediaOnce, "4.4.3.7";
    /// What the server can do.
    ServerControl(ServerControl<'a>) = "EXT-X-SERVER-CONTROL", MediaOnce, "4.4.3.8";
    /// Duration and title of a segment.
    Inf(Inf<'a>) = "EXTINF", Segment essential, "4.4.4.1";
    /// The segment is only some bytes of its resource.
    ByteRange(ByteRange) = "EXT-X-BYTERANGE", Segment essential, "4.4.4.2";
    /// Times or encoding jump before the segment.
    Discontinuity = "EXT-X-DISCONTINUITY", Segment, "4.4.4.3";
    /// How the segments from here on are encrypted.
    Key(Key<'a>) = "EXT-X-KEY", Segment essential, "4.4.4.4";
    /// What has to be read before the segments from here on.
    Map(Map<'a>) = "EXT-X-MAP", Segment essential, "4.4.4.5";
    /// When the segment's first sample was made.
    ProgramDateTime(DateTime) = "EXT-X-PROGRAM-DATE-TIME", Segment, "4.4.4.6";
    /// The segment is missing.
    Gap = "EXT-X-GAP", Segment, "4.4.4.7";
    /// Bit rate of the segments from here on, in kbit/s.
    Bitrate(u64) = "EXT-X-BITRATE", Segment, "4.4.4.8";
    /// A part of the segment.
    Part(Part<'a>) = "EXT-X-PART", Segment, "4.4.4.9";
    /// What is known about a range of time.
    DateRange(DateRange<'a>) = "EXT-X-DATERANGE", Media, "4.4.5.1";
    /// Segments left out of a delta update.
    Skip(Skip<'a>) = "EXT-X-SKIP", MediaOnce essential, "4.4.5.2";
    /// What will be needed next.
    PreloadHint(PreloadHint<'a>) = "EXT-X-PRELOAD-HINT", Media, "4.4.5.3";
    /// How far another rendition is.
    RenditionReport(RenditionReport<'a>) = "EXT-X-RENDITION-REPORT", Media, "4.4.5.4";
    /// A rendition.
    Media(Media<'a>) = "EXT-X-MEDIA", Multivariant, "4.4.6.1";
    /// A variant stream; its URI is on the next line.
    StreamInf(StreamInf<'a>) = "EXT-X-STREAM-INF", Multivariant essential, "4.4.6.2";
    /// A media playlist of I-frames.
    IFrameStreamInf(IFrameStreamInf<'a>) = "EXT-X-I-FRAME-STREAM-INF", Multivariant, "4.4.6.3";
    /// Any data of the session.
    SessionData(SessionData<'a>) = "EXT-X-SESSION-DATA", Session, "4.4.6.4";
    /// A key that the media playlists will need.
    SessionKey(Key<'a>) = "EXT-X-SESSION-KEY", Session, "4.4.6.5";
    /// Where the choice of pathways is told.
    ContentSteering(ContentSteering<'a>) = "EXT-X-CONTENT-STEERING", Session, "4.4.6.6";
}

impl<'a> TagValue<'a> for PlaylistType<'a> {
    fn read(text: &'a str, _: &Limits) -> Result<Self, Refused> {
        match Value::read(text) {
            Some(PlaylistType::Other(_)) | None => Err(Rule::Value.into()),
            Some(known) => Ok(known),
        }
    }
}

impl fmt::Display for PlaylistType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::write(self, f)
    }
}
