use alloc::collections::VecDeque;
use core::time::Duration;

/// Packets sent within this time of the first are one group.
const BURST: Duration = Duration::from_millis(5);
/// Groups that the trend line is drawn through.
const WINDOW: usize = 20;
/// The share of the last delay in the smoothed one.
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
const MAX_DELTAS: u32 = 60;
/// How long the trend must be above the threshold, ms.
const OVERUSE_TIME: f64 = 10.0;
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;
/// A gap in arrivals after which delays begin anew.
const STALE: f64 = 3000.0;

/// How the path is used, by the trend of the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Usage {
    /// The delay stays as it is.
    #[default]
    Normal,
    /// A queue fills.
    Over,
    /// A queue empties.
    Under,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Duration,
    sent: Duration,
    /// ms.
    arrival: f64,
}

/// The delay's trend (§5.4 of the draft, with a line in place of the filter) and the detector of overuse (§5.3).
#[derive(Debug, Clone)]
pub(super) struct Detector {
    current: Option<Group>,
    previous: Option<Group>,
    /// Arrival of the first group, ms.
    start: f64,
    accumulated: f64,
    smoothed: f64,
    deltas: u32,
    /// Arrival and smoothed delay, ms.
    points: VecDeque<(f64, f64)>,
    trend: f64,
    threshold: f64,
    updated: Option<f64>,
    over_for: Option<f64>,
    overs: u32,
    usage: Usage,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            current: None,
            previous: None,
            start: 0.0,
            accumulated: 0.0,
            smoothed: 0.0,
            deltas: 0,
            points: VecDeque::new(),
            trend: 0.0,
            threshold: 12.5,
            updated: None,
            over_for: None,
            overs: 0,
            usage: Usage::Normal,
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

impl Detector {
    pub(super) const fn usage(&self) -> Usage {
        self.usage
    }

    /// The delay above that at the start, ms, smoothed.
    pub(super) const fn delay(&self) -> f64 {
        self.smoothed
    }

    /// Takes in a packet: when it was sent, and when it came, microseconds on the receiver's clock. In order of sending.
    pub(super) fn handle_packet(&mut self, sent: Duration, arrival: Duration) {
        let arrival = ms(arrival);
        let Some(group) = &mut self.current else {
            self.current = Some(Group {
                first_sent: sent,
                sent,
                arrival,
            });
            self.start = arrival;
            return;
        };
        if sent < group.first_sent {
            return;
        }
        if sent.saturating_sub(group.first_sent) <= BURST {
            group.sent = group.sent.max(sent);
            group.arrival = group.arrival.max(arrival);
            return;
        }
        let done = *group;
        self.current = Some(Group {
            first_sent: sent,
            sent,
            arrival,
        });
        if let Some(previous) = self.previous.replace(done) {
            let between = done.arrival - previous.arrival;
            if between.abs() > STALE {
                *self = Self {
                    threshold: self.threshold,
                    ..Self::default()
                };
                return;
            }
            self.update(between, ms(done.sent) - ms(previous.sent), done.arrival);
        }
    }

    fn update(&mut self, arrived: f64, sent: f64, at: f64) {
        self.deltas = self.deltas.saturating_add(1).min(MAX_DELTAS);
        self.accumulated += arrived - sent;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        if self.points.len() >= WINDOW {
            self.points.pop_front();
        }
        self.points.push_back((at - self.start, self.smoothed));
        let trend = if self.points.len() >= WINDOW {
            slope(&self.points)
        } else {
            self.trend
        };
        self.detect(trend, sent, at);
    }

    fn detect(&mut self, trend: f64, sent: f64, at: f64) {
        if self.points.len() < WINDOW {
            self.usage = Usage::Normal;
            return;
        }
        let modified = f64::from(self.deltas) * trend * GAIN;
        if modified > self.threshold {
            // Half of the first interval counts: on average it began there.
            let time = self.over_for.map_or(sent / 2.0, |time| time + sent);
            self.over_for = Some(time);
            self.overs = self.overs.saturating_add(1);
            if time > OVERUSE_TIME && self.overs > 1 && trend >= self.trend {
                self.over_for = Some(0.0);
                self.overs = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_for = None;
            self.overs = 0;
            self.usage = if modified < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.trend = trend;
        self.adapt(modified.abs(), at);
    }

    /// The threshold follows the trend slowly, so that flows of another kind do not push this one out (§5.3).
    fn adapt(&mut self, modified: f64, at: f64) {
        let since = at - self.updated.replace(at).unwrap_or(at);
        if modified > self.threshold + 15.0 {
            return;
        }
        let rate = if modified < self.threshold { DOWN } else { UP };
        self.threshold += rate * (modified - self.threshold) * since.clamp(0.0, 100.0);
        self.threshold = self.threshold.clamp(6.0, 600.0);
    }
}

/// Of the line through the points, by least squares.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let (mut count, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        count += 1.0;
        sum_x += x;
        sum_y += y;
    }
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut up, mut across) = (0.0, 0.0);
    for (x, y) in points {
        up += (x - mean_x) * (y - mean_y);
        across += (x - mean_x) * (x - mean_x);
    }
    if across == 0.0 { 0.0 } else { up / across }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets each 10 ms whose delay changes by so many microseconds from one to the next; how they end.
    fn run(detector: &mut Detector, count: u64, from: u64, step: i64) -> Vec<Usage> {
        let packet = |n: u64| {
            let sent = Duration::from_millis(10 * (from + n));
            let delay = 500_000 + step * n as i64;
            detector.handle_packet(sent, sent + Duration::from_micros(delay as u64));
            detector.usage()
        };
        (0..count).map(packet).collect()
    }

    #[test]
    fn a_growing_delay_is_overuse_and_a_shrinking_one_underuse() {
        let mut detector = Detector::default();
        let usages = run(&mut detector, 100, 0, 1000);
        let first = usages
            .iter()
            .position(|usage| *usage == Usage::Over)
            .expect("overuse");
        assert!(first < 40, "after {first} packets");
        let mut detector = Detector::default();
        assert!(run(&mut detector, 100, 0, -2000).contains(&Usage::Under));
        let mut detector = Detector::default();
        assert!(
            run(&mut detector, 1000, 0, 0)
                .iter()
                .all(|usage| *usage == Usage::Normal)
        );
    }

    #[test]
    fn noise_is_no_overuse() {
        let mut detector = Detector::default();
        let mut random = testing::Random::new(3);
        for n in 0..5000u64 {
            let sent = Duration::from_millis(10 * n);
            detector.handle_packet(
                sent,
                sent + Duration::from_micros(20_000 + random.below(3000) as u64),
            );
            assert_ne!(detector.usage(), Usage::Over, "packet {n}");
        }
    }
}
