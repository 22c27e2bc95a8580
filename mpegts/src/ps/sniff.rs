//! What a stream is that no map tells of, by its first packets.

use crate::pes::StreamId;
use crate::psi::StreamType;

/// What some data shows; `None` where it shows nothing yet.
pub(super) fn sniff(id: StreamId, data: &[u8]) -> Option<StreamType> {
    if id.is_video() {
        video(data)
    } else if id.is_audio() {
        audio(data)
    } else {
        None
    }
}

/// By the first start code that only one kind of video has.
fn video(data: &[u8]) -> Option<StreamType> {
    let mut rest = data;
    while let Some(place) = memchr::memmem::find(rest, &[0, 0, 1]) {
        rest = rest.get(place.saturating_add(3)..)?;
        match rest {
            // sequence_header_code, group_start_code.
            [0xB3 | 0xB8, ..] => return Some(StreamType::MPEG2_VIDEO),
            // H.265's video parameter set or delimiter, of layer 0: types 32 and 35.
            [0x40 | 0x46, 0x01, ..] => return Some(StreamType::H265),
            // visual_object_sequence_start_code.
            [0xB0, ..] => return Some(StreamType::MPEG4_VIDEO),
            // H.264's delimiter, whose rest is primary_pic_type and a stop bit, and its sequence parameter set.
            [0x09, second, ..] if second & 0x1F == 0x10 => return Some(StreamType::H264),
            [
                0x67 | 0x27 | 0x47,
                44 | 66 | 77 | 83 | 86 | 88 | 100 | 110 | 118 | 122 | 128 | 244,
                ..,
            ] => return Some(StreamType::H264),
            _ => {}
        }
    }
    None
}

/// By the first frame after which another one follows, as far as that is there.
fn audio(data: &[u8]) -> Option<StreamType> {
    let mut rest = data;
    while let Some(place) = memchr::memchr2(0xFF, 0x56, rest) {
        rest = rest.get(place..)?;
        let found = match rest {
            [0xFF, 0xF0..=0xFF, ..] => {
                let adts = aac::adts::Header::parse(rest).ok();
                let adts = adts.map(|header| (header.aac_frame_length(), StreamType::AAC_ADTS));
                adts.or_else(|| mpeg_audio(rest))
            }
            [0xFF, 0xE0..=0xEF, ..] => mpeg_audio(rest),
            [0x56, high @ 0xE0..=0xFF, low, ..] => {
                let len = usize::from(u16::from_be_bytes([high & 0x1F, *low]));
                Some((len.saturating_add(3), StreamType::AAC_LATM))
            }
            _ => None,
        };
        if let Some((len, stream_type)) = found
            && rest
                .get(len..)
                .and_then(|next| next.first_chunk())
                .is_none_or(|next: &[u8; 2]| is_next(*next, stream_type))
        {
            return Some(stream_type);
        }
        rest = rest.get(1..)?;
    }
    None
}

fn mpeg_audio(data: &[u8]) -> Option<(usize, StreamType)> {
    let header = mpeg2::audio::Header::parse(data).ok()?;
    Some((header.frame_len()?, StreamType::MPEG1_AUDIO))
}

fn is_next(sync: [u8; 2], stream_type: StreamType) -> bool {
    let [first, second] = sync;
    match stream_type {
        StreamType::AAC_LATM => first == 0x56 && second >= 0xE0,
        StreamType::AAC_ADTS => first == 0xFF && second & 0xF6 == 0xF0,
        _ => first == 0xFF && second >= 0xE0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_by_its_headers() {
        let of = |data: &[u8]| sniff(StreamId::video(0), data);
        assert_eq!(of(&[0, 0, 1, 0xB3, 0x2D]), Some(StreamType::MPEG2_VIDEO));
        assert_eq!(of(&[0, 0, 0, 1, 9, 0xF0]), Some(StreamType::H264));
        assert_eq!(of(&[0, 0, 1, 0x67, 100, 0]), Some(StreamType::H264));
        assert_eq!(of(&[0, 0, 0, 1, 0x40, 1, 0x0C]), Some(StreamType::H265));
        // A slice of MPEG-2 video whose number is that of a delimiter.
        assert_eq!(of(&[0, 0, 1, 9, 0x22, 0, 0, 1, 0]), None);
    }

    #[test]
    fn audio_by_its_frames() {
        let of = |data: &[u8]| sniff(StreamId::audio(0), data);
        // Layer II, 48 kHz, 32 kbit/s: 96 bytes.
        let mut frames = [0xFF, 0xFD, 0x14, 0xC4].to_vec();
        frames.resize(96, 0x55);
        frames.extend([0xFF, 0xFD, 0x14, 0xC4]);
        assert_eq!(of(&frames), Some(StreamType::MPEG1_AUDIO));
        frames[96] = 0;
        assert_eq!(of(&frames), None);
        assert_eq!(
            of(&[0xFF, 0xF1, 0x50, 0x80, 0x10, 0x1F, 0xFC]),
            Some(StreamType::AAC_ADTS)
        );
        assert_eq!(of(&[0x56, 0xE0, 0x10, 0]), Some(StreamType::AAC_LATM));
        assert_eq!(of(&[1, 2, 3]), None);
    }
}
