use media::Codec;
use media::codec::MpegAudio;

/// Learns from a sample what the sample entry cannot tell: the layer of MPEG audio. Says whether the codec is another one
/// by it.
pub(crate) fn refine(codec: &mut Codec, data: &[u8]) -> bool {
    let Codec::MpegAudio(known) = codec else {
        return false;
    };
    let header = mpeg2::audio::Header::parse(data).ok();
    match header.and_then(MpegAudio::new) {
        Some(found) if found != *known => {
            *known = found;
            true
        }
        _ => false,
    }
}
