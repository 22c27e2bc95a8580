//! What packets carry of samples: the canonical form of each codec turned into its elementary stream, for transport and program streams
//! alike.

use crate::Error;
use crate::psi::StreamType;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Sample};

/// Makes an elementary stream of the samples of a track.
#[derive(Debug)]
pub(crate) enum Payload {
    H264(Sets),
    /// H.265, with the bytes of a length.
    Hevc(u8, Sets),
    /// AAC with ADTS.
    Adts(aac::adts::Writer),
    /// MPEG video: the headers, for pictures at which decoding starts and which have none.
    MpegVideo(Bytes),
    /// Samples are what the stream has.
    AsIs,
}

/// The parameter sets of a track. They go before every picture at which decoding starts, and before the first one after they were told:
/// others may have come in the middle of a coded video sequence.
#[derive(Debug)]
pub(crate) struct Sets {
    /// With start codes.
    bytes: Vec<u8>,
    due: bool,
}

impl Sets {
    fn new<'a>(nals: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::new();
        for nal in nals {
            bytes.extend_from_slice(&START_CODE);
            bytes.extend_from_slice(nal);
        }
        Self { bytes, due: true }
    }

    fn write_before(&mut self, sample: &Sample, out: &mut Vec<u8>) {
        if sample.is_sync() || self.due {
            out.extend_from_slice(&self.bytes);
        }
        self.due = false;
    }
}

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// An access unit delimiter for pictures of any type: every access unit in a transport stream has one.
const H264_DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xF0];
/// The same of H.265.
const HEVC_DELIMITER: [u8; 7] = [0, 0, 0, 1, 0x46, 0x01, 0x50];

impl Payload {
    /// How a codec is carried, and the `stream_type` of that.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for codecs that are not carried so.
    pub(crate) fn new(codec: &Codec) -> Result<(Self, StreamType), Error> {
        let unsupported =
            |what: &dyn core::fmt::Display| Error::Unsupported(what.to_string().into());
        Ok(match codec {
            Codec::H264(_) => {
                let sets = Sets::new(codec.parameter_sets());
                (Self::H264(sets), StreamType::H264)
            }
            Codec::Hevc(config) => {
                let sets = Sets::new(codec.parameter_sets());
                (Self::Hevc(config.length_size(), sets), StreamType::H265)
            }
            Codec::Aac(config) => {
                let writer = aac::adts::Writer::new(config).map_err(|error| unsupported(&error))?;
                (Self::Adts(writer), StreamType::AAC_ADTS)
            }
            Codec::Mpeg2Video(config) => {
                let is_mpeg2 = config.sequence().extension.is_some();
                let kind = if is_mpeg2 {
                    StreamType::MPEG2_VIDEO
                } else {
                    StreamType::MPEG1_VIDEO
                };
                (Self::MpegVideo(config.raw().clone()), kind)
            }
            Codec::Mpeg4Video(config) => (
                Self::MpegVideo(config.raw().clone()),
                StreamType::MPEG4_VIDEO,
            ),
            Codec::MpegAudio(config) => {
                // Half the sampling rates of MPEG-1 have a type of their own.
                let kind = match config.object_type_indication() {
                    0x6B => StreamType::MPEG1_AUDIO,
                    _ => StreamType::MPEG2_AUDIO,
                };
                (Self::AsIs, kind)
            }
            Codec::Ac3(_) => (Self::AsIs, StreamType::ATSC_AC3),
            Codec::Eac3(_) => (Self::AsIs, StreamType::ATSC_EAC3),
            other => return Err(unsupported(&other.rfc6381())),
        })
    }

    /// Appends what precedes the NAL units of a long sample of H.264 and gives those, with lengths of 4 bytes that packets are to have
    /// start codes for; `None`, and nothing is appended, where it is to be [written](Self::write).
    pub(crate) fn write_head(&mut self, sample: &Sample, out: &mut Vec<u8>) -> Option<Bytes> {
        /// Shorter ones are copied sooner than looked at.
        const LONG: usize = 2048;
        let Self::H264(sets) = self else {
            return None;
        };
        if sample.data.len() < LONG {
            return None;
        }
        let mut len: usize = 0;
        for nal in h264::length_prefixed::nals(&sample.data, 4) {
            len = len.saturating_add(nal.ok()?.len()).saturating_add(4);
        }
        // Empty units, which are left out, make it longer.
        if len != sample.data.len() {
            return None;
        }
        out.extend_from_slice(&H264_DELIMITER);
        sets.write_before(sample, out);
        Some(sample.data.clone())
    }

    /// Appends what packets carry of a sample.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where its lengths run out of it, or it does not fit a frame.
    pub(crate) fn write(&mut self, sample: &Sample, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::H264(sets) => {
                out.extend_from_slice(&H264_DELIMITER);
                sets.write_before(sample, out);
                h264::length_prefixed::to_annexb(&sample.data, 4, out)
                    .map_err(|error| Error::Unsupported(error.to_string().into()))
            }
            Self::Hevc(length_size, sets) => {
                out.extend_from_slice(&HEVC_DELIMITER);
                sets.write_before(sample, out);
                h264::length_prefixed::to_annexb(&sample.data, *length_size, out)
                    .map_err(|error| Error::Unsupported(error.to_string().into()))
            }
            Self::Adts(writer) => writer
                .write(&sample.data, out)
                .map_err(|error| Error::Unsupported(error.to_string().into())),
            Self::MpegVideo(headers) => {
                // Both begin alike: with the header of a sequence, or of a layer.
                let has_headers = sample.data.first_chunk::<4>() == headers.first_chunk();
                if sample.is_sync() && !has_headers {
                    out.extend_from_slice(headers);
                }
                out.extend_from_slice(&sample.data);
                Ok(())
            }
            Self::AsIs => {
                out.extend_from_slice(&sample.data);
                Ok(())
            }
        }
    }
}
