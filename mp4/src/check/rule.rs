use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// How bad a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Players do well, but a rule that asks is broken, or something could not be checked.
    Warning,
    /// A rule is broken that has to be kept.
    Error,
}

/// Declares the rules: name, severity, and the clause that says so.
macro_rules! rules {
    ($( $(#[$doc:meta])* $rule:ident $name:literal $severity:ident $clause:literal, )*) => {
        /// A rule of ISO/IEC 14496-12 or of a standard that is built on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $( $(#[$doc])* $rule, )*
        }

        impl Rule {
            /// All rules, in the order of files.
            pub const ALL: &[Self] = &[$( Self::$rule, )*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$rule => $name, )* }
            }

            /// How bad it is to break it.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $( Self::$rule => Severity::$severity, )* }
            }

            /// The clause that says so.
            #[must_use]
            pub const fn clause(self) -> &'static str {
                match self { $( Self::$rule => $clause, )* }
            }
        }
    };
}

rules! {
    /// A box is smaller than its header, or goes past its container or the end of the file.
    BoxSize "box-size" Error "ISO/IEC 14496-12 §4.2.2",
    /// Bytes that are no box.
    BoxType "box-type" Error "ISO/IEC 14496-12 §4.2.2",
    /// A box of a version that there is not.
    BoxVersion "box-version" Error "ISO/IEC 14496-12 §4.2.2",
    /// A box that ends before its last field, or with a field that must not have its value.
    BoxFields "box-fields" Error "ISO/IEC 14496-12 §4.2.2",
    /// Bytes behind the last field of a box.
    BoxTail "box-tail" Warning "ISO/IEC 14496-12 §4.2.2",
    /// A box that must be there is not.
    MandatoryBox "mandatory-box" Error "ISO/IEC 14496-12 §6.2.3",
    /// A box more often than it may be there.
    BoxCount "box-count" Error "ISO/IEC 14496-12 §6.2.3",
    /// A box in a container where it has no meaning.
    BoxPlace "box-place" Error "ISO/IEC 14496-12 §6.2.3",
    /// A box behind others that it should stand before.
    BoxOrder "box-order" Warning "ISO/IEC 14496-12 §6.2.3",
    /// A box too long to be held, or more of something than is remembered.
    NotChecked "not-checked" Warning "limits of the checker",

    /// A file that is no segment has no `ftyp` before everything else.
    FileType "file-type" Warning "ISO/IEC 14496-12 §4.3.1",
    /// `ftyp` or `styp` do not list their own major brand among the compatible ones.
    MajorBrand "major-brand" Warning "ISO/IEC 14496-12 §4.3.3",
    /// Something is used that no brand of the file knows.
    BrandFeature "brand-feature" Warning "ISO/IEC 14496-12 Annex E",

    /// A track's number is 0, or another's.
    TrackId "track-id" Error "ISO/IEC 14496-12 §8.3.2.3",
    /// `next_track_ID` is a number that a track has, or less: only who adds tracks is misled.
    NextTrackId "next-track-id" Warning "ISO/IEC 14496-12 §8.2.2.3",
    /// A clock of no ticks.
    Timescale "timescale" Error "ISO/IEC 14496-12 §8.4.2.3",
    /// The media header is not that of the handler's kind.
    MediaHeader "media-header" Error "ISO/IEC 14496-12 §8.4.5",
    /// A track refers to one that is not there, or to itself.
    TrackReference "track-reference" Error "ISO/IEC 14496-12 §8.3.3",
    /// A duration of the media that is not that of its samples.
    MediaDuration "media-duration" Warning "ISO/IEC 14496-12 §8.4.2.3",
    /// A duration of a track that is not that of its edits or media.
    TrackDuration "track-duration" Warning "ISO/IEC 14496-12 §8.3.2.3",
    /// A duration of the movie that is not that of its longest track.
    MovieDuration "movie-duration" Warning "ISO/IEC 14496-12 §8.2.2.3",
    /// An edit that shows what the track does not have, or ends with nothing.
    EditList "edit-list" Error "ISO/IEC 14496-12 §8.6.6.3",

    /// No sample description, or another number of them than is said.
    SampleDescription "sample-description" Error "ISO/IEC 14496-12 §8.5.2.3",
    /// A sample description without the record that its codec needs, or with a damaged one.
    CodecRecord "codec-record" Error "ISO/IEC 14496-15 §5.4.2.1",
    /// A sample description refers to a data reference that is not there.
    DataReference "data-reference" Error "ISO/IEC 14496-12 §8.5.2.3",
    /// An encrypted sample description without what it is encrypted with.
    Protection "protection" Error "ISO/IEC 14496-12 §8.12.1",

    /// `stts` has another number of samples than `stsz`.
    TimeCount "time-count" Error "ISO/IEC 14496-12 §8.6.1.2",
    /// A sample that is decoded before the one that stands before it.
    DecodingTime "decoding-time" Error "ISO/IEC 14496-12 §8.6.1.2",
    /// A sample that lasts no time and is not the last.
    ZeroDuration "zero-duration" Warning "ISO/IEC 14496-12 §8.6.1.2",
    /// `ctts` has another number of samples than `stsz`.
    CompositionCount "composition-count" Error "ISO/IEC 14496-12 §8.6.1.3",
    /// Composition offsets that `cslg` does not bound.
    CompositionBounds "composition-bounds" Warning "ISO/IEC 14496-12 §8.6.1.4",
    /// A sync sample that is not there, or is told out of order.
    SyncSample "sync-sample" Error "ISO/IEC 14496-12 §8.6.2.3",
    /// `sdtp` has another number of samples than `stsz`.
    DependencyCount "dependency-count" Error "ISO/IEC 14496-12 §8.6.4",
    /// Runs of chunks out of order, empty, of a description that is not there, or past the last chunk.
    ChunkRun "chunk-run" Error "ISO/IEC 14496-12 §8.7.4.3",
    /// The chunks have another number of samples than `stsz`.
    ChunkCount "chunk-count" Error "ISO/IEC 14496-12 §8.7.4",
    /// A chunk that lies outside of the file.
    ChunkPastEnd "chunk-past-end" Error "ISO/IEC 14496-12 §8.7.5",
    /// A chunk that lies outside of media data.
    ChunkPlace "chunk-place" Error "ISO/IEC 14496-12 §8.7.5",
    /// More samples in groups than there are, or groups that are not described.
    SampleGroup "sample-group" Error "ISO/IEC 14496-12 §8.9.2.3",

    /// A track without its defaults for fragments, or with several, or defaults without a track.
    TrackExtends "track-extends" Error "ISO/IEC 14496-12 §8.8.3.1",
    /// The duration with fragments is not that of the fragments.
    FragmentedDuration "fragmented-duration" Warning "ISO/IEC 14496-12 §8.8.2.3",
    /// Fragments whose numbers do not grow.
    SequenceNumber "sequence-number" Error "ISO/IEC 14496-12 §8.8.5.3",
    /// A fragment of a track that the movie does not have, or of a description that the track does not have.
    FragmentTrack "fragment-track" Error "ISO/IEC 14496-12 §8.8.7.3",
    /// A fragment that begins before the one before it ends.
    DecodeTimeOverlap "decode-time-overlap" Error "ISO/IEC 14496-12 §8.8.12.1",
    /// A fragment that begins later than the one before it ends.
    DecodeTimeGap "decode-time-gap" Warning "ISO/IEC 14496-12 §8.8.12.1",
    /// A run with flags of the first sample and of each.
    FirstSampleFlags "first-sample-flags" Error "ISO/IEC 14496-12 §8.8.8.1",
    /// A run of samples that does not lie in media data.
    RunPlace "run-place" Error "ISO/IEC 14496-12 §8.8.8.3",
    /// Auxiliary information of another number of samples than there are.
    AuxiliaryInformation "auxiliary-information" Error "ISO/IEC 23001-7 §7.1",
    /// An index whose pieces are not where pieces of the file begin and end.
    IndexSize "index-size" Error "ISO/IEC 14496-12 §8.16.3.3",
    /// An index whose times are not those of the samples.
    IndexTime "index-time" Error "ISO/IEC 14496-12 §8.16.3.3",
    /// An index that promises a sync sample where there is none.
    IndexSap "index-sap" Error "ISO/IEC 14496-12 §8.16.3.3",
    /// Random access points that are no fragments, or of no track.
    RandomAccess "random-access" Error "ISO/IEC 14496-12 §8.8.10.3",
    /// `mfro` does not say how long `mfra` is.
    RandomAccessSize "random-access-size" Error "ISO/IEC 14496-12 §8.8.11.3",

    /// A CMAF header of other than one track, or with samples, or without `mvex`.
    CmafHeader "cmaf-header" Error "ISO/IEC 23000-19 §7.3.2.1",
    /// Fields of a CMAF header that must have their default values.
    CmafHeaderFields "cmaf-header-fields" Warning "ISO/IEC 23000-19 §7.5.1",
    /// A CMAF chunk of other than one track fragment, or without media data of its own.
    CmafChunk "cmaf-chunk" Error "ISO/IEC 23000-19 §7.3.2.3",
    /// A CMAF fragment whose data offsets do not count from its `moof`.
    CmafBase "cmaf-base" Error "ISO/IEC 23000-19 §7.5.16",
    /// A CMAF fragment without its decode time.
    CmafDecodeTime "cmaf-decode-time" Error "ISO/IEC 23000-19 §7.5.16",
    /// A run without the place of its data.
    CmafDataOffset "cmaf-data-offset" Error "ISO/IEC 23000-19 §7.5.17",
    /// A CMAF segment that begins with a sample at which decoding cannot start.
    CmafSap "cmaf-sap" Error "ISO/IEC 23000-19 §7.3.2.4",
    /// What the brand `cmf2` rules out: edit lists of video, and runs of video without signed offsets.
    Cmaf2 "cmaf-cmf2" Error "ISO/IEC 23000-19 §7.7",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Where, in bytes from the start of the file: the box that breaks it.
    pub offset: u64,
    /// The box, by its containers: `moov/trak[2]/mdia/minf/stbl/stts`; boxes of a type count from 1. Empty for the file.
    pub path: String,
    /// What was found, for a person.
    pub what: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, clause) = (self.rule.severity(), self.rule.clause());
        write!(f, "{severity}: offset {}", self.offset)?;
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        write!(f, ": {}: {} ({clause})", self.rule, self.what)
    }
}
