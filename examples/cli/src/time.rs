//! Times as people write them.

use anyhow::{Context, ensure};
use media::Time;

/// Reads seconds, minutes and seconds, or hours, minutes and seconds: `90`, `1:30`, `0:01:30.25`.
pub fn parse(text: &str) -> anyhow::Result<Time> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        let number: f64 = part
            .parse()
            .with_context(|| format!("{text:?} is no time"))?;
        ensure!(number.is_finite() && number >= 0.0, "{text:?} is no time");
        seconds = seconds * 60.0 + number;
    }
    ensure!(
        text.split(':').count() <= 3 && seconds < 1e9,
        "{text:?} is no time"
    );
    Ok(Time::from_nanos((seconds * 1e9).round() as i64))
}

/// A time in seconds.
pub fn seconds(time: Time) -> f64 {
    time.as_nanos() as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(parse("90").unwrap(), Time::from_millis(90_000));
        assert_eq!(parse("0:01:30.25").unwrap(), Time::from_millis(90_250));
        for bad in ["", "x", "-1", "1:2:3:4", "inf", "1:"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
