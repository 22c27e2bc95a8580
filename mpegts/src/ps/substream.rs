use crate::Error;
use wire::{Reader, Writer};

/// What stands at the front of a packet of `private_stream_1` on a DVD, before the data of one of its substreams.
///
/// ```text
/// sub_stream_id 8
/// audio: number_of_frame_headers 8 | first_access_unit_pointer 16
/// LPCM also: audio_emphasis_flag 1 | audio_mute_flag 1 | reserved 1 | audio_frame_number 5
///            quantization_word_length 2 | audio_sampling_frequency 2 | reserved 1 | number_of_audio_channels 3
///            dynamic_range_control 8
/// ```
///
/// This is what the players' and writers' sources agree on; the DVD's own book is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Substream {
    /// `sub_stream_id`, 8 bits.
    pub id: SubstreamId,
    /// What follows it, if it is audio.
    pub audio: Option<SubstreamAudio>,
}

/// The fields of the audio substreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubstreamAudio {
    /// `number_of_frame_headers`, 8 bits: frames that begin in the packet.
    pub number_of_frame_headers: u8,
    /// `first_access_unit_pointer`, 16 bits: bytes from the last byte of this field to the first frame that begins, of which the
    /// packet's time stamp is; 0: none.
    pub first_access_unit_pointer: u16,
    /// What follows for LPCM.
    pub lpcm: Option<Lpcm>,
}

/// How the samples of LPCM are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lpcm {
    /// `audio_emphasis_flag`.
    pub emphasis: bool,
    /// `audio_mute_flag`.
    pub mute: bool,
    /// `audio_frame_number`, 5 bits: within a group of 20 frames of 1/600 second.
    pub frame_number: u8,
    /// `quantization_word_length`, 2 bits: 0 16, 1 20, 2 24 bits.
    pub quantization_word_length: u8,
    /// `audio_sampling_frequency`, 2 bits: 0 48, 1 96, 2 44.1, 3 32 kHz.
    pub sampling_frequency: u8,
    /// `number_of_audio_channels`, 3 bits: less 1.
    pub number_of_audio_channels: u8,
    /// `dynamic_range_control`, 8 bits: 0x80: none.
    pub dynamic_range_control: u8,
}

/// `sub_stream_id`, 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubstreamId(pub u8);

/// What a substream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubstreamKind {
    /// Subpictures, ids 0x20 to 0x3F.
    Subpicture,
    /// AC-3, ids 0x80 to 0x87; also E-AC-3, from 0xC0 to 0xCF.
    Ac3,
    /// DTS, ids 0x88 to 0x8F and 0x98 to 0x9F.
    Dts,
    /// LPCM, ids 0xA0 to 0xAF.
    Lpcm,
    /// MLP and TrueHD, ids 0xB0 to 0xBF.
    Mlp,
}

impl SubstreamId {
    /// What it is; `None` for an id that no known DVD has.
    #[must_use]
    pub const fn kind(self) -> Option<SubstreamKind> {
        Some(match self.0 {
            0x20..=0x3F => SubstreamKind::Subpicture,
            0x80..=0x87 | 0xC0..=0xCF => SubstreamKind::Ac3,
            0x88..=0x8F | 0x98..=0x9F => SubstreamKind::Dts,
            0xA0..=0xAF => SubstreamKind::Lpcm,
            0xB0..=0xBF => SubstreamKind::Mlp,
            _ => return None,
        })
    }
}

impl Lpcm {
    /// Bits of a sample; `None` for the value that is reserved.
    #[must_use]
    pub const fn bits(self) -> Option<u8> {
        match self.quantization_word_length {
            0 => Some(16),
            1 => Some(20),
            2 => Some(24),
            _ => None,
        }
    }

    /// Samples per second.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self.sampling_frequency {
            0 => 48_000,
            1 => 96_000,
            2 => 44_100,
            _ => 32_000,
        }
    }

    /// Channels.
    #[must_use]
    pub const fn channels(self) -> u8 {
        self.number_of_audio_channels.saturating_add(1)
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let &[first, second, dynamic_range_control] = r.array("audio_frame_number")?;
        Ok(Self {
            emphasis: first & 0x80 != 0,
            mute: first & 0x40 != 0,
            frame_number: first & 0x1F,
            quantization_word_length: second >> 6,
            sampling_frequency: second >> 4 & 3,
            number_of_audio_channels: second & 7,
            dynamic_range_control,
        })
    }

    fn encode(self, w: &mut Writer<'_>) {
        w.u8(u8::from(self.emphasis) << 7 | u8::from(self.mute) << 6 | self.frame_number & 0x1F)
            .u8((self.quantization_word_length & 3) << 6
                | (self.sampling_frequency & 3) << 4
                | self.number_of_audio_channels & 7)
            .u8(self.dynamic_range_control);
    }
}

impl Substream {
    /// Reads the front of a packet's data, and stops at the data of the substream.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for an id that no known DVD has.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let offset = r.offset() as u64;
        let id = SubstreamId(r.u8("sub_stream_id")?);
        let kind = id.kind().ok_or(Error::Invalid {
            field: "sub_stream_id",
            value: id.0.into(),
            offset,
        })?;
        if kind == SubstreamKind::Subpicture {
            return Ok(Self { id, audio: None });
        }
        let audio = SubstreamAudio {
            number_of_frame_headers: r.u8("number_of_frame_headers")?,
            first_access_unit_pointer: r.u16("first_access_unit_pointer")?,
            lpcm: (kind == SubstreamKind::Lpcm)
                .then(|| Lpcm::decode(r))
                .transpose()?,
        };
        Ok(Self {
            id,
            audio: Some(audio),
        })
    }

    /// Writes what stands before the data.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.id.0);
        if let Some(audio) = self.audio {
            w.u8(audio.number_of_frame_headers)
                .u16(audio.first_access_unit_pointer);
            if let Some(lpcm) = audio.lpcm {
                lpcm.encode(w);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substreams_come_back() {
        let cases: [(&[u8], SubstreamKind); 3] = [
            (&[0x20], SubstreamKind::Subpicture),
            (&[0x80, 3, 0, 1], SubstreamKind::Ac3),
            (&[0xA0, 7, 0, 4, 0x53, 0x41, 0x80], SubstreamKind::Lpcm),
        ];
        for (bytes, kind) in cases {
            let mut data = bytes.to_vec();
            data.push(9);
            let mut r = Reader::new(&data);
            let substream = Substream::decode(&mut r).unwrap();
            assert_eq!(substream.id.kind(), Some(kind));
            assert_eq!(r.peek(), [9]);
            let mut out = Vec::new();
            substream.encode(&mut Writer::new(&mut out));
            assert_eq!(out, bytes);
        }
        let lpcm = Substream::decode(&mut Reader::new(cases[2].0)).unwrap();
        let lpcm = lpcm.audio.unwrap().lpcm.unwrap();
        assert_eq!((lpcm.bits(), lpcm.channels()), (Some(20), 2));
        assert_eq!(lpcm.sample_rate(), 48_000);
        assert!(matches!(
            Substream::decode(&mut Reader::new(&[0x0B, 0x77])),
            Err(Error::Invalid { value: 0x0B, .. })
        ));
    }
}
