use super::*;
use crate::{Codec, Flags, FourCc, Timescale, Track};
use bytes::Bytes;
use core::num::NonZeroU32;
use proptest::prelude::*;

mod changes;

const VIDEO: TrackId = TrackId(1);
const AUDIO: TrackId = TrackId(2);

fn track(id: TrackId, kind: Kind, timescale: u32) -> Track {
    let codec = Codec::Other {
        kind,
        fourcc: FourCc(*b"test"),
        config: Bytes::new(),
    };
    Track::new(id, Timescale::new(timescale).unwrap(), codec)
}

fn av(video: u32, audio: u32) -> Tracks {
    [
        track(VIDEO, Kind::Video, video),
        track(AUDIO, Kind::Audio, audio),
    ]
    .into_iter()
    .collect()
}

fn sample(track: TrackId, dts: i64, cts: i64, sync: bool) -> Event {
    Event::Sample(Sample {
        track,
        dts,
        pts: dts + cts,
        duration: None,
        flags: Flags::SYNC.when(sync),
        data: Bytes::from_static(b"x"),
    })
}

/// Feeds events and checks what always holds: a cut before the first sample of each track, segment numbers
/// without gaps, parts counted up, durations known.
#[derive(Default)]
struct Checked {
    out: Vec<Segmented>,
    state: Vec<(TrackId, u64, u32)>,
}

impl Checked {
    fn drain(&mut self, segmenter: &mut Segmenter) {
        while let Some(output) = segmenter.poll_output() {
            match &output {
                Segmented::Tracks(_) | Segmented::End => {}
                Segmented::Cut { track, cut } => {
                    match self.state.iter_mut().find(|(id, ..)| id == track) {
                        None => {
                            assert_eq!(cut.part, 0);
                            self.state.push((*track, cut.segment, 0));
                        }
                        Some((_, segment, part)) if cut.part == 0 => {
                            assert_eq!(cut.segment, *segment + 1, "{output:?}");
                            (*segment, *part) = (cut.segment, 0);
                        }
                        Some((_, segment, part)) => {
                            assert_eq!(
                                (cut.segment, cut.part),
                                (*segment, *part + 1),
                                "{output:?}"
                            );
                            assert!(!cut.discontinuity);
                            *part = cut.part;
                        }
                    }
                }
                Segmented::Sample(sample) => {
                    assert!(sample.duration.is_some());
                    assert!(
                        self.state.iter().any(|(id, ..)| *id == sample.track),
                        "no cut before {sample:?}"
                    );
                }
            }
            self.out.push(output);
        }
    }

    fn segments(&self, id: TrackId) -> Vec<Cut> {
        let cuts = self.out.iter().filter_map(|output| match output {
            Segmented::Cut { track, cut } if *track == id && cut.part == 0 => Some(*cut),
            _ => None,
        });
        cuts.collect()
    }

    fn samples(&self, id: TrackId) -> Vec<&Sample> {
        let samples = self.out.iter().filter_map(|output| match output {
            Segmented::Sample(sample) if sample.track == id => Some(sample),
            _ => None,
        });
        samples.collect()
    }
}

fn run(config: Config, events: impl IntoIterator<Item = Event>) -> Checked {
    let mut segmenter = Segmenter::new(config);
    let mut checked = Checked::default();
    for event in events {
        segmenter.handle_event(&event);
        checked.drain(&mut segmenter);
    }
    segmenter.finish();
    checked.drain(&mut segmenter);
    assert_eq!(checked.out.last(), Some(&Segmented::End));
    assert_eq!(segmenter.buffered_len(), 0);
    checked
}

/// Video at 30000/1001 fps with a GOP of 60 and composition offsets, audio at 44.1 kHz, in order of time.
fn ntsc(seconds: i64) -> impl Iterator<Item = Event> {
    let (mut v, mut a) = (0i64, 0i64);
    core::iter::from_fn(move || {
        // v * 1001 / 30000 against a * 1024 / 44100, in a common unit.
        if v * 1001 * 44_100 <= a * 1024 * 30_000 {
            v += 1;
            let n = v - 1;
            Some(sample(
                VIDEO,
                n * 1001,
                if n % 3 == 0 { 2002 } else { 1001 },
                n % 60 == 0,
            ))
        } else {
            a += 1;
            Some(sample(AUDIO, (a - 1) * 1024, 0, true))
        }
    })
    .take_while(move |event| match event {
        Event::Sample(sample) if sample.track == VIDEO => sample.dts < seconds * 30_000,
        _ => true,
    })
}

#[test]
fn twenty_hours_without_drift() {
    let seconds = 20 * 3600;
    let mut config = Config::low_latency();
    config.part_target = Some(Time::from_millis(334));
    let target = config.part_target.unwrap();
    let mut segmenter = Segmenter::new(config);
    segmenter.handle_event(&Event::Tracks(av(30_000, 44_100)));
    let mut ends = [(0i64, 30_000i64), (0, 44_100)];
    let mut cuts = [Vec::new(), Vec::new()];
    let mut part = [(0i64, 0i64); 2];
    for event in ntsc(seconds) {
        segmenter.handle_event(&event);
        while let Some(output) = segmenter.poll_output() {
            match output {
                Segmented::Sample(sample) => {
                    let i = usize::from(sample.track == AUDIO);
                    assert_eq!(sample.dts, ends[i].0, "no gap and no drift");
                    ends[i].0 = sample.dts + i64::from(sample.duration.unwrap().get());
                    part[i].1 = ends[i].0;
                    let scale = Timescale::new(ends[i].1 as u32).unwrap();
                    assert!(scale.time(part[i].1 - part[i].0) <= target);
                }
                Segmented::Cut { track, cut } => {
                    let i = usize::from(track == AUDIO);
                    part[i] = (cut.time, cut.time);
                    if cut.part == 0 {
                        cuts[i].push(cut);
                    }
                }
                _ => {}
            }
        }
        // One frame of each for its duration, and the audio that the video has not passed.
        assert!(segmenter.buffered_len() < 8);
    }
    assert_eq!(cuts[0].len(), (seconds * 30_000 / 1001 / 60 + 1) as usize);
    assert!(cuts[0].len().abs_diff(cuts[1].len()) <= 1);
    for (n, (video, audio)) in cuts[0].iter().zip(&cuts[1]).enumerate() {
        assert_eq!((video.segment, audio.segment), (n as u64, n as u64));
        assert_eq!(video.time, n as i64 * 60 * 1001);
        assert!(video.independent && audio.independent);
        if n > 0 {
            // The first audio frame at or after the presentation time of the key picture.
            let boundary = (video.time + 2002) as i128 * 44_100;
            let frame = audio.time as i128 * 30_000;
            assert!(
                frame >= boundary && frame - boundary < 1024 * 30_000,
                "segment {n}"
            );
        }
    }
}

#[test]
fn segments_wait_for_sync_samples() {
    let events = (0..300).map(|n| sample(VIDEO, n * 40, 0, n % 75 == 0));
    let tracks = [track(VIDEO, Kind::Video, 1000)].into_iter().collect();
    let checked = run(
        Config::segments(Time::from_millis(2000)),
        [Event::Tracks(tracks)].into_iter().chain(events),
    );
    let times: Vec<_> = checked.segments(VIDEO).iter().map(|cut| cut.time).collect();
    assert_eq!(times, [0, 3000, 6000, 9000]);
    assert_eq!(checked.samples(VIDEO).len(), 300);
}

#[test]
fn without_sync_samples_the_longest_segment_counts() {
    let events = (0..2000).map(|n| sample(VIDEO, n * 40, 0, n == 0));
    let tracks = [track(VIDEO, Kind::Video, 1000)].into_iter().collect();
    let checked = run(
        Config::segments(Time::from_millis(2000)),
        [Event::Tracks(tracks)].into_iter().chain(events),
    );
    let cuts = checked.segments(VIDEO);
    assert_eq!(
        cuts.iter().map(|cut| cut.time).collect::<Vec<_>>(),
        [0, 30_000, 60_000]
    );
    assert!(!cuts[1].independent);
}

#[test]
fn nothing_before_the_first_sync_sample_but_its_sound() {
    let mut events = vec![Event::Tracks(av(1000, 1000))];
    for n in 0..100 {
        events.push(sample(AUDIO, n * 20, 0, true));
        events.push(sample(VIDEO, n * 20, 0, n % 50 == 40));
    }
    let checked = run(Config::segments(Time::from_millis(1000)), events);
    assert_eq!(checked.samples(VIDEO)[0].dts, 800);
    assert_eq!(checked.samples(AUDIO)[0].dts, 560);
}

#[test]
fn a_silent_audio_track_does_not_hold_the_video() {
    let mut events = vec![Event::Tracks(av(1000, 1000))];
    events.extend((0..250).map(|n| sample(VIDEO, n * 40, 0, n % 25 == 0)));
    let mut segmenter = Segmenter::new(Config::segments(Time::from_millis(1000)));
    let mut checked = Checked::default();
    for event in &events {
        segmenter.handle_event(event);
        checked.drain(&mut segmenter);
    }
    assert_eq!(checked.samples(VIDEO).len(), 249, "all but the newest");
    assert_eq!(checked.segments(VIDEO).len(), 10);
    assert_eq!(
        checked.segments(AUDIO).len(),
        9,
        "cut one wait later, without a sample"
    );
}

#[test]
fn a_silent_video_track_does_not_hold_the_audio() {
    let mut events = vec![Event::Tracks(av(1000, 1000))];
    events.extend((0..500).map(|n| sample(AUDIO, n * 20, 0, true)));
    // The video comes at last, late.
    events.extend((500..600).flat_map(|n| {
        [
            sample(AUDIO, n * 20, 0, true),
            sample(VIDEO, n * 20, 0, n % 50 == 0),
        ]
    }));
    let checked = run(Config::segments(Time::from_millis(1000)), events);
    assert_eq!(checked.samples(AUDIO).len(), 600);
    assert_eq!(checked.samples(VIDEO).len(), 100);
    assert!(
        checked.segments(AUDIO).len() >= 11,
        "{:?}",
        checked.segments(AUDIO)
    );
}

#[test]
fn late_audio_stays_in_its_segment() {
    let mut events = vec![Event::Tracks(av(1000, 1000))];
    for n in 0..200 {
        events.push(sample(VIDEO, n * 40, 0, n % 25 == 0));
        if n >= 10 {
            events.push(sample(AUDIO, (n - 10) * 40, 0, true));
        }
    }
    let checked = run(Config::segments(Time::from_millis(1000)), events);
    for (video, audio) in checked.segments(VIDEO).iter().zip(checked.segments(AUDIO)) {
        assert_eq!((video.segment, video.time), (audio.segment, audio.time));
    }
}

#[test]
fn a_jump_cuts_and_is_told_once() {
    let gop = |from: i64| (0..50).map(move |n| sample(VIDEO, from + n * 40, 0, n % 25 == 0));
    let sound = |from: i64| (0..50).map(move |n| sample(AUDIO, from + n * 40, 0, true));
    let mut events = vec![Event::Tracks(av(1000, 1000))];
    events.extend(gop(0).zip(sound(0)).flat_map(|(v, a)| [v, a]));
    events.push(Event::Discontinuity);
    events.extend(gop(-500).zip(sound(-500)).flat_map(|(v, a)| [v, a]));
    events.push(Event::Tracks(av(2000, 1000)));
    events.push(Event::Discontinuity);
    events.extend(gop(70_000).zip(sound(35_000)).flat_map(|(v, a)| [a, v]));
    let checked = run(Config::segments(Time::from_millis(1000)), events);
    for id in [VIDEO, AUDIO] {
        assert_eq!(checked.samples(id).len(), 150);
        let jumps: Vec<_> = checked
            .segments(id)
            .iter()
            .map(|cut| cut.discontinuity)
            .collect();
        let told: Vec<_> = jumps
            .iter()
            .enumerate()
            .filter(|(_, jump)| **jump)
            .map(|(n, _)| n)
            .collect();
        assert_eq!(told, [2, 4], "{jumps:?}");
    }
}

#[test]
fn audio_alone_is_cut_at_the_nearest_frame() {
    let tracks: Tracks = [track(AUDIO, Kind::Audio, 48_000)].into_iter().collect();
    let events = (0..2000).map(|n| sample(AUDIO, n * 1024, 0, true));
    let checked = run(
        Config::segments(Time::from_millis(2000)),
        [Event::Tracks(tracks)].into_iter().chain(events),
    );
    let cuts = checked.segments(AUDIO);
    assert!(
        cuts.windows(2)
            .all(|pair| (pair[1].time - pair[0].time).abs_diff(96_000) <= 512)
    );
}

#[test]
fn a_data_track_waits_for_nobody_and_sets_no_boundary() {
    let cues = TrackId(3);
    let tracks: Tracks = [
        track(cues, Kind::Data, 1000),
        track(VIDEO, Kind::Video, 1000),
    ]
    .into_iter()
    .collect();
    let mut events = vec![Event::Tracks(tracks), sample(cues, 0, 0, true)];
    events.extend((0..100).map(|n| sample(VIDEO, n * 40, 0, n % 25 == 0)));
    let mut cue = sample(cues, 5000, 0, true);
    if let Event::Sample(sample) = &mut cue {
        sample.duration = NonZeroU32::new(10);
    }
    events.push(cue);
    let checked = run(Config::segments(Time::from_millis(1000)), events);
    assert_eq!(checked.samples(cues).len(), 2);
    assert_eq!(checked.segments(VIDEO).len(), 4);
    assert_eq!(checked.segments(cues).len(), 4);
}

proptest! {
    /// Whatever comes, in any order and at any time: nothing is lost that may be kept, and memory is bounded.
    #[test]
    fn any_input_comes_out_whole(
        input in proptest::collection::vec((0u8..12, any::<u8>(), -50i64..4000, any::<bool>()), 0..400),
        parts: bool,
    ) {
        let mut config = if parts { Config::low_latency() } else { Config::segments(Time::from_millis(500)) };
        config.max_held = 16;
        let mut segmenter = Segmenter::new(config);
        let mut checked = Checked::default();
        let mut clocks = [0i64; 2];
        let mut fed = 0usize;
        segmenter.handle_event(&Event::Tracks(av(1000, 48_000)));
        for (what, jitter, step, sync) in input {
            match what {
                0 => segmenter.handle_event(&Event::Discontinuity),
                1 if jitter < 20 => segmenter.handle_event(&Event::Tracks(av(1000 + u32::from(jitter), 48_000))),
                _ => {
                    let i = usize::from(what % 2);
                    clocks[i] += step;
                    fed += 1;
                    let id = if i == 0 { VIDEO } else { AUDIO };
                    segmenter.handle_event(&sample(id, clocks[i], i64::from(jitter), sync || i == 1));
                }
            }
            checked.drain(&mut segmenter);
            prop_assert!(segmenter.buffered_len() <= 2 * 18, "{}", segmenter.buffered_len());
            prop_assert!(segmenter.boundaries.len() < 64);
        }
        segmenter.finish();
        checked.drain(&mut segmenter);
        let out = checked.samples(VIDEO).len() + checked.samples(AUDIO).len();
        prop_assert!(out <= fed);
        for id in [VIDEO, AUDIO] {
            let first = checked.samples(id).first().is_none_or(|sample| sample.is_sync());
            prop_assert!(first);
        }
    }
}

#[test]
fn a_message_goes_out_with_the_pictures_of_its_time() {
    let id3 = TrackId(3);
    let tracks = [
        track(VIDEO, Kind::Video, 25),
        Track::new(id3, Timescale::new(90_000).unwrap(), Codec::Id3),
    ];
    let mut segmenter = Segmenter::new(Config::segments(Time::from_millis(1000)));
    segmenter.handle_event(&Event::Tracks(tracks.into_iter().collect()));
    let mut told = None;
    for n in 0..100 {
        segmenter.handle_event(&sample(VIDEO, n, 0, n % 25 == 0));
        if n == 12 {
            segmenter.handle_event(&sample(id3, 43_200, 0, true));
        }
        while let Some(output) = segmenter.poll_output() {
            if let Segmented::Sample(sample) = output
                && sample.track == id3
            {
                assert_eq!(sample.duration, None);
                told = Some(n);
            }
        }
    }
    // Not when the next message comes, and there is none.
    assert!(told.is_some_and(|n| n < 16), "{told:?}");
}

const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
const OLD: [u8; 4] = [0x68, 0xCE, 0x0F, 0xC8];
const NEW: [u8; 4] = [0x68, 0xCE, 0x3C, 0x80];
