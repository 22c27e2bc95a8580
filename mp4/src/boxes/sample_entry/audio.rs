use super::{Btrt, DOps, Dac3, Dec3, DfLa, Slot, entry_boxes};
use crate::Error;
use crate::boxes::container::container;
use crate::boxes::{Esds, FourCc, Raw};
use alloc::vec::Vec;
use wire::{LengthOf, Reader, Writer};

/// Sound (ISO/IEC 14496-12 §12.2.3, for AAC ISO/IEC 14496-14 §6.7; QuickTime File Format, "Sound Sample
/// Descriptions").
///
/// ```text
/// reserved 6 bytes | data_reference_index u16 | entry_version u16 | reserved 6 bytes | channelcount u16
/// samplesize u16 | pre_defined u16 | reserved u16 | samplerate u32 (16.16) | QuickTime's fields | boxes
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AudioSampleEntry {
    /// The codec's name: `mp4a`, ...
    pub format: FourCc,
    /// Entry of `dref`, from 1.
    pub data_reference_index: u16,
    /// Which layout, with the fields that only that has.
    pub description: SoundDescription,
    /// 0; in QuickTime revision level and vendor.
    pub reserved: [u8; 6],
    /// Channels, as far as the codec's own configuration does not say otherwise.
    pub channelcount: u16,
    /// Bits of a decoded sample: 16.
    pub samplesize: u16,
    /// 0; in QuickTime -1 or -2 for a compressed sound.
    pub pre_defined: i16,
    /// Samples per second, 16.16 fixed point; 0 where they do not fit.
    pub samplerate: u32,
    /// MPEG-4's configuration.
    pub esds: Option<Esds>,
    /// AC-3's configuration.
    pub dac3: Option<Dac3>,
    /// E-AC-3's configuration.
    pub dec3: Option<Dec3>,
    /// Opus' configuration.
    pub d_ops: Option<DOps>,
    /// FLAC's configuration.
    pub df_la: Option<DfLa>,
    /// QuickTime's home for a decoder's configuration.
    pub wave: Option<Wave>,
    /// Bit rate.
    pub btrt: Option<Btrt>,
    /// The boxes that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

impl Eq for AudioSampleEntry {}

entry_boxes!(AudioSampleEntry: esds dac3 dec3 d_ops df_la wave btrt);

/// The layouts of a sound description.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SoundDescription {
    /// Version 0.
    V0,
    /// Version 1 of ISO/IEC 14496-12 §12.2.3, in an `stsd` of version 1: without further fields.
    IsoV1,
    /// Version 1 of QuickTime.
    ///
    /// ```text
    /// samples_per_packet u32 | bytes_per_packet u32 | bytes_per_frame u32 | bytes_per_sample u32
    /// ```
    QuickTimeV1 {
        /// Samples of one channel in a packet.
        samples_per_packet: u32,
        /// Bytes of one channel in a packet.
        bytes_per_packet: u32,
        /// Bytes of all channels in a packet.
        bytes_per_frame: u32,
        /// Bytes of a decoded sample.
        bytes_per_sample: u32,
    },
    /// Version 2 of QuickTime, which has the truth about rate and channels; the fields of version 0 are constants.
    ///
    /// ```text
    /// size_of_struct_only u32 = 72 | audio_sample_rate f64 | num_audio_channels u32 | always_7f000000 u32
    /// const_bits_per_channel u32 | format_specific_flags u32 | const_bytes_per_audio_packet u32
    /// const_lpcm_frames_per_audio_packet u32
    /// ```
    QuickTimeV2 {
        /// Samples per second.
        audio_sample_rate: f64,
        /// Channels.
        num_audio_channels: u32,
        /// Bits of a sample, for uncompressed sound.
        const_bits_per_channel: u32,
        /// For uncompressed sound: 1 floating point, 2 big-endian, 4 signed, 8 packed.
        format_specific_flags: u32,
        /// Bytes of a packet, where all are alike.
        const_bytes_per_audio_packet: u32,
        /// Samples of one channel in a packet, where all are alike.
        const_lpcm_frames_per_audio_packet: u32,
    },
}

impl SoundDescription {
    const fn version(&self) -> u16 {
        match self {
            Self::V0 => 0,
            Self::IsoV1 | Self::QuickTimeV1 { .. } => 1,
            Self::QuickTimeV2 { .. } => 2,
        }
    }

    fn decode(r: &mut Reader<'_>, version: u16, stsd_version: u8) -> Result<Self, Error> {
        let offset = r.offset() as u64;
        Ok(match version {
            0 => Self::V0,
            1 if stsd_version == 1 => Self::IsoV1,
            1 => Self::QuickTimeV1 {
                samples_per_packet: r.u32("samples_per_packet")?,
                bytes_per_packet: r.u32("bytes_per_packet")?,
                bytes_per_frame: r.u32("bytes_per_frame")?,
                bytes_per_sample: r.u32("bytes_per_sample")?,
            },
            2 => {
                r.skip(4, "size_of_struct_only")?;
                let audio_sample_rate = r.f64("audio_sample_rate")?;
                let num_audio_channels = r.u32("num_audio_channels")?;
                r.skip(4, "always_7f000000")?;
                Self::QuickTimeV2 {
                    audio_sample_rate,
                    num_audio_channels,
                    const_bits_per_channel: r.u32("const_bits_per_channel")?,
                    format_specific_flags: r.u32("format_specific_flags")?,
                    const_bytes_per_audio_packet: r.u32("const_bytes_per_audio_packet")?,
                    const_lpcm_frames_per_audio_packet: r
                        .u32("const_lpcm_frames_per_audio_packet")?,
                }
            }
            _ => {
                return Err(Error::Invalid {
                    field: "entry_version",
                    value: version.into(),
                    offset,
                });
            }
        })
    }

    fn put(&self, w: &mut Writer<'_>) {
        match *self {
            Self::V0 | Self::IsoV1 => {}
            Self::QuickTimeV1 {
                samples_per_packet,
                bytes_per_packet,
                bytes_per_frame,
                bytes_per_sample,
            } => {
                w.u32(samples_per_packet)
                    .u32(bytes_per_packet)
                    .u32(bytes_per_frame)
                    .u32(bytes_per_sample);
            }
            Self::QuickTimeV2 {
                audio_sample_rate,
                num_audio_channels,
                const_bits_per_channel,
                format_specific_flags,
                const_bytes_per_audio_packet,
                const_lpcm_frames_per_audio_packet,
            } => {
                w.u32(72)
                    .f64(audio_sample_rate)
                    .u32(num_audio_channels)
                    .u32(0x7F00_0000)
                    .u32(const_bits_per_channel)
                    .u32(format_specific_flags)
                    .u32(const_bytes_per_audio_packet)
                    .u32(const_lpcm_frames_per_audio_packet);
            }
        }
    }

    const fn len(&self) -> usize {
        match self {
            Self::V0 | Self::IsoV1 => 0,
            Self::QuickTimeV1 { .. } => 16,
            Self::QuickTimeV2 { .. } => 36,
        }
    }
}

container! {
    /// QuickTime's home for a decoder's configuration (QuickTime File Format, "siDecompressionParam").
    Wave b"wave" {
        /// MPEG-4's configuration.
        optional esds: Esds,
    }
}

impl AudioSampleEntry {
    /// An entry of a format, without any box.
    #[must_use]
    pub fn new(format: FourCc, channelcount: u16, samples_per_second: u32) -> Self {
        let samplerate = u16::try_from(samples_per_second).map_or(0, |rate| u32::from(rate) << 16);
        Self {
            format,
            data_reference_index: 1,
            description: SoundDescription::V0,
            reserved: [0; 6],
            channelcount,
            samplesize: 16,
            pre_defined: 0,
            samplerate,
            esds: None,
            dac3: None,
            dec3: None,
            d_ops: None,
            df_la: None,
            wave: None,
            btrt: None,
            other: Vec::new(),
        }
    }

    /// MPEG-4's configuration, wherever it is.
    #[must_use]
    pub fn find_esds(&self) -> Option<&Esds> {
        let in_wave = || self.wave.as_ref()?.esds.as_ref();
        self.esds.as_ref().or_else(in_wave)
    }

    /// Samples per second as the description has them; 0 where it does not.
    #[must_use]
    pub fn sampling_frequency(&self) -> u32 {
        match self.description {
            SoundDescription::QuickTimeV2 {
                audio_sample_rate, ..
            } => rate(audio_sample_rate),
            _ => self.samplerate >> 16,
        }
    }

    /// Channels as the description has them.
    #[must_use]
    pub fn channels(&self) -> u32 {
        match self.description {
            SoundDescription::QuickTimeV2 {
                num_audio_channels, ..
            } => num_audio_channels,
            _ => self.channelcount.into(),
        }
    }

    pub(super) fn decode(
        format: FourCc,
        r: &mut Reader<'_>,
        stsd_version: u8,
    ) -> Result<Self, Error> {
        r.skip(6, "reserved")?;
        let data_reference_index = r.u16("data_reference_index")?;
        let entry_version = r.u16("entry_version")?;
        let reserved = *r.array("reserved")?;
        let channelcount = r.u16("channelcount")?;
        let samplesize = r.u16("samplesize")?;
        let pre_defined = r.i16("pre_defined")?;
        r.skip(2, "reserved")?;
        let samplerate = r.u32("samplerate")?;
        let mut entry = Self::new(format, channelcount, 0);
        entry.data_reference_index = data_reference_index;
        entry.reserved = reserved;
        entry.samplesize = samplesize;
        entry.pre_defined = pre_defined;
        entry.samplerate = samplerate;
        entry.description = SoundDescription::decode(r, entry_version, stsd_version)?;
        entry.read_boxes(r);
        Ok(entry)
    }

    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("sample entry size", LengthOf::FieldAndBody, |w| {
            w.bytes(&self.format.0)
                .zeros(6)
                .u16(self.data_reference_index)
                .u16(self.description.version())
                .bytes(&self.reserved);
            w.u16(self.channelcount)
                .u16(self.samplesize)
                .i16(self.pre_defined)
                .u16(0)
                .u32(self.samplerate);
            self.description.put(w);
            self.put_boxes(w)
        })?;
        Ok(())
    }

    pub(super) fn encoded_len(&self) -> usize {
        self.boxes_len()
            .saturating_add(self.description.len())
            .saturating_add(36)
    }
}

/// A rate as a whole number; 0 where it is none.
fn rate(rate: f64) -> u32 {
    // Without `f64::round`, which needs `std`: bits of a double are exact where the rate is whole.
    let bits = rate.to_bits();
    let exponent = (bits >> 52 & 0x7FF).checked_sub(1023);
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    match exponent {
        Some(exponent @ 0..=31) if bits >> 63 == 0 => {
            u32::try_from(mantissa >> (52 - exponent)).unwrap_or(0)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_doubles() {
        for (double, whole) in [
            (44100.0, 44100),
            (1.0, 1),
            (47999.9, 47999),
            (f64::from(u32::MAX), u32::MAX),
            (0.5, 0),
            (-8000.0, 0),
            (f64::NAN, 0),
            (1e12, 0),
        ] {
            assert_eq!(rate(double), whole);
        }
    }
}
