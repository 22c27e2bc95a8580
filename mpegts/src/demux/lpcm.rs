//! LPCM of DVDs, whose packets are sound without frames.

use super::frame::{Frame, Input, Out};
use crate::ps::Lpcm as Header;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use media::codec::Pcm;
use media::{Codec, Flags, Timescale};

/// Reads a substream of LPCM.
#[derive(Debug)]
pub(super) struct Lpcm {
    pcm: Pcm,
    timescale: Timescale,
    /// Bits of a number on the disc.
    bits: u8,
    told: bool,
    /// The start of a group of numbers whose rest is to come.
    carry: Vec<u8>,
    /// The time after the last sample.
    next: Option<i64>,
    gap: bool,
}

impl Lpcm {
    /// `None` for a quantization that is reserved.
    pub(super) fn new(header: Header) -> Option<Self> {
        let bits = header.bits()?;
        // Numbers of 20 bits are told as of 24.
        let whole = if bits == 16 { 16 } else { 24 };
        let channels = header.channels().into();
        Some(Self {
            pcm: Pcm::signed(whole, false, header.sample_rate(), channels),
            timescale: Timescale::new(header.sample_rate())?,
            bits,
            told: false,
            carry: Vec::new(),
            next: None,
            gap: false,
        })
    }

    pub(super) const fn buffered_len(&self) -> usize {
        self.carry.len()
    }

    pub(super) fn handle_discontinuity(&mut self) {
        self.carry.clear();
        self.next = None;
    }

    pub(super) fn handle(&mut self, input: &Input, out: &mut Vec<Out>) {
        if !core::mem::replace(&mut self.told, true) {
            out.push(Out::Codec(Codec::Pcm(self.pcm), self.timescale));
        }
        if input.gap {
            self.carry.clear();
            self.gap = true;
        }
        // What is carried over belongs before the time of this packet.
        let before = self.carry.len() / self.pcm.frame_len().max(1);
        let told = input.times.map(|times| {
            let at = Timescale::KHZ_90.rescale(times.pts, self.timescale);
            at.saturating_sub(i64::try_from(before).unwrap_or(0))
        });
        let near = i64::from(self.timescale.get() / 1000);
        let at = match (told, self.next) {
            (Some(told), Some(next)) if told.saturating_sub(next).abs() <= near => next,
            (Some(told), _) => told,
            (None, Some(next)) => next,
            (None, None) => return,
        };
        self.carry.extend_from_slice(&input.data);
        let channels = usize::from(self.pcm.channels);
        // Two frames share the bytes of their low bits.
        let group = match self.bits {
            16 => channels.saturating_mul(2),
            bits => channels.saturating_mul(usize::from(bits) / 4),
        };
        let whole = self.carry.len() - self.carry.len().checked_rem(group).unwrap_or(0);
        let rest = self.carry.get(whole..).unwrap_or_default().to_vec();
        self.carry.truncate(whole);
        let carry = core::mem::replace(&mut self.carry, rest);
        let data = match self.bits {
            16 => carry,
            bits => unpacked(&carry, group, channels.saturating_mul(2), bits),
        };
        let frames = data.len() / self.pcm.frame_len().max(1);
        let Some(duration) = u32::try_from(frames).ok().and_then(NonZeroU32::new) else {
            return;
        };
        self.next = Some(at.saturating_add(duration.get().into()));
        out.push(Out::Frame(Frame {
            dts: at,
            pts: at,
            duration: Some(duration),
            flags: Flags::SYNC | Flags::GAP.when(core::mem::take(&mut self.gap)),
            data: data.into(),
        }));
    }
}

/// Numbers of 24 bits out of groups of which the upper 16 bits of each come first, and then the lower 8 or 4 of each.
fn unpacked(data: &[u8], group: usize, numbers: usize, bits: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().saturating_mul(6) / 5);
    let mut rest = data;
    while let Some((one, more)) = rest.split_at_checked(group).filter(|_| group > 0) {
        let (upper, lower) = one
            .split_at_checked(numbers.saturating_mul(2))
            .unwrap_or((one, &[]));
        let (upper, _) = upper.as_chunks::<2>();
        for (i, [a, b]) in upper.iter().enumerate() {
            let low = if bits == 24 {
                lower.get(i).copied().unwrap_or(0)
            } else {
                let both = lower.get(i / 2).copied().unwrap_or(0);
                if i % 2 == 0 { both & 0xF0 } else { both << 4 }
            };
            out.extend_from_slice(&[*a, *b, low]);
        }
        rest = more;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::frame::Times;

    fn header(quantization_word_length: u8) -> Header {
        Header {
            emphasis: false,
            mute: false,
            frame_number: 0,
            quantization_word_length,
            sampling_frequency: 0,
            number_of_audio_channels: 1,
            dynamic_range_control: 0x80,
        }
    }

    fn read(lpcm: &mut Lpcm, pts: Option<i64>, data: &[u8]) -> Vec<(i64, u32, Vec<u8>)> {
        let times = pts.map(|pts| Times {
            pts,
            dts: pts,
            has_dts: false,
        });
        let input = Input {
            times,
            lock: None,
            gap: false,
            data: data.to_vec(),
            is_length_prefixed: false,
            open_end: None,
        };
        let mut out = Vec::new();
        lpcm.handle(&input, &mut out);
        let frames = out.into_iter().filter_map(|out| match out {
            Out::Frame(frame) => Some((frame.pts, frame.duration?.get(), frame.data.to_vec())),
            _ => None,
        });
        frames.collect()
    }

    #[test]
    fn sixteen_bits_are_as_they_are_and_times_go_on() {
        let mut lpcm = Lpcm::new(header(0)).unwrap();
        let first = read(&mut lpcm, Some(90_000), &[1, 2, 3, 4, 5, 6]);
        assert_eq!(first, [(48_000, 1, vec![1, 2, 3, 4])]);
        // A tick late, as times of 90 kHz are.
        let second = read(&mut lpcm, Some(90_003), &[7, 8]);
        assert_eq!(second, [(48_001, 1, vec![5, 6, 7, 8])]);
        let jump = read(&mut lpcm, Some(180_000), &[1, 2, 3, 4]);
        assert_eq!(jump, [(96_000, 1, vec![1, 2, 3, 4])]);
    }

    #[test]
    fn lower_bits_find_their_numbers() {
        let mut lpcm = Lpcm::new(header(2)).unwrap();
        let group = [1, 2, 3, 4, 5, 6, 7, 8, 0xA, 0xB, 0xC, 0xD];
        let frames = vec![1, 2, 0xA, 3, 4, 0xB, 5, 6, 0xC, 7, 8, 0xD];
        assert_eq!(read(&mut lpcm, Some(0), &group), [(0, 2, frames)]);
        let mut lpcm = Lpcm::new(header(1)).unwrap();
        let group = [1, 2, 3, 4, 5, 6, 7, 8, 0xAB, 0xCD];
        let frames = vec![1, 2, 0xA0, 3, 4, 0xB0, 5, 6, 0xC0, 7, 8, 0xD0];
        assert_eq!(read(&mut lpcm, Some(0), &group), [(0, 2, frames)]);
        assert!(Lpcm::new(header(3)).is_none());
    }
}
