use super::{
    BaseUrl, ContentPopularityRate, ContentProtection, Descriptor, EventStream, Label,
    ProducerReferenceTime, RandomAccess, Resync, SegmentBase, SegmentList, SegmentTemplate,
    Switching,
};
use crate::value::{
    AudioSamplingRate, ContentType, Duration, FrameRate, List, PreselectionOrder, Ratio, Sap,
    VideoScan,
};

/// The attributes and children that adaptation sets, representations and their like have in common (§5.3.7).
macro_rules! representation_base {
    (
        $(#[$meta:meta])* $name:literal $type:ident { $($attributes:tt)* } { $($children:tt)* }
    ) => {
        element! {
            $(#[$meta])*
            $name $type any(14) {
                $($attributes)*
                "profiles" profiles: String, "profiles that it keeps to, with commas between them";
                "width" width: u32, "pixels across, as they are shown";
                "height" height: u32, "pixels down, as they are shown";
                "sar" sar: Ratio, "width of a pixel to its height";
                "frameRate" frame_rate: FrameRate, "frames per second";
                "audioSamplingRate" audio_sampling_rate: AudioSamplingRate, "samples per second";
                "mimeType" mime_type: String, "type of its segments";
                "segmentProfiles" segment_profiles: List<String>, "brands of its segments";
                "codecs" codecs: String, "codecs in it (RFC 6381)";
                "containerProfiles" container_profiles: List<String>, "profiles of its container";
                "maximumSAPPeriod" maximum_sap_period: f64, "most seconds between two points to start at";
                "startWithSAP" start_with_sap: Sap, "type of stream access point that each segment starts with";
                "maxPlayoutRate" max_playout_rate: f64, "fastest that it can be played, as a factor";
                "codingDependency" coding_dependency: bool, "whether some pictures depend on others";
                "scanType" scan_type: VideoScan, "how pictures were scanned";
                "selectionPriority" selection_priority: u32, "the higher, the better to choose; 1 if absent";
                "tag" tag: String, "names it for an application";
            } {
                "FramePacking" frame_packings: Vec<Descriptor>, "how two views are in a frame";
                "AudioChannelConfiguration" audio_channel_configurations: Vec<Descriptor>, "channels of sound";
                "ContentProtection" content_protections: Vec<ContentProtection>, "protection schemes";
                "OutputProtection" output_protection: Option<Descriptor>, "how outputs have to be protected";
                "EssentialProperty" essential_properties: Vec<Descriptor>, "what has to be understood";
                "SupplementalProperty" supplemental_properties: Vec<Descriptor>, "what helps to be understood";
                "InbandEventStream" inband_event_streams: Vec<EventStream>, "events in its segments";
                "Switching" switchings: Vec<Switching>, "where to switch";
                "RandomAccess" random_accesses: Vec<RandomAccess>, "where to start";
                "GroupLabel" group_labels: Vec<Label>, "titles of its group";
                "Label" labels: Vec<Label>, "its titles";
                "ProducerReferenceTime" producer_reference_times: Vec<ProducerReferenceTime>, "when it was produced";
                "ContentPopularityRate" content_popularity_rates: Vec<ContentPopularityRate>, "how popular its parts are";
                "Resync" resyncs: Vec<Resync>, "where to start within segments";
                $($children)*
            }
        }
    };
}

representation_base! {
    /// Representations that are alternatives to each other (§5.3.3).
    "AdaptationSet" AdaptationSet {
        "xlink:href" href: String, "where the element itself is (§5.5)";
        "xlink:actuate" actuate: String, "`onLoad` or `onRequest`: when to fetch it";
        "xlink:type" xlink_type: String, "`simple`";
        "xlink:show" show: String, "`embed`";
        "id" id: u32, "its number";
        "group" group: u32, "sets of the same are alternatives";
        "lang" lang: String, "its language (RFC 5646)";
        "contentType" content_type: ContentType, "what it holds";
        "par" par: Ratio, "width of the picture to its height";
        "minBandwidth" min_bandwidth: u32, "least `@bandwidth`, in bit/s";
        "maxBandwidth" max_bandwidth: u32, "most `@bandwidth`, in bit/s";
        "minWidth" min_width: u32, "least `@width`";
        "maxWidth" max_width: u32, "most `@width`";
        "minHeight" min_height: u32, "least `@height`";
        "maxHeight" max_height: u32, "most `@height`";
        "minFrameRate" min_frame_rate: FrameRate, "least `@frameRate`";
        "maxFrameRate" max_frame_rate: FrameRate, "most `@frameRate`";
        "segmentAlignment" segment_alignment: bool, "whether segments of all representations begin at the same times";
        "subsegmentAlignment" subsegment_alignment: bool, "whether subsegments do";
        "subsegmentStartsWithSAP" subsegment_starts_with_sap: Sap, "type of stream access point that each subsegment starts with";
        "bitstreamSwitching" bitstream_switching: bool, "whether segments can follow each other without initialization";
        "initializationSetRef" initialization_set_ref: List<u32>, "initialization sets that it keeps to";
        "initializationPrincipal" initialization_principal: String, "URL of an initialization segment for all";
    } {
        "Accessibility" accessibilities: Vec<Descriptor>, "whom it helps";
        "Role" roles: Vec<Descriptor>, "what it is for";
        "Rating" ratings: Vec<Descriptor>, "for which age";
        "Viewpoint" viewpoints: Vec<Descriptor>, "from where it is seen";
        "ContentComponent" content_components: Vec<ContentComponent>, "what is multiplexed in it";
        "BaseURL" base_urls: Vec<BaseUrl>, "what URLs are relative to; several are alternatives";
        "SegmentBase" segment_base: Option<SegmentBase>, "defaults for its representations";
        "SegmentList" segment_list: Option<SegmentList>, "defaults for its representations";
        "SegmentTemplate" segment_template: Option<SegmentTemplate>, "defaults for its representations";
        "Representation" representations: Vec<Representation>, "the alternatives";
    }
}

representation_base! {
    /// One way in which some content was encoded (§5.3.5).
    "Representation" Representation {
        "id" id: String, "its name, unique in the period" [required];
        "bandwidth" bandwidth: u32, "the rate in bit/s at which `MPD@minBufferTime` is enough" [required];
        "qualityRanking" quality_ranking: u32, "the lower, the better";
        "dependencyId" dependency_id: List<String>, "representations that it cannot be decoded without";
        "associationId" association_id: List<String>, "representations that it belongs to";
        "associationType" association_type: List<String>, "how it belongs to each of them (track reference types)";
        "mediaStreamStructureId" media_stream_structure_id: List<String>, "representations of the same can be switched";
    } {
        "BaseURL" base_urls: Vec<BaseUrl>, "what URLs are relative to; several are alternatives";
        "ExtendedBandwidth" extended_bandwidths: Vec<ExtendedBandwidth>, "bit rates for other buffers";
        "SubRepresentation" sub_representations: Vec<SubRepresentation>, "parts that can be used alone";
        "SegmentBase" segment_base: Option<SegmentBase>, "its only segment";
        "SegmentList" segment_list: Option<SegmentList>, "its segments";
        "SegmentTemplate" segment_template: Option<SegmentTemplate>, "its segments";
    }
}

representation_base! {
    /// A part of a representation that can be used alone (§5.3.6).
    "SubRepresentation" SubRepresentation {
        "level" level: u32, "its level in the index";
        "dependencyLevel" dependency_level: List<u32>, "levels that it cannot be decoded without";
        "bandwidth" bandwidth: u32, "in bit/s";
        "contentComponent" content_component: List<String>, "components that it holds";
    } {}
}

representation_base! {
    /// Sets that make an experience together (§5.3.11).
    "Preselection" Preselection {
        "id" id: String, "its name; `1` if absent";
        "preselectionComponents" preselection_components: List<String>, "the main set, and the others" [required];
        "lang" lang: String, "its language (RFC 5646)";
        "order" order: PreselectionOrder, "how they are put together";
    } {
        "Accessibility" accessibilities: Vec<Descriptor>, "whom it helps";
        "Role" roles: Vec<Descriptor>, "what it is for";
        "Rating" ratings: Vec<Descriptor>, "for which age";
        "Viewpoint" viewpoints: Vec<Descriptor>, "from where it is seen";
    }
}

representation_base! {
    /// Media properties that sets of several periods share (§5.3.12).
    "InitializationSet" InitializationSet {
        "xlink:href" href: String, "where the element itself is (§5.5)";
        "xlink:actuate" actuate: String, "`onLoad` or `onRequest`: when to fetch it";
        "xlink:type" xlink_type: String, "`simple`";
        "id" id: u32, "its number" [required];
        "inAllPeriods" in_all_periods: bool, "whether each period has a set of it; true if absent";
        "contentType" content_type: ContentType, "what it is about";
        "par" par: Ratio, "width of the picture to its height";
        "maxWidth" max_width: u32, "most `@width`";
        "maxHeight" max_height: u32, "most `@height`";
        "maxFrameRate" max_frame_rate: FrameRate, "most `@frameRate`";
        "initialization" initialization: String, "URL of an initialization segment";
    } {
        "Accessibility" accessibilities: Vec<Descriptor>, "whom it helps";
        "Role" roles: Vec<Descriptor>, "what it is for";
        "Rating" ratings: Vec<Descriptor>, "for which age";
        "Viewpoint" viewpoints: Vec<Descriptor>, "from where it is seen";
    }
}

element! {
    /// A component that is multiplexed in a set (§5.3.4).
    "ContentComponent" ContentComponent {
        "id" id: u32, "its number";
        "lang" lang: String, "its language (RFC 5646)";
        "contentType" content_type: ContentType, "what it holds";
        "par" par: Ratio, "width of the picture to its height";
        "tag" tag: String, "names it for an application";
    } {
        "Accessibility" accessibilities: Vec<Descriptor>, "whom it helps";
        "Role" roles: Vec<Descriptor>, "what it is for";
        "Rating" ratings: Vec<Descriptor>, "for which age";
        "Viewpoint" viewpoints: Vec<Descriptor>, "from where it is seen";
    }
}

element! {
    /// Bit rates for other buffers (§5.3.5.6).
    "ExtendedBandwidth" ExtendedBandwidth {
        "vbr" vbr: bool, "whether the bit rate varies";
    } {
        "ModelPair" model_pairs: Vec<ModelPair>, "a bit rate for each buffer";
    }
}

element! {
    /// A buffer and the bit rate that it is enough for (§5.3.5.6).
    "ModelPair" ModelPair {
        "bufferTime" buffer_time: Duration, "what is buffered" [required];
        "bandwidth" bandwidth: u32, "in bit/s" [required];
    } {}
}
