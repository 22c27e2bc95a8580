use super::Descriptor;
use crate::value::MediaType;

element! {
    /// How a presentation is meant to be played (Annex K).
    "ServiceDescription" ServiceDescription {
        "id" id: u32, "its number";
    } {
        "Scope" scopes: Vec<Descriptor>, "whom it is for; everyone if absent";
        "Latency" latencies: Vec<Latency>, "how far behind the live edge";
        "PlaybackRate" playback_rates: Vec<PlaybackRate>, "how fast, to keep the latency";
        "OperatingQuality" operating_qualities: Vec<OperatingQuality>, "which quality";
        "OperatingBandwidth" operating_bandwidths: Vec<OperatingBandwidth>, "which bit rate";
        "ContentSteering" content_steering: Option<ContentSteering>, "who says which service location to use (ETSI TS 103 998)";
    }
}

element! {
    /// How far behind its production media is meant to be shown (Annex K.3.2), in milliseconds.
    "Latency" Latency {
        "referenceId" reference_id: u32, "the `ProducerReferenceTime` that it counts from";
        "target" target: u32, "what to aim for";
        "max" max: u32, "most";
        "min" min: u32, "least";
    } {
        "QualityLatency" quality_latencies: Vec<QualityLatency>, "latencies by quality";
    }
}

element! {
    /// Pairs of a quality and a latency (`UIntPairsWithIDType`), as text.
    "QualityLatency" QualityLatency text(pairs) {
        "type" quality_type: String, "what the quality is measured in";
    } {}
}

element! {
    /// How fast media may be played, as a factor (Annex K.3.3).
    "PlaybackRate" PlaybackRate {
        "max" max: f64, "fastest";
        "min" min: f64, "slowest";
    } {}
}

element! {
    /// Which quality to play (Annex K.3.4).
    "OperatingQuality" OperatingQuality {
        "mediaType" media_type: MediaType, "what it is about; any if absent";
        "min" min: u32, "least";
        "max" max: u32, "most";
        "target" target: u32, "what to aim for";
        "type" quality_type: String, "what the quality is measured in";
        "maxDifference" max_difference: u32, "most that two may differ when switching";
    } {}
}

element! {
    /// Which bit rate to play, in bit/s (Annex K.3.5).
    "OperatingBandwidth" OperatingBandwidth {
        "mediaType" media_type: MediaType, "what it is about; all if absent";
        "min" min: u32, "least";
        "max" max: u32, "most";
        "target" target: u32, "what to aim for";
    } {}
}

element! {
    /// The server that says which service location to use (ETSI TS 103 998 §4.6): its URL as text.
    "ContentSteering" ContentSteering text(url) {
        "defaultServiceLocation" default_service_location: String, "which to use until it says";
        "queryBeforeStart" query_before_start: bool, "whether to ask it first";
        "clientRequirement" client_requirement: bool, "whether clients that cannot must not play";
        "proxyServerURL" proxy_server_url: String, "a proxy to ask instead";
    } {}
}
