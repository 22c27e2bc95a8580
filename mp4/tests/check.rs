//! The checker: good files keep to every rule, each rule is broken by a file made for it, and the corpus is as it is.

mod common;

use common::made::{AUDIO, VIDEO, events};
use common::{Folder, apply, corpus, file_of, package, read, run};
use fluvial_mp4::boxes::{
    Moof, RandomAccessPoint, Reference, SampleFlags, SampleInfo, Senc, Sidx, Tfra, Trun,
    TrunFields, TrunSample,
};
use fluvial_mp4::check::{Checker, Finding, Rule, Severity};
use fluvial_mp4::packager;
use fluvial_mp4::recorder::{self, Recorder};
use fluvial_mp4::writer::{Config, Writer};
use fluvial_mp4::{FourCc, IsoBox, Limits};
use media::segmenter::Config as Cuts;
use media::{Event, Time, TrackId};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

fn findings_of(file: &[u8], sizes: &[usize]) -> Vec<Finding> {
    let mut checker = Checker::new(Limits::default());
    let mut findings = Vec::new();
    let mut rest = file;
    for size in sizes.iter().cycle() {
        let skipped = usize::try_from(checker.needless()).unwrap_or(usize::MAX);
        if *size % 2 == 1 && skipped > 0 {
            let passed = skipped.min(rest.len());
            checker.handle_gap(passed as u64);
            rest = &rest[passed..];
        }
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        checker.handle_input(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    checker.handle_eof();
    findings.extend(core::iter::from_fn(|| checker.poll_finding()));
    findings
}

fn check(file: &[u8]) -> Vec<Finding> {
    let findings = findings_of(file, &[file.len().max(1)]);
    assert_eq!(findings, findings_of(file, &[1, 7, 1000]), "cut in pieces");
    findings
}

fn rules(file: &[u8]) -> BTreeSet<Rule> {
    check(file)
        .into_iter()
        .map(|finding| finding.rule)
        .collect()
}

/// `ftyp`, `free`, `mdat`, `moov`: what is behind the samples moves none of them.
fn progressive() -> Vec<u8> {
    let mut writer = Writer::new(Config::moov_last());
    let mut file = Vec::new();
    for event in events(4) {
        match event {
            Event::Tracks(tracks) => writer.set_tracks(&tracks).unwrap(),
            Event::Sample(sample) => writer.handle_sample(&sample).unwrap(),
            _ => {}
        }
    }
    writer.finish().unwrap();
    while let Some(write) = writer.poll_output() {
        apply(&write, &mut file);
    }
    file
}

fn fragmented(config: packager::Config, track: Option<TrackId>) -> Vec<u8> {
    let cuts = Cuts::segments(Time::from_millis(1000));
    file_of(&package(&events(4), cuts, config), track)
}

fn muxed() -> Vec<u8> {
    fragmented(packager::Config::muxed(), None)
}

fn video() -> Vec<u8> {
    fragmented(packager::Config::per_track(), Some(VIDEO))
}

/// Bytes from the start of a box to the first box in it.
fn children_at(name: &str) -> usize {
    match name {
        "stsd" | "dref" => 16,
        "avc1" => 86,
        "mp4a" => 36,
        _ => 8,
    }
}

/// A file with one box changed; its containers grow with it. Boxes of a type count from 1.
fn edit(file: &[u8], path: &str, change: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let (step, below) = path
        .split_once('/')
        .map_or((path, None), |(a, b)| (a, Some(b)));
    let (name, number) = step.split_once('[').unwrap_or((step, "1]"));
    let mut left: usize = number.trim_end_matches(']').parse().unwrap();
    let (mut out, mut rest) = (Vec::new(), file);
    while let Some(size) = rest.first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        let (this, after) = rest.split_at(size);
        rest = after;
        let mut this = this.to_vec();
        if this[4..8] == *name.as_bytes() {
            left = left.wrapping_sub(1);
            if left == 0 {
                match below {
                    Some(below) => {
                        let at = children_at(name);
                        let inner = edit(&this[at..], below, change);
                        this.truncate(at);
                        this.extend(inner);
                    }
                    None => change(&mut this),
                }
                // A change may take the box away, or put others behind it.
                if below.is_some() {
                    let size = u32::try_from(this.len()).unwrap();
                    this[..4].copy_from_slice(&size.to_be_bytes());
                }
            }
        }
        out.extend(this);
    }
    assert!(left == 0 || left > usize::MAX / 2, "no {path}");
    out
}

/// Writes a number into a box, at an offset from its start.
fn set(file: &[u8], path: &str, at: usize, bytes: &[u8]) -> Vec<u8> {
    edit(file, path, &|this| {
        this[at..at + bytes.len()].copy_from_slice(bytes);
    })
}

fn number(file: &[u8], path: &str, at: usize) -> u32 {
    let found = std::cell::Cell::new(0);
    edit(file, path, &|this| {
        found.set(u32::from_be_bytes(this[at..at + 4].try_into().unwrap()));
    });
    found.get()
}

fn add(file: &[u8], path: &str, at: usize, delta: i64) -> Vec<u8> {
    let value = i64::from(number(file, path, at)) + delta;
    set(file, path, at, &u32::try_from(value).unwrap().to_be_bytes())
}

/// Puts bytes behind a box.
fn put_behind(file: &[u8], path: &str, bytes: &[u8]) -> Vec<u8> {
    edit(file, path, &|this| this.extend_from_slice(bytes))
}

/// A whole box.
fn a_box(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, body].concat()
}

/// Appends entries to a table behind version, flags and count.
fn append(file: &[u8], path: &str, entries: &[u32]) -> Vec<u8> {
    edit(file, path, &|this| {
        for entry in entries {
            this.extend(entry.to_be_bytes());
        }
        let size = u32::try_from(this.len()).unwrap();
        this[..4].copy_from_slice(&size.to_be_bytes());
        let count = u32::from_be_bytes(this[12..16].try_into().unwrap()) + 1;
        this[12..16].copy_from_slice(&count.to_be_bytes());
    })
}

/// A file with its `n`th fragment, of one track with one run, changed; the run keeps pointing behind the `moof`.
fn edit_moof(file: &[u8], n: usize, change: &dyn Fn(&mut Moof)) -> Vec<u8> {
    edit(file, &format!("moof[{n}]"), &|this| {
        let mut moof = Moof::parse(this).unwrap();
        change(&mut moof);
        let runs = moof.trafs.iter_mut().flat_map(|traf| &mut traf.truns);
        runs.take(1).for_each(|trun| trun.data_offset = Some(0));
        let offset = i32::try_from(moof.encoded_len() + 8).unwrap();
        let truns = moof.trafs.iter_mut().flat_map(|traf| &mut traf.truns);
        for trun in truns.take(1) {
            trun.data_offset = Some(offset);
        }
        this.clear();
        moof.encode(this).unwrap();
    })
}

/// The video track with an index before its segments, and what the index says.
fn indexed(change: impl Fn(&mut Sidx)) -> Vec<u8> {
    let cuts = Cuts::segments(Time::from_millis(1000));
    let outputs = package(&events(4), cuts, packager::Config::per_track());
    let mut sidx = Sidx {
        reference_id: 1,
        timescale: 90_000,
        earliest_presentation_time: 7200,
        first_offset: 0,
        references: Vec::new(),
    };
    let mut parts = [Vec::new(), Vec::new()];
    for output in &outputs {
        match output {
            packager::Output::Init(init) if init.track == Some(VIDEO) => {
                parts[0].extend(&init.data);
            }
            packager::Output::Segment(segment) if segment.info.track == Some(VIDEO) => {
                sidx.references.push(Reference {
                    is_index: false,
                    referenced_size: u32::try_from(segment.info.size).unwrap(),
                    subsegment_duration: u32::try_from(segment.info.duration).unwrap(),
                    starts_with_sap: true,
                    sap_type: 1,
                    sap_delta_time: 0,
                });
                parts[1].extend(segment.data.concat());
            }
            _ => {}
        }
    }
    change(&mut sidx);
    let mut index = Vec::new();
    sidx.encode(&mut index).unwrap();
    [parts[0].clone(), index, parts[1].clone()].concat()
}

/// The muxed file with random access points of its fragments.
fn with_mfra(moof_offset: impl Fn(u64) -> u64, size: i64) -> Vec<u8> {
    let mut file = muxed();
    let place = file.windows(4).position(|name| name == b"moof").unwrap() as u64 - 4;
    let mut tfra = Tfra::new(1);
    tfra.entries = vec![RandomAccessPoint {
        time: 0,
        moof_offset: moof_offset(place),
        traf_number: 1,
        trun_number: 1,
        sample_number: 1,
    }];
    let mut inner = Vec::new();
    tfra.encode(&mut inner).unwrap();
    let len = i64::try_from(inner.len() + 8 + 16).unwrap();
    let told = u32::try_from(len + size).unwrap();
    inner.extend(a_box(b"mfro", &[[0; 4], told.to_be_bytes()].concat()));
    file.extend(a_box(b"mfra", &inner));
    file
}

const AVCC: &str = "moov/trak/mdia/minf/stbl/stsd/avc1/avcC";
const STBL: &str = "moov/trak[2]/mdia/minf/stbl";

/// A file for each rule, which breaks it and no other.
fn broken() -> Vec<(Rule, Vec<u8>)> {
    let (p, m, v) = (progressive(), muxed(), video());
    let in_stbl = |name: &str| format!("{STBL}/{name}");
    let last_moof = m.windows(4).filter(|name| name == b"moof").count();
    let last = |below: &str| format!("moof[{last_moof}]/{below}");
    let mut no_styp = m.clone();
    while no_styp.windows(4).any(|name| name == b"styp") {
        no_styp = edit(&no_styp, "styp", &Vec::clear);
    }
    let of_brand = |file: &[u8], brand: &[u8; 4]| set(file, "ftyp", 20, brand);
    vec![
        (Rule::BoxSize, p[..p.len() - 1].to_vec()),
        (Rule::BoxType, [&p[..], &a_box(&[0, 0, 0, 1], &[])].concat()),
        (
            Rule::BoxVersion,
            set(&p, "moov/trak[2]/mdia/minf/smhd", 8, &[1]),
        ),
        (
            Rule::BoxFields,
            set(&p, "moov/trak/mdia/minf/stbl/stss", 12, &[0, 0, 0xFF, 0xFF]),
        ),
        (
            Rule::BoxTail,
            edit(&p, "moov/trak/mdia/minf/vmhd", &|this| {
                this.push(0);
                this[3] += 1;
            }),
        ),
        (
            Rule::MandatoryBox,
            edit(&p, "moov/trak/mdia/minf/dinf", &Vec::clear),
        ),
        (
            Rule::MandatoryBox,
            edit(&m, "moov/mvex", &|this| {
                this[4..8].copy_from_slice(b"free");
            }),
        ),
        // A record of another version, and one that ends too soon.
        (Rule::CodecRecord, set(&p, AVCC, 8, &[9])),
        (Rule::CodecRecord, set(&p, AVCC, 14, &[0x7F])),
        // A count that hides entries.
        (
            Rule::BoxFields,
            edit(&p, "moov/trak/mdia/minf/stbl/stss", &|this| {
                this.extend([0; 4]);
                this[3] += 4;
            }),
        ),
        (
            Rule::BoxCount,
            edit(&p, "moov/trak[2]/mdia/minf/smhd", &|this| {
                this.extend(this.clone());
            }),
        ),
        (
            Rule::BoxPlace,
            put_behind(&p, "moov/trak/tkhd", &a_box(b"stss", &[0; 8])),
        ),
        (
            Rule::BoxOrder,
            [&a_box(b"styp", b"msdh\0\0\0\0msdh")[..], &m].concat(),
        ),
        (Rule::NotChecked, set(&p, "moov", 0, &[0; 4])),
        (Rule::FileType, set(&p, "ftyp", 4, b"free")),
        (Rule::MajorBrand, set(&p, "ftyp", 8, b"abcd")),
        (
            Rule::BrandFeature,
            set(&set(&no_styp, "ftyp", 8, b"mp41"), "ftyp", 16, b"mp42"),
        ),
        (
            Rule::TrackId,
            set(&p, "moov/trak[2]/tkhd", 20, &[0, 0, 0, 1]),
        ),
        (Rule::NextTrackId, set(&p, "moov/mvhd", 104, &[0, 0, 0, 1])),
        (
            Rule::Timescale,
            set(&p, "moov/trak[2]/mdia/mdhd", 20, &[0; 4]),
        ),
        (
            Rule::MediaHeader,
            set(&p, "moov/trak[2]/mdia/hdlr", 16, b"vide"),
        ),
        (
            Rule::TrackReference,
            put_behind(
                &p,
                "moov/trak/tkhd",
                &a_box(b"tref", &a_box(b"cdsc", &[0, 0, 0, 9])),
            ),
        ),
        (Rule::MediaDuration, add(&p, "moov/trak/mdia/mdhd", 24, 50)),
        (Rule::TrackDuration, add(&p, "moov/trak[2]/tkhd", 28, -10)),
        (Rule::MovieDuration, add(&p, "moov/mvhd", 24, -10)),
        (
            Rule::EditList,
            set(&p, "moov/trak/edts/elst", 20, &[0xFF, 0xFF, 0xFF, 0xFE]),
        ),
        (
            Rule::SampleDescription,
            set(&p, &in_stbl("stsd"), 12, &[0, 0, 0, 2]),
        ),
        (Rule::CodecRecord, edit(&p, AVCC, &Vec::clear)),
        (
            Rule::DataReference,
            set(&p, &in_stbl("stsd/mp4a"), 14, &[0, 5]),
        ),
        (Rule::Protection, set(&p, &in_stbl("stsd/mp4a"), 4, b"enca")),
        (Rule::TimeCount, append(&p, &in_stbl("stts"), &[1, 0])),
        (Rule::DecodingTime, {
            let p = set(&p, "moov/trak[2]/mdia/mdhd", 24, &[0xFF; 4]);
            set(&p, &in_stbl("stts"), 20, &[0xFF; 4])
        }),
        (
            Rule::ZeroDuration,
            edit(&p, &in_stbl("stts"), &|this| {
                let count = u32::from_be_bytes(this[16..20].try_into().unwrap());
                this.clear();
                let table = [0, 3, 1, 2048, 1, 0, count - 2, 1024];
                this.extend(a_box(b"stts", &table.map(u32::to_be_bytes).concat()));
            }),
        ),
        (
            Rule::CompositionCount,
            append(&p, "moov/trak/mdia/minf/stbl/ctts", &[1, 0]),
        ),
        (
            Rule::CompositionBounds,
            edit(&p, "moov/trak/mdia/minf/stbl/ctts", &|this| {
                this.extend(a_box(b"cslg", &[0; 24]));
            }),
        ),
        (
            Rule::SyncSample,
            set(&p, "moov/trak/mdia/minf/stbl/stss", 20, &[0; 4]),
        ),
        (
            Rule::DependencyCount,
            put_behind(&p, &in_stbl("stts"), &a_box(b"sdtp", &[0; 5])),
        ),
        (Rule::ChunkRun, set(&p, &in_stbl("stsc"), 16, &[0, 0, 0, 2])),
        (Rule::ChunkCount, append(&p, &in_stbl("stco"), &[100])),
        (
            Rule::ChunkPastEnd,
            set(&p, &in_stbl("stco"), 16, &[0x7F, 0, 0, 0]),
        ),
        (Rule::ChunkPlace, set(&p, &in_stbl("stco"), 16, &[0; 4])),
        (Rule::SampleGroup, {
            let body = [0, u32::from_be_bytes(*b"roll"), 1, 10_000, 0]
                .map(u32::to_be_bytes)
                .concat();
            put_behind(&p, &in_stbl("stts"), &a_box(b"sbgp", &body))
        }),
        (
            Rule::TrackExtends,
            set(&m, "moov/mvex/trex[2]", 12, &[0, 0, 0, 1]),
        ),
        (
            Rule::FragmentedDuration,
            edit(&m, "moov/mvex/trex", &|this| {
                let mehd = a_box(b"mehd", &[0, 0, 0, 0, 0, 0, 0, 1]);
                *this = [mehd, this.clone()].concat();
            }),
        ),
        (
            Rule::SequenceNumber,
            set(&m, "moof[2]/mfhd", 12, &[0, 0, 0, 1]),
        ),
        (
            Rule::FragmentTrack,
            set(&m, &last("traf[2]/tfhd"), 12, &[0, 0, 0, 9]),
        ),
        (Rule::DecodeTimeOverlap, add(&m, &last("traf/tfdt"), 16, -1)),
        (Rule::DecodeTimeGap, add(&m, &last("traf/tfdt"), 16, 1)),
        (
            Rule::FirstSampleFlags,
            edit_moof(&v, 1, &|moof| {
                let trun = &mut moof.trafs[0].truns[0];
                let mut both = Trun::new(TrunFields {
                    flags: true,
                    ..trun.fields()
                });
                both.first_sample_flags = Some(SampleFlags::SYNC);
                for sample in trun.samples() {
                    let flags = Some(SampleFlags::SYNC);
                    both.push(TrunSample { flags, ..sample }).unwrap();
                }
                *trun = both;
            }),
        ),
        (Rule::RunPlace, add(&v, "moof/traf/trun", 16, 1)),
        (
            Rule::AuxiliaryInformation,
            edit_moof(&v, 1, &|moof| {
                let info = SampleInfo {
                    iv: [0; 16],
                    subsamples: Vec::new(),
                };
                moof.trafs[0].senc = Some(Senc::new(&[info], 8).unwrap());
            }),
        ),
        (
            Rule::IndexSize,
            indexed(|sidx| sidx.references[1].referenced_size += 1),
        ),
        (
            Rule::IndexTime,
            indexed(|sidx| sidx.references[1].subsegment_duration += 10),
        ),
        (Rule::IndexSap, { edit_first_flags(&indexed(|_| {}), 2) }),
        (Rule::RandomAccess, with_mfra(|place| place + 1, 0)),
        (Rule::RandomAccessSize, with_mfra(|place| place, 1)),
        (
            Rule::CmafHeader,
            of_brand(
                &m[..m.windows(4).position(|name| name == b"styp").unwrap() - 4],
                b"cmfc",
            ),
        ),
        (
            Rule::CmafHeaderFields,
            set(&v, "moov/mvhd", 28, &[0, 2, 0, 0]),
        ),
        (
            Rule::CmafChunk,
            [
                &v[..],
                &a_box(b"moof", &a_box(b"mfhd", &[0, 0, 0, 0, 0, 0, 0xFF, 0])),
                &a_box(b"mdat", &[]),
            ]
            .concat(),
        ),
        (
            Rule::CmafBase,
            edit_moof(&v, 1, &|moof| {
                moof.trafs[0].tfhd.default_base_is_moof = false;
            }),
        ),
        (
            Rule::CmafDecodeTime,
            edit_moof(&v, 2, &|moof| moof.trafs[0].tfdt = None),
        ),
        (
            Rule::CmafDataOffset,
            edit_moof(&v, 1, &|moof| {
                moof.trafs[0].truns.push(Trun::new(TrunFields::default()));
            }),
        ),
        (Rule::CmafSap, edit_first_flags(&v, 3)),
        (
            Rule::Cmaf2,
            set(&of_brand(&v, b"cmf2"), "moof/traf/trun", 8, &[0]),
        ),
    ]
}

/// The first sample of a fragment is no sync sample.
fn edit_first_flags(file: &[u8], moof: usize) -> Vec<u8> {
    edit_moof(file, moof, &|moof| {
        let first = &mut moof.trafs[0].truns[0].first_sample_flags;
        *first = first.map(|_| SampleFlags::NON_SYNC);
    })
}

#[test]
fn each_rule_is_broken_by_a_file_made_for_it() {
    let broken = broken();
    for (rule, file) in &broken {
        let found = check(file);
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        let found: BTreeSet<Rule> = found.into_iter().map(|finding| finding.rule).collect();
        // An index that promises what is not there is of a segment that begins badly.
        let also = (*rule == Rule::IndexSap).then_some(Rule::CmafSap);
        let expected: BTreeSet<Rule> = [*rule].into_iter().chain(also).collect();
        assert_eq!(found, expected, "{rule}: {text:#?}");
    }
    let tested: BTreeSet<Rule> = broken.iter().map(|(rule, _)| *rule).collect();
    let all: BTreeSet<Rule> = Rule::ALL.iter().copied().collect();
    assert_eq!(tested, all);
}

#[test]
fn what_is_written_here_keeps_to_every_rule() {
    let none = BTreeSet::new();
    assert_eq!(rules(&progressive()), none);
    assert_eq!(rules(&muxed()), none);
    assert_eq!(rules(&video()), none);
    assert_eq!(
        rules(&fragmented(packager::Config::per_track(), Some(AUDIO))),
        none
    );
    assert_eq!(rules(&indexed(|_| {})), none);
    assert_eq!(rules(&with_mfra(|place| place, 0)), none);
    assert_eq!(
        rules(&common::planned(&events(4), Config::moov_last())),
        none
    );
    let parts = package(
        &events(4),
        Cuts::low_latency(),
        packager::Config::per_track(),
    );
    assert_eq!(rules(&file_of(&parts, Some(VIDEO))), none);
    for output in parts {
        match output {
            packager::Output::Init(init) => assert_eq!(rules(&init.data), none),
            packager::Output::Part(part) => assert_eq!(rules(&part.data), none),
            packager::Output::Segment(segment) => assert_eq!(rules(&segment.data.concat()), none),
        }
    }
}

#[test]
fn a_recording_keeps_to_every_rule_at_any_time() {
    recording_keeps_to_every_rule(events(4));
    // The clock of the sound is set back and forth on the way, by less than a sample.
    let corrected = events(4).into_iter().map(|event| match event {
        Event::Sample(mut sample) if sample.track == AUDIO => {
            sample.duration = NonZeroU32::new(1024);
            let step = sample.dts / 1024 % 5 * 100;
            sample.dts -= step;
            sample.pts -= step;
            Event::Sample(sample)
        }
        event => event,
    });
    recording_keeps_to_every_rule(corrected);
}

fn recording_keeps_to_every_rule(events: impl IntoIterator<Item = Event>) {
    let mut config = recorder::Config::default();
    config.fragment = Time::from_millis(500);
    let (mut recorder, mut file) = (Recorder::new(config), Vec::new());
    for event in events {
        match event {
            Event::Tracks(tracks) => recorder.set_tracks(&tracks).unwrap(),
            Event::Sample(sample) => recorder.handle_sample(&sample).unwrap(),
            _ => {}
        }
        while let Some(write) = recorder.poll_output() {
            apply(&write, &mut file);
            let found = check(&file);
            let text: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert!(text.is_empty(), "{text:#?}");
        }
    }
    recorder.finish().unwrap();
    while let Some(write) = recorder.poll_output() {
        apply(&write, &mut file);
    }
    assert_eq!(rules(&file), BTreeSet::new());
}

#[test]
fn a_finding_says_where_and_by_which_clause() {
    let file = set(&progressive(), &format!("{STBL}/stco"), 16, &[0; 4]);
    let found = check(&file);
    let place = file.windows(4).rposition(|name| name == b"stco").unwrap() as u64 - 4;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].offset, found[0].path.as_str()),
        (place, "moov/trak[2]/mdia/minf/stbl/stco")
    );
    let text = found[0].to_string();
    assert!(
        text.starts_with("error: offset ") && text.ends_with("(ISO/IEC 14496-12 §8.7.5)"),
        "{text}"
    );
}

#[test]
fn many_breaches_of_one_rule_are_counted() {
    let mut file = a_box(b"ftyp", b"isom\0\0\0\0isom");
    for _ in 0..1000 {
        file.extend(a_box(b"trun", &[]));
    }
    let found = check(&file);
    let places = found
        .iter()
        .filter(|finding| finding.rule == Rule::BoxPlace);
    assert_eq!(places.count(), 11);
    assert!(
        found
            .iter()
            .any(|finding| finding.what == "990 more of these")
    );
}

#[test]
fn tables_that_claim_what_they_like_cost_no_more_than_their_bytes() {
    let huge = [0xFF; 4];
    let mut file = progressive();
    for (path, at) in [
        ("stts", 16),
        ("stts", 20),
        ("stsz", 12),
        ("stsz", 16),
        ("stsc", 20),
    ] {
        file = set(&file, &format!("{STBL}/{path}"), at, &huge);
    }
    let file = set(&file, "moov/trak/mdia/minf/stbl/ctts", 16, &huge);
    let found = check(&file);
    assert!(
        found.iter().any(|finding| finding.rule == Rule::ChunkCount),
        "{found:?}"
    );
    let mut fragments = edit_moof(&video(), 1, &|moof| {
        moof.trafs[0].truns[0] = Trun::new(TrunFields::default());
        moof.trafs[0].tfhd.default_sample_size = Some(u32::MAX);
    });
    fragments = set(&fragments, "moof/traf/trun", 12, &huge);
    assert!(rules(&fragments).contains(&Rule::RunPlace));
}

/// Files of the corpus that break rules, with the rules that they are known to break; some were made to.
const BROKEN: &[(&str, &[Rule])] = &[
    (
        "dash/emarsden-dash-mpd-rs/fixtures/minimal-valid.mp4",
        &[Rule::MandatoryBox],
    ),
    (
        "media/dash/multi-segment-with-emsg0/segment_1.m4s",
        &[Rule::IndexSize],
    ),
    (
        "media/dash/multi-segment-with-emsg0/segment_2.m4s",
        &[Rule::IndexSize],
    ),
    (
        "media/dash/multi-segment-with-emsg1/video.mp4",
        &[Rule::IndexSize],
    ),
    (
        "mp4/abema-go-mp4/sample_qt.mp4",
        &[Rule::BoxCount, Rule::ChunkPastEnd, Rule::ChunkPlace],
    ),
    (
        "media/mp4/sample_18byte_nclx_colr.mp4",
        &[Rule::CodecRecord],
    ),
    ("media/mp4/sample_fragmented_uuid.mp4", &[Rule::RunPlace]),
    (
        "media/mp4/sample_malformed_free_box.mp4",
        &[Rule::BoxSize, Rule::MandatoryBox],
    ),
    ("media/mp4/sample_mdat_too_long.mp4", &[Rule::BoxSize]),
    ("media/mp4/sample_missing_stsd.mp4", &[Rule::MandatoryBox]),
    (
        "media/mp4/sample_opus_fragmented.mp4",
        &[Rule::SequenceNumber],
    ),
    (
        "media/mp4/sample_with_it35_track.mp4",
        &[Rule::MandatoryBox],
    ),
    (
        "mp4/kixelated-mp4-atom/av1.mp4",
        &[Rule::CmafChunk, Rule::RunPlace],
    ),
    (
        "mp4/kixelated-mp4-atom/bbb.mp4",
        &[
            Rule::CmafHeader,
            Rule::CmafChunk,
            Rule::RunPlace,
            Rule::SequenceNumber,
            Rule::DecodeTimeOverlap,
        ],
    ),
    (
        "mp4/kixelated-mp4-atom/esds.mp4",
        &[
            Rule::CmafHeader,
            Rule::BoxSize,
            Rule::CmafChunk,
            Rule::RunPlace,
        ],
    ),
    (
        "mp4/kixelated-mp4-atom/h264.mp4",
        &[Rule::CmafHeader, Rule::CmafChunk, Rule::RunPlace],
    ),
    (
        "mp4/kixelated-mp4-atom/h264_avcc_ext_2.mp4",
        &[Rule::BoxSize],
    ),
    (
        "mp4/kixelated-mp4-atom/h264_encrypted_segment.mp4",
        &[Rule::AuxiliaryInformation, Rule::IndexSize],
    ),
    (
        "mp4/kixelated-mp4-atom/hevc.mp4",
        &[Rule::CmafChunk, Rule::RunPlace],
    ),
    (
        "mp4/kixelated-mp4-atom/vp9.mp4",
        &[Rule::CmafChunk, Rule::RunPlace, Rule::IndexSize],
    ),
    (
        "mp4/quodlibet-mutagen/64bit.mp4",
        &[Rule::MandatoryBox, Rule::BoxType],
    ),
    (
        "mp4/quodlibet-mutagen/truncated-64bit.mp4",
        &[Rule::BoxSize, Rule::ChunkPastEnd],
    ),
];

#[test]
fn files_of_the_corpus_keep_to_the_rules() {
    let Some(corpus) = corpus() else { return };
    let names = [
        ".mp4", ".m4s", ".m4a", ".m4v", ".mov", ".cmfv", ".cmfa", ".3gp",
    ];
    let mut seen = 0;
    for entry in testing::manifest() {
        let path = &entry.path;
        if !names.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let file = read(&corpus.join(path));
        if !file
            .get(4..8)
            .is_some_and(|name| FourCc(name.try_into().unwrap()).is_printable())
        {
            continue;
        }
        seen += 1;
        let found = check(&file);
        let errors: BTreeSet<Rule> = found
            .iter()
            .map(|finding| finding.rule)
            .filter(|rule| rule.severity() == Severity::Error)
            .collect();
        let known = BROKEN.iter().find(|(name, _)| path.ends_with(name));
        let known: BTreeSet<Rule> = known
            .map(|(_, rules)| rules.iter().copied().collect())
            .unwrap_or_default();
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(errors, known, "{path}: {text:#?}");
    }
    assert!(seen > 150, "{seen} files");
}

#[test]
fn files_of_ffmpeg_keep_to_the_rules() {
    let folder = Folder::new("check");
    let Some(source) = common::source(&folder) else {
        return;
    };
    assert_eq!(rules(&read(source.as_ref())), BTreeSet::new());
    // With `global_sidx` alone, ffmpeg 5.1 does not move its places by the bytes of the index.
    let kinds = [
        ("faststart", "-map 0"),
        ("frag_keyframe+empty_moov", "-map 0"),
        ("frag_keyframe+empty_moov+default_base_moof", "-map 0"),
        (
            "frag_keyframe+delay_moov+default_base_moof+global_sidx",
            "-map 0",
        ),
        ("dash+delay_moov", "-map 0:v"),
        ("cmaf+delay_moov", "-map 0:v"),
        ("cmaf+negative_cts_offsets", "-map 0:a"),
    ];
    for (flags, map) in kinds {
        let path = folder.file("out.mp4");
        let mut args = vec![
            "-v",
            "error",
            "-i",
            &source,
            "-c",
            "copy",
            "-movflags",
            flags,
        ];
        args.extend(map.split(' '));
        args.extend(["-y", &path]);
        run("ffmpeg", &args).unwrap();
        let found = check(&read(path.as_ref()));
        let errors = found
            .iter()
            .filter(|finding| finding.rule.severity() == Severity::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{flags}: {errors:#?}");
    }
}
