//! Configuration records and keyframes of what is passed through: read or refused, and written back as they came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::Codec;
use media::codec::{Av1, Flac, Hevc, Mpeg4Video, MpegVideo, Opus, Vp};

fn ask(codec: &Codec, data: &[u8]) {
    let _ = (codec.rfc6381(), codec.dimensions(), codec.frame_rate());
    let _ = (codec.sample_rate(), codec.channels());
    let _ = (codec.is_sync(data), codec.duration(data));
}

fuzz_target!(|data: &[u8]| {
    let codecs = [
        Hevc::parse(data).ok().map(Codec::Hevc),
        Av1::parse(data).ok().map(Codec::Av1),
        Av1::from_temporal_unit(data).ok().flatten().map(Codec::Av1),
        Vp::parse(data).ok().map(Codec::Vp9),
        Vp::from_vp8(data).map(Codec::Vp8),
        Vp::from_vp9(data).map(Codec::Vp9),
        Flac::parse(data).ok().map(Codec::Flac),
        MpegVideo::parse(data).ok().map(Codec::Mpeg2Video),
        Mpeg4Video::parse(data).ok().map(Codec::Mpeg4Video),
    ];
    for codec in codecs.iter().flatten() {
        ask(codec, data);
    }
    if let Ok(config) = Hevc::parse(data) {
        let nals: Vec<&[u8]> = config.nals().collect();
        if let Ok(made) = Hevc::from_parameter_sets(&nals) {
            assert!(Hevc::parse(made.raw()).is_ok_and(|again| again == made));
        }
    }
    if let Ok(opus) = Opus::parse_dops(data) {
        let mut out = Vec::new();
        opus.encode_dops(&mut out);
        assert!(data.starts_with(&out));
        out.clear();
        opus.encode_head(&mut out);
        assert_eq!(Opus::parse_head(&out).as_ref(), Ok(&opus));
    }
    let _ = (
        Opus::samples(data),
        Opus::parse_head(data),
        Flac::samples(data),
    );
});
