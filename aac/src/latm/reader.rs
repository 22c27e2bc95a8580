use super::{FrameLength, Layer, StreamMuxConfig};
use crate::Error;
use crate::asc::bits::invalid;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::BitReader;

/// One access unit out of a multiplex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// The index of its layer in [`StreamMuxConfig::layers`].
    pub layer: usize,
    /// Its bytes.
    pub data: Bytes,
}

/// Takes the access units out of `AudioMuxElement()`s (ISO/IEC 14496-3 Table 1.41).
#[derive(Debug, Clone, Default)]
pub struct Reader {
    config: Option<StreamMuxConfig>,
    in_band: bool,
    /// What is known of access units whose end is still to come, by layer.
    begun: Vec<Vec<u8>>,
}

/// What is held of an access unit that never ends.
const MAX_BEGUN: usize = 1 << 16;

impl Reader {
    /// For elements that bring the configuration now and then (`muxConfigPresent` 1), as in LOAS.
    #[must_use]
    pub fn in_band() -> Self {
        Self {
            in_band: true,
            ..Self::default()
        }
    }

    /// For elements whose configuration was sent beside them (`muxConfigPresent` 0, `cpresent=0` in SDP).
    #[must_use]
    pub fn out_of_band(config: StreamMuxConfig) -> Self {
        Self {
            config: Some(config),
            ..Self::default()
        }
    }

    /// The configuration in force, once there is one.
    #[must_use]
    pub const fn config(&self) -> Option<&StreamMuxConfig> {
        self.config.as_ref()
    }

    /// Reads a whole element and appends its access units to `units`. Gives whether the configuration is another than before.
    ///
    /// Elements before the first configuration have nothing that could be read, and are no error.
    ///
    /// # Errors
    /// [`Error::Short`] where the element ends early, [`Error::Invalid`] where its configuration is not understood, or a length
    /// or a stream is wrong. The access units before that are there; the next element can be read.
    pub fn read(&mut self, element: &[u8], units: &mut Vec<AccessUnit>) -> Result<bool, Error> {
        let mut r = BitReader::new(element);
        let mut changed = false;
        if self.in_band && !r.bit("useSameStreamMux")? {
            let config = StreamMuxConfig::decode(&mut r)?;
            changed = self.config.as_ref() != Some(&config);
            if changed {
                self.begun.clear();
                self.config = Some(config);
            }
        }
        let Some(config) = &self.config else {
            return Ok(false);
        };
        for _ in 0..config.sub_frames {
            if config.all_streams_same_time_framing {
                read_same_framing(&mut r, config, units)?;
            } else {
                read_chunks(&mut r, config, &mut self.begun, units)?;
            }
        }
        Ok(changed)
    }
}

/// `MuxSlotLengthBytes`: bytes of 255, then one that is less.
fn slot_length(r: &mut BitReader<'_>) -> Result<u64, Error> {
    let mut length = 0;
    loop {
        let byte = r.bits(8, "MuxSlotLengthBytes")?;
        length += u64::from(byte);
        if byte != 255 {
            return Ok(length);
        }
    }
}

/// `PayloadLengthInfo()` and `PayloadMux()` with `allStreamsSameTimeFraming`: all lengths, then all payloads.
fn read_same_framing(
    r: &mut BitReader<'_>,
    config: &StreamMuxConfig,
    units: &mut Vec<AccessUnit>,
) -> Result<(), Error> {
    let mut payloads = *r;
    for layer in &config.layers {
        if let FrameLength::Variable { .. } = layer.frame_length {
            slot_length(&mut payloads)?;
        }
    }
    for (layer, Layer { frame_length, .. }) in config.layers.iter().enumerate() {
        let len = match *frame_length {
            FrameLength::Variable { .. } => slot_length(r)?,
            FrameLength::Fixed(length) => u64::from(length) + 20,
        };
        let data = payloads.unaligned_bytes(len, "payload")?.into();
        units.push(AccessUnit { layer, data });
    }
    *r = payloads;
    Ok(())
}

/// The same without: chunks that name their stream, in which an access unit need not be whole.
fn read_chunks(
    r: &mut BitReader<'_>,
    config: &StreamMuxConfig,
    begun: &mut Vec<Vec<u8>>,
    units: &mut Vec<AccessUnit>,
) -> Result<(), Error> {
    begun.resize_with(config.layers.len(), Vec::new);
    let mut chunks = Vec::new();
    for _ in 0..=r.bits(4, "numChunk")? {
        let stream = r.bits8(4, "streamIndx")?;
        let index = usize::from(stream);
        let Some(layer) = config.layers.get(index) else {
            return Err(invalid(r, "streamIndx", stream));
        };
        chunks.push(match layer.frame_length {
            FrameLength::Variable { .. } => (index, slot_length(r)?, r.bit("AuEndFlag")?),
            FrameLength::Fixed(length) => (index, u64::from(length) + 20, true),
        });
    }
    for (layer, len, ends) in chunks {
        let Some(unit) = begun.get_mut(layer) else {
            continue;
        };
        if unit.len() as u64 + len > MAX_BEGUN as u64 {
            unit.clear();
            return Err(invalid(r, "AuEndFlag", 0));
        }
        let payload = r.unaligned_bytes(len, "payload")?;
        if unit.is_empty() {
            *unit = payload;
        } else {
            unit.extend_from_slice(&payload);
        }
        if ends {
            let data = core::mem::take(unit).into();
            units.push(AccessUnit { layer, data });
        }
    }
    Ok(())
}
