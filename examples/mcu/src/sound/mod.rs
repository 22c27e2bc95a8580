//! Sound: decoded, put in time, mixed and encoded. All is 48 kHz stereo, interleaved, in frames of 20 ms.

pub mod decode;
pub mod encode;
pub mod mix;
pub mod queue;
pub mod speaker;

/// Samples per second, of each channel.
pub const RATE: usize = 48_000;
/// Samples of a frame, of each channel.
pub const FRAME: usize = RATE / 50;

/// A frame of 20 ms: left and right by turns.
pub type Frame = [f32; 2 * FRAME];

/// Root of the mean of the squares.
#[must_use]
pub fn level(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f32 = samples.iter().map(|sample| sample * sample).sum();
    (sum / samples.len() as f32).sqrt()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// So many samples of a sine, from number `from` on, for both channels.
    pub(crate) fn tone(frequency: f32, amplitude: f32, from: usize, count: usize) -> Vec<f32> {
        let sample = |index: usize| {
            let turns = (index as f64 * f64::from(frequency) / RATE as f64).fract();
            amplitude * (turns * std::f64::consts::TAU).sin() as f32
        };
        (from..from + count)
            .flat_map(|index| [sample(index); 2])
            .collect()
    }

    /// How strong a tone is in the left channel: the amplitude of its sine.
    pub(crate) fn strength(samples: &[f32], frequency: f32) -> f32 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (index, sample) in samples.iter().step_by(2).enumerate() {
            let angle = std::f64::consts::TAU * f64::from(frequency) * index as f64 / RATE as f64;
            real += f64::from(*sample) * angle.cos();
            imaginary += f64::from(*sample) * angle.sin();
        }
        let count = (samples.len() / 2) as f64;
        (2.0 * (real * real + imaginary * imaginary).sqrt() / count) as f32
    }

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

    #[test]
    fn tones_are_measured() {
        let mixed: Vec<_> = tone(440.0, 0.3, 0, 4800)
            .iter()
            .zip(tone(1000.0, 0.1, 0, 4800))
            .map(|(a, b)| a + b)
            .collect();
        assert!((strength(&mixed, 440.0) - 0.3).abs() < 0.01);
        assert!((strength(&mixed, 1000.0) - 0.1).abs() < 0.01);
        assert!(strength(&mixed, 700.0) < 0.01);
        assert!((level(&tone(440.0, 0.5, 0, 4800)) - 0.3535).abs() < 0.01);
    }
}
