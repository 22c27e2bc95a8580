use super::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Reader, Writer};

/// Opus: its identification (RFC 7845 §5.1, Opus in ISOBMFF §4.3.2). Times of Opus are always in ticks of 48 kHz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opus {
    /// `OutputChannelCount`.
    pub output_channel_count: u8,
    /// `PreSkip`: samples of 48 kHz at the start that a player drops.
    pub pre_skip: u16,
    /// `InputSampleRate` in Hz, for information only.
    pub input_sample_rate: u32,
    /// `OutputGain` in dB, 8.8 fixed point.
    pub output_gain: i16,
    /// `ChannelMappingFamily`: 0 one or two channels, 1 surround.
    pub channel_mapping_family: u8,
    /// Where the family is not 0: `StreamCount`, `CoupledCount`, and a `ChannelMapping` for each channel.
    pub mapping: Bytes,
}

impl Opus {
    /// Ticks per second of its times.
    pub const SAMPLE_RATE: u32 = 48_000;

    /// A stream of so many channels; three to eight are those of Vorbis, in its order (RFC 7845 §5.1.1.2), in as many pairs as there are.
    #[must_use]
    pub const fn new(output_channel_count: u8, pre_skip: u16) -> Self {
        let mapping: &[u8] = match output_channel_count {
            3 => &[2, 1, 0, 2, 1],
            4 => &[2, 2, 0, 1, 2, 3],
            5 => &[3, 2, 0, 4, 1, 2, 3],
            6 => &[4, 2, 0, 4, 1, 2, 3, 5],
            7 => &[4, 3, 0, 4, 1, 2, 3, 5, 6],
            8 => &[5, 3, 0, 6, 1, 2, 3, 4, 5, 7],
            _ => &[],
        };
        Self {
            output_channel_count,
            pre_skip,
            input_sample_rate: Self::SAMPLE_RATE,
            output_gain: 0,
            channel_mapping_family: !mapping.is_empty() as u8,
            mapping: Bytes::from_static(mapping),
        }
    }

    /// Reads the content of an `OpusSpecificBox` (`dOps`): big-endian, after a `Version` of 0.
    ///
    /// ```text
    /// Version u8 = 0 | OutputChannelCount u8 | PreSkip u16 | InputSampleRate u32 | OutputGain i16
    /// ChannelMappingFamily u8 | if not 0: StreamCount u8 | CoupledCount u8 | ChannelMapping u8 for each channel
    /// ```
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for another version or without channels.
    pub fn parse_dops(data: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        version(r.u8("Version")?, 0)?;
        let output_channel_count = channels(r.u8("OutputChannelCount")?)?;
        let mut opus = Self::new(output_channel_count, r.u16("PreSkip")?);
        opus.input_sample_rate = r.u32("InputSampleRate")?;
        opus.output_gain = r.i16("OutputGain")?;
        opus.read_mapping(&mut r)?;
        Ok(opus)
    }

    /// Appends the content of an `OpusSpecificBox`.
    pub fn encode_dops(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .u8(0)
            .u8(self.output_channel_count)
            .u16(self.pre_skip)
            .u32(self.input_sample_rate)
            .i16(self.output_gain)
            .u8(self.channel_mapping_family)
            .bytes(&self.mapping);
    }

    /// Reads an identification header as Ogg, Matroska and enhanced RTMP have it: `OpusHead`, then the same fields
    /// little-endian, after a version whose upper half is 0.
    ///
    /// # Errors
    /// As [`parse_dops`](Self::parse_dops), and [`Error::Invalid`] without `OpusHead`.
    pub fn parse_head(data: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let magic = r.array::<8>("OpusHead")?;
        if magic != b"OpusHead" {
            return Err(Error::Invalid {
                field: "OpusHead",
                value: u64::from_be_bytes(*magic),
            });
        }
        version(r.u8("Version")? & 0xF0, 0)?;
        let output_channel_count = channels(r.u8("OutputChannelCount")?)?;
        let mut opus = Self::new(output_channel_count, r.u16("PreSkip")?.swap_bytes());
        opus.input_sample_rate = r.u32("InputSampleRate")?.swap_bytes();
        opus.output_gain = r.i16("OutputGain")?.swap_bytes();
        opus.read_mapping(&mut r)?;
        Ok(opus)
    }

    /// Appends an identification header.
    pub fn encode_head(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .bytes(b"OpusHead")
            .u8(1)
            .u8(self.output_channel_count)
            .u16(self.pre_skip.swap_bytes())
            .u32(self.input_sample_rate.swap_bytes())
            .i16(self.output_gain.swap_bytes())
            .u8(self.channel_mapping_family)
            .bytes(&self.mapping);
    }

    fn read_mapping(&mut self, r: &mut Reader<'_>) -> Result<(), Error> {
        self.channel_mapping_family = r.u8("ChannelMappingFamily")?;
        let len = match self.channel_mapping_family {
            0 => 0,
            _ => 2 + usize::from(self.output_channel_count),
        };
        self.mapping = Bytes::copy_from_slice(r.take(len, "ChannelMapping")?);
        Ok(())
    }

    /// Samples of 48 kHz in a packet (RFC 6716 §3.1); `None` where it is empty, cut short, or past 120 ms.
    #[must_use]
    pub fn samples(packet: &[u8]) -> Option<u32> {
        let [toc, rest @ ..] = packet else {
            return None;
        };
        let frame = match toc >> 3 {
            config @ 0..=11 => [480, 960, 1920, 2880].get(usize::from(config & 3)),
            config @ 12..=15 => [480, 960].get(usize::from(config & 1)),
            config => [120, 240, 480, 960].get(usize::from(config & 3)),
        };
        let frames = match toc & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => u32::from(rest.first()? & 0x3F),
        };
        Some(frame? * frames).filter(|samples| (1..=5760).contains(samples))
    }
}

fn version(value: u8, wanted: u8) -> Result<(), Error> {
    if value == wanted {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "Version",
        value: value.into(),
    })
}

fn channels(value: u8) -> Result<u8, Error> {
    if value > 0 {
        return Ok(value);
    }
    Err(Error::Invalid {
        field: "OutputChannelCount",
        value: 0,
    })
}
