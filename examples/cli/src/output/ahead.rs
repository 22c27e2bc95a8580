use super::Sink;
use anyhow::Result;
use media::{Codec, Event, Kind, Sample, Time, Timescale, TrackId, Tracks};
use std::collections::VecDeque;

/// Moves the decoding of pictures ahead where some are shown before they are decoded, for formats that have no such times.
///
/// QuickTime and CMAF let a track begin with its first picture decoded as it is shown, so that those behind it that are shown out of
/// order have offsets below zero. How far decoding has to be moved is seen in the pictures to come; where it gets more,
/// decoding times move together before that. When pictures are shown stays what it is.
pub struct Ahead {
    sink: Box<dyn Sink>,
    /// Whether nothing may be held back but at the start.
    is_live: bool,
    lanes: Vec<Lane>,
}

struct Lane {
    id: TrackId,
    timescale: Timescale,
    /// What waits until enough is seen; none where nothing has to be seen any more.
    held: Option<VecDeque<Sample>>,
    /// Ticks by which decoding is moved.
    shift: i64,
    /// When the last picture was decoded.
    last: Option<i64>,
}

/// The deepest reordering that codecs know, and the picture that it is seen at.
const PICTURES: usize = 17;
/// No encoder holds pictures back for longer.
const LONGEST: Time = Time::from_millis(2000);

impl Lane {
    /// Takes a picture while some are held; gives those that can go out.
    fn take(&mut self, sample: Sample, is_live: bool) -> VecDeque<Sample> {
        let Some(held) = &mut self.held else {
            return VecDeque::new();
        };
        held.push_back(sample);
        let (Some(first), Some(last)) = (held.front(), held.back()) else {
            return VecDeque::new();
        };
        let span = self.timescale.time(last.dts.saturating_sub(first.dts));
        let is_seen = held.len() >= PICTURES || span >= LONGEST;
        // A track whose first picture is decoded before it is shown has no others.
        let is_plain = self.last.is_none() && first.pts > first.dts;
        match is_plain || is_live && is_seen {
            true => self.held.take().unwrap_or_default(),
            false if is_seen => held.pop_front().into_iter().collect(),
            false => VecDeque::new(),
        }
    }

    fn moved(&mut self, mut sample: Sample) -> Sample {
        let dts = sample.dts.saturating_sub(self.shift);
        // Where it is moved further than before, those decoded before are in the way.
        let after = self.last.map_or(dts, |last| last.saturating_add(1));
        sample.dts = dts.max(after.min(sample.dts)).min(sample.pts);
        self.last = Some(sample.dts);
        sample
    }
}

impl Ahead {
    pub const fn new(sink: Box<dyn Sink>, is_live: bool) -> Self {
        Self {
            sink,
            is_live,
            lanes: Vec::new(),
        }
    }

    /// Gives all that is held.
    fn release(&mut self) -> Result<()> {
        for lane in &mut self.lanes {
            let held = lane.held.as_mut().map(std::mem::take);
            for sample in held.unwrap_or_default() {
                let sample = lane.moved(sample);
                self.sink.handle_sample(sample)?;
            }
        }
        Ok(())
    }
}

impl Sink for Ahead {
    fn name(&self) -> String {
        self.sink.name()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        self.sink.can_carry(codec)
    }

    fn max_tracks(&self) -> usize {
        self.sink.max_tracks()
    }

    fn takes_more_tracks(&self) -> bool {
        self.sink.takes_more_tracks()
    }

    fn keeps_matrix(&self) -> bool {
        self.sink.keeps_matrix()
    }

    fn begins_at_zero(&self) -> bool {
        self.sink.begins_at_zero()
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.release()?;
        let before = std::mem::take(&mut self.lanes);
        let video = tracks.iter().filter(|one| one.codec.kind() == Kind::Video);
        self.lanes = video
            .map(|track| {
                let same = |lane: &&Lane| lane.id == track.id && lane.timescale == track.timescale;
                let known = before.iter().find(same);
                Lane {
                    id: track.id,
                    timescale: track.timescale,
                    held: known.map_or_else(|| Some(VecDeque::new()), |lane| lane.held.clone()),
                    shift: known.map_or(0, |lane| lane.shift),
                    last: known.and_then(|lane| lane.last),
                }
            })
            .collect();
        self.sink.set_tracks(tracks)
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        let Some(lane) = self.lanes.iter_mut().find(|one| one.id == sample.track) else {
            return self.sink.handle_sample(sample);
        };
        lane.shift = lane.shift.max(sample.dts.saturating_sub(sample.pts));
        if lane.held.is_none() {
            let sample = lane.moved(sample);
            return self.sink.handle_sample(sample);
        }
        for sample in lane.take(sample, self.is_live) {
            let sample = lane.moved(sample);
            self.sink.handle_sample(sample)?;
        }
        Ok(())
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        // Times begin anew behind a jump; how pictures are reordered stays.
        if matches!(event, Event::Discontinuity) {
            self.release()?;
            self.lanes.iter_mut().for_each(|lane| lane.last = None);
        }
        self.sink.handle_event(event)
    }

    fn finish(&mut self) -> Result<()> {
        self.release()?;
        self.sink.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Flags, FourCc, Track};
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Times of the samples that came, decoding and showing.
    type Times = Rc<RefCell<Vec<(i64, i64)>>>;

    struct Listed(Times);

    impl Sink for Listed {
        fn name(&self) -> String {
            String::new()
        }
        fn can_carry(&self, _: &Codec) -> bool {
            true
        }
        fn set_tracks(&mut self, _: &Tracks) -> Result<()> {
            Ok(())
        }
        fn handle_sample(&mut self, sample: Sample) -> Result<()> {
            self.0.borrow_mut().push((sample.dts, sample.pts));
            Ok(())
        }
        fn finish(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What becomes of pictures that are decoded one after the other from 0, and shown at these times.
    fn moved(shown: &[i64]) -> Vec<(i64, i64)> {
        let times = Times::default();
        let mut ahead = Ahead::new(Box::new(Listed(Rc::clone(&times))), false);
        let codec = Codec::Other {
            kind: Kind::Video,
            fourcc: FourCc(*b"test"),
            config: bytes::Bytes::new(),
        };
        let id = TrackId(1);
        let track = Track::new(id, Timescale::KHZ_90, codec);
        ahead.set_tracks(&[track].into_iter().collect()).unwrap();
        for (dts, pts) in (0..).zip(shown) {
            let sample = Sample {
                track: id,
                dts: dts * 100,
                pts: *pts,
                duration: None,
                flags: Flags::default(),
                data: bytes::Bytes::new(),
            };
            ahead.handle_sample(sample).unwrap();
        }
        ahead.finish().unwrap();
        times.take()
    }

    #[test]
    fn decoding_moves_ahead_of_the_first_pictures() {
        // I, P, B, b: the first and the last are shown when they are decoded, and before.
        let found = moved(&[0, 400, 200, 100, 300, 500]);
        let wanted = [-200, -100, 0, 100, 200, 300];
        assert_eq!(
            found.iter().map(|times| times.0).collect::<Vec<_>>(),
            wanted
        );
        // What has such times stays as it is.
        let plain = [200, 500, 300, 400];
        let found = moved(&plain);
        assert_eq!(found, [(0, 200), (100, 500), (200, 300), (300, 400)]);
    }

    #[test]
    fn more_that_is_found_later_moves_what_follows() {
        let mut shown: Vec<_> = (0..20).map(|n| n * 100).collect();
        // Reordering begins when it was taken for none.
        shown.extend([2300, 2100, 2000, 2200, 2700, 2500, 2400, 2600]);
        let found = moved(&shown);
        assert_eq!(found.len(), shown.len());
        for (pair, pts) in found.windows(2).zip(&shown) {
            assert!(pair[0].0 <= pair[1].0, "{found:?}");
            assert_eq!(pair[0].1, *pts);
        }
        assert!(found.iter().all(|(dts, pts)| dts <= pts), "{found:?}");
        // It stays moved.
        assert_eq!(found.last(), Some(&(2500, 2600)));
    }
}
