//! Uncompressed sound, which QuickTime names by its layout and MPEG by a configuration box.

use crate::boxes::{AudioSampleEntry, FourCc, Raw, SoundDescription};
use media::codec::{Pcm, PcmFormat};

/// `format_flags` of `pcmC`: the least significant byte comes first (ISO/IEC 23003-5 §4.7).
const LITTLE_ENDIAN: u8 = 1;

pub(super) fn read(entry: &AudioSampleEntry) -> Option<Pcm> {
    use PcmFormat::{ALaw, Float, MuLaw, Signed, Unsigned};
    let bits = u8::try_from(entry.samplesize).ok()?;
    let (format, bits, little_endian) = match &entry.format.0 {
        b"sowt" => (Signed, bits, true),
        b"twos" => (Signed, bits, false),
        b"raw " => (if bits == 8 { Unsigned } else { Signed }, bits, false),
        b"in24" => (Signed, 24, is_little_endian(entry)),
        b"in32" => (Signed, 32, is_little_endian(entry)),
        b"fl32" => (Float, 32, is_little_endian(entry)),
        b"fl64" => (Float, 64, is_little_endian(entry)),
        b"alaw" => (ALaw, 8, false),
        b"ulaw" => (MuLaw, 8, false),
        b"lpcm" => {
            let SoundDescription::QuickTimeV2 {
                const_bits_per_channel,
                format_specific_flags: flags,
                ..
            } = entry.description
            else {
                return None;
            };
            let format = match flags & 5 {
                1 | 5 => Float,
                4 => Signed,
                _ => Unsigned,
            };
            let bits = u8::try_from(const_bits_per_channel).ok()?;
            (format, bits, flags & 2 == 0)
        }
        b"ipcm" | b"fpcm" => {
            let pcm_c = find(entry, *b"pcmC")?;
            // Version and flags, format_flags, PCM_sample_size.
            let [_, _, _, _, format_flags, sample_size, ..] = *pcm_c.body() else {
                return None;
            };
            let format = if entry.format.0 == *b"ipcm" {
                Signed
            } else {
                Float
            };
            (format, sample_size, format_flags & LITTLE_ENDIAN != 0)
        }
        _ => return None,
    };
    let pcm = Pcm {
        format,
        bits,
        little_endian,
        sample_rate: entry.sampling_frequency(),
        channels: u16::try_from(entry.channels()).ok()?,
    };
    Some(pcm).filter(|pcm| pcm.frame_len() > 0 && pcm.sample_rate > 0)
}

/// Writes as ISO/IEC 23003-5 has it, and G.711 as QuickTime does; `None` for numbers above zero, which neither has.
pub(super) fn write(pcm: &Pcm) -> Option<AudioSampleEntry> {
    let format = match pcm.format {
        PcmFormat::Signed => *b"ipcm",
        PcmFormat::Float => *b"fpcm",
        PcmFormat::ALaw => *b"alaw",
        PcmFormat::MuLaw => *b"ulaw",
        _ => return None,
    };
    let mut entry = AudioSampleEntry::new(FourCc(format), pcm.channels, pcm.sample_rate);
    if matches!(pcm.format, PcmFormat::Signed | PcmFormat::Float) {
        entry.samplesize = pcm.bits.into();
        let flags = if pcm.little_endian { LITTLE_ENDIAN } else { 0 };
        entry.other.extend(Raw::from_body(
            FourCc(*b"pcmC"),
            &[0, 0, 0, 0, flags, pcm.bits],
        ));
    }
    Some(entry)
}

fn find(entry: &AudioSampleEntry, name: [u8; 4]) -> Option<&Raw> {
    let in_wave = entry.wave.iter().flat_map(|wave| &wave.other);
    entry
        .other
        .iter()
        .chain(in_wave)
        .find(|raw| raw.box_type() == Some(FourCc(name)))
}

/// What QuickTime's `enda` says.
fn is_little_endian(entry: &AudioSampleEntry) -> bool {
    find(entry, *b"enda").is_some_and(|enda| enda.body().starts_with(&[0, 1]))
}
