//! Sound: decoded, put in time, mixed and encoded. All is 48 kHz stereo, interleaved, in frames of 20 ms.

pub mod encode;
pub mod floor;
pub mod mix;
pub mod queue;
pub mod speaker;

/// From packets of Opus, frames of AAC and numbers of PCM to samples.
pub mod decode {
    pub use common::sound::Decoder;
}

pub use common::sound::{FRAME, Frame, RATE, level};

#[cfg(test)]
pub(crate) mod tests {
    use super::RATE;
    pub(crate) use testing::{strength, tone};

    /// The greatest step between neighbours in the left channel.
    pub(crate) fn step(samples: &[f32]) -> f32 {
        let left: Vec<_> = samples.iter().step_by(2).collect();
        left.windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    }

    /// How great a step would be that is as sharp as the sharpest place in the left channel, and where that is, in milliseconds. Tones are smooth:
    /// of their fourth differences nothing is left, and those of a step are up to three times as great as the step.
    pub(crate) fn click(samples: &[f32]) -> (f32, usize) {
        let left: Vec<_> = samples.iter().step_by(2).collect();
        let sharp = |w: &[&f32]| (w[0] - 4.0 * w[1] + 6.0 * w[2] - 4.0 * w[3] + w[4]).abs() / 3.0;
        let all = left.windows(5).map(sharp).enumerate();
        let most = all.max_by(|a, b| a.1.total_cmp(&b.1));
        most.map_or((0.0, 0), |(at, step)| (step, at * 1000 / RATE))
    }

    #[test]
    fn clicks_are_found_in_tones() {
        let mut two: Vec<_> = tone(440.0, 0.3, 0, 9600)
            .iter()
            .zip(tone(2000.0, 0.3, 0, 9600))
            .map(|(a, b)| a + b)
            .collect();
        assert!(click(&two).0 < 0.003, "{:?}", click(&two));
        // A step, and a piece that is left out.
        two[9600..].iter_mut().for_each(|sample| *sample += 0.05);
        let (step, at) = click(&two);
        assert!(
            (0.04..0.06).contains(&step) && at.abs_diff(100) < 2,
            "{step} at {at}"
        );
        let mut cut = tone(440.0, 0.3, 0, 9600);
        cut.drain(9600..9664);
        assert!(click(&cut).0 > 0.03, "{:?}", click(&cut));
    }
}
