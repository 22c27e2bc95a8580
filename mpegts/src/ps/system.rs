use crate::Error;
use crate::pes::{PStdBuffer, StreamId};
use crate::psi::fits;
use alloc::vec::Vec;
use wire::{LengthOf, Reader, Writer};

/// The system header: what a decoder must be able to do for the whole stream (ISO/IEC 13818-1 §2.5.3.5).
///
/// ```text
/// system_header_start_code 32 (0x000001BB) | header_length 16
/// 1 | rate_bound 22 | 1 | audio_bound 6 | fixed_flag 1 | CSPS_flag 1
/// system_audio_lock_flag 1 | system_video_lock_flag 1 | 1 | video_bound 5 | packet_rate_restriction_flag 1 | reserved 7
/// for each stream: stream_id 8 | '11' | P-STD_buffer_bound_scale 1 | P-STD_buffer_size_bound 13
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemHeader {
    /// `rate_bound`, 22 bits: no pack has a higher `program_mux_rate`.
    pub rate_bound: u32,
    /// `audio_bound`, 6 bits: audio streams at most.
    pub audio_bound: u8,
    /// `fixed_flag`: the bit rate is constant.
    pub fixed: bool,
    /// `CSPS_flag`: the stream keeps to the constrained parameters of ISO/IEC 13818-1 §2.7.9.
    pub csps: bool,
    /// `system_audio_lock_flag`: the audio's clock is bound to the system's.
    pub system_audio_lock: bool,
    /// `system_video_lock_flag`: the video's clock is bound to the system's.
    pub system_video_lock: bool,
    /// `video_bound`, 5 bits: video streams at most.
    pub video_bound: u8,
    /// `packet_rate_restriction_flag`.
    pub packet_rate_restriction: bool,
    /// The buffers of the streams.
    pub streams: Vec<BufferBound>,
}

/// The buffer of a stream of a [`SystemHeader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferBound {
    /// `stream_id`, 8 bits: of one stream; 0xB8 all audio, 0xB9 all video streams; 0xB7 an extended one.
    pub stream_id: StreamId,
    /// `stream_id_extension`, 7 bits: there where `stream_id` is 0xB7.
    pub stream_id_extension: Option<u8>,
    /// `P-STD_buffer_bound_scale` and `P-STD_buffer_size_bound`.
    pub bound: PStdBuffer,
}

impl SystemHeader {
    /// `system_header_start_code`.
    pub const START_CODE: [u8; 4] = [0, 0, 1, 0xBB];

    /// Reads what follows `header_length`, all of `r`.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let rate_bound = r.u24("rate_bound")? >> 1 & 0x3F_FFFF;
        let &[audio, video, flags] = r.array("audio_bound")?;
        let mut streams = Vec::new();
        // What follows begins with stream ids, which have their top bit set.
        while r.peek().first().is_some_and(|first| first & 0x80 != 0) {
            let stream_id = StreamId(r.u8("stream_id")?);
            let stream_id_extension = if stream_id == BufferBound::EXTENDED {
                let &[_, extension, _] = r.array("stream_id_extension")?;
                Some(extension & 0x7F)
            } else {
                None
            };
            streams.push(BufferBound {
                stream_id,
                stream_id_extension,
                bound: PStdBuffer::from_bits(r.u16("P-STD_buffer_size_bound")?),
            });
        }
        Ok(Self {
            rate_bound,
            audio_bound: audio >> 2,
            fixed: audio & 2 != 0,
            csps: audio & 1 != 0,
            system_audio_lock: video & 0x80 != 0,
            system_video_lock: video & 0x40 != 0,
            video_bound: video & 0x1F,
            packet_rate_restriction: flags & 0x80 != 0,
            streams,
        })
    }

    /// Appends the header with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let rate = fits("rate_bound", self.rate_bound, 0x3F_FFFF)?;
        let audio = fits("audio_bound", self.audio_bound, 0x3F)?;
        let video = fits("video_bound", self.video_bound, 0x1F)?;
        let mut w = Writer::new(out);
        w.bytes(&Self::START_CODE)
            .sized_u16("header_length", LengthOf::Body, |w| {
                w.u24("rate_bound", 0x80_0001 | rate << 1)?
                    .u8(audio << 2 | u8::from(self.fixed) << 1 | u8::from(self.csps))
                    .u8(u8::from(self.system_audio_lock) << 7
                        | u8::from(self.system_video_lock) << 6
                        | 0x20
                        | video)
                    .u8(u8::from(self.packet_rate_restriction) << 7 | 0x7F);
                self.streams.iter().try_for_each(|stream| stream.put(w))
            })?;
        Ok(())
    }
}

impl BufferBound {
    /// `stream_id` of a stream that `stream_id_extension` names.
    const EXTENDED: StreamId = StreamId(0xB7);

    /// The bound of one stream.
    #[must_use]
    pub const fn new(stream_id: StreamId, bound: PStdBuffer) -> Self {
        Self {
            stream_id,
            stream_id_extension: None,
            bound,
        }
    }

    fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        fits("P-STD_buffer_size_bound", self.bound.size, 0x1FFF)?;
        w.u8(self.stream_id.0);
        if self.stream_id == Self::EXTENDED {
            let extension = self.stream_id_extension.unwrap_or_default();
            w.bytes(&[0xC0, fits("stream_id_extension", extension, 0x7F)?, 0xB6]);
        }
        w.u16(0x8000 | self.bound.bits());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_dvd() {
        // As ffmpeg writes it: video E0, all audio B8, private streams BD and BF.
        let bytes = [
            0, 0, 1, 0xBB, 0, 18, 0xA1, 0x9C, 0x6D, 0x04, 0xE1, 0x7F, 0xB9, 0xE0, 0xE6, 0xB8, 0xC0,
            0x20, 0xBD, 0xC0, 0x00, 0xBF, 0xE0, 0x02,
        ];
        let header = SystemHeader::decode(&mut Reader::new(&bytes[6..])).unwrap();
        assert_eq!(header.rate_bound, 0x10_CE36);
        assert_eq!((header.audio_bound, header.video_bound), (1, 1));
        let ids: Vec<_> = header.streams.iter().map(|one| one.stream_id.0).collect();
        assert_eq!(ids, [0xB9, 0xB8, 0xBD, 0xBF]);
        assert_eq!(header.streams[0].bound.bytes(), 230 * 1024);
        let mut out = Vec::new();
        header.encode(&mut out).unwrap();
        assert_eq!(out, bytes);
    }

    #[test]
    fn an_extended_stream() {
        let bytes = [
            0, 0, 1, 0xBB, 0, 12, 0x80, 0, 3, 4, 0x21, 0x7F, 0xB7, 0xC0, 0x55, 0xB6, 0xE0, 0x10,
        ];
        let header = SystemHeader::decode(&mut Reader::new(&bytes[6..])).unwrap();
        assert_eq!(header.streams[0].stream_id_extension, Some(0x55));
        let mut out = Vec::new();
        header.encode(&mut out).unwrap();
        assert_eq!(out, bytes);
    }
}
