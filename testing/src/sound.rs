//! Tones, made and measured: 48 kHz, both channels by turns.

const RATE: f64 = 48_000.0;

/// So many samples of a sine, from number `from` on, for both channels.
#[must_use]
pub fn tone(frequency: f32, amplitude: f32, from: usize, count: usize) -> Vec<f32> {
    let sample = |index: usize| {
        let turns = (index as f64 * f64::from(frequency) / RATE).fract();
        amplitude * (turns * std::f64::consts::TAU).sin() as f32
    };
    (from..from + count)
        .flat_map(|index| [sample(index); 2])
        .collect()
}

/// How strong a tone is in the left channel: the amplitude of its sine.
#[must_use]
pub fn strength(samples: &[f32], frequency: f32) -> f32 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, sample) in samples.iter().step_by(2).enumerate() {
        let angle = std::f64::consts::TAU * f64::from(frequency) * index as f64 / RATE;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let count = (samples.len() / 2) as f64;
    (2.0 * (real * real + imaginary * imaginary).sqrt() / count) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
