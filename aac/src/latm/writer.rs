use super::{FrameLength, StreamMuxConfig, encode_loas};
use crate::Error;
use alloc::vec::Vec;
use wire::BitWriter;

/// Puts access units into `AudioMuxElement()`s (ISO/IEC 14496-3 Table 1.41).
#[derive(Debug, Clone)]
pub struct Writer {
    config: StreamMuxConfig,
    /// Elements from one with the configuration to the next; 0: it is sent beside them.
    interval: u32,
    /// Elements until the next one with it.
    countdown: u32,
    element: Vec<u8>,
}

impl Writer {
    /// For elements of which every `interval`th (the first one, too) brings the configuration, as LOAS needs it.
    /// An interval of 0 counts as 1.
    #[must_use]
    pub fn in_band(config: StreamMuxConfig, interval: u32) -> Self {
        Self {
            config,
            interval: interval.max(1),
            countdown: 0,
            element: Vec::new(),
        }
    }

    /// For elements whose configuration is sent beside them.
    #[must_use]
    pub fn out_of_band(config: StreamMuxConfig) -> Self {
        Self {
            config,
            interval: 0,
            countdown: 0,
            element: Vec::new(),
        }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &StreamMuxConfig {
        &self.config
    }

    /// Appends an element with access units of all layers: those of the first sub-frame in the layers' order, then those of
    /// the next one. Bits of other data are written as zeros.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are more or fewer units, or where one has not its layer's fixed length;
    /// what [`StreamMuxConfig::write`] tells.
    pub fn write(&mut self, units: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Error> {
        let with_config = self.interval > 0 && self.countdown == 0;
        let mut w = BitWriter::new(out);
        if self.interval > 0 {
            w.bit(!with_config);
        }
        if with_config {
            self.config.write(&mut w)?;
        }
        let layers = self.config.layers.len();
        if units.len() != layers.saturating_mul(self.config.sub_frames.into()) || layers == 0 {
            return Err(Error::Invalid {
                field: "numSubFrames",
                value: units.len() as u64,
                bit: w.position(),
            });
        }
        let mut units = units.iter();
        for _ in 0..self.config.sub_frames {
            self.write_sub_frame(units.clone().take(layers), &mut w)?;
            units.nth(layers - 1);
        }
        for _ in 0..self.config.other_data_len_bits.unwrap_or(0) {
            w.bit(false);
        }
        w.align_zero();
        self.countdown = match self.countdown {
            0 => self.interval.saturating_sub(1),
            more => more - 1,
        };
        Ok(())
    }

    fn write_sub_frame<'u>(
        &self,
        units: impl Iterator<Item = &'u &'u [u8]> + Clone,
        w: &mut BitWriter<'_>,
    ) -> Result<(), Error> {
        let same_framing = self.config.all_streams_same_time_framing;
        if !same_framing {
            let chunks = self.config.layers.len() as u64;
            w.bits64(4, "numChunk", chunks.saturating_sub(1))?;
        }
        for ((stream, layer), unit) in self.config.layers.iter().enumerate().zip(units.clone()) {
            if !same_framing {
                w.bits64(4, "streamIndx", stream as u64)?;
            }
            match layer.frame_length {
                FrameLength::Variable { .. } => {
                    for _ in 0..unit.len() / 255 {
                        w.bytes(&[255]);
                    }
                    w.bits64(8, "MuxSlotLengthBytes", unit.len() as u64 % 255)?;
                    if !same_framing {
                        w.bit(true);
                    }
                }
                FrameLength::Fixed(length) if unit.len() == usize::from(length) + 20 => {}
                FrameLength::Fixed(_) => {
                    return Err(Error::Invalid {
                        field: "frameLength",
                        value: unit.len() as u64,
                        bit: w.position(),
                    });
                }
            }
        }
        for unit in units {
            w.bytes(unit);
        }
        Ok(())
    }

    /// As [`write`](Self::write), as a frame of an audio sync stream (LOAS).
    ///
    /// # Errors
    /// As `write`, and [`Error::TooLong`] where the element has more than 8191 bytes.
    pub fn write_loas(&mut self, units: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut element = core::mem::take(&mut self.element);
        element.clear();
        let written = self.write(units, &mut element);
        let framed = written.and_then(|()| Ok(encode_loas(&element, out)?));
        self.element = element;
        framed
    }
}
