use super::Descriptor;
use crate::value::{
    Duration, PopularitySource, ProducerReferenceTimeType, RandomAccessType, Sap, SwitchingType,
};

element! {
    /// A title for people (§5.3.10): its text.
    "Label" Label text(text) {
        "id" id: u32, "labels of the same are the same in several languages; 0 if absent";
        "lang" lang: String, "its language (RFC 5646)";
    } {}
}

element! {
    /// Where representations of a set can be switched (§5.3.3.4).
    "Switching" Switching {
        "interval" interval: u32, "ticks between two such points" [required];
        "type" switching_type: SwitchingType, "what may be switched to; media if absent";
    } {}
}

element! {
    /// Where decoding can start (§5.3.5.5).
    "RandomAccess" RandomAccess {
        "interval" interval: u32, "ticks between two such points" [required];
        "type" random_access_type: RandomAccessType, "how; closed if absent";
        "minBufferTime" min_buffer_time: Duration, "what has to be buffered from such a point on";
        "bandwidth" bandwidth: u32, "in bit/s, for that";
    } {}
}

element! {
    /// Which wall-clock time a media time was produced at (§5.12).
    "ProducerReferenceTime" ProducerReferenceTime {
        "id" id: u32, "its number" [required];
        "inband" inband: bool, "whether `prft` boxes tell it too";
        "type" reference_type: ProducerReferenceTimeType, "what was at that time; encoder if absent";
        "applicationScheme" application_scheme: String, "what else was";
        "wallClockTime" wall_clock_time: String, "the wall-clock time, in the form that `UTCTiming` tells" [required];
        "presentationTime" presentation_time: u64, "ticks of the media time" [required];
    } {
        "UTCTiming" utc_timing: Option<Descriptor>, "where the wall-clock time is from";
    }
}

element! {
    /// How popular parts of a representation are (§5.14).
    "ContentPopularityRate" ContentPopularityRate {
        "source" source: PopularitySource, "where the rates are from" [required];
        "source_description" source_description: String, "the same in words";
    } {
        "PR" rates: Vec<PopularityRate>, "the rates, by time" required;
    }
}

element! {
    /// A rate of popularity (§5.14).
    "PR" PopularityRate {
        "popularityRate" popularity_rate: u32, "per cent";
        "start" start: u64, "number of the first segment that it is about";
        "r" r: i64, "how many further segments it is about";
    } {}
}

element! {
    /// Where a client that starts in the middle of a segment finds a chunk (§5.3.12).
    "Resync" Resync {
        "type" sap_type: Sap, "type of stream access point there is; 0 if absent";
        "dT" dt: u32, "most ticks between two such points";
        "dImax" di_max: f64, "most bytes between two such points, as seconds at `@bandwidth`";
        "dImin" di_min: f64, "least bytes";
        "marker" marker: bool, "whether such points can be found by their box";
    } {}
}
