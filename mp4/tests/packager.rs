//! What the packager makes of cut samples, read back box by box.

mod common;

use bytes::Bytes;
use common::made::{AUDIO, VIDEO, events, tracks};
use core::num::NonZeroU32;
use fluvial_mp4::boxes::{Children, Ftyp, Moof, Moov, Styp};
use fluvial_mp4::packager::{Config, Output};
use fluvial_mp4::{Error, IsoBox, Packager};
use media::segmenter::{Config as Cuts, Segmenter};
use media::{
    Codec, Cut, Event, Flags, FourCc, Kind, Sample, Segmented, Time, Timescale, Track, TrackId,
};

fn package(events: &[Event], cuts: Cuts, config: Config) -> Vec<Output> {
    let mut segmenter = Segmenter::new(cuts);
    let mut packager = Packager::new(config);
    let mut outputs = Vec::new();
    let mut drain = |segmenter: &mut Segmenter| {
        while let Some(segmented) = segmenter.poll_output() {
            packager.handle(&segmented).unwrap();
        }
        while let Some(output) = packager.poll_output() {
            outputs.push(output);
        }
        assert!(packager.buffered_len() < 1 << 20);
    };
    for event in events {
        segmenter.handle_event(event);
        drain(&mut segmenter);
    }
    segmenter.finish();
    drain(&mut segmenter);
    outputs
}

fn concat(parts: &[Bytes]) -> Vec<u8> {
    parts.iter().flatten().copied().collect()
}

fn box_types(data: &[u8]) -> Vec<String> {
    Children::new(wire::Reader::new(data))
        .map(|child| child.unwrap().header.box_type.to_string())
        .collect()
}

#[test]
fn a_muxed_stream_has_whole_segments_on_the_cuts() {
    let events = events(10);
    let outputs = package(
        &events,
        Cuts::segments(Time::from_millis(2000)),
        Config::muxed(),
    );
    let [Output::Init(init), rest @ ..] = outputs.as_slice() else {
        panic!("no init segment")
    };
    assert_eq!(init.name(), "init-0.mp4");
    assert_eq!(box_types(&init.data), ["ftyp", "moov"]);
    Ftyp::parse(&init.data).unwrap();

    let segments: Vec<_> = rest
        .iter()
        .filter_map(|output| match output {
            Output::Segment(segment) => Some(segment),
            _ => None,
        })
        .collect();
    assert_eq!(segments.len(), 5);
    assert_eq!(rest.len(), 10, "one part each");
    let mut media_bytes = 0;
    for (n, segment) in segments.iter().enumerate() {
        let n = u64::try_from(n).unwrap();
        assert_eq!(segment.name(), format!("segment-{n}.m4s"));
        assert_eq!(
            (segment.info.segment, segment.info.parts, segment.info.init),
            (n, 1, 0)
        );
        assert_eq!(
            (segment.info.start, segment.info.duration),
            // The first picture is shown two after it is decoded, and the last one four after: what would be between is missing.
            (
                i64::try_from(n).unwrap() * 180_000 + 7200,
                if n < 4 { 180_000 } else { 187_200 }
            )
        );
        assert!(segment.info.independent && !segment.info.discontinuity);
        let data = concat(&segment.data);
        assert_eq!(segment.info.size, data.len() as u64);
        assert_eq!(box_types(&data), ["styp", "moof", "mdat"]);
        let styp_len = Styp::parse(&data).unwrap().encoded_len();
        let moof = Moof::parse(&data[styp_len..]).unwrap();
        assert_eq!(moof.trafs.len(), 2);
        assert_eq!(
            moof.trafs[0].tfdt.unwrap().base_media_decode_time,
            n * 180_000
        );
        assert_eq!(moof.trafs[0].truns[0].sample_count(), 50);
        media_bytes += data.len() - styp_len - moof.encoded_len() - 8;
    }
    let expected: usize = events
        .iter()
        .map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(media_bytes, expected);
}

#[test]
fn parts_add_up_to_their_segments() {
    for config in [Config::muxed(), Config::per_track()] {
        let outputs = package(&events(6), Cuts::low_latency(), config);
        let mut parts = Vec::new();
        let mut segments = 0;
        for output in outputs {
            match output {
                Output::Init(init) => assert_eq!(init.number, 0),
                Output::Part(part) => {
                    assert!(
                        part.info.timescale.time(part.info.duration.cast_signed())
                            <= Time::from_millis(250)
                    );
                    assert_eq!(part.info.size, part.data.len() as u64);
                    parts.push(part);
                }
                Output::Segment(segment) => {
                    let own: Vec<_> = parts
                        .extract_if(.., |part| part.info.track == segment.info.track)
                        .collect();
                    assert_eq!(own.len(), usize::try_from(segment.info.parts).unwrap());
                    assert!(own.len() > 7);
                    assert_eq!(
                        own.iter().map(|part| part.info.duration).sum::<u64>(),
                        segment.info.duration
                    );
                    assert_eq!(
                        own.iter().map(|part| part.data.clone()).collect::<Vec<_>>(),
                        segment.data
                    );
                    for (n, part) in own.iter().enumerate() {
                        assert_eq!(part.info.part, u32::try_from(n).unwrap());
                        assert_eq!(part.info.segment, segment.info.segment);
                        assert_eq!(box_types(&part.data)[0] == "styp", n == 0);
                    }
                    segments += 1;
                }
            }
        }
        assert!(parts.is_empty());
        assert!(segments >= 3);
    }
}

#[test]
fn scattered_parts_have_the_same_bytes() {
    let long = |event: &Event| match event {
        Event::Sample(sample) if sample.track == VIDEO && (sample.dts / 3600) % 2 == 0 => {
            Event::Sample(Sample {
                data: [&sample.data[..], &[7; 5000]].concat().into(),
                ..sample.clone()
            })
        }
        event => event.clone(),
    };
    let events: Vec<Event> = events(4).iter().map(long).collect();
    let cuts = || {
        let mut cuts = Cuts::segments(Time::from_millis(2000));
        cuts.part_target = Some(Time::from_millis(500));
        cuts
    };
    for mut config in [Config::muxed(), Config::per_track()] {
        let whole = package(&events, cuts(), config.clone());
        config.scattered = true;
        let scattered = package(&events, cuts(), config);
        assert_eq!(whole.len(), scattered.len());
        let mut shared = 0;
        for pair in whole.iter().zip(&scattered) {
            match pair {
                (Output::Part(one), Output::Part(other)) => {
                    assert!(one.payload.is_empty());
                    let pieces: Vec<Bytes> = other.pieces().cloned().collect();
                    assert_eq!(
                        (&one.info, &one.data[..]),
                        (&other.info, &concat(&pieces)[..])
                    );
                    let given = events.iter().filter_map(|event| match event {
                        Event::Sample(sample) if sample.data.len() > 5000 => {
                            Some(sample.data.as_ptr())
                        }
                        _ => None,
                    });
                    let given: Vec<_> = given.collect();
                    let is_shared = |piece: &&Bytes| given.contains(&piece.as_ptr());
                    shared += pieces.iter().filter(is_shared).count();
                }
                (Output::Segment(one), Output::Segment(other)) => {
                    assert_eq!(
                        (&one.info, concat(&one.data)),
                        (&other.info, concat(&other.data))
                    );
                }
                (one, other) => assert_eq!(one, other),
            }
        }
        let long =
            |event: &&Event| matches!(event, Event::Sample(sample) if sample.data.len() > 5000);
        assert_eq!(shared, events.iter().filter(long).count());
        assert!(shared > 10);
    }
}

fn cut(track: TrackId, segment: u64, time: i64) -> Segmented {
    let cut = Cut {
        segment,
        part: 0,
        time,
        independent: true,
        discontinuity: false,
    };
    Segmented::Cut { track, cut }
}

fn sample(track: TrackId, dts: i64, byte: u8) -> Segmented {
    Segmented::Sample(Sample {
        track,
        dts,
        pts: dts,
        duration: NonZeroU32::new(1000),
        flags: Flags::SYNC,
        data: Bytes::from(vec![byte]),
    })
}

#[test]
fn a_late_track_goes_to_its_own_segment() {
    let mut packager = Packager::new(Config::muxed());
    packager.handle(&Segmented::Tracks(tracks(0))).unwrap();
    let script = [
        cut(VIDEO, 4, 0),
        sample(VIDEO, 0, 1),
        cut(AUDIO, 4, 0),
        cut(VIDEO, 5, 1000),
        sample(VIDEO, 1000, 2),
        sample(AUDIO, 0, 3),
    ];
    for step in &script {
        packager.handle(step).unwrap();
    }
    assert_eq!(
        packager.poll_output(),
        None,
        "segment 4 waits for the audio track"
    );
    packager.handle(&cut(AUDIO, 5, 1000)).unwrap();
    packager.handle(&Segmented::End).unwrap();
    let mut payloads = Vec::new();
    while let Some(output) = packager.poll_output() {
        if let Output::Segment(segment) = output {
            let data = concat(&segment.data);
            let mdat = Children::new(wire::Reader::new(&data))
                .last()
                .unwrap()
                .unwrap();
            payloads.push((segment.info.segment, mdat.body().peek().to_vec()));
        }
    }
    assert_eq!(payloads, [(4, vec![1, 3]), (5, vec![2])]);
    assert!(matches!(
        packager.handle(&Segmented::End),
        Err(Error::State(_))
    ));
}

#[test]
fn a_silent_track_has_segments_without_samples() {
    let mut packager = Packager::new(Config::per_track());
    packager.handle(&Segmented::Tracks(tracks(0))).unwrap();
    for (segment, time) in [(0, 0), (1, 96_000), (2, 192_000)] {
        let cut = Cut {
            segment,
            part: 0,
            time,
            independent: false,
            discontinuity: false,
        };
        packager
            .handle(&Segmented::Cut { track: AUDIO, cut })
            .unwrap();
    }
    let segments: Vec<_> = core::iter::from_fn(|| packager.poll_output())
        .filter_map(|output| match output {
            Output::Segment(segment) => Some(segment),
            _ => None,
        })
        .collect();
    assert_eq!(segments.len(), 2);
    assert_eq!(
        (segments[1].info.start, segments[1].info.duration),
        (96_000, 96_000)
    );
    let data = concat(&segments[1].data);
    assert_eq!(box_types(&data), ["styp", "moof", "mdat"]);
    let styp_len = Styp::parse(&data).unwrap().encoded_len();
    let moof = Moof::parse(&data[styp_len..]).unwrap();
    assert_eq!(moof.trafs[0].tfdt.unwrap().base_media_decode_time, 96_000);
    assert!(moof.trafs[0].truns.is_empty() && moof.trafs[0].tfhd.duration_is_empty);
}

#[test]
fn only_a_change_makes_a_new_init_segment() {
    let mut packager = Packager::new(Config::per_track());
    let mut changed: Vec<Track> = tracks(0).iter().cloned().collect();
    changed[1].priming = 1024;
    let mut names = Vec::new();
    for (segment, tracks) in (0..).zip([tracks(0), tracks(0), changed.into()]) {
        packager.handle(&Segmented::Tracks(tracks)).unwrap();
        for track in [VIDEO, AUDIO] {
            packager.handle(&cut(track, segment, 0)).unwrap();
            packager.handle(&sample(track, 0, 1)).unwrap();
        }
    }
    packager.handle(&Segmented::End).unwrap();
    while let Some(output) = packager.poll_output() {
        if let Output::Init(init) = output {
            names.push(init.name());
        }
    }
    assert_eq!(names, ["init-1-0.mp4", "init-2-0.mp4", "init-2-1.mp4"]);
}

#[test]
fn priming_is_an_edit_and_moves_nothing() {
    let mut packager = Packager::new(Config::per_track());
    packager.handle(&Segmented::Tracks(tracks(1024))).unwrap();
    let cut = Cut {
        segment: 0,
        part: 0,
        time: -1024,
        independent: true,
        discontinuity: false,
    };
    packager
        .handle(&Segmented::Cut { track: AUDIO, cut })
        .unwrap();
    for dts in [-1024, 0] {
        let sample = Sample {
            track: AUDIO,
            dts,
            pts: dts,
            duration: NonZeroU32::new(1024),
            flags: Flags::SYNC,
            data: Bytes::from_static(b"frame"),
        };
        packager.handle(&Segmented::Sample(sample)).unwrap();
    }
    packager.handle(&Segmented::End).unwrap();
    let outputs: Vec<_> = core::iter::from_fn(|| packager.poll_output()).collect();
    let (Output::Init(init), Output::Part(part)) = (&outputs[0], &outputs[1]) else {
        panic!("{outputs:?}")
    };
    let ftyp_len = Ftyp::parse(&init.data).unwrap().encoded_len();
    let moov = Moov::parse(&init.data[ftyp_len..]).unwrap();
    let elst = moov.traks[0].edts.as_ref().unwrap().elst.as_ref().unwrap();
    assert_eq!(
        elst.edits
            .iter()
            .map(|edit| edit.media_time)
            .collect::<Vec<_>>(),
        [1024]
    );
    let styp_len = Styp::parse(&part.data).unwrap().encoded_len();
    let moof = Moof::parse(&part.data[styp_len..]).unwrap();
    assert_eq!(moof.trafs[0].tfdt.unwrap().base_media_decode_time, 0);
    assert_eq!(part.info.start, -1024);
    let trun = &moof.trafs[0].truns[0];
    assert!(
        trun.samples()
            .all(|sample| sample.composition_time_offset.is_none())
    );
    let tfhd = moof.trafs[0].tfhd;
    assert_eq!(
        (tfhd.default_sample_size, tfhd.default_sample_duration),
        (Some(5), Some(1024))
    );
}

/// Durations of the samples of sound, as the fragments tell them.
fn durations_of_sound(outputs: &[Output]) -> Vec<u32> {
    let mut durations = Vec::new();
    for output in outputs {
        let Output::Part(part) = output else { continue };
        let styp = Styp::parse(&part.data).map_or(0, |styp| styp.encoded_len());
        let moof = Moof::parse(&part.data[styp..]).unwrap();
        for traf in moof
            .trafs
            .iter()
            .filter(|traf| traf.tfhd.track_id == AUDIO.0)
        {
            let default = traf.tfhd.default_sample_duration;
            let samples = traf.truns.iter().flat_map(|trun| trun.samples());
            durations.extend(samples.map(|sample| sample.duration.or(default).unwrap()));
        }
    }
    durations
}

#[test]
fn trimming_shortens_the_last_sample_of_all() {
    let events = events(3);
    let [Event::Tracks(tracks), samples @ ..] = events.as_slice() else {
        panic!("no tracks")
    };
    let with_trim = |trim: u32| {
        let mut tracks = tracks.to_vec();
        tracks[1].trim = trim;
        let tracks = Event::Tracks(tracks.into_iter().collect());
        let events: Vec<_> = core::iter::once(tracks)
            .chain(samples.iter().cloned())
            .collect();
        events
    };
    for config in [Config::muxed(), Config::per_track()] {
        for cuts in [Cuts::segments(Time::from_millis(1000)), Cuts::low_latency()] {
            let of = |trim| {
                let outputs = package(&with_trim(trim), cuts.clone(), config.clone());
                let whole = outputs.iter().filter_map(|output| match output {
                    Output::Part(part) if part.info.track == Some(AUDIO) => {
                        Some(part.info.duration)
                    }
                    _ => None,
                });
                (durations_of_sound(&outputs), whole.sum::<u64>())
            };
            let (plain, whole) = of(0);
            let (trimmed, shown) = of(300);
            assert_eq!(plain, vec![1024; plain.len()]);
            let mut wanted = plain.clone();
            *wanted.last_mut().unwrap() = 724;
            assert_eq!(trimmed, wanted);
            assert_eq!(shown, whole.saturating_sub(300));
            // What is longer than the last sample is none.
            assert_eq!(of(1024).0, plain);
        }
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let other = Codec::Other {
        kind: Kind::Video,
        fourcc: FourCc(*b"hvc1"),
        config: Bytes::new(),
    };
    let track = Track::new(VIDEO, Timescale::KHZ_90, other);
    let mut packager = Packager::new(Config::muxed());
    let error = packager
        .handle(&Segmented::Tracks(vec![track].into()))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "hvc1 that comes from no MP4 file is not supported"
    );

    let mut zero: Vec<Track> = tracks(0).iter().cloned().collect();
    zero[0].id = TrackId(0);
    let error = packager
        .handle(&Segmented::Tracks(zero.into()))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Invalid {
            field: "track_ID",
            ..
        }
    ));
}

#[test]
fn a_jump_in_times_starts_a_segment_that_says_so() {
    let mut twice = events(4);
    twice.push(Event::Discontinuity);
    twice.extend(events(4).into_iter().skip(1));
    for config in [Config::muxed(), Config::per_track()] {
        let outputs = package(&twice, Cuts::low_latency(), config);
        let inits = outputs
            .iter()
            .filter(|output| matches!(output, Output::Init(_)))
            .count();
        for track in [None, Some(VIDEO), Some(AUDIO)] {
            let of_track = |output: &Output| match output {
                Output::Segment(segment) if segment.info.track == track => Some(segment.info),
                _ => None,
            };
            let infos: Vec<_> = outputs.iter().filter_map(of_track).collect();
            if infos.is_empty() {
                continue;
            }
            let numbers: Vec<_> = infos.iter().map(|info| info.segment).collect();
            assert_eq!(numbers, [0, 1, 2, 3]);
            let jumps: Vec<_> = infos.iter().map(|info| info.discontinuity).collect();
            assert_eq!(jumps, [false, false, true, false]);
            assert_eq!(infos[2].start, infos[0].start);
            assert!(infos.iter().all(|info| info.independent && info.init == 0));
        }
        assert!((1..=2).contains(&inits), "nothing changed but the times");
    }
}

#[test]
fn a_stream_lasts_until_its_last_picture_was_shown() {
    let picture = |dts, pts, duration| {
        Segmented::Sample(Sample {
            track: VIDEO,
            dts,
            pts,
            duration: NonZeroU32::new(duration),
            flags: Flags::SYNC,
            data: Bytes::from_static(&[0]),
        })
    };
    let spans = |pictures: &[Segmented; 3]| {
        let mut packager = Packager::new(Config::per_track());
        packager.handle(&Segmented::Tracks(tracks(0))).unwrap();
        packager.handle(&cut(VIDEO, 0, 0)).unwrap();
        packager.handle(&pictures[0]).unwrap();
        packager.handle(&cut(VIDEO, 1, 1000)).unwrap();
        packager.handle(&pictures[1]).unwrap();
        packager.handle(&pictures[2]).unwrap();
        packager.handle(&Segmented::End).unwrap();
        let mut spans = Vec::new();
        while let Some(output) = packager.poll_output() {
            if let Output::Segment(segment) = output {
                spans.push((segment.info.start, segment.info.duration));
            }
        }
        spans
    };
    // The longest picture is decoded second and shown last; decoding alone tells 3000 to 5000.
    let longer = [
        picture(0, 2000, 1000),
        picture(1000, 4000, 6000),
        picture(2000, 3000, 1000),
    ];
    assert_eq!(spans(&longer), [(2000, 1000), (3000, 7000)]);
    // Decoding goes in longer steps than showing: it tells 3000 to 6000.
    let shorter = [
        picture(0, 2000, 1000),
        picture(1000, 4000, 500),
        picture(2000, 3000, 2000),
    ];
    assert_eq!(spans(&shorter), [(2000, 1000), (3000, 2000)]);
}

/// The file that one stream of outputs becomes, and where its index lies.
fn on_demand(
    outputs: &[Output],
    track: Option<TrackId>,
    pieces: u16,
) -> (Vec<u8>, core::ops::Range<u64>) {
    let mut single = fluvial_mp4::packager::OnDemand::new(track, pieces);
    outputs
        .iter()
        .for_each(|output| single.handle(output).unwrap());
    single.finish().unwrap();
    let mut file = Vec::new();
    while let Some(write) = single.poll_output() {
        common::apply(&write, &mut file);
    }
    assert!(
        single.buffered_len() <= 64 * (usize::from(pieces) + 1),
        "no more than the index is left"
    );
    (file, single.index().unwrap())
}

#[test]
fn one_file_with_an_index_is_read_by_it_and_by_peers() {
    use fluvial_mp4::check::Checker;
    let folder = common::Folder::new("on-demand");
    let Some((_, events)) = common::both(&folder) else {
        return;
    };
    let outputs = package(
        &events,
        Cuts::segments(Time::from_millis(1000)),
        Config::per_track(),
    );
    let mut sets = String::new();
    // The whole index, and one with room for fewer pieces than there are.
    for pieces in [100, 3] {
        sets.clear();
        for track in [VIDEO, AUDIO] {
            let (file, index) = on_demand(&outputs, Some(track), pieces);
            assert_eq!(
                box_types(&file)[..5],
                ["ftyp", "moov", "sidx", "free", "moof"]
            );
            assert!(!box_types(&file).contains(&"styp".to_owned()));
            let mut checker = Checker::new(fluvial_mp4::Limits::default());
            checker.handle_input(&file);
            checker.handle_eof();
            assert_eq!(checker.poll_finding(), None);
            let sidx = &file[index.start as usize..index.end as usize];
            let sidx = fluvial_mp4::boxes::Sidx::parse(sidx).unwrap();
            assert!(sidx.references.len() <= usize::from(pieces));
            assert!(
                sidx.references
                    .iter()
                    .all(|reference| reference.sap_type == 1)
            );
            let whole: u64 = sidx
                .references
                .iter()
                .map(|reference| u64::from(reference.referenced_size))
                .sum();
            assert_eq!(index.end + sidx.first_offset + whole, file.len() as u64);
            let name = format!("{track}.mp4");
            std::fs::write(folder.file(&name), &file).unwrap();
            let kind = if track == VIDEO { "video" } else { "audio" };
            let codecs = if track == VIDEO {
                "avc1.64000D"
            } else {
                "mp4a.40.2"
            };
            sets += &format!(
                "<AdaptationSet contentType='{kind}' mimeType='{kind}/mp4'><Representation id='{track}' codecs='{codecs}' \
                 bandwidth='100000'><BaseURL>{name}</BaseURL><SegmentBase indexRange='{}-{}'><Initialization \
                 range='0-{}'/></SegmentBase></Representation></AdaptationSet>",
                index.start,
                index.end - 1,
                index.start - 1
            );
        }
        let mpd = format!(
            "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' profiles='urn:mpeg:dash:profile:isoff-on-demand:2011' type='static' \
             mediaPresentationDuration='PT6S' minBufferTime='PT1S'><Period>{sets}</Period></MPD>"
        );
        std::fs::write(folder.file("x.mpd"), mpd).unwrap();
        let hashes = |path: &str| {
            let mut hashes: Vec<String> = common::frames(path)
                .into_iter()
                .map(|(.., hash)| hash)
                .collect();
            hashes.sort();
            hashes
        };
        assert_eq!(
            hashes(&folder.file("x.mpd")),
            hashes(&folder.file("fragmented.mp4"))
        );
        for track in [VIDEO, AUDIO] {
            let file = std::fs::read(folder.file(&format!("{track}.mp4"))).unwrap();
            let own = |sample: &&Sample| sample.track == track;
            let expected = common::samples(&events);
            let found = common::files::events(&file.into(), fluvial_mp4::reader::Config::default());
            assert_eq!(
                common::samples(&found).iter().filter(own).count(),
                expected.iter().filter(own).count()
            );
        }
    }
}

#[test]
fn timed_metadata_goes_through_emsg_boxes() {
    let cues = [
        (3600, Codec::Id3, &b"ID3\x04\0\0\0\0\0\0"[..]),
        (130_000, Codec::Scte35, b"\xFC0\x11"),
        (240_000, Codec::Klv, b"\x06\x0E\x2B\x34"),
    ];
    let mut events = events(3);
    let Some(Event::Tracks(tracks)) = events.first_mut() else {
        panic!()
    };
    let own = cues
        .iter()
        .zip(7..)
        .map(|((_, codec, _), id)| Track::new(TrackId(id), Timescale::KHZ_90, codec.clone()));
    *tracks = tracks.iter().cloned().chain(own).collect();
    for ((pts, _, data), id) in cues.iter().zip(7..) {
        let sample = Sample {
            track: TrackId(id),
            dts: *pts,
            pts: *pts,
            duration: None,
            flags: Flags::SYNC,
            data: Bytes::from_static(data),
        };
        // Where it belongs among the pictures.
        let at = events.iter().position(|event| matches!(event, Event::Sample(other) if other.track == VIDEO && other.dts >= *pts));
        events.insert(at.unwrap(), Event::Sample(sample));
    }
    for (config, track) in [(Config::muxed(), None), (Config::per_track(), Some(VIDEO))] {
        let outputs = package(&events, Cuts::segments(Time::from_millis(1000)), config);
        let file = common::file_of(&outputs, track);
        let names = box_types(&file);
        let places: Vec<_> = (0..names.len()).filter(|at| names[*at] == "emsg").collect();
        assert_eq!(places.len(), 3);
        assert!(places.iter().all(|at| names[at + 1] == "moof"), "{names:?}");
        // Whoever does not ask for them gets none.
        assert!(
            common::samples(&common::demux(&file))
                .iter()
                .all(|sample| sample.track.0 < 3)
        );
        let mut demuxer = fluvial_mp4::Demuxer::new(fluvial_mp4::Limits::default()).with_events();
        demuxer.handle_input(&file);
        demuxer.handle_eof();
        let mut found = Vec::new();
        let mut codecs = std::collections::BTreeMap::new();
        while let Ok(Some(event)) = demuxer.poll_event() {
            match event {
                Event::Tracks(tracks) => {
                    codecs.extend(tracks.iter().map(|track| (track.id, track.codec.clone())));
                }
                Event::Sample(sample) if codecs[&sample.track].kind() == Kind::Data => {
                    found.push(sample);
                }
                _ => {}
            }
        }
        let found: Vec<_> = found
            .iter()
            .map(|sample| (sample.pts, codecs[&sample.track].clone(), &sample.data[..]))
            .collect();
        assert_eq!(found, cues);
        // An index names the fragments: who goes to one gets what stands before it, and nothing of what is past.
        let file = Bytes::from([&file[..], &index(&file)].concat());
        let mut config = fluvial_mp4::reader::Config::default();
        config.events = true;
        let movie = common::files::open(&file).0.unwrap();
        let mut reader = fluvial_mp4::Reader::new(movie, config);
        for (seconds, left) in [(0, 3), (1, 2), (2, 1)] {
            reader.seek(Time::from_millis(1000 * seconds + 200));
            let (events, _) = common::files::drain(&mut reader, &file);
            let found = common::samples(&events);
            let is_cue = |sample: &&Sample| cues.iter().any(|(.., data)| sample.data == *data);
            let found = found.iter().filter(is_cue);
            assert_eq!(found.count(), left, "from {seconds} s");
        }
    }
}

/// An index of movie fragments (ISO/IEC 14496-12 §8.8.10), one for each second.
fn index(file: &[u8]) -> Vec<u8> {
    let (mut moofs, mut at) = (Vec::new(), 0);
    while let Some(size) = file[at..].first_chunk::<4>() {
        if &file[at + 4..at + 8] == b"moof" {
            moofs.push(at as u64);
        }
        at += u32::from_be_bytes(*size) as usize;
    }
    let timescale = u64::from(common::tracks(&common::demux(file))[0][0].timescale.get());
    let boxed = |name: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&size.to_be_bytes()[..], name, body].concat()
    };
    let mut tfra = vec![1, 0, 0, 0];
    for word in [VIDEO.0, 0, u32::try_from(moofs.len()).unwrap()] {
        tfra.extend(word.to_be_bytes());
    }
    for (second, moof) in moofs.iter().enumerate() {
        tfra.extend((second as u64 * timescale).to_be_bytes());
        tfra.extend(moof.to_be_bytes());
        tfra.extend([1, 1, 1]);
    }
    let tfra = boxed(b"tfra", &tfra);
    let size = u32::try_from(8 + tfra.len() + 16).unwrap();
    let mfro = boxed(b"mfro", &[[0; 4], size.to_be_bytes()].concat());
    boxed(b"mfra", &[tfra, mfro].concat())
}

#[test]
fn a_clock_on_the_wall_is_told() {
    // 2026-01-01T00:00:00Z at one second of the presentation.
    let wall = media::WallClock::from_unix_nanos(1_767_225_600_000_000_000);
    let mut segmenter = Segmenter::new(Cuts::segments(Time::from_millis(1000)));
    let mut packager = Packager::new(Config::muxed());
    packager.set_clock(Time::from_millis(1000), wall);
    let mut outputs = Vec::new();
    for event in events(3) {
        segmenter.handle_event(&event);
    }
    segmenter.finish();
    while let Some(segmented) = segmenter.poll_output() {
        packager.handle(&segmented).unwrap();
        outputs.extend(std::iter::from_fn(|| packager.poll_output()));
    }
    let file = common::file_of(&outputs, None);
    let names = box_types(&file);
    let places: Vec<_> = (0..names.len()).filter(|at| names[*at] == "prft").collect();
    assert_eq!(places.len(), 3, "{names:?}");
    assert!(
        places
            .iter()
            .all(|at| names[at - 1] == "styp" && names[at + 1] == "moof")
    );
    let told: Vec<_> = common::demux(&file)
        .into_iter()
        .filter_map(|event| match event {
            Event::Clock { time, wall } => Some((time, wall)),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 3);
    for (time, told) in told {
        let since = time - Time::from_millis(1000);
        let off = told.as_unix_nanos() - wall.as_unix_nanos() - since.as_nanos();
        // The fraction of NTP's time is in 2^-32 seconds.
        assert!(off.abs() <= 1, "{time}: {off}");
    }
}
