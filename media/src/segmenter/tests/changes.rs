//! Parameter sets that change, and tracks that join, leave or become others.

use super::*;

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
