use crate::attributes::attribute_tag;
use crate::value::enumerated;
use crate::{DateTime, Decimal, Hex};

attribute_tag! {
    /// What is known about a range of time: `EXT-X-DATERANGE` (RFC 8216bis §4.4.5.1). Attributes that start with `X-`
    /// are in `attributes`.
    DateRange<'a> {
        required {
            /// Names the range.
            id: &'a str = "ID",
        }
        optional {
            /// Ranges of one class have the same attributes.
            class: &'a str = "CLASS",
            /// Where it starts.
            start_date: DateTime = "START-DATE",
            /// When its action is to be done: `PRE`, `POST`, `ONCE`, separated by commas.
            cue: &'a str = "CUE",
            /// Where it ends.
            end_date: DateTime = "END-DATE",
            /// In seconds.
            duration: Decimal = "DURATION",
            /// Expected duration in seconds.
            planned_duration: Decimal = "PLANNED-DURATION",
            /// A `splice_info_section` of SCTE-35.
            scte35_cmd: Hex<'a> = "SCTE35-CMD",
            /// One with `out_of_network_indicator` set.
            scte35_out: Hex<'a> = "SCTE35-OUT",
            /// One with `out_of_network_indicator` clear.
            scte35_in: Hex<'a> = "SCTE35-IN",
        }
        flags {
            /// It ends where the next one of its class starts.
            end_on_next = "END-ON-NEXT",
        }
    }
}

attribute_tag! {
    /// Segments left out of a delta update: `EXT-X-SKIP` (RFC 8216bis §4.4.5.2).
    Skip<'a> {
        required {
            /// How many.
            skipped_segments: u64 = "SKIPPED-SEGMENTS",
        }
        optional {
            /// Identifiers of date ranges removed lately, separated by tabs.
            recently_removed_dateranges: &'a str = "RECENTLY-REMOVED-DATERANGES",
        }
    }
}

enumerated! {
    /// What an `EXT-X-PRELOAD-HINT` is about.
    HintType {
        /// A part.
        Part = "PART",
        /// A media initialization section.
        Map = "MAP",
    }
}

attribute_tag! {
    /// What will be needed next: `EXT-X-PRELOAD-HINT` (RFC 8216bis §4.4.5.3).
    PreloadHint<'a> {
        required {
            /// What it is.
            kind: HintType<'a> = "TYPE",
            /// The resource.
            uri: &'a str = "URI",
        }
        optional {
            /// First byte; absent: 0.
            byte_range_start: u64 = "BYTERANGE-START",
            /// How many bytes; absent: to the end.
            byte_range_length: u64 = "BYTERANGE-LENGTH",
        }
    }
}

attribute_tag! {
    /// How far another rendition is: `EXT-X-RENDITION-REPORT` (RFC 8216bis §4.4.5.4).
    RenditionReport<'a> {
        optional {
            /// Its media playlist, relative to this one.
            uri: &'a str = "URI",
            /// Number of its last segment.
            last_msn: u64 = "LAST-MSN",
            /// Number of the last part of that segment.
            last_part: u64 = "LAST-PART",
        }
    }
}
