use media::Time;
use serde::Serialize;
use std::collections::VecDeque;

/// Span over which rates are measured.
const SPAN: Time = Time::from_millis(4000);
/// Points of history kept, one per second.
const HISTORY: usize = 120;
/// More samples than this in `SPAN` are not counted: no real stream has them.
const MOST: usize = 4096;

/// Measures a stream by its media time, so that bursts on the way do not show.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    recent: VecDeque<Measured>,
    /// The keyframe that began the present group of pictures, and the pictures since.
    group: Option<(Time, u32)>,
    rates: Rates,
    history: VecDeque<Point>,
}

#[derive(Debug)]
struct Measured {
    time: Time,
    bytes: usize,
    picture: bool,
}

/// What is known of a stream at a time; `None` where nothing can be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Rates {
    /// Bits per second.
    pub(crate) bitrate: Option<f64>,
    /// Pictures per second.
    pub(crate) frame_rate: Option<f64>,
    /// Seconds from keyframe to keyframe.
    pub(crate) gop: Option<f64>,
    /// Pictures from keyframe to keyframe.
    pub(crate) gop_frames: Option<u32>,
}

/// One second of history.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Point {
    /// What was measured.
    #[serde(flatten)]
    pub(crate) rates: Rates,
    /// Who watched.
    pub(crate) viewers: usize,
}

impl Meter {
    /// Counts a sample.
    pub(crate) fn sample(&mut self, time: Time, bytes: usize, picture: bool, sync: bool) {
        if picture {
            match &mut self.group {
                Some((start, pictures)) if sync => {
                    self.rates.gop = Some(seconds(time - *start));
                    self.rates.gop_frames = Some(*pictures);
                    (*start, *pictures) = (time, 1);
                }
                Some((_, pictures)) => *pictures = pictures.saturating_add(1),
                None if sync => self.group = Some((time, 1)),
                None => {}
            }
        }
        self.recent.push_back(Measured {
            time,
            bytes,
            picture,
        });
        while let Some(first) = self.recent.front() {
            if time - first.time <= SPAN && self.recent.len() <= MOST {
                break;
            }
            self.recent.pop_front();
        }
    }

    /// Forgets what was measured, but not the history: another publisher, or a jump in time.
    pub(crate) fn restart(&mut self) {
        self.recent.clear();
        self.group = None;
        self.rates = Rates::default();
    }

    /// What is known now.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            bitrate: self.bitrate(),
            frame_rate: self.frame_rate(),
            ..self.rates
        }
    }

    /// The last two minutes, the newest last.
    pub(crate) fn history(&self) -> Vec<Point> {
        self.history.iter().copied().collect()
    }

    /// To be called once a second.
    pub(crate) fn tick(&mut self, viewers: usize) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        let rates = self.rates();
        self.history.push_back(Point { rates, viewers });
    }

    /// Each sample's bytes belong to the time until the next one, so the last one's are not counted.
    fn bitrate(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let span = positive(last.time - first.time)?;
        let bytes: usize = self.recent.iter().map(|measured| measured.bytes).sum();
        Some((bytes - last.bytes) as f64 * 8.0 / span)
    }

    fn frame_rate(&self) -> Option<f64> {
        let mut pictures = self.recent.iter().filter(|measured| measured.picture);
        let first = pictures.next()?.time;
        let (count, last) = pictures.fold((0_u32, first), |(count, _), measured| {
            (count + 1, measured.time)
        });
        Some(f64::from(count) / positive(last - first)?)
    }
}

fn seconds(time: Time) -> f64 {
    time.as_nanos() as f64 / 1e9
}

fn positive(time: Time) -> Option<f64> {
    (time > Time::ZERO).then(|| seconds(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_measures_exactly() {
        let mut meter = Meter::default();
        for frame in 0..600_i64 {
            let time = Time::from_nanos(frame * 1_000_000_000 / 60);
            meter.sample(time, 1000, true, frame % 120 == 0);
        }
        let rates = meter.rates();
        assert!((rates.frame_rate.unwrap() - 60.0).abs() < 1e-6);
        assert!((rates.bitrate.unwrap() - 480_000.0).abs() < 1e-3);
        assert!((rates.gop.unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(rates.gop_frames, Some(120));
        meter.restart();
        assert_eq!(meter.rates(), Rates::default());
    }

    #[test]
    fn history_and_memory_are_bounded() {
        let mut meter = Meter::default();
        for i in 0..10_000 {
            meter.sample(Time::from_nanos(i), 1, false, true);
            meter.tick(1);
        }
        assert_eq!(meter.history().len(), HISTORY);
        assert!(meter.recent.len() <= MOST);
    }
}
