use core::fmt;

/// `stream_type`: what an elementary stream is (ISO/IEC 13818-1 Table 2-34; from 0x80 on user private, here as ATSC and SCTE use it).
///
/// Streams of type [`PES_PRIVATE`](StreamType::PES_PRIVATE) say what they are by their descriptors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamType(pub u8);

macro_rules! stream_types {
    ($($value:literal $constant:ident $name:literal,)*) => {
        impl StreamType {
            $(
                #[doc = concat!($name, ".")]
                pub const $constant: StreamType = StreamType($value);
            )*

            /// What it stands for; `None` where it is reserved or private.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

stream_types! {
    0x01 MPEG1_VIDEO "MPEG-1 video (ISO/IEC 11172-2)",
    0x02 MPEG2_VIDEO "MPEG-2 video (ISO/IEC 13818-2)",
    0x03 MPEG1_AUDIO "MPEG-1 audio (ISO/IEC 11172-3)",
    0x04 MPEG2_AUDIO "MPEG-2 audio of lower sampling rates (ISO/IEC 13818-3)",
    0x05 PRIVATE_SECTIONS "Private sections",
    0x06 PES_PRIVATE "PES packets with private data",
    0x07 MHEG "MHEG (ISO/IEC 13522)",
    0x08 DSM_CC "DSM-CC (ISO/IEC 13818-1 Annex A)",
    0x09 H222_1 "ITU-T H.222.1",
    0x0A DSM_CC_A "DSM-CC multiprotocol encapsulation (ISO/IEC 13818-6 type A)",
    0x0B DSM_CC_B "DSM-CC messages (ISO/IEC 13818-6 type B)",
    0x0C DSM_CC_C "DSM-CC stream descriptors (ISO/IEC 13818-6 type C)",
    0x0D DSM_CC_D "DSM-CC sections (ISO/IEC 13818-6 type D)",
    0x0E AUXILIARY "ISO/IEC 13818-1 auxiliary",
    0x0F AAC_ADTS "AAC with ADTS (ISO/IEC 13818-7)",
    0x10 MPEG4_VIDEO "MPEG-4 video (ISO/IEC 14496-2)",
    0x11 AAC_LATM "MPEG-4 audio with LATM (ISO/IEC 14496-3)",
    0x12 SL_PES "SL-packetized stream in PES packets (ISO/IEC 14496-1)",
    0x13 SL_SECTIONS "SL-packetized stream in sections (ISO/IEC 14496-1)",
    0x14 DOWNLOAD "DSM-CC synchronized download (ISO/IEC 13818-6)",
    0x15 METADATA_PES "Metadata in PES packets",
    0x16 METADATA_SECTIONS "Metadata in sections",
    0x17 METADATA_DATA_CAROUSEL "Metadata in a DSM-CC data carousel",
    0x18 METADATA_OBJECT_CAROUSEL "Metadata in a DSM-CC object carousel",
    0x19 METADATA_DOWNLOAD "Metadata in a synchronized download",
    0x1A IPMP "MPEG-2 IPMP (ISO/IEC 13818-11)",
    0x1B H264 "H.264 / AVC (ISO/IEC 14496-10)",
    0x1C MPEG4_AUDIO_RAW "MPEG-4 audio without transport syntax (ISO/IEC 14496-3)",
    0x1D MPEG4_TEXT "MPEG-4 text (ISO/IEC 14496-17)",
    0x1E AUXILIARY_VIDEO "Auxiliary video (ISO/IEC 23002-3)",
    0x1F SVC "SVC sub-stream of H.264",
    0x20 MVC "MVC sub-stream of H.264",
    0x21 JPEG_2000 "JPEG 2000 (ISO/IEC 15444-1)",
    0x22 MPEG2_VIDEO_3D "Additional view of MPEG-2 video",
    0x23 H264_3D "Additional view of H.264",
    0x24 H265 "H.265 / HEVC (ISO/IEC 23008-2)",
    0x25 H265_TEMPORAL "Temporal sub-stream of H.265",
    0x26 MVCD "MVCD sub-stream of H.264",
    0x27 TEMI "Timeline and external media information",
    0x28 H265_ENHANCEMENT_G "Enhancement of H.265 (Annex G)",
    0x29 H265_ENHANCEMENT_G_TEMPORAL "Temporal enhancement of H.265 (Annex G)",
    0x2A H265_ENHANCEMENT_H "Enhancement of H.265 (Annex H)",
    0x2B H265_ENHANCEMENT_H_TEMPORAL "Temporal enhancement of H.265 (Annex H)",
    0x2C GREEN "Green access units in sections (ISO/IEC 23001-11)",
    0x2D MPEGH_MAIN "MPEG-H 3D audio, main stream (ISO/IEC 23008-3)",
    0x2E MPEGH_AUXILIARY "MPEG-H 3D audio, auxiliary stream (ISO/IEC 23008-3)",
    0x2F QUALITY "Quality access units in sections",
    0x30 MEDIA_ORCHESTRATION "Media orchestration access units",
    0x31 H265_TILES "Motion-constrained tile sub-stream of H.265",
    0x32 JPEG_XS "JPEG XS (ISO/IEC 21122-2)",
    0x33 H266 "H.266 / VVC (ISO/IEC 23090-3)",
    0x34 H266_TEMPORAL "Temporal sub-stream of H.266",
    0x35 EVC "EVC (ISO/IEC 23094-1)",
    0x36 LCEVC "LCEVC (ISO/IEC 23094-2)",
    0x7F IPMP_CONTROL "IPMP control",
    0x80 DIGICIPHER_VIDEO "MPEG-2 video, or PCM in some files (user private)",
    0x81 ATSC_AC3 "AC-3 (ATSC A/52)",
    0x82 SCTE_SUBTITLES "Subtitles (SCTE 27), or DTS in some files (user private)",
    0x83 TRUE_HD "Dolby TrueHD in some files (user private)",
    0x84 BD_EAC3 "E-AC-3 in some files (user private)",
    0x85 DTS_HD "DTS-HD in some files (user private)",
    0x86 SCTE35 "Splice information (SCTE 35)",
    0x87 ATSC_EAC3 "E-AC-3 (ATSC A/52)",
    0x8A DTS "DTS in some files (user private)",
    0x90 PGS "Presentation graphics subtitles in some files (user private)",
    0x95 ATSC_DATA "Data service table (ATSC A/90)",
    0xCF AAC_ENCRYPTED "AAC with ADTS, encrypted (HLS SAMPLE-AES)",
    0xC1 AC3_ENCRYPTED "AC-3, encrypted (HLS SAMPLE-AES)",
    0xC2 EAC3_ENCRYPTED "E-AC-3, encrypted (HLS SAMPLE-AES)",
    0xDB H264_ENCRYPTED "H.264, encrypted (HLS SAMPLE-AES)",
    0xEA VC1 "VC-1 (SMPTE RP 227)",
}

impl fmt::Display for StreamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.0) {
            (Some(name), _) => f.write_str(name),
            (None, value @ 0x80..) => write!(f, "user private {value:#04x}"),
            (None, value) => write!(f, "reserved {value:#04x}"),
        }
    }
}

impl fmt::Debug for StreamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamType({:#04x}: {self})", self.0)
    }
}
