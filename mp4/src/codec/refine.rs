use super::write::passed_through;
use crate::boxes::SampleEntry;
use bytes::Bytes;
use media::codec::{Mpeg4Video, MpegAudio, MpegVideo};
use media::{Codec, FourCc};

/// Learns from a sample what the sample entry cannot tell: the layer of MPEG audio; the headers of MPEG video, which some writers
/// leave out of `esds`. Says whether the codec is another one by it.
pub(crate) fn refine(codec: &mut Codec, data: &[u8]) -> bool {
    let found = match codec {
        Codec::MpegAudio(_) => {
            let header = mpeg2::audio::Header::parse(data).ok();
            header.and_then(MpegAudio::new).map(Codec::MpegAudio)
        }
        Codec::Other { fourcc, config, .. } if *fourcc == FourCc(*b"mp4v") => {
            mpeg_video(config, data)
        }
        _ => None,
    };
    match found {
        Some(found) if found != *codec => {
            *codec = found;
            true
        }
        _ => false,
    }
}

/// The headers that a sample begins with, where its entry says which video it is: in MPEG-4 video the start code of MPEG-2 video's stands
/// for something else.
fn mpeg_video(entry: &Bytes, data: &[u8]) -> Option<Codec> {
    const SEQUENCE: [u8; 4] = [0, 0, 1, 0xB3];
    let Ok(SampleEntry::Visual(entry)) = passed_through(crate::FourCc(*b"mp4v"), entry) else {
        return None;
    };
    let object_type = entry.esds.as_ref()?.decoder_config.object_type_indication;
    if object_type == Mpeg4Video::OBJECT_TYPE_INDICATION {
        let video = Mpeg4Video::parse(Mpeg4Video::find(data)?).ok()?;
        return Some(Codec::Mpeg4Video(video));
    }
    if !data.starts_with(&SEQUENCE) || !matches!(object_type, 0x60..=0x65 | 0x6A) {
        return None;
    }
    // Up to the group of pictures, or the picture.
    let mut starts = (SEQUENCE.len()..data.len()).filter(|at| {
        let start = data.get(*at..at.saturating_add(4));
        matches!(start, Some([0, 0, 1, 0x00 | 0xB8]))
    });
    let video = MpegVideo::parse(data.get(..starts.next()?)?).ok()?;
    Some(Codec::Mpeg2Video(video))
}
