use super::*;
use crate::{Codec, Flags, FourCc, Timescale, Track};
use bytes::Bytes;
use core::num::NonZeroU32;
use proptest::prelude::*;

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

fn set(sps: [u8; 8], pps: &[&[u8]]) -> Event {
    let pps = pps.iter().copied();
    let config = h264::DecoderConfig::from_parameter_sets([&sps[..]], pps).unwrap();
    let video = Track::new(VIDEO, Timescale::new(1000).unwrap(), Codec::H264(config));
    let tracks = [video, track(AUDIO, Kind::Audio, 1000)];
    Event::Tracks(tracks.into_iter().collect())
}

/// Sequence parameter sets that change go into the samples, too, where there is to be one init segment.
#[test]
fn parameter_sets_that_change_go_into_the_samples_in_band() {
    let mut other = SPS;
    other[3] = 0x0B;
    let pictures = |from: i64| (from..from + 10).map(|n| sample(VIDEO, n * 40, 0, n % 10 == 0));
    let mut events = vec![set(other, &[&OLD]), set(SPS, &[&OLD])];
    events.extend(pictures(0));
    events.push(set(other, &[&OLD]));
    events.extend(pictures(10));
    events.push(set(SPS, &[&OLD]));
    events.extend(pictures(20).chain(pictures(30)));
    let mut config = Config::segments(Time::from_millis(10_000));
    config.in_band = true;
    let checked = run(config, events);
    let told = checked.out.iter();
    let told: Vec<_> = told
        .filter_map(|output| match output {
            Segmented::Tracks(tracks) => Some(tracks),
            _ => None,
        })
        .collect();
    let Event::Tracks(expected) = set(SPS, &[&OLD]) else {
        unreachable!()
    };
    assert_eq!(told.last(), Some(&&expected));
    let samples = checked.samples(VIDEO);
    assert_eq!(samples.len(), 40);
    let len = |nal: &[u8]| [0, 0, 0, nal.len() as u8];
    for (n, sample) in samples.into_iter().enumerate() {
        let sps = match n {
            10 => Some(other),
            // Back to what the init segment has, and a decoder that comes from there has another.
            20 | 30 => Some(SPS),
            _ => None,
        };
        let sets = sps.map(|sps| [&len(&sps), &sps[..], &len(&OLD), &OLD].concat());
        let expected = [&sets.unwrap_or_default()[..], b"x"].concat();
        assert_eq!(sample.data, expected, "{n}");
    }
}

/// So do those of H.265.
#[test]
fn parameter_sets_of_hevc_that_change_go_into_the_samples_in_band() {
    use crate::codec::Hevc;
    const SETS: [&[u8]; 3] = [
        &[0x40, 1, 0x0C, 1],
        &[
            0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C, 0xA0, 0x0A, 0x08,
            0x0B, 0x9F, 0x79, 0x65, 0x66, 0x92, 0x4C, 0xAF, 0x01, 0x68, 0x08, 0, 0, 3, 0, 8, 0, 0,
            3, 0, 0xC8, 0x40,
        ],
        &[0x44, 1, 0xC1, 0x72, 0xB4, 0x62, 0x40],
    ];
    const OTHER: [&[u8]; 2] = [
        &[0x40, 1, 0x1C, 1],
        &[0x44, 1, 0xC1, 0x72, 0xB4, 0x42, 0x40],
    ];
    let set = |vps, pps| {
        let config = Hevc::from_parameter_sets(&[vps, SETS[1], pps]).unwrap();
        let video = Track::new(VIDEO, Timescale::new(1000).unwrap(), Codec::Hevc(config));
        Event::Tracks([video].into_iter().collect())
    };
    let pictures = |from: i64| (from..from + 5).map(|n| sample(VIDEO, n * 40, 0, n % 10 == 0));
    let mut events = vec![set(SETS[0], SETS[2])];
    events.extend(pictures(0));
    // Between two pictures, only picture parameter sets may.
    events.push(set(SETS[0], OTHER[1]));
    events.extend(pictures(5));
    events.push(set(OTHER[0], SETS[2]));
    events.extend(pictures(10));
    let mut config = Config::segments(Time::from_millis(10_000));
    config.in_band = true;
    let checked = run(config, events);
    let samples = checked.samples(VIDEO);
    assert_eq!(samples.len(), 15);
    for (n, sample) in samples.into_iter().enumerate() {
        let sets = match n {
            5 => vec![OTHER[1]],
            10 => vec![OTHER[0], SETS[1], SETS[2]],
            _ => vec![],
        };
        let mut expected = Vec::new();
        for set in sets {
            expected.extend([0, 0, 0, set.len() as u8]);
            expected.extend(set);
        }
        expected.extend(b"x");
        assert_eq!(sample.data, expected, "{n}");
    }
}

/// What picture parameter sets there are may change between any two pictures: nothing is cut or dropped then.
#[test]
fn picture_parameter_sets_that_change_alone_go_into_the_samples() {
    let pictures = |from: i64| (from..from + 5).map(|n| sample(VIDEO, n * 40, 0, n % 10 == 0));
    let mut events = vec![set(SPS, &[&OLD])];
    events.extend(pictures(0));
    events.push(set(SPS, &[&NEW]));
    events.extend(pictures(5));
    events.push(set(SPS, &[&NEW]));
    events.extend(pictures(10));
    events.push(set(SPS, &[&OLD]));
    events.extend(pictures(15));
    events.extend(pictures(20));
    // Another sequence is another matter.
    let mut other = SPS;
    other[3] = 0x0B;
    events.push(set(other, &[&NEW]));
    events.extend((25..35).map(|n| sample(VIDEO, n * 40, 0, n == 27)));
    let checked = run(Config::segments(Time::from_millis(10_000)), events);
    let told = checked
        .out
        .iter()
        .filter(|output| matches!(output, Segmented::Tracks(_)));
    assert_eq!((told.count(), checked.segments(VIDEO).len()), (2, 2));
    let samples = checked.samples(VIDEO);
    assert_eq!(samples.len(), 25 + 8);
    for (n, sample) in samples.into_iter().enumerate() {
        let pps = match n {
            5 | 10 => &NEW[..],
            15 => &OLD,
            _ => &[],
        };
        let len = if pps.is_empty() {
            &[][..]
        } else {
            &[0, 0, 0, 4]
        };
        assert_eq!(sample.data, [len, pps, b"x"].concat(), "{n}");
    }
}

/// Pictures of 40 ms with a keyframe every second, and sound of 20 ms, each told by when it comes.
fn live(tracks: impl IntoIterator<Item = (i64, Vec<Track>)>, video: i64, audio: i64) -> Vec<Event> {
    let mut sets: Vec<_> = tracks.into_iter().collect();
    let mut events = Vec::new();
    for time in (0..4000).step_by(20) {
        while sets.first().is_some_and(|(at, _)| *at <= time) {
            let (_, set) = sets.remove(0);
            events.push(Event::Tracks(set.into_iter().collect()));
        }
        if time >= video && time % 40 == 0 {
            events.push(sample(VIDEO, time, 80, time % 1000 == 0));
        }
        if time >= audio {
            events.push(sample(AUDIO, time, 0, true));
        }
    }
    events
}

fn times(checked: &Checked, id: TrackId) -> Vec<i64> {
    let samples = checked.samples(id).into_iter();
    samples.map(|sample| sample.dts).collect()
}

/// Where other sets of tracks are told, in the time of the picture behind them.
fn turns(checked: &Checked) -> Vec<(usize, i64)> {
    let outputs = checked.out.iter().enumerate();
    let turns = outputs.filter_map(|(at, output)| match output {
        Segmented::Tracks(tracks) => Some((tracks.len(), at)),
        _ => None,
    });
    let first = |at: usize| {
        checked.out[at..].iter().find_map(|output| match output {
            Segmented::Cut { cut, .. } => Some(cut.time),
            _ => None,
        })
    };
    turns.map(|(len, at)| (len, first(at).unwrap())).collect()
}

#[test]
fn a_track_that_joins_costs_no_picture() {
    let video = || track(VIDEO, Kind::Video, 1000);
    let audio = || track(AUDIO, Kind::Audio, 1000);
    let pictures: Vec<i64> = (0..4000).step_by(40).collect();
    // In the middle of a group of pictures, in its last moment, right before a keyframe.
    for joins in [1400, 1980, 2000] {
        let mut config = Config::segments(Time::from_millis(1000));
        config.lead_in = Time::from_millis(10_000);
        let sets = [(0, vec![video()]), (joins, vec![video(), audio()])];
        let checked = run(config, live(sets, 0, joins));
        assert_eq!(times(&checked, VIDEO), pictures);
        assert_eq!(
            times(&checked, AUDIO),
            Vec::from_iter((2080..4000).step_by(20))
        );
        assert_eq!(turns(&checked), [(1, 0), (2, 2000)]);
        let cuts = checked.segments(VIDEO);
        assert!(cuts.iter().all(|cut| cut.independent));
        let lasts = checked.samples(VIDEO).into_iter();
        assert!(
            lasts
                .map(|sample| sample.duration.unwrap().get())
                .all(|lasts| lasts == 40)
        );
    }
}

#[test]
fn a_track_that_leaves_or_becomes_another_costs_no_picture() {
    let video = || track(VIDEO, Kind::Video, 1000);
    let audio = |scale| track(AUDIO, Kind::Audio, scale);
    let pictures: Vec<i64> = (0..4000).step_by(40).collect();
    let both = || vec![video(), audio(1000)];
    let config = || Config::segments(Time::from_millis(1000));
    let checked = run(config(), live([(0, both()), (1400, vec![video()])], 0, 0));
    assert_eq!(times(&checked, VIDEO), pictures);
    // What still comes of it belongs to nothing.
    assert!(times(&checked, AUDIO).into_iter().all(|time| time < 1400));
    assert_eq!(turns(&checked), [(2, 0), (1, 2000)]);
    // Another codec, twice within a group of pictures: the last one holds.
    let sets = [
        (0, both()),
        (1400, vec![video(), audio(500)]),
        (1600, vec![video(), audio(2000)]),
    ];
    let checked = run(config(), live(sets, 0, 0));
    assert_eq!(times(&checked, VIDEO), pictures);
    assert_eq!(turns(&checked), [(2, 0), (2, 2000)]);
    // And back to what it was: nothing has changed.
    let sets = [(0, both()), (1400, vec![video()]), (1600, both())];
    let checked = run(config(), live(sets, 0, 0));
    assert_eq!(times(&checked, VIDEO), pictures);
    assert_eq!(turns(&checked), [(2, 0)]);
}

#[test]
fn sound_goes_on_until_the_first_picture() {
    let video = || track(VIDEO, Kind::Video, 1000);
    let audio = || track(AUDIO, Kind::Audio, 1000);
    let sets = [(0, vec![audio()]), (1400, vec![video(), audio()])];
    let checked = run(
        Config::segments(Time::from_millis(1000)),
        live(sets, 1400, 0),
    );
    assert_eq!(
        times(&checked, AUDIO),
        Vec::from_iter((0..4000).step_by(20))
    );
    assert_eq!(
        times(&checked, VIDEO),
        Vec::from_iter((2000..4000).step_by(40))
    );
    // And where pictures end.
    let sets = [(0, vec![video(), audio()]), (1400, vec![audio()])];
    let checked = run(Config::segments(Time::from_millis(1000)), live(sets, 0, 0));
    assert_eq!(
        times(&checked, AUDIO),
        Vec::from_iter((0..4000).step_by(20))
    );
}

#[test]
fn without_a_keyframe_a_track_joins_as_soon_as_too_much_waits() {
    let (video, audio) = (
        track(VIDEO, Kind::Video, 1000),
        track(AUDIO, Kind::Audio, 1000),
    );
    let mut config = Config::segments(Time::from_millis(1000));
    config.max_held = 50;
    config.lead_in = Time::from_millis(10_000);
    let mut events = vec![Event::Tracks([video.clone()].into_iter().collect())];
    for n in 0..200 {
        if n == 40 {
            events.push(Event::Tracks(
                [video.clone(), audio.clone()].into_iter().collect(),
            ));
        }
        events.push(sample(VIDEO, n * 40, 0, n == 0));
        if n >= 40 {
            events.push(sample(AUDIO, n * 40, 0, true));
        }
    }
    let checked = run(config, events);
    assert_eq!(checked.samples(VIDEO).len(), 200);
    // From when it may.
    assert_eq!(checked.samples(AUDIO).len(), 160 - 52);
    assert_eq!(turns(&checked).len(), 2);
    assert!(!checked.segments(VIDEO).last().unwrap().independent);
}
