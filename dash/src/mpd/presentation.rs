use super::service_description::ContentSteering;
use super::{ContentProtection, Descriptor, InitializationSet, Period, ServiceDescription};
use crate::value::{ContentType, DateTime, Duration, List, PresentationType};
use crate::xml::Attribute;

/// The namespace of an MPD.
pub const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";

element! {
    /// A media presentation description: the outermost element (§5.3.1).
    ///
    /// ```
    /// use fluvial_dash::{Mpd, Period};
    ///
    /// let mut mpd = Mpd::new("urn:mpeg:dash:profile:isoff-live:2011", "PT2S".parse()?);
    /// mpd.periods.push(Period { id: Some("0".into()), ..Period::default() });
    /// let text = mpd.to_string();
    /// assert!(text.contains(r#"profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT2S""#));
    /// assert_eq!(text.parse::<Mpd>()?, mpd);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    "MPD" Mpd {
        "id" id: String, "its name, unique for its provider";
        "profiles" profiles: String, "profiles that it keeps to, with commas between them" [required];
        "type" presentation_type: PresentationType, "whether it can change; static if absent" [strict];
        "availabilityStartTime" availability_start_time: DateTime, "the wall-clock time that times of availability count from" [strict];
        "availabilityEndTime" availability_end_time: DateTime, "when the last segment is gone" [strict];
        "publishTime" publish_time: DateTime, "when this version was made";
        "mediaPresentationDuration" media_presentation_duration: Duration, "how long all periods together last" [strict];
        "minimumUpdatePeriod" minimum_update_period: Duration, "how long this version is valid at least" [strict];
        "minBufferTime" min_buffer_time: Duration, "what has to be buffered at `@bandwidth` for playing without a stall" [required];
        "timeShiftBufferDepth" time_shift_buffer_depth: Duration, "how long segments stay available" [strict];
        "suggestedPresentationDelay" suggested_presentation_delay: Duration, "how far behind the live edge to play";
        "maxSegmentDuration" max_segment_duration: Duration, "longest segment";
        "maxSubsegmentDuration" max_subsegment_duration: Duration, "longest subsegment";
    } {
        "ProgramInformation" program_information: Vec<ProgramInformation>, "what the program is";
        "BaseURL" base_urls: Vec<BaseUrl>, "what URLs are relative to; several are alternatives";
        "Location" locations: Vec<Location>, "where to get the next version";
        "PatchLocation" patch_locations: Vec<PatchLocation>, "where to get a patch to the next version";
        "ServiceDescription" service_descriptions: Vec<ServiceDescription>, "how it is meant to be played";
        "ContentSteering" content_steering: Option<ContentSteering>, "who says which service location to use (ETSI TS 103 998)";
        "InitializationSet" initialization_sets: Vec<InitializationSet>, "media properties that periods share";
        "InitializationGroup" initialization_groups: Vec<InitializationGroup>, "initialization sets that go together";
        "InitializationPresentation" initialization_presentations: Vec<InitializationGroup>, "initialization sets of the whole";
        "ContentProtection" content_protections: Vec<ContentProtection>, "protection schemes to refer to";
        "Period" periods: Vec<Period>, "its periods, in order" required;
        "Metrics" metrics: Vec<Metrics>, "what clients are asked to measure";
        "EssentialProperty" essential_properties: Vec<Descriptor>, "what has to be understood";
        "SupplementalProperty" supplemental_properties: Vec<Descriptor>, "what helps to be understood";
        "UTCTiming" utc_timings: Vec<Descriptor>, "where to get the wall-clock time";
        "LeapSecondInformation" leap_second_information: Option<LeapSecondInformation>, "leap seconds";
    }
}

impl Mpd {
    /// A static presentation without periods.
    #[must_use]
    pub fn new(profiles: &str, min_buffer_time: Duration) -> Self {
        let mut mpd = Self {
            profiles: Some(profiles.into()),
            min_buffer_time: Some(min_buffer_time),
            ..Self::default()
        };
        mpd.other.attributes.push(Attribute {
            name: "xmlns".into(),
            value: NAMESPACE.into(),
        });
        mpd
    }

    /// Whether it can change.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.presentation_type == Some(PresentationType::Dynamic)
    }
}

element! {
    /// A base for URLs (§5.6): its text, resolved against the base of the element around.
    "BaseURL" BaseUrl text(url) {
        "serviceLocation" service_location: String, "names what is likely to fail together";
        "byteRange" byte_range: String, "template for byte ranges in URLs (Annex E)";
        "availabilityTimeOffset" availability_time_offset: f64, "seconds that segments are available earlier" [strict];
        "availabilityTimeComplete" availability_time_complete: bool, "whether segments are complete when they become available";
        "timeShiftBufferDepth" time_shift_buffer_depth: Duration, "how long segments stay available here";
        "rangeAccess" range_access: bool, "whether byte ranges can be asked for";
    } {}
}

impl BaseUrl {
    /// A base without further properties.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}

element! {
    /// A URL as text (`Location`).
    "Location" Location text(url) {} {}
}

element! {
    /// Where a patch to the next version of an MPD is (§5.15.2): a URL as text.
    "PatchLocation" PatchLocation text(url) {
        "ttl" ttl: f64, "seconds from `@publishTime` on that it can be asked for";
    } {}
}

element! {
    /// Descriptive information (§5.7).
    "ProgramInformation" ProgramInformation {
        "lang" lang: String, "its language (RFC 5646)";
        "moreInformationURL" more_information_url: String, "where to learn more";
    } {
        "Title" title: Option<Text>, "the title";
        "Source" source: Option<Text>, "who made it";
        "Copyright" copyright: Option<Text>, "who owns it";
    }
}

element! {
    /// Some text.
    "Title" Text text(text) {} {}
}

element! {
    /// Initialization sets that go together (`UIntVWithIDType`): their numbers as text.
    "InitializationGroup" InitializationGroup text(sets) {
        "id" id: u32, "its number" [required];
        "profiles" profiles: String, "profiles that it keeps to";
        "contentType" content_type: ContentType, "what it holds";
    } {}
}

element! {
    /// What clients are asked to measure and report (§5.9).
    "Metrics" Metrics {
        "metrics" metrics: String, "names of metrics, with commas between them" [required];
    } {
        "Range" ranges: Vec<MetricsRange>, "when to measure";
        "Reporting" reportings: Vec<Descriptor>, "how to report" required;
    }
}

element! {
    /// A span of media time in which to measure (§5.9.3).
    "Range" MetricsRange {
        "starttime" start_time: Duration, "its start";
        "duration" duration: Duration, "how long it lasts";
    } {}
}

element! {
    /// How leap seconds move times of availability (§5.13).
    "LeapSecondInformation" LeapSecondInformation {
        "availabilityStartLeapOffset" availability_start_leap_offset: i64, "seconds that TAI was ahead of UTC at `MPD@availabilityStartTime`" [required];
        "nextAvailabilityStartLeapOffset" next_availability_start_leap_offset: i64, "the same after the next change";
        "nextLeapChangeTime" next_leap_change_time: DateTime, "when it changes";
    } {}
}

/// Lists of numbers in texts.
impl InitializationGroup {
    /// The numbers of the sets; `None` if malformed.
    #[must_use]
    pub fn numbers(&self) -> Option<Vec<u32>> {
        let list: Option<List<u32>> = crate::value::Value::read(&self.sets);
        list.map(|list| list.0)
    }
}
