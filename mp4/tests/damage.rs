//! Files that are cut off, flipped, or lie about themselves: the good rest is read, and memory stays within limits.

mod common;

use bytes::Bytes;
use common::files::{drain, open};
use common::{read, samples};
use fluvial_mp4::reader::Config;
use fluvial_mp4::{Limits, Opener, Reader};
use media::{Event, Time};
use testing::{Random, corpus, files, flip_bits, truncations};

/// Reads a file as far as it can be read, from the start and from a time; gives the samples and the warnings.
fn survive(file: &Bytes) -> (usize, Vec<String>) {
    let mut opener = Opener::new(file.len() as u64, Limits::default());
    let mut reads = 0;
    while let Some(range) = opener.poll_read() {
        reads += 1;
        assert!(reads < 10_000 && range.end <= file.len() as u64 && range.start < range.end);
        opener.handle_read(range.start, &common::files::part(file, &range));
        assert!(opener.buffered_len() <= 2 * file.len() + (64 << 10));
    }
    let Ok(Some(movie)) = opener.poll_movie() else {
        return (0, Vec::new());
    };
    let mut reader = Reader::new(movie, Config::default());
    let (events, _) = drain(&mut reader, file);
    reader.seek(Time::from_millis(500));
    drain(&mut reader, file);
    let warnings = events.iter().filter_map(|event| match event {
        Event::Warning(warning) => Some(warning.to_string()),
        _ => None,
    });
    (samples(&events).len(), warnings.collect())
}

const FILES: &[&str] = &[
    "sample.mp4",
    "bt601.mov",
    "sample_fragmented_seekable.mp4",
    "sample_partially_fragmented.mp4",
    "sample_2_byte_NAL_length.mp4",
    "bbb_1ch_16kHz_aac.mp4",
];

#[test]
fn files_cut_off_anywhere_give_what_is_left() {
    let Some(corpus) = corpus("mp4/androidx-media/media/mp4") else {
        return;
    };
    for name in FILES {
        let file = read(&corpus.join(name));
        let whole = survive(&Bytes::from(file.clone())).0;
        let mut most = 0;
        for cut in truncations(&file, 60) {
            let (samples, _) = survive(&Bytes::copy_from_slice(cut));
            assert!(samples <= whole, "{name}");
            most = most.max(samples);
        }
        let moov_last = file.windows(4).position(|four| four == b"moov").unwrap() > file.len() / 2;
        assert!(moov_last || most > whole / 2, "{name}: {most} of {whole}");
    }
}

#[test]
fn flipped_bits_never_stop_the_reading() {
    let Some(corpus) = corpus("mp4/androidx-media/media/mp4") else {
        return;
    };
    let mut random = Random::new(4);
    let mut some = 0;
    for name in FILES {
        let file = read(&corpus.join(name));
        let moov = file.windows(4).position(|four| four == b"moov").unwrap() - 4;
        let len = u32::from_be_bytes(file[moov..moov + 4].try_into().unwrap()) as usize;
        for round in 0..40 {
            let mut bad = file.clone();
            if round % 2 == 0 {
                // A few bytes of the movie.
                for _ in 0..4 {
                    bad[moov + 8 + random.below(len - 8)] = random.below(256) as u8;
                }
            } else {
                flip_bits(&mut bad[moov + 8..moov + len], &mut random);
            }
            some += usize::from(survive(&Bytes::from(bad)).0 > 0);
        }
    }
    assert!(some > 100, "only {some} of 240 gave any sample");
}

/// Boxes of the movie that claim more than there is: what follows them is found.
#[test]
fn boxes_of_wrong_sizes_cost_what_is_in_them() {
    let Some(corpus) = corpus("mp4/androidx-media/media/mp4") else {
        return;
    };
    let file = read(&corpus.join("sample.mp4"));
    let whole = survive(&Bytes::from(file.clone())).0;
    let moov = file.windows(4).position(|four| four == b"moov").unwrap();
    for name in [
        b"mvhd", b"trak", b"tkhd", b"edts", b"mdia", b"mdhd", b"hdlr", b"minf", b"dinf", b"stbl",
        b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"stss",
    ] {
        let mut bad = file.clone();
        let at = bad[moov..].windows(4).position(|four| four == name);
        let at = moov + at.unwrap();
        bad[at - 4] |= 1;
        let (samples, warnings) = survive(&Bytes::from(bad));
        let name = std::str::from_utf8(name).unwrap();
        assert_eq!(samples, whole, "{name}: {warnings:?}");
    }
    // A sample of a gigabyte costs what lies in its chunk.
    let mut bad = file.clone();
    let sizes = moov
        + bad[moov..]
            .windows(4)
            .position(|four| four == b"stsz")
            .unwrap();
    bad[sizes + 16] |= 0x40;
    let (samples, warnings) = survive(&Bytes::from(bad));
    assert!(samples + 20 > whole, "{samples} of {whole}: {warnings:?}");
}

/// Sets the number of entries that a table claims.
fn claim(file: &mut [u8], table: &[u8; 4], count_at: usize, count: u32) -> usize {
    let mut tables = 0;
    for at in 0..file.len() - 20 {
        if file[at..at + 4] == *table {
            file[at + 4 + count_at..][..4].copy_from_slice(&count.to_be_bytes());
            tables += 1;
        }
    }
    tables
}

#[test]
fn tables_that_claim_2_to_the_32_entries() {
    let Some(corpus) = corpus("mp4/androidx-media/media/mp4") else {
        return;
    };
    let file = read(&corpus.join("sample.mp4"));
    let whole = survive(&Bytes::from(file.clone())).0;
    for (table, count_at) in [
        (b"stts", 4),
        (b"ctts", 4),
        (b"stsc", 4),
        (b"stco", 4),
        (b"stss", 4),
        (b"stsz", 8),
    ] {
        let mut bad = file.clone();
        assert!(claim(&mut bad, table, count_at, u32::MAX) > 0);
        let (samples, warnings) = survive(&Bytes::from(bad));
        assert_eq!(samples, whole);
        let name = std::str::from_utf8(table).unwrap();
        let what = format!("{name} has fewer entries than it claims at offset ");
        assert!(
            warnings.iter().any(|warning| warning.starts_with(&what)),
            "{warnings:?}"
        );
    }
    // All samples of one size, in numbers that no file can hold.
    let mut bad = file.clone();
    // Without edits, which would end before them.
    for at in 0..bad.len() - 4 {
        if bad[at..].starts_with(b"edts") {
            bad[at..at + 4].copy_from_slice(b"free");
        }
    }
    assert!(claim(&mut bad, b"stsz", 4, 1) > 0 && claim(&mut bad, b"stsz", 8, u32::MAX) > 0);
    claim(&mut bad, b"stsc", 12, u32::MAX);
    let (samples, warnings) = survive(&Bytes::from(bad));
    assert!(samples > 0 && samples <= 2 * file.len());
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("past the end")),
        "{warnings:?}"
    );
}

/// A box around some bytes.
fn wrap(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), name, body].concat()
}

#[test]
fn sizes_offsets_and_depths_that_lead_nowhere() {
    // Boxes in boxes.
    let mut bomb = Vec::new();
    for _ in 0..10_000 {
        bomb = wrap(b"trak", &bomb);
    }
    let names: [&[u8; 4]; 3] = [b"moov", b"meta", b"moof"];
    for name in names {
        survive(&Bytes::from(wrap(name, &bomb)));
    }
    // A size that ends before it begins, in 64 bits, and one of 2^64 - 1.
    for size in [0u64, 15, 16, u64::MAX] {
        let mut file = wrap(b"ftyp", b"isom\0\0\0\0");
        file.extend_from_slice(b"\0\0\0\x01mdat");
        file.extend_from_slice(&size.to_be_bytes());
        file.extend_from_slice(&wrap(b"moov", &[]));
        survive(&Bytes::from(file));
    }
    // Nothing, and less than a header.
    for len in 0..9 {
        let error = open(&Bytes::from(vec![0; len])).0.unwrap_err();
        assert_eq!(error.to_string(), "no moov is found in the file");
    }
}

#[test]
fn every_file_of_the_corpus_is_survived() {
    let Some(corpus) = corpus("") else { return };
    let mut with_samples = 0;
    for path in files(&corpus) {
        if path.metadata().unwrap().len() < 2 << 20 {
            with_samples += usize::from(survive(&Bytes::from(read(&path))).0 > 0);
        }
    }
    assert!(with_samples > 100, "{with_samples}");
}

#[test]
fn one_bad_optional_box_costs_no_more_than_itself() {
    let Some(corpus) = corpus("mp4/androidx-media/media/mp4") else {
        return;
    };
    let file = read(&corpus.join("sample.mp4"));
    let whole = survive(&Bytes::from(file.clone())).0;
    // A version that none of these has.
    for name in [
        b"elst", b"mvhd", b"hdlr", b"vmhd", b"ctts", b"stss", b"udta",
    ] {
        let mut bad = file.clone();
        for at in 0..bad.len() - 8 {
            if bad[at..at + 4] == *name {
                bad[at + 4] = 0xEE;
            }
        }
        assert_eq!(
            survive(&Bytes::from(bad)).0,
            whole,
            "{}",
            std::str::from_utf8(name).unwrap()
        );
    }
}
