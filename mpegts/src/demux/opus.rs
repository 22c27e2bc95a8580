//! Opus in transport streams: packets behind control headers (ETSI TS 103 491 §7 has the registration; the header is that of
//! "Opus in MPEG-TS").
//!
//! ```text
//! control_header_prefix         11   0x3FF
//! start_trim_flag end_trim_flag control_extension_flag
//! reserved                       2
//! au_size                       8×   bytes of 255, and one that is less
//! reserved 3, start_trim 13          if start_trim_flag
//! reserved 3, end_trim 13            if end_trim_flag
//! control_extension_length 8, bytes  if control_extension_flag
//! ```

use super::frame::{Frame, Input, Out, part};
use crate::psi::descriptor::OpusAudio;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use media::codec::Opus as Config;
use media::{Codec, Flags, Timescale};
use wire::Reader;

/// Reads a stream of packets.
#[derive(Debug)]
pub(super) struct Opus {
    codec: Option<Codec>,
    next: Option<i64>,
    gap: bool,
}

/// Samples of silence that encoders put first, where nothing tells: those of libopus.
const PRE_SKIP: u16 = 312;

/// How far packets' times may be from the count of samples, in samples of 48 kHz.
const TOLERANCE: u64 = 72;

impl Opus {
    /// A stream whose channels the program map tells.
    pub(super) fn new(descriptor: Option<&OpusAudio>) -> Self {
        // More than eight, or a mapping of its own: what is said there is for a decoder to find out.
        let channels = descriptor.map(|descriptor| descriptor.channel_config_code);
        let channels = channels.filter(|code| (1..=8).contains(code)).unwrap_or(2);
        Self {
            codec: Some(Codec::Opus(Config::new(channels, PRE_SKIP))),
            next: None,
            gap: false,
        }
    }

    pub(super) fn handle_discontinuity(&mut self) {
        self.next = None;
    }

    pub(super) fn handle(&mut self, input: Input, out: &mut Vec<Out>) {
        let rate = Timescale::new(Config::SAMPLE_RATE).unwrap_or(Timescale::KHZ_90);
        if let Some(codec) = self.codec.take() {
            out.push(Out::Codec(codec, rate));
        }
        self.gap |= input.gap;
        if let Some(times) = input.times {
            let at = Timescale::KHZ_90.rescale(times.pts, rate);
            if self.next.is_none_or(|next| next.abs_diff(at) > TOLERANCE) {
                self.next = Some(at);
            }
        }
        let data = Bytes::from(input.data);
        let mut r = Reader::new(&data);
        while !r.is_empty() {
            let len = match control_header(&mut r) {
                Ok(len) if len <= r.left() => len,
                _ => {
                    let what = alloc::format!("{} bytes that are no Opus packet", r.left());
                    out.push(Out::Warning(what.into()));
                    self.gap = true;
                    return;
                }
            };
            let start = r.offset();
            let packet = part(&data, start..start.saturating_add(len));
            let _ = r.skip(len, "opus packet");
            let samples = Config::samples(&packet).unwrap_or(0);
            let Some(at) = self.next else {
                self.gap = true;
                continue;
            };
            self.next = Some(at.saturating_add(samples.into()));
            out.push(Out::Frame(Frame {
                dts: at,
                pts: at,
                duration: NonZeroU32::new(samples),
                flags: Flags::SYNC | Flags::GAP.when(core::mem::take(&mut self.gap)),
                data: packet,
            }));
        }
    }
}

/// Reads a control header; gives the length of the packet after it.
fn control_header(r: &mut Reader<'_>) -> Result<usize, crate::Error> {
    let bits = r.u16("control_header_prefix")?;
    if bits >> 5 != 0x3FF {
        return Err(crate::Error::Invalid {
            field: "control_header_prefix",
            value: (bits >> 5).into(),
            offset: 0,
        });
    }
    let mut len: usize = 0;
    loop {
        let byte = r.u8("au_size")?;
        len = len.saturating_add(byte.into());
        if byte != 0xFF {
            break;
        }
    }
    for flag in [0x10, 0x08] {
        if bits & flag != 0 {
            r.skip(2, "trim")?;
        }
    }
    if bits & 0x04 != 0 {
        let extension = r.u8("control_extension_length")?;
        r.skip(extension.into(), "control_extension")?;
    }
    Ok(len)
}
