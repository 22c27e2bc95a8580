use super::Value;

/// Types with a few named values.
macro_rules! names {
    ($($(#[$meta:meta])* $type:ident, $expected:literal { $($(#[$doc:meta])* $value:ident = $name:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$doc])* $value,)*
        }

        impl $type {
            /// Its name in documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Value for $type {
            const EXPECTED: &'static str = $expected;
            fn read(text: &str) -> Option<Self> {
                match text {
                    $($name => Some(Self::$value),)*
                    _ => None,
                }
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.as_str().as_bytes());
            }
        }
    )*};
}

names! {
    /// Whether a presentation can change (`PresentationType`, ISO/IEC 23009-1 §5.3.1).
    PresentationType, "static or dynamic" {
        /// On demand: all segments are there.
        Static = "static",
        /// Live: segments become available over time.
        Dynamic = "dynamic",
    }
    /// The top-level media type (`RFC6838ContentTypeType`).
    ContentType, "text, image, audio, video, application or font" {
        /// Text.
        Text = "text",
        /// Pictures that stand still.
        Image = "image",
        /// Sound.
        Audio = "audio",
        /// Moving pictures.
        Video = "video",
        /// Anything else, such as subtitles in MP4.
        Application = "application",
        /// Fonts.
        Font = "font",
    }
    /// How pictures were scanned (`VideoScanType`).
    VideoScan, "progressive, interlaced or unknown" {
        /// Whole pictures.
        Progressive = "progressive",
        /// Fields.
        Interlaced = "interlaced",
        /// Not known.
        Unknown = "unknown",
    }
    /// What may be switched to (`SwitchingTypeType`, §5.3.3.4).
    SwitchingType, "media or bitstream" {
        /// Another representation, with its initialization segment.
        Media = "media",
        /// Another representation, without.
        Bitstream = "bitstream",
    }
    /// How a decoder can start (`RandomAccessTypeType`, §5.3.5.5).
    RandomAccessType, "closed, open or gradual" {
        /// Nothing refers to what came before.
        Closed = "closed",
        /// Pictures that are output before may.
        Open = "open",
        /// Pictures get right over time.
        Gradual = "gradual",
    }
    /// How the components of a preselection are put together (`PreselectionOrderType`, §5.3.11).
    PreselectionOrder, "undefined, time-ordered or fully-ordered" {
        /// In any order.
        Undefined = "undefined",
        /// By time.
        TimeOrdered = "time-ordered",
        /// As they are listed.
        FullyOrdered = "fully-ordered",
    }
    /// What a wall-clock time of production is of (`ProducerReferenceTimeTypeType`, §5.12).
    ProducerReferenceTimeType, "encoder, captured or application" {
        /// Input to the encoder.
        Encoder = "encoder",
        /// Capture.
        Captured = "captured",
        /// As `@applicationScheme` says.
        Application = "application",
    }
    /// How data in an attribute or text is coded (`ContentEncodingType`, §5.10.2.2).
    ContentEncoding, "base64" {
        /// Base64.
        Base64 = "base64",
    }
    /// What an operating point is about (Annex K.3.2).
    MediaType, "video, audio, any or all" {
        /// Video.
        Video = "video",
        /// Audio.
        Audio = "audio",
        /// Either.
        Any = "any",
        /// All together.
        All = "all",
    }
    /// Where a popularity rate comes from (`ContentPopularityRateType`).
    PopularitySource, "content, statistics or other" {
        /// From the content.
        Content = "content",
        /// From statistics.
        Statistics = "statistics",
        /// From elsewhere.
        Other = "other",
    }
}
