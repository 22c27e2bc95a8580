//! From frames of VP8 (RFC 6386) to pictures.

use super::super::Picture;
use media::{Flags, Sample};
use oxideav_vp8::Vp8DecoderState;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Largest picture that is decoded: that of the highest level of H.264 which OpenH264 decodes.
const PIXELS: u64 = 4096 * 2304;

/// Decodes one stream, and shows nothing that is broken: after a loss it waits for a keyframe.
#[derive(Default)]
pub struct Vp8 {
    /// None: nothing can be shown until a keyframe comes.
    inner: Option<Box<Vp8DecoderState>>,
}

impl fmt::Debug for Vp8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vp8")
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}

impl Vp8 {
    /// One that waits for a keyframe.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a keyframe is needed to go on.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.inner.is_none()
    }

    /// Forgets all: what comes next is to be a keyframe.
    pub fn reset(&mut self) {
        self.inner = None;
    }

    /// Decodes a frame, and gives its picture with the time at which it is to be shown (PTS): there is none of frames that are only there for
    /// others to be made from.
    pub fn decode(&mut self, sample: &Sample) -> Option<(i64, Picture)> {
        let sync = sample.is_sync();
        if sample.flags.contains(Flags::GAP) && !sync {
            self.reset();
        }
        let mut inner = match self.inner.take() {
            Some(inner) => inner,
            None if sync => Box::new(Vp8DecoderState::new().with_max_pixels_per_frame(PIXELS)),
            None => return None,
        };
        // It was never seen to panic; if it did, all pictures of the room would stand still.
        let decoded = catch_unwind(AssertUnwindSafe(|| inner.decode_frame(&sample.data)));
        let frame = match decoded {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => {
                tracing::debug!("a picture cannot be decoded: {error}");
                return None;
            }
            Err(_) => return None,
        };
        let shown = inner.last_frame_shown() != Some(false);
        self.inner = Some(inner);
        if !shown {
            return None;
        }
        let (width, height) = (frame.width as usize, frame.height as usize);
        let half = width.div_ceil(2);
        let planes = [&frame.y[..], &frame.u, &frame.v];
        let picture = Picture::from_planes((width, height), planes, [width, half, half]);
        picture.map(|picture| (sample.pts, picture))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::TrackId;

    /// Frames of an IVF file that libvpx has made, with hidden frames, several partitions, and odd edges, in two passes of
    /// `ffmpeg -f lavfi -i testsrc2=s=81x59:r=25:d=2,noise=alls=12:allf=t -c:v libvpx -b:v 60k -deadline good -cpu-used 2 -slices 4
    /// -auto-alt-ref 1 -lag-in-frames 12 -arnr-maxframes 5 -arnr-strength 3 altref.ivf`.
    fn film() -> Vec<Sample> {
        let file = include_bytes!("../../../tests/fixtures/altref.ivf");
        let mut rest = &file[32..];
        let mut samples = Vec::new();
        while let Some((head, data)) = rest.split_first_chunk::<12>() {
            let length = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
            samples.push(Sample {
                track: TrackId(1),
                dts: samples.len() as i64,
                pts: samples.len() as i64,
                duration: None,
                flags: Flags::SYNC.when(data[0] & 1 == 0),
                data: data[..length].to_vec().into(),
            });
            rest = &data[length..];
        }
        samples
    }

    /// What libvpx makes of the same file, of which the last odd column and line are left out:
    /// `ffmpeg -c:v libvpx -i altref.ivf -vf crop=80:58:0:0:exact=1 -fps_mode passthrough -f framecrc altref.framecrc`.
    #[test]
    fn pictures_are_those_of_libvpx() {
        let wanted = include_str!("../../../tests/fixtures/altref.framecrc");
        let wanted = wanted.lines().filter(|line| !line.starts_with('#'));
        let wanted: Vec<_> = wanted
            .map(|line| line.rsplit(", ").next().unwrap())
            .collect();
        let mut decoder = Vp8::new();
        let samples = film();
        let pictures: Vec<_> = samples
            .iter()
            .filter_map(|sample| decoder.decode(sample))
            .map(|(_, picture)| format!("0x{:08x}", adler(&picture.planes().concat())))
            .collect();
        assert!(samples.len() > pictures.len(), "no frame is hidden");
        assert_eq!(pictures, wanted);
    }

    /// Adler-32 as ffmpeg's framecrc has it: it begins with 0.
    fn adler(data: &[u8]) -> u32 {
        let (mut a, mut b) = (0_u32, 0_u32);
        for byte in data {
            a = (a + u32::from(*byte)) % 65_521;
            b = (b + a) % 65_521;
        }
        b << 16 | a
    }

    #[test]
    fn after_a_loss_nothing_is_shown_until_a_keyframe() {
        let mut samples = film();
        let mut decoder = Vp8::new();
        assert!(decoder.decode(&samples[1]).is_none() && decoder.waits());
        assert!(decoder.decode(&samples[0]).is_some() && !decoder.waits());
        samples[2].flags = Flags::GAP;
        assert!(decoder.decode(&samples[2]).is_none() && decoder.waits());
        assert!(decoder.decode(&samples[3]).is_none());
        assert!(decoder.decode(&samples[0]).is_some());
        // Damage, and a picture that is too large.
        let mut wrong = samples[1].clone();
        wrong.data = wrong.data.slice(..wrong.data.len() / 3);
        assert!(decoder.decode(&wrong).is_none() && decoder.waits());
        let mut huge = samples[0].data.to_vec();
        huge[6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        let huge = Sample {
            data: huge.into(),
            ..samples[0].clone()
        };
        assert!(decoder.decode(&huge).is_none() && decoder.waits());
    }
}
