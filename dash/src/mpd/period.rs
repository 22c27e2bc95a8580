use super::{
    AdaptationSet, BaseUrl, ContentProtection, Descriptor, EventStream, Label, Preselection,
    SegmentBase, SegmentList, SegmentTemplate, ServiceDescription,
};
use crate::value::{Duration, List};

element! {
    /// A span of the presentation in which the set of representations does not change (§5.3.2).
    "Period" Period {
        "xlink:href" href: String, "where the element itself is (§5.5)";
        "xlink:actuate" actuate: String, "`onLoad` or `onRequest`: when to fetch it";
        "xlink:type" xlink_type: String, "`simple`";
        "xlink:show" show: String, "`embed`";
        "id" id: String, "its name";
        "start" start: Duration, "its start on the presentation's time line" [strict];
        "duration" duration: Duration, "how long it lasts" [strict];
        "bitstreamSwitching" bitstream_switching: bool, "whether all its sets allow bitstream switching";
    } {
        "BaseURL" base_urls: Vec<BaseUrl>, "what URLs are relative to; several are alternatives";
        "SegmentBase" segment_base: Option<SegmentBase>, "defaults for its representations";
        "SegmentList" segment_list: Option<SegmentList>, "defaults for its representations";
        "SegmentTemplate" segment_template: Option<SegmentTemplate>, "defaults for its representations";
        "AssetIdentifier" asset_identifier: Option<Descriptor>, "what it is a part of";
        "EventStream" event_streams: Vec<EventStream>, "events";
        "ServiceDescription" service_descriptions: Vec<ServiceDescription>, "how it is meant to be played";
        "ContentProtection" content_protections: Vec<ContentProtection>, "protection schemes to refer to";
        "AdaptationSet" adaptation_sets: Vec<AdaptationSet>, "representations that are alternatives";
        "Subset" subsets: Vec<Subset>, "which sets may be played together";
        "SupplementalProperty" supplemental_properties: Vec<Descriptor>, "what helps to be understood";
        "EmptyAdaptationSet" empty_adaptation_sets: Vec<AdaptationSet>, "sets that this period lacks";
        "GroupLabel" group_labels: Vec<Label>, "titles of groups";
        "Preselection" preselections: Vec<Preselection>, "sets that make an experience together";
    }
}

element! {
    /// Adaptation sets that may be played together (§5.3.8).
    "Subset" Subset {
        "contains" contains: List<u32>, "their numbers (`AdaptationSet@id`)" [required];
        "id" id: String, "its name";
    } {}
}
