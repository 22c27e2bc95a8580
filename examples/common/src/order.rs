//! Pictures of H.264 for WebRTC, which shows them in the order in which they come: those that come out of it are left out, and decoders
//! are told that none does.

use h264::sps::{BitstreamRestriction, Vui};
use h264::{DecoderConfig, Sps};

/// So far back a time line jumps, instead of a picture coming out of order: 2 s.
const JUMP: i64 = 2_000_000_000;

/// What is told of pictures that are left out.
pub const LEFT_OUT: &str =
    "B-frames are left out, so the picture moves less smoothly: publish without them (bframes=0)";
/// What is told where others depend on them.
pub const KEYFRAMES: &str = "only keyframes are seen: others depend on B-frames (publish with bframes=0, or b-pyramid=none)";

/// Judges the pictures of one track.
#[derive(Debug, Default)]
pub struct Order {
    /// When the latest one is shown, in nanoseconds.
    latest: Option<i64>,
    /// Whether what is between keyframes needs pictures that come out of order: of these ones, and of those since the last keyframe.
    only_keyframes: bool,
    depends: bool,
}

impl Order {
    /// Of pictures that begin.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            latest: None,
            only_keyframes: false,
            depends: false,
        }
    }

    /// Whether a picture goes on that is shown at `shown`, in nanoseconds, is a keyframe, or is needed by no other one.
    ///
    /// # Errors
    /// Why it does not; the text is for people.
    pub fn judge(
        &mut self,
        shown: i64,
        is_keyframe: bool,
        is_disposable: bool,
    ) -> Result<(), &'static str> {
        if is_keyframe {
            // An encoder decides anew what depends on what, and may have none of it from here on.
            self.only_keyframes = std::mem::take(&mut self.depends);
            self.latest = Some(shown);
            return Ok(());
        }
        let is_late = |latest| shown < latest && latest - shown < JUMP;
        let is_late = self.latest.is_some_and(is_late);
        if !is_late {
            self.latest = Some(shown);
        } else if !is_disposable {
            self.depends = true;
            self.only_keyframes = true;
        }
        match (self.only_keyframes, is_late) {
            (true, _) => Err(KEYFRAMES),
            (false, true) => Err(LEFT_OUT),
            (false, false) => Ok(()),
        }
    }

    /// The time line goes on elsewhere.
    pub fn restart(&mut self) {
        self.latest = None;
    }
}

/// The same, told that no picture waits for a later one: else decoders hold back as many as the level allows.
#[must_use]
pub fn in_order(config: &DecoderConfig) -> DecoderConfig {
    let sets: Vec<Vec<u8>> = config.sps().map(sps_in_order).collect();
    let sps = sets.iter().map(Vec::as_slice);
    DecoderConfig::from_parameter_sets(sps, config.pps()).unwrap_or_else(|_| config.clone())
}

/// The same of one sequence parameter set, a whole NAL unit.
#[must_use]
pub fn sps_in_order(nal: &[u8]) -> Vec<u8> {
    let written = Sps::parse(nal).and_then(|mut sps| {
        if sps.max_num_reorder_frames() == 0 {
            return Ok(nal.to_vec());
        }
        let frames = sps.max_num_ref_frames.max(1);
        let vui = sps.vui.get_or_insert_with(|| Box::new(Vui::default()));
        let limits = vui.bitstream_restriction.unwrap_or_default();
        vui.bitstream_restriction = Some(BitstreamRestriction {
            max_num_reorder_frames: 0,
            max_dec_frame_buffering: frames,
            ..limits
        });
        let mut out = Vec::new();
        sps.encode(3, &mut out)?;
        Ok(out)
    });
    // What we cannot read a decoder may.
    written.unwrap_or_else(|_| nal.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Keyframes (`k`), pictures that others need (`p`) and such that none does (`b`), each with the time at which it is shown.
    fn judged(pictures: &[(char, i64)]) -> Vec<Result<(), &'static str>> {
        let mut order = Order::new();
        let judge = |(kind, ms): &(char, i64)| order.judge(ms * MS, *kind == 'k', *kind == 'b');
        pictures.iter().map(judge).collect()
    }

    #[test]
    fn what_comes_out_of_order_is_left_out() {
        let pictures = [
            ('k', 0),
            ('p', 80),
            ('b', 40),
            ('b', 120),
            // A time line that begins anew is in order.
            ('p', 120 - 3000),
        ];
        let ok = Ok(());
        assert_eq!(judged(&pictures), [ok, ok, Err(LEFT_OUT), ok, ok]);
        let mut order = Order::new();
        assert_eq!(order.judge(80 * MS, true, false), Ok(()));
        order.restart();
        assert_eq!(order.judge(0, false, false), Ok(()));
    }

    #[test]
    fn keyframes_go_on_where_others_depend_on_what_comes_out_of_order() {
        let pictures = [
            ('k', 0),
            ('p', 160),
            ('p', 80),
            ('b', 40),
            ('p', 320),
            ('k', 400),
            ('p', 560),
            ('b', 480),
            // Nothing of the kind since the last keyframe.
            ('k', 600),
            ('p', 640),
        ];
        let (ok, gone) = (Ok(()), Err(KEYFRAMES));
        assert_eq!(
            judged(&pictures),
            [ok, ok, gone, gone, gone, ok, gone, gone, ok, ok]
        );
    }
}
