//! The lines of `probe --samples`.

use crate::input::Seen;
use anyhow::Result;
use media::TrackId;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::io::Write;

/// A sample's line.
#[derive(Debug, Serialize)]
struct Line {
    track: u32,
    dts: i64,
    pts: i64,
    duration: Option<u32>,
    size: usize,
    sync: bool,
}

/// Lines in the order of the file. A sample that does not say how long it lasts lasts until the next one of its track is decoded: its
/// line, and those behind it, wait for that one.
#[derive(Debug, Default)]
pub struct Lines {
    queue: VecDeque<Line>,
    /// How many have left the queue.
    gone: u64,
    /// The number of the line of each track that waits.
    open: HashMap<TrackId, u64>,
}

impl Lines {
    /// Lines that wait at the most: as many as come between two samples of a track that is no mere list of cues.
    const MOST: usize = 4096;

    /// Takes a sample; `is_sparse`: the next one of its track tells nothing of it.
    pub fn push(&mut self, seen: &Seen, is_sparse: bool, out: &mut impl Write) -> Result<()> {
        if let Some(number) = self.open.remove(&seen.track)
            && let Some(at) = number.checked_sub(self.gone)
            && let Some(line) = self.queue.get_mut(at as usize)
        {
            let lasts = u32::try_from(seen.dts.saturating_sub(line.dts)).ok();
            line.duration = lasts.filter(|ticks| *ticks > 0);
        }
        if seen.duration.is_none() && !is_sparse {
            let number = self.gone + self.queue.len() as u64;
            self.open.insert(seen.track, number);
        }
        self.queue.push_back(Line {
            track: seen.track.0,
            dts: seen.dts,
            pts: seen.pts,
            duration: seen.duration,
            size: seen.size,
            sync: seen.sync,
        });
        self.write(Self::MOST, out)
    }

    /// The next samples tell nothing of those before: writes all that wait.
    pub fn flush(&mut self, out: &mut impl Write) -> Result<()> {
        self.open.clear();
        self.write(0, out)
    }

    fn write(&mut self, most: usize, out: &mut impl Write) -> Result<()> {
        while let Some(line) = self.queue.front() {
            let is_open = self.open.values().any(|number| *number == self.gone);
            if is_open && self.queue.len() <= most {
                break;
            }
            serde_json::to_writer(&mut *out, line)?;
            writeln!(out)?;
            self.queue.pop_front();
            self.gone += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(track: u32, dts: i64, duration: Option<u32>) -> Seen {
        Seen {
            track: TrackId(track),
            dts,
            pts: dts,
            duration,
            size: 1,
            sync: true,
            hidden: false,
        }
    }

    fn durations(out: &[u8]) -> Vec<String> {
        let lines = std::str::from_utf8(out).unwrap().lines();
        let field = |line: &str| {
            let (_, rest) = line.split_once("\"duration\":").unwrap();
            rest.split(',').next().unwrap().to_owned()
        };
        lines.map(field).collect()
    }

    #[test]
    fn the_next_one_tells_how_long_one_lasts() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for (track, dts, duration) in [(1, 0, None), (2, 0, Some(5)), (2, 5, Some(5)), (3, 7, None)]
        {
            let is_sparse = track == 3;
            lines
                .push(&seen(track, dts, duration), is_sparse, &mut out)
                .unwrap();
        }
        assert!(out.is_empty());
        lines.push(&seen(1, 40, None), false, &mut out).unwrap();
        assert_eq!(durations(&out), ["40", "5", "5", "null"]);
        // Time does not go back.
        lines.push(&seen(1, 40, None), false, &mut out).unwrap();
        lines.flush(&mut out).unwrap();
        assert_eq!(durations(&out)[4..], ["null", "null"]);
        lines.push(&seen(1, 50, None), false, &mut out).unwrap();
        assert_eq!(durations(&out).len(), 6);
    }

    #[test]
    fn no_more_wait_than_it_says() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        lines.push(&seen(1, 0, None), false, &mut out).unwrap();
        for n in 0..Lines::MOST as i64 {
            lines.push(&seen(2, n, Some(1)), false, &mut out).unwrap();
        }
        assert_eq!(durations(&out).len(), Lines::MOST + 1);
        // What tells it late, tells nobody.
        lines.push(&seen(1, 90, None), false, &mut out).unwrap();
        lines.flush(&mut out).unwrap();
        assert_eq!(durations(&out)[0], "null");
    }
}
