use super::SegmentTimeline;
use crate::value::{ByteRange, Duration};

/// The attributes and children that `SegmentBase`, `SegmentList` and `SegmentTemplate` have in common (§5.3.9.2).
macro_rules! segment_base {
    (
        $(#[$meta:meta])* $name:literal $type:ident { $($attributes:tt)* } { $($children:tt)* }
    ) => {
        element! {
            $(#[$meta])*
            $name $type any(3) {
                "timescale" timescale: u32, "ticks per second of its times; 1 if absent" [strict];
                "eptDelta" ept_delta: i64, "ticks from the period's start to the earliest presentation time";
                "pdDelta" pd_delta: i64, "ticks that the last segment is longer than the period";
                "presentationTimeOffset" presentation_time_offset: i64, "ticks at the start of the period; 0 if absent (negative in the wild, against the schema)" [strict];
                "presentationDuration" presentation_duration: u64, "ticks that the representation lasts";
                "timeShiftBufferDepth" time_shift_buffer_depth: Duration, "how long segments stay available" [strict];
                "indexRange" index_range: ByteRange, "where the segment index is in all media segments" [strict];
                "indexRangeExact" index_range_exact: bool, "whether the range holds nothing else";
                "availabilityTimeOffset" availability_time_offset: f64, "seconds that segments are available earlier" [strict];
                "availabilityTimeComplete" availability_time_complete: bool, "whether segments are complete when they become available";
                $($attributes)*
            } {
                "Initialization" initialization_url: Option<UrlType>, "the initialization segment";
                "RepresentationIndex" representation_index: Option<UrlType>, "an index of all segments";
                "FailoverContent" failover_content: Option<FailoverContent>, "where content is only a stand-in";
                $($children)*
            }
        }
    };
}

segment_base! {
    /// One segment, and where it is indexed (§5.3.9.2).
    "SegmentBase" SegmentBase {} {}
}

segment_base! {
    /// Segments, one by one (§5.3.9.3).
    "SegmentList" SegmentList {
        "duration" duration: u32, "ticks of each segment" [strict];
        "startNumber" start_number: u32, "number of the first segment; 1 if absent" [strict];
        "endNumber" end_number: u32, "number of the last segment" [strict];
        "xlink:href" href: String, "where the element itself is (§5.5)";
        "xlink:actuate" actuate: String, "`onLoad` or `onRequest`: when to fetch it";
        "xlink:type" xlink_type: String, "`simple`";
        "xlink:show" show: String, "`embed`";
    } {
        "SegmentTimeline" timeline: Option<SegmentTimeline>, "when segments start";
        "BitstreamSwitching" bitstream_switching_url: Option<UrlType>, "the bitstream switching segment";
        "SegmentURL" segment_urls: Vec<SegmentUrl>, "the segments, in order";
    }
}

segment_base! {
    /// Segments by a rule for their URLs (§5.3.9.4).
    "SegmentTemplate" SegmentTemplate {
        "media" media: String, "template of URLs of media segments";
        "index" index: String, "template of URLs of index segments";
        "initialization" initialization: String, "template of the URL of the initialization segment";
        "bitstreamSwitching" bitstream_switching: String, "template of the URL of the bitstream switching segment";
        "duration" duration: u32, "ticks of each segment" [strict];
        "startNumber" start_number: u32, "number of the first segment; 1 if absent" [strict];
        "endNumber" end_number: u32, "number of the last segment" [strict];
    } {
        "SegmentTimeline" timeline: Option<SegmentTimeline>, "when segments start";
        "BitstreamSwitching" bitstream_switching_url: Option<UrlType>, "the bitstream switching segment";
    }
}

element! {
    /// A URL and a byte range (`URLType`, §5.3.9.2.3).
    "Initialization" UrlType {
        "sourceURL" source_url: String, "the URL; the base if absent";
        "range" range: ByteRange, "the byte range; all if absent" [strict];
    } {}
}

element! {
    /// A segment of a list (§5.3.9.3.3).
    "SegmentURL" SegmentUrl {
        "media" media: String, "its URL; the base if absent";
        "mediaRange" media_range: ByteRange, "its byte range; all if absent" [strict];
        "index" index: String, "URL of its index";
        "indexRange" index_range: ByteRange, "byte range of its index" [strict];
    } {}
}

element! {
    /// Where content is only a stand-in (§5.3.9.7).
    "FailoverContent" FailoverContent {
        "valid" valid: bool, "whether the parts that follow are real content; true if absent";
    } {
        "FCS" fcs: Vec<Fcs>, "the parts" required;
    }
}

element! {
    /// A part of failover content (§5.3.9.7).
    "FCS" Fcs {
        "t" t: u64, "ticks of its start" [required];
        "d" d: u64, "ticks that it lasts; to the end if absent";
    } {}
}
