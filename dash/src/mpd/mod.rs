//! The elements of an MPD, one file per clause of ISO/IEC 23009-1 (5th edition).

mod adaptation_set;
mod content_protection;
mod descriptor;
mod event;
mod metadata;
mod period;
mod presentation;
mod segment;
mod service_description;
mod timeline;

pub use adaptation_set::{
    AdaptationSet, ContentComponent, ExtendedBandwidth, InitializationSet, ModelPair, Preselection,
    Representation, SubRepresentation,
};
pub use content_protection::ContentProtection;
pub use descriptor::Descriptor;
pub use event::{Event, EventStream, Selection, SelectionInfo};
pub use metadata::{
    ContentPopularityRate, Label, PopularityRate, ProducerReferenceTime, RandomAccess, Resync,
    Switching,
};
pub use period::{Period, Subset};
pub use presentation::{
    BaseUrl, InitializationGroup, LeapSecondInformation, Location, Metrics, MetricsRange, Mpd,
    NAMESPACE, PatchLocation, ProgramInformation, Text,
};
pub use segment::{
    FailoverContent, Fcs, SegmentBase, SegmentList, SegmentTemplate, SegmentUrl, UrlType,
};
pub use service_description::{
    ContentSteering, Latency, OperatingBandwidth, OperatingQuality, PlaybackRate, QualityLatency,
    ServiceDescription,
};
pub use timeline::{S, SegmentTimeline};
