//! The rule of `abr::choose` beside those of hls.js and BOLA, in simulation: a player fetches segments over networks whose
//! bandwidth changes, and what its viewer would have seen is counted. The traces are made here, with the spread and the
//! changes that published ones have (mobile HSDPA and LTE, fixed lines, steps); each rule gets the same ones.
//!
//! ```sh
//! cargo run --release -p fluvial-media --example abr > abr.svg   # the table is on stderr
//! ```

use fluvial_media::Time;
use fluvial_media::abr::{Conditions, Throughput, choose};

/// bit/s, as a ladder from 240p to 1080p has them.
const RATES: [f64; 6] = [300e3, 750e3, 1.2e6, 2.4e6, 4.5e6, 8.0e6];
/// Seconds of a segment, of the longest buffer, of a trace, before the first byte of an answer comes.
const SEGMENT: f64 = 4.0;
const MAX_BUFFER: f64 = 30.0;
const LENGTH: usize = 600;
const ROUND_TRIP: f64 = 0.05;
const TRACES: u64 = 40;

// Networks ----------------------------------------------------------------------------------------------------------

/// xorshift: the same traces in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.unit().max(1e-12), self.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

/// bit/s, second by second.
type Trace = Vec<f64>;

/// A random walk of the logarithm around a mean, and outages.
fn walk(random: &mut Random, mean: f64, spread: f64, pull: f64, outage: f64) -> Trace {
    let mut at: f64 = random.normal() * spread;
    let mut out = 0_u32;
    (0..LENGTH)
        .map(|_| {
            at += -pull * at + spread * (2.0 * pull).sqrt() * random.normal();
            if random.unit() < outage {
                out = 2 + (random.unit() * 6.0) as u32;
            }
            out = out.saturating_sub(1);
            let dip = if out > 0 { 0.05 } else { 1.0 };
            (mean * at.exp() * dip).clamp(30e3, 60e6)
        })
        .collect()
}

fn traces(kind: &str) -> Vec<Trace> {
    (1..=TRACES)
        .map(|seed| {
            let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            for _ in 0..8 {
                random.unit();
            }
            match kind {
                "HSDPA" => walk(&mut random, 1.6e6, 0.6, 0.12, 0.004),
                "LTE" => walk(&mut random, 9e6, 0.8, 0.10, 0.006),
                "fixed" => {
                    let mean = 2e6 + random.unit() * 8e6;
                    walk(&mut random, mean, 0.2, 0.3, 0.0005)
                }
                _ => {
                    let high = 3e6 + random.unit() * 6e6;
                    let span = 20 + (random.unit() * 60.0) as usize;
                    (0..LENGTH)
                        .map(|second| {
                            if (second / span).is_multiple_of(2) {
                                high
                            } else {
                                high / 5.0
                            }
                        })
                        .collect()
                }
            }
        })
        .collect()
}

// Rules -------------------------------------------------------------------------------------------------------------

/// What a rule knows before each segment.
struct Known<'a> {
    current: Option<usize>,
    buffer: f64,
    /// Bytes and seconds of what was fetched.
    fetched: &'a [(f64, f64)],
}

type Rule = Box<dyn FnMut(&Known<'_>) -> usize>;
type Named = (&'static str, fn() -> Rule);

fn ours() -> Rule {
    let mut throughput = Throughput::new();
    let mut seen = 0;
    Box::new(move |known| {
        for (bytes, seconds) in &known.fetched[seen..] {
            throughput.push(*bytes as u64, time(*seconds));
        }
        seen = known.fetched.len();
        choose(&Conditions {
            rates: &RATES.map(|rate| rate as u64),
            current: known.current,
            throughput: throughput.estimate(),
            buffer: time(known.buffer),
            segment: time(SEGMENT),
            max_buffer: time(MAX_BUFFER),
        })
    })
}

fn time(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9) as i64)
}

/// A mean that halves every so many seconds.
struct Mean {
    half: f64,
    sum: f64,
    weight: f64,
}

impl Mean {
    fn new(half: f64) -> Self {
        Self {
            half,
            sum: 0.0,
            weight: 0.0,
        }
    }
    fn push(&mut self, value: f64, weight: f64) {
        let keep = 0.5_f64.powf(weight / self.half);
        self.sum = value * (1.0 - keep) + keep * self.sum;
        self.weight += weight;
    }
    fn get(&self) -> f64 {
        self.sum / (1.0 - 0.5_f64.powf(self.weight / self.half))
    }
}

/// hls.js: the lesser of two means (3 s and 9 s), of which a level below may have 95 %, one above 70 %; a level has to come
/// before the buffer is empty. Without its emergency: what is under way is not given up.
fn hls_js() -> Rule {
    let (mut fast, mut slow, mut seen) = (Mean::new(3.0), Mean::new(9.0), 0);
    Box::new(move |known| {
        for (bytes, seconds) in &known.fetched[seen..] {
            fast.push(bytes * 8.0 / seconds, *seconds);
            slow.push(bytes * 8.0 / seconds, *seconds);
        }
        seen = known.fetched.len();
        // Its default before anything is measured.
        let estimate = if seen == 0 {
            500e3
        } else {
            fast.get().min(slow.get())
        };
        let current = known.current.unwrap_or(0);
        let fits = |level: &usize, most: f64| {
            let share = if *level <= current { 0.95 } else { 0.7 };
            let usable = estimate * share;
            RATES[*level] < usable && RATES[*level] * SEGMENT / usable < most
        };
        let levels = || (0..RATES.len()).rev();
        let first = levels().find(|level| fits(level, known.buffer));
        // Else it may stall for a segment, or 4 s at most.
        let most = known.buffer + SEGMENT.min(4.0);
        first
            .or_else(|| levels().find(|level| fits(level, most)))
            .unwrap_or(0)
    })
}

/// BOLA, as dash.js sets it: utilities are logarithms, 10 s of buffer at least, 30 s to aim for; as long as nothing was
/// measured, and until the buffer has filled once, by throughput.
fn bola() -> Rule {
    let utilities: Vec<f64> = RATES
        .iter()
        .map(|rate| (rate / RATES[0]).ln() + 1.0)
        .collect();
    let least = 10.0;
    let best = utilities[utilities.len() - 1];
    let gp = (best - 1.0) / (MAX_BUFFER / least - 1.0);
    let vp = least / gp;
    let mut steady = false;
    Box::new(move |known| {
        if !steady {
            let last = known.fetched.iter().rev().take(4);
            let (bytes, seconds) = last.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let rate = if seconds > 0.0 {
                bytes * 8.0 / seconds * 0.9
            } else {
                0.0
            };
            let level = (0..RATES.len())
                .rev()
                .find(|level| RATES[*level] <= rate)
                .unwrap_or(0);
            let by_buffer = by_bola(&utilities, vp, gp, known.buffer);
            steady = by_buffer >= level && known.buffer >= SEGMENT && !known.fetched.is_empty();
            return level;
        }
        by_bola(&utilities, vp, gp, known.buffer)
    })
}

fn by_bola(utilities: &[f64], vp: f64, gp: f64, buffer: f64) -> usize {
    let score = |level: &usize| (vp * (utilities[*level] + gp) - buffer) / RATES[*level];
    let levels = 0..RATES.len();
    levels
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .unwrap_or(0)
}

// The player --------------------------------------------------------------------------------------------------------

/// Second, bit/s, seconds of buffer.
type Point = (f64, f64, f64);

struct Plot {
    title: String,
    trace: Trace,
    line: Vec<Point>,
}

#[derive(Default, Clone)]
struct Seen {
    rebuffering: f64,
    startup: f64,
    bits: f64,
    played: f64,
    switches: f64,
    /// bit/s and buffer, second by second.
    line: Vec<Point>,
}

fn play(trace: &Trace, mut rule: Rule) -> Seen {
    let mut seen = Seen::default();
    let (mut now, mut buffer, mut current) = (0.0_f64, 0.0_f64, None);
    let mut fetched: Vec<(f64, f64)> = Vec::new();
    let at = |now: f64| trace[(now as usize).min(trace.len() - 1)];
    while now < LENGTH as f64 {
        let level = rule(&Known {
            current,
            buffer,
            fetched: &fetched,
        });
        if current.is_some_and(|before| before != level) {
            seen.switches += 1.0;
        }
        let bytes = RATES[level] * SEGMENT / 8.0;
        // Second by second, as the trace goes.
        let (mut left, mut end) = (bytes * 8.0, now + ROUND_TRIP);
        while left > 1e-3 {
            let until = end.floor() + 1.0;
            let step = (until - end).min(left / at(end));
            left -= at(end) * step;
            end += step.max(1e-9);
        }
        let took = end - now;
        if current.is_some() {
            seen.rebuffering += (took - buffer).max(0.0);
        } else {
            seen.startup = took;
        }
        buffer = (buffer - took).max(0.0) + SEGMENT;
        now = end;
        seen.line.push((now, RATES[level], buffer));
        seen.bits += RATES[level] * SEGMENT;
        seen.played += SEGMENT;
        fetched.push((bytes, took));
        current = Some(level);
        // A full buffer is waited for.
        let wait = (buffer - (MAX_BUFFER - SEGMENT)).max(0.0);
        now += wait;
        buffer -= wait;
    }
    seen
}

fn main() {
    let rules: [Named; 3] = [("fluvial", ours), ("hls.js", hls_js), ("BOLA", bola)];
    eprintln!(
        "| network | rule | rebuffering, % of the time | traces that stalled | mean bit rate, Mbit/s | switches per minute | startup, s |"
    );
    eprintln!("|---|---|---|---|---|---|---|");
    let mut plots = Vec::new();
    for kind in ["HSDPA", "LTE", "fixed", "steps"] {
        let traces = traces(kind);
        for (name, rule) in rules {
            let seen: Vec<Seen> = traces.iter().map(|trace| play(trace, rule())).collect();
            let sum = |of: fn(&Seen) -> f64| seen.iter().map(of).sum::<f64>();
            let played = sum(|one| one.played);
            let stalled = seen.iter().filter(|one| one.rebuffering > 0.0).count();
            eprintln!(
                "| {kind} | {name} | {:.2} | {stalled} of {} | {:.2} | {:.1} | {:.1} |",
                100.0 * sum(|one| one.rebuffering) / (played + sum(|one| one.rebuffering)),
                seen.len(),
                sum(|one| one.bits) / played / 1e6,
                sum(|one| one.switches) / played * 60.0,
                sum(|one| one.startup) / seen.len() as f64,
            );
            if matches!(kind, "LTE" | "steps") {
                plots.push(Plot {
                    title: format!("{kind}: {name}"),
                    trace: traces[0].clone(),
                    line: seen[0].line.clone(),
                });
            }
        }
    }
    println!("{}", svg(&plots));
}

// The plot ----------------------------------------------------------------------------------------------------------

/// For each: the network in grey, what was played in blue, the buffer in orange.
fn svg(plots: &[Plot]) -> String {
    use std::fmt::Write;
    let (width, height, gap) = (1000.0, 110.0, 30.0);
    let total = plots.len() as f64 * (height + gap);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {total}\" font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    );
    for (index, Plot { title, trace, line }) in plots.iter().enumerate() {
        let top = index as f64 * (height + gap) + gap;
        let x = |seconds: f64| seconds / LENGTH as f64 * width;
        let y = |rate: f64| top + height - (rate / 12e6).min(1.0) * height;
        let points = |list: &[(f64, f64)]| {
            let mut text = String::new();
            for (x, y) in list {
                let _ = write!(text, "{x:.1},{y:.1} ");
            }
            text
        };
        let network: Vec<_> = (0..)
            .zip(trace)
            .map(|(at, rate)| (x(f64::from(at)), y(*rate)))
            .collect();
        let mut steps = Vec::new();
        for pair in line.windows(2) {
            steps.extend([(x(pair[0].0), y(pair[0].1)), (x(pair[1].0), y(pair[0].1))]);
        }
        let held: Vec<_> = line
            .iter()
            .map(|(at, _, buffer)| (x(*at), top + height - buffer / MAX_BUFFER * height))
            .collect();
        let _ = write!(out, "<text x=\"4\" y=\"{}\">{title}</text>", top - 8.0);
        for (list, colour, thick) in [
            (network, "#bbb", 1.0),
            (held, "#e80", 1.0),
            (steps, "#06c", 2.0),
        ] {
            let _ = write!(
                out,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\" points=\"{}\"/>",
                points(&list)
            );
        }
    }
    out + "</svg>"
}
