use super::{CODEC_ID_AVC, CODEC_ID_HEVC, SOUND_FORMAT_AAC};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, TooLong};

/// `AudioTagHeader` (§E.4.2.1).
///
/// ```text
/// SoundFormat 4, SoundRate 2, SoundSize 1, SoundType 1
/// AACPacketType 8, with SoundFormat 10 only
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioTagHeader {
    /// The codec, 4 bits: 2 MP3, 10 AAC, ...
    pub sound_format: u8,
    /// 2 bits: 0 to 3 for 5.5, 11, 22 and 44 kHz. 3 for AAC of any rate.
    pub sound_rate: u8,
    /// 1 bit: 0 for 8-bit samples, 1 for 16-bit ones and all compressed formats.
    pub sound_size: u8,
    /// 1 bit: 0 mono, 1 stereo and all AAC.
    pub sound_type: u8,
    /// With AAC: 0 for an AudioSpecificConfig, 1 for a raw frame.
    pub aac_packet_type: Option<u8>,
}

impl AudioTagHeader {
    /// Of AAC, whose configuration alone tells rate and channels.
    #[must_use]
    pub const fn aac(aac_packet_type: u8) -> Self {
        Self {
            sound_format: SOUND_FORMAT_AAC,
            sound_rate: 3,
            sound_size: 1,
            sound_type: 1,
            aac_packet_type: Some(aac_packet_type),
        }
    }

    /// What a first byte says; nothing of AAC.
    pub(super) const fn of(byte: u8) -> Self {
        Self {
            sound_format: byte >> 4,
            sound_rate: byte >> 2 & 3,
            sound_size: byte >> 1 & 1,
            sound_type: byte & 1,
            aac_packet_type: None,
        }
    }

    /// The first byte; of each field only the bits that it has.
    pub(super) const fn first_byte(self) -> u8 {
        self.sound_format << 4
            | (self.sound_rate & 3) << 2
            | (self.sound_size & 1) << 1
            | self.sound_type & 1
    }

    /// Samples per second, as far as the header tells: not those of AAC, whose configuration does, nor of MP3.
    #[must_use]
    pub const fn sampling_frequency(self) -> u32 {
        match (self.sound_format, self.sound_rate) {
            // Nellymoser and Speex at 16 kHz; Nellymoser, G.711 and MP3 at 8 kHz.
            (4 | 11, _) => 16_000,
            (5 | 7 | 8 | 14, _) => 8000,
            (_, 0) => 5512,
            (_, 1) => 11_025,
            (_, 2) => 22_050,
            _ => 44_100,
        }
    }

    /// Channels, as far as the header tells: not those of AAC and MP3.
    #[must_use]
    pub const fn channels(self) -> u8 {
        match self.sound_format {
            // Nellymoser and Speex are mono, whatever the bit says.
            4 | 5 | 11 => 1,
            _ => 1 + self.sound_type,
        }
    }

    /// Reads the header from the start of a body.
    ///
    /// # Errors
    /// [`Error::Short`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut header = Self::of(r.u8("SoundFormat")?);
        if header.sound_format == SOUND_FORMAT_AAC {
            header.aac_packet_type = Some(r.u8("AACPacketType")?);
        }
        Ok(header)
    }

    /// Writes the header; of each field only the bits that it has.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.first_byte());
        out.extend(self.aac_packet_type);
    }
}

/// `VideoTagHeader` (§E.4.3.1).
///
/// ```text
/// FrameType 4, CodecID 4
/// AVCPacketType 8, CompositionTime 24 signed, with CodecID 7 only
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoTagHeader {
    /// 4 bits: 1 key frame, 2 inter frame, 3 disposable inter frame, 4 generated key frame, 5 information or command.
    pub frame_type: u8,
    /// The codec, 4 bits: 2 H.263, 4 VP6, 7 H.264, ...
    pub codec_id: u8,
    /// What follows with H.264, and with H.265 under its number of old.
    pub avc: Option<AvcHeader>,
}

/// The part of [`VideoTagHeader`] that H.264 has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvcHeader {
    /// 0 for an AVCDecoderConfigurationRecord, 1 for NAL units, 2 for the end of the sequence.
    pub avc_packet_type: u8,
    /// Milliseconds from decoding to presentation, 24 bits signed.
    pub composition_time: i32,
}

impl VideoTagHeader {
    /// `FrameType` of a key frame.
    pub const KEY_FRAME: u8 = 1;
    /// `FrameType` of a frame that needs others.
    pub const INTER_FRAME: u8 = 2;
    /// `FrameType` of a frame that needs others and that none needs.
    pub const DISPOSABLE_INTER_FRAME: u8 = 3;
    /// `FrameType` of information or a command, which is no frame.
    pub const COMMAND_FRAME: u8 = 5;

    /// Of H.264.
    #[must_use]
    pub const fn avc(frame_type: u8, avc_packet_type: u8, composition_time: i32) -> Self {
        Self {
            frame_type,
            codec_id: CODEC_ID_AVC,
            avc: Some(AvcHeader {
                avc_packet_type,
                composition_time,
            }),
        }
    }

    /// Reads the header from the start of a body.
    ///
    /// # Errors
    /// [`Error::Short`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let byte = r.u8("FrameType")?;
        let codec_id = byte & 0xF;
        let avc = match codec_id {
            CODEC_ID_AVC | CODEC_ID_HEVC => Some(AvcHeader {
                avc_packet_type: r.u8("AVCPacketType")?,
                composition_time: r.i24("CompositionTime")?,
            }),
            _ => None,
        };
        Ok(Self {
            frame_type: byte >> 4,
            codec_id,
            avc,
        })
    }

    /// Writes the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a composition time that does not fit into 24 bits.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(self.frame_type << 4 | self.codec_id & 0xF);
        if let Some(avc) = self.avc {
            let [_, a, b, c] = avc.composition_time.to_be_bytes();
            if !(-0x80_0000..0x80_0000).contains(&avc.composition_time) {
                let value = avc.composition_time.unsigned_abs().into();
                return Err(TooLong {
                    what: "CompositionTime",
                    value,
                    max: 0x7F_FFFF,
                }
                .into());
            }
            out.extend_from_slice(&[avc.avc_packet_type, a, b, c]);
        }
        Ok(())
    }
}

/// Codecs that have a number and no FourCC of their own here, by the names that other containers have for them.
#[cfg(feature = "media")]
pub(super) mod legacy {
    const VIDEO: [(u8, [u8; 4]); 6] = [
        (2, *b"FLV1"),
        (3, *b"FSV1"),
        (4, *b"VP6F"),
        (5, *b"VP6A"),
        (6, *b"FSV2"),
        (8, *b"H263"),
    ];
    const SOUND: [(u8, [u8; 4]); 5] = [
        (1, *b"ADPS"),
        (4, *b"NELL"),
        (5, *b"NELL"),
        (6, *b"NELL"),
        (11, *b"SPXN"),
    ];

    fn name(table: &[(u8, [u8; 4])], number: u8) -> Option<[u8; 4]> {
        let (_, name) = table.iter().find(|(other, _)| *other == number)?;
        Some(*name)
    }

    /// The name of a `CodecID`.
    pub(crate) fn video(codec_id: u8) -> Option<[u8; 4]> {
        name(&VIDEO, codec_id)
    }

    /// The name of a `SoundFormat`.
    pub(crate) fn sound(sound_format: u8) -> Option<[u8; 4]> {
        name(&SOUND, sound_format)
    }

    /// The `CodecID` with this name.
    pub(crate) fn codec_id(four_cc: [u8; 4]) -> Option<u8> {
        let (number, _) = VIDEO.iter().find(|(_, name)| *name == four_cc)?;
        Some(*number)
    }
}
