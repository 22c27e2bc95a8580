//! Any samples that go into a writer or a recorder come out of a reader again.

mod common;

use bytes::Bytes;
use common::files::events as read;
use common::{apply, demux, planned, samples, warnings};
use fluvial_mp4::reader;
use fluvial_mp4::recorder::{self, Recorder};
use fluvial_mp4::writer::{Config, Writer};
use media::{Codec, Event, Flags, Sample, Time, Timescale, Track, TrackId};
use proptest::prelude::*;

/// A step in decoding time, an offset of presentation, flags, data, and whose it is.
type Step = (u32, i32, bool, bool, Vec<u8>, bool);

fn events(scales: [u32; 2], starts: [i32; 2], steps: &[Step]) -> Vec<Event> {
    let track = |(id, scale): (u32, u32)| {
        let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
        Track::new(TrackId(id), Timescale::new(scale).unwrap(), codec)
    };
    let mut events = vec![Event::Tracks(
        [(1, scales[0]), (2, scales[1])]
            .into_iter()
            .map(track)
            .collect(),
    )];
    let mut next = starts.map(i64::from);
    for (delta, offset, sync, disposable, data, second) in steps {
        let at = &mut next[usize::from(*second)];
        events.push(Event::Sample(Sample {
            track: TrackId(if *second { 2 } else { 1 }),
            dts: *at,
            pts: *at + i64::from(*offset),
            duration: None,
            flags: Flags::SYNC.when(*sync) | Flags::DISPOSABLE.when(*disposable && !sync),
            data: data.clone().into(),
        }));
        *at += i64::from(*delta);
    }
    events
}

/// What must survive of each track: data, flags, and times from the first sample on.
fn kept(events: &[Event]) -> Vec<Vec<(i64, i64, Flags, Bytes)>> {
    let all = samples(events);
    let of = |track: u32| -> Vec<_> {
        let own: Vec<_> = all
            .iter()
            .filter(|sample| sample.track.0 == track)
            .collect();
        let first = own.first().map_or((0, 0), |first| (first.dts, first.pts));
        own.into_iter()
            .map(|sample| {
                (
                    sample.dts - first.0,
                    sample.pts - first.1,
                    sample.flags,
                    sample.data.clone(),
                )
            })
            .collect()
    };
    vec![of(1), of(2)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(
        scales in [1u32..100_000, 1000u32..50_000],
        starts in [-100_000i32..100_000, -1000i32..1000],
        steps in prop::collection::vec(
            (0u32..3000, -5000i32..5000, any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..20), any::<bool>()),
            1..60,
        ),
        reserve in 0u32..3000,
    ) {
        let events = events(scales, starts, &steps);
        let expected = kept(&events);

        let mut config = Config::moov_first(reserve);
        config.interleave = Time::from_millis(100);
        let (mut writer, mut file) = (Writer::new(config.clone()), Vec::new());
        let mut recorder_config = recorder::Config::default();
        (recorder_config.reserve, recorder_config.fragment) = (reserve, Time::from_millis(100));
        let (mut recorder, mut recorded) = (Recorder::new(recorder_config), Vec::new());
        for event in &events {
            match event {
                Event::Tracks(tracks) => {
                    writer.set_tracks(tracks).unwrap();
                    recorder.set_tracks(tracks).unwrap();
                }
                Event::Sample(sample) => {
                    writer.handle_sample(sample).unwrap();
                    recorder.handle_sample(sample).unwrap();
                }
                _ => {}
            }
            while let Some(write) = recorder.poll_output() {
                apply(&write, &mut recorded);
            }
        }
        writer.finish().unwrap();
        while let Some(write) = writer.poll_output() {
            apply(&write, &mut file);
        }
        for file in [file, planned(&events, config)] {
            let found = read(&file.into(), reader::Config::default());
            prop_assert_eq!(warnings(&found), [""; 0]);
            prop_assert_eq!(kept(&found), expected.clone());
        }

        // A recording has the first samples while it grows, and all of them when it is closed.
        for (found, expected) in kept(&demux(&recorded)).iter().zip(&expected) {
            prop_assert!(expected.starts_with(found));
        }
        recorder.finish().unwrap();
        while let Some(write) = recorder.poll_output() {
            apply(&write, &mut recorded);
        }
        let found = read(&recorded.into(), reader::Config::default());
        prop_assert_eq!(warnings(&found), [""; 0]);
        prop_assert_eq!(kept(&found), expected);
    }
}
