use core::fmt;

/// `stream_id`, 8 bits (ISO/IEC 13818-1 Table 2-22).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u8);

impl StreamId {
    /// `program_stream_map`.
    pub const PROGRAM_STREAM_MAP: StreamId = StreamId(0xBC);
    /// `private_stream_1`: AC-3 and subtitles of DVB, substreams of DVD.
    pub const PRIVATE_1: StreamId = StreamId(0xBD);
    /// `padding_stream`.
    pub const PADDING: StreamId = StreamId(0xBE);
    /// `private_stream_2`: navigation of DVD.
    pub const PRIVATE_2: StreamId = StreamId(0xBF);
    /// `ECM_stream`.
    pub const ECM: StreamId = StreamId(0xF0);
    /// `EMM_stream`.
    pub const EMM: StreamId = StreamId(0xF1);
    /// `DSMCC_stream`.
    pub const DSMCC: StreamId = StreamId(0xF2);
    /// `ITU-T Rec. H.222.1 type E stream`.
    pub const H222_1_TYPE_E: StreamId = StreamId(0xF8);
    /// `metadata_stream`: timed ID3, KLV.
    pub const METADATA: StreamId = StreamId(0xFC);
    /// `extended_stream_id`: the extension of the header says which.
    pub const EXTENDED: StreamId = StreamId(0xFD);
    /// `program_stream_directory`.
    pub const PROGRAM_STREAM_DIRECTORY: StreamId = StreamId(0xFF);

    /// An audio stream by its number, 5 bits.
    #[must_use]
    pub const fn audio(number: u8) -> Self {
        Self(0xC0 | number & 0x1F)
    }

    /// A video stream by its number, 4 bits.
    #[must_use]
    pub const fn video(number: u8) -> Self {
        Self(0xE0 | number & 0x0F)
    }

    /// Whether it is one of the numbered audio streams.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        self.0 >> 5 == 6
    }

    /// Whether it is one of the numbered video streams.
    #[must_use]
    pub const fn is_video(self) -> bool {
        self.0 >> 4 == 14
    }

    /// Whether its packets have flags, time stamps and the rest after their length.
    #[must_use]
    pub const fn has_fields(self) -> bool {
        !matches!(
            self,
            Self::PROGRAM_STREAM_MAP
                | Self::PADDING
                | Self::PRIVATE_2
                | Self::ECM
                | Self::EMM
                | Self::DSMCC
                | Self::H222_1_TYPE_E
                | Self::PROGRAM_STREAM_DIRECTORY
        )
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({self})")
    }
}
