//! The room's pictures: decoded when they are due, composed for each layout and size, encoded for each of those and each rate, however many
//! see it.

use super::costs::Costs;
use super::person::Person;
use super::screen::Screen;
use super::share::{Format, Share, Unit};
use super::workers::share_out;
use crate::layout::{Cell, Layout, Motion, Person as Shown, arrange};
use crate::picture::compose::{Canvas, Tile};
use crate::picture::encode::Encoder;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Without anything new, a picture is sent again after so long, so that players know that it goes on.
const AGAIN: i64 = 200_000_000;
/// Keyframes of one encoder are not nearer to each other than that.
const KEYFRAMES: i64 = 300_000_000;
/// Somebody who sees.
#[derive(Debug, Clone)]
pub(crate) struct Eye {
    pub(crate) id: u64,
    pub(crate) layout: Arc<Layout>,
    /// Which of the sizes and rates.
    pub(crate) step: usize,
    pub(crate) wants_keyframe: bool,
    /// A keyframe at least every so many nanoseconds.
    pub(crate) period: Option<i64>,
}

type Key = (Arc<Layout>, usize);

#[derive(Debug)]
struct View {
    canvas: Canvas,
    version: u64,
}

/// All pictures of a room.
#[derive(Debug)]
pub(crate) struct Pictures {
    format: Format,
    screens: HashMap<u64, Screen>,
    motions: HashMap<Arc<Layout>, Motion>,
    views: HashMap<(Arc<Layout>, (usize, usize)), View>,
    shares: HashMap<Key, Share>,
    /// What each eye gets now: it goes over to another share with a keyframe of that.
    gets: HashMap<u64, Key>,
}

impl Pictures {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            screens: HashMap::new(),
            motions: HashMap::new(),
            views: HashMap::new(),
            shares: HashMap::new(),
            gets: HashMap::new(),
        }
    }

    /// How many encoders are at work.
    pub(crate) fn encodes(&self) -> usize {
        self.shares.len()
    }

    /// The picture of `now`, in nanoseconds of the room's clock, as it is due to each eye.
    pub(crate) fn tick(
        &mut self,
        now: i64,
        people: &[Arc<Person>],
        speaker: Option<u64>,
        eyes: &[Eye],
        costs: &Costs,
    ) -> Vec<(Vec<u64>, Arc<Unit>)> {
        self.screens
            .retain(|id, _| people.iter().any(|person| person.id == *id));
        let looks = eyes.iter().any(|eye| *eye.layout != Layout::Audio);
        for person in people {
            let screen = self.screens.entry(person.id).or_default();
            if !looks {
                screen.rest(person);
            }
        }
        if looks {
            let due = self.screens.iter_mut().filter_map(|(id, screen)| {
                let person = people.iter().find(|person| person.id == *id)?;
                screen.is_due(person, now).then_some((person, screen))
            });
            share_out(due.collect(), |(person, screen)| -> Option<()> {
                costs.decode.time(|| screen.fill(person, now));
                None
            });
        }
        self.wanted(eyes, now);
        costs.compose.time(|| self.compose(now, people, speaker));
        let made = self.encode(now, costs);
        made.into_iter()
            .map(|(key, unit)| (self.receivers(&key, eyes, &unit), unit))
            .collect()
    }

    /// Which shares are needed, and which of them a keyframe is wanted of.
    fn wanted(&mut self, eyes: &[Eye], now: i64) {
        self.gets
            .retain(|id, _| eyes.iter().any(|eye| eye.id == *id));
        let mut needed: HashSet<Key> = HashSet::new();
        for share in self.shares.values_mut() {
            share.period = None;
        }
        for eye in eyes.iter().filter(|eye| *eye.layout != Layout::Audio) {
            let key = (Arc::clone(&eye.layout), eye.step);
            let format = self.format.step(eye.step);
            let share = self.shares.entry(key.clone()).or_insert_with(|| Share {
                encoder: Encoder::new(format),
                version: 0,
                encoded: i64::MIN,
                keyframe: i64::MIN,
                wants_keyframe: true,
                period: None,
            });
            share.wants_keyframe |= eye.wants_keyframe || self.gets.get(&eye.id) != Some(&key);
            share.period = share.period.into_iter().chain(eye.period).min();
            needed.insert(key);
            // What it gets now goes on until then.
            needed.extend(self.gets.get(&eye.id).cloned());
        }
        self.shares.retain(|key, _| needed.contains(key));
        for share in self.shares.values_mut() {
            let due = share
                .period
                .is_some_and(|period| now >= share.keyframe.saturating_add(period));
            share.wants_keyframe |= due;
        }
    }

    fn compose(&mut self, now: i64, people: &[Arc<Person>], speaker: Option<u64>) {
        let layouts: HashSet<Arc<Layout>> = self
            .shares
            .keys()
            .map(|(layout, _)| Arc::clone(layout))
            .collect();
        self.motions.retain(|layout, _| layouts.contains(layout));
        let format = self.format;
        let size = |step: usize| (format.step(step).width, format.step(step).height);
        let needed: HashSet<_> = self
            .shares
            .keys()
            .map(|(layout, step)| (Arc::clone(layout), size(*step)))
            .collect();
        self.views.retain(|key, _| needed.contains(key));
        // Who sends pictures, or at least sound that is to be seen.
        let shown: Vec<_> = people
            .iter()
            .map(|person| Shown {
                id: person.id,
                name: &person.name,
                is_screen: person.is_screen(),
            })
            .collect();
        for layout in layouts {
            let cells = arrange(&layout, &shown, speaker);
            let cells = self
                .motions
                .entry(Arc::clone(&layout))
                .or_default()
                .at(&cells, now);
            let tiles = self.tiles(&cells, people);
            for (key, size) in needed.iter().filter(|(other, _)| *other == layout) {
                let view = self
                    .views
                    .entry((Arc::clone(key), *size))
                    .or_insert_with(|| View {
                        canvas: Canvas::new(size.0, size.1),
                        version: 1,
                    });
                if view.canvas.compose(&tiles) > 0 {
                    view.version += 1;
                }
            }
        }
    }

    fn tiles(&self, cells: &[Cell], people: &[Arc<Person>]) -> Vec<Tile> {
        let tile = |cell: &Cell| {
            let person = people.iter().find(|person| person.id == cell.id)?;
            let screen = self.screens.get(&cell.id);
            let shown = screen.filter(|_| !person.is_hidden());
            Some(Tile {
                id: cell.id,
                region: cell.region,
                picture: shown.and_then(|screen| screen.shown.clone()),
                version: screen.map_or(0, |screen| screen.version),
                name: Arc::clone(&person.name),
                muted: person.is_muted(),
            })
        };
        cells.iter().filter_map(tile).collect()
    }

    /// Encodes what has changed, or is to be sent again.
    fn encode(&mut self, now: i64, costs: &Costs) -> Vec<(Key, Arc<Unit>)> {
        let (format, views) = (self.format, &self.views);
        let mut jobs = Vec::new();
        for (key, share) in &mut self.shares {
            let settings = format.step(key.1);
            let view = (Arc::clone(&key.0), (settings.width, settings.height));
            let Some(view) = views.get(&view) else {
                continue;
            };
            let keyframe = share.wants_keyframe && now >= share.keyframe.saturating_add(KEYFRAMES);
            let again = now >= share.encoded.saturating_add(AGAIN);
            if keyframe || again || share.version != view.version {
                if keyframe {
                    share.encoder.want_keyframe();
                }
                share.version = view.version;
                share.encoded = now;
                jobs.push((key, share, view.canvas.picture()));
            }
        }
        share_out(jobs, |(key, share, picture)| {
            let unit = costs.encode.time(|| share.unit(picture, now))?;
            Some((key.clone(), Arc::new(unit)))
        })
    }

    /// Who gets a unit of a share.
    fn receivers(&mut self, key: &Key, eyes: &[Eye], unit: &Unit) -> Vec<u64> {
        let mut receivers = Vec::new();
        for eye in eyes {
            let wants = *key == (Arc::clone(&eye.layout), eye.step);
            if wants && unit.sync {
                self.gets.insert(eye.id, key.clone());
            }
            if self.gets.get(&eye.id) == Some(key) {
                receivers.push(eye.id);
            }
        }
        receivers
    }
}

#[cfg(test)]
mod tests {
    use super::super::clocks::Watch;
    use super::super::person::Way;
    use super::*;
    use crate::picture::decode::H264;
    use crate::picture::{Colour, Picture};
    use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks};

    const BLUE: Colour = Colour::new(41, 240, 110);
    const FORMAT: Format = Format {
        width: 320,
        height: 180,
        rate: 25,
        bitrate: 400_000,
    };

    struct Camera {
        person: Arc<Person>,
        encoder: Encoder,
        colour: Colour,
    }

    impl Camera {
        fn new(id: u64, colour: Colour) -> Self {
            let person = Person::new(id, "x", Way::Webrtc, Watch::new(), Arc::default());
            Self {
                person: Arc::new(person),
                encoder: Encoder::new(FORMAT.step(0)),
                colour,
            }
        }

        /// Sends a picture of a time in milliseconds.
        fn send(&mut self, time: i64) {
            let picture = Picture::new(320, 180, self.colour);
            let encoded = self.encoder.encode(&picture, time as u64).unwrap().unwrap();
            let scale = Timescale::new(1000).unwrap();
            let codec = Codec::H264(self.encoder.config().unwrap().clone());
            let track = Track::new(TrackId(1), scale, codec);
            self.person
                .handle(&Event::Tracks(Tracks::from(vec![track])));
            self.person.handle(&Event::Sample(Sample {
                track: TrackId(1),
                dts: time,
                pts: time,
                duration: None,
                flags: Flags::SYNC.when(encoded.sync),
                data: encoded.data,
            }));
        }
    }

    fn eye(id: u64, layout: &Arc<Layout>, step: usize) -> Eye {
        Eye {
            id,
            layout: Arc::clone(layout),
            step,
            wants_keyframe: false,
            period: None,
        }
    }

    /// A little after everything that was sent is due.
    fn later(cameras: &[Camera], time: i64) -> i64 {
        let due = |camera: &Camera| camera.person.arrival().timeline.due(time * 1_000_000);
        cameras.iter().map(due).max().unwrap() + 1_000_000
    }

    fn decode(units: &[Arc<Unit>]) -> Picture {
        let mut decoder = H264::new(units[0].config.clone());
        let mut last = None;
        for (index, unit) in units.iter().enumerate() {
            let sample = Sample {
                track: TrackId(1),
                dts: index as i64,
                pts: index as i64,
                duration: None,
                flags: Flags::SYNC.when(unit.sync),
                data: unit.data.clone(),
            };
            last = decoder.decode(&sample).or(last);
        }
        last.unwrap().1
    }

    #[test]
    fn two_cameras_make_one_picture_that_all_share() {
        let mut cameras = [Camera::new(1, Colour::RED), Camera::new(2, BLUE)];
        for camera in &mut cameras {
            camera.send(0);
        }
        let people: Vec<_> = cameras
            .iter()
            .map(|camera| Arc::clone(&camera.person))
            .collect();
        let (grid, costs) = (Arc::new(Layout::Grid), Costs::default());
        let eyes: Vec<_> = (1..4).map(|id| eye(id, &grid, 0)).collect();
        let mut pictures = Pictures::new(FORMAT);
        let now = later(&cameras, 0);
        let made = pictures.tick(now, &people, None, &eyes, &costs);
        assert_eq!((made.len(), pictures.encodes()), (1, 1));
        let (receivers, unit) = &made[0];
        assert_eq!(*receivers, [1, 2, 3]);
        assert!(unit.sync && unit.payloads.last().unwrap().1);
        let seen = decode(&[Arc::clone(unit)]);
        for (x, colour) in [(80, Colour::RED), (240, BLUE)] {
            let at = seen.at(x, 80);
            assert!(
                at.y.abs_diff(colour.y) < 8
                    && at.u.abs_diff(colour.u) < 8
                    && at.v.abs_diff(colour.v) < 8,
                "{at:?}"
            );
        }
        // Nothing is new: nothing is encoded, until it is to be sent again.
        assert!(
            pictures
                .tick(now + 40_000_000, &people, None, &eyes, &costs)
                .is_empty()
        );
        assert_eq!(
            pictures
                .tick(now + AGAIN, &people, None, &eyes, &costs)
                .len(),
            1
        );
        // A camera sends: there is a picture again, which is not a keyframe.
        cameras[0].send(400);
        let made = pictures.tick(later(&cameras, 400), &people, None, &eyes, &costs);
        assert_eq!(made.len(), 1);
        assert!(!made[0].1.sync);
    }

    #[test]
    fn who_goes_over_to_another_rate_sees_no_gap() {
        let mut cameras = [Camera::new(1, Colour::RED)];
        cameras[0].send(0);
        let people = [Arc::clone(&cameras[0].person)];
        let (grid, costs) = (Arc::new(Layout::Grid), Costs::default());
        let mut pictures = Pictures::new(FORMAT);
        let mut now = later(&cameras, 0);
        let made = pictures.tick(
            now,
            &people,
            None,
            &[eye(1, &grid, 0), eye(2, &grid, 0)],
            &costs,
        );
        assert_eq!(made[0].0, [1, 2]);
        cameras[0].send(40);
        now = later(&cameras, 40);
        // The second wants less: the new share begins with a keyframe, and until then it would get the old one.
        let made = pictures.tick(
            now,
            &people,
            None,
            &[eye(1, &grid, 0), eye(2, &grid, 2)],
            &costs,
        );
        assert_eq!(pictures.encodes(), 2);
        let of = |id: u64| {
            made.iter()
                .filter(|(receivers, _)| receivers.contains(&id))
                .count()
        };
        assert!(of(1) == 1 && of(2) >= 1);
        cameras[0].send(80);
        now = later(&cameras, 80);
        let made = pictures.tick(
            now,
            &people,
            None,
            &[eye(1, &grid, 0), eye(2, &grid, 2)],
            &costs,
        );
        let small = made
            .iter()
            .find(|(receivers, _)| *receivers == [2])
            .unwrap();
        let sps = small.1.config.first_sps().unwrap();
        assert_eq!((sps.width(), sps.height()), (160, 90));
        // Nobody looks any more: no encoder is left, and no decoder works.
        let audio = Arc::new(Layout::Audio);
        assert!(
            pictures
                .tick(now, &people, None, &[eye(1, &audio, 0)], &costs)
                .is_empty()
        );
        assert_eq!((pictures.encodes(), pictures.views.len()), (0, 0));
        assert!(pictures.screens[&1].shown.is_none());
    }

    #[test]
    fn keyframes_come_when_wanted_and_not_too_often() {
        let mut cameras = [Camera::new(1, Colour::RED)];
        let people = [Arc::clone(&cameras[0].person)];
        let (grid, costs) = (Arc::new(Layout::Grid), Costs::default());
        let mut pictures = Pictures::new(FORMAT);
        let mut sync = Vec::new();
        for index in 0..50 {
            cameras[0].send(index * 40);
            let mut eye = eye(1, &grid, 0);
            // It asks, and asks again until it has one.
            eye.wants_keyframe = index == 20 || index == 22;
            eye.period = (index >= 30).then_some(400_000_000);
            let now = index * 40_000_000;
            let made = pictures.tick(now, &people, None, &[eye], &costs);
            if made.iter().any(|(_, unit)| unit.sync) {
                sync.push(index);
            }
        }
        assert_eq!(sync, [0, 20, 28, 38, 48]);
    }

    #[test]
    fn whose_picture_stops_gets_a_placeholder() {
        let mut cameras = [Camera::new(1, Colour::RED)];
        cameras[0].send(0);
        let people = [Arc::clone(&cameras[0].person)];
        let (grid, costs) = (Arc::new(Layout::Grid), Costs::default());
        let mut pictures = Pictures::new(FORMAT);
        let now = later(&cameras, 0);
        let eyes = [eye(1, &grid, 0)];
        let first = pictures.tick(now, &people, None, &eyes, &costs).remove(0).1;
        let then = pictures
            .tick(now + 4_000_000_000, &people, None, &eyes, &costs)
            .remove(0)
            .1;
        let seen = decode(&[first, then]);
        assert!(
            seen.at(20, 20).y.abs_diff(Colour::SLATE.y) < 8,
            "{:?}",
            seen.at(20, 20)
        );
    }
}
