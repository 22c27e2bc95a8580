//! Pictures of a publisher that knows nothing of WebRTC, made fit for it: H.264 in the order in which it is shown, of which decoders are
//! told so.

use common::order::{Order, in_order};
use h264::{DecoderConfig, Sps};
use media::{Codec, Flags, Sample, Timescale, Track};
use str0m::format::{Codec as Format, CodecSpec, FormatParams};
use str0m::media::Frequency;

/// Profiles that browsers decode: Baseline, Main, High.
const PROFILES: [u8; 3] = [66, 77, 100];
/// The pictures of one track.
#[derive(Debug)]
pub(super) struct Picture {
    /// Of decoders.
    pub(super) config: DecoderConfig,
    pub(super) scale: Timescale,
    order: Order,
}

impl Picture {
    /// Of a track.
    ///
    /// # Errors
    /// What browsers do not decode; the text is for people.
    pub(super) fn new(track: &Track) -> Result<Self, String> {
        let Codec::H264(config) = &track.codec else {
            let codec = track.codec.rfc6381();
            return Err(format!("no picture: {codec} is not taken, only H.264"));
        };
        let sps = config.first_sps();
        let is_plain = |sps: &Sps| sps.chroma_format_idc == 1 && sps.bit_depth_luma_minus8 == 0;
        if !PROFILES.contains(&config.profile()) || !sps.is_none_or(is_plain) {
            let profile = config.profile();
            return Err(format!(
                "no picture: browsers do not decode profile {profile} of H.264"
            ));
        }
        Ok(Self {
            config: in_order(config),
            scale: track.timescale,
            order: Order::new(),
        })
    }

    /// How it is negotiated.
    pub(super) fn spec(&self) -> CodecSpec {
        let bytes = [
            0,
            self.config.profile(),
            self.config.constraint_flags(),
            self.config.level(),
        ];
        CodecSpec {
            codec: Format::H264,
            clock_rate: Frequency::NINETY_KHZ,
            channels: None,
            format: FormatParams {
                packetization_mode: Some(1),
                profile_level_id: Some(u32::from_be_bytes(bytes)),
                level_asymmetry_allowed: Some(true),
                ..FormatParams::default()
            },
        }
    }

    /// Whether a picture goes on: WebRTC shows them in the order in which they come.
    ///
    /// # Errors
    /// Why it does not; the text is for people.
    pub(super) fn judge(&mut self, sample: &Sample) -> Result<(), &'static str> {
        let shown = self.scale.time(sample.pts).as_nanos();
        let is_disposable = sample.flags.contains(Flags::DISPOSABLE);
        self.order.judge(shown, sample.is_sync(), is_disposable)
    }

    /// The time line goes on elsewhere.
    pub(super) fn restart(&mut self) {
        self.order.restart();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::TrackId;

    /// Of x264 3095, High, 320x180, with two frames out of order.
    const SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
    ];
    const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];

    fn track(sps: &[u8]) -> Track {
        let config = DecoderConfig::from_parameter_sets([sps], [PPS]).unwrap();
        let scale = Timescale::new(1000).unwrap();
        Track::new(TrackId(1), scale, Codec::H264(config))
    }

    #[test]
    fn decoders_are_told_that_nothing_waits() {
        let before = Sps::parse(SPS).unwrap();
        assert_eq!(before.max_num_reorder_frames(), 2);
        let picture = Picture::new(&track(SPS)).unwrap();
        let after = picture.config.first_sps().unwrap();
        assert_eq!(after.max_num_reorder_frames(), 0);
        assert_eq!(
            (after.width(), after.height()),
            (before.width(), before.height())
        );
        assert_eq!(picture.config.pps().next(), Some(PPS));
        assert_eq!(picture.spec().format.profile_level_id, Some(0x64_00_0c));
        // Also where it says nothing at all.
        let mut silent = before;
        silent.vui = None;
        let mut nal = Vec::new();
        silent.encode(3, &mut nal).unwrap();
        let picture = Picture::new(&track(&nal)).unwrap();
        assert_eq!(
            picture.config.first_sps().unwrap().max_num_reorder_frames(),
            0
        );
    }

    #[test]
    fn what_browsers_do_not_decode_is_refused() {
        let mut sps = Sps::parse(SPS).unwrap();
        sps.profile_idc = 122;
        sps.chroma_format_idc = 2;
        let mut nal = Vec::new();
        sps.encode(3, &mut nal).unwrap();
        let why = Picture::new(&track(&nal)).unwrap_err();
        assert!(why.contains("profile 122"), "{why}");
        let opus = Codec::Opus(media::codec::Opus::new(2, 0));
        let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), opus);
        assert!(Picture::new(&track).is_err());
    }
}
