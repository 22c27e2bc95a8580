use bytes::Bytes;

/// How a [`Text`] track is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextFormat {
    /// WebVTT. A sample is the payload of one cue, UTF-8; the configuration is the header before the first cue.
    WebVtt,
    /// TTML (IMSC 1). A sample is one document, UTF-8.
    Ttml,
    /// 3GPP timed text (3GPP TS 26.245). The configuration is the sample entry's content.
    Tx3g,
    /// Plain text, UTF-8.
    Plain,
    /// EBU teletext (ETSI EN 300 472). A sample is the data field of one PES packet; the configuration is the
    /// descriptor's content.
    Teletext,
    /// DVB subtitles (ETSI EN 300 743). A sample is the data field of one PES packet; the configuration is the
    /// descriptor's content.
    DvbSubtitle,
    /// CEA-608 captions in a track of their own (QuickTime's `c608`).
    Cea608,
}

/// Subtitles and captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// How they are coded.
    pub format: TextFormat,
    /// What a renderer must know before the first sample, as [`TextFormat`] says.
    pub config: Bytes,
}

impl Text {
    /// A track without configuration.
    #[must_use]
    pub const fn new(format: TextFormat) -> Self {
        Self {
            format,
            config: Bytes::new(),
        }
    }
}
