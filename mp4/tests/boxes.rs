//! Headers, containers and what becomes of unknown and damaged boxes.

use fluvial_mp4::boxes::{
    Child, Children, Dref, Header, Mdat, Mfhd, Moof, Raw, SampleEntry, Stbl, Stsd, Tfdt, Traf,
    Trun, TrunFields, TrunSample,
};
use fluvial_mp4::{Error, FourCc, IsoBox};
use wire::{Reader, Writer};

fn raw(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    Raw::from_body(FourCc(*name), body).unwrap().bytes.to_vec()
}

#[test]
fn sizes_take_32_or_64_bits_or_none() {
    let header = |bytes: &[u8]| Header::decode(&mut Reader::new(bytes));
    let short = header(b"\0\0\0\x10free").unwrap();
    assert_eq!(
        (short.size, short.header_len, short.body_len()),
        (Some(16), 8, Some(8))
    );
    let long = header(b"\0\0\0\x01mdat\0\0\0\x02\0\0\0\0").unwrap();
    assert_eq!(
        (long.size, long.header_len, long.body_len()),
        (Some(1 << 33), 16, Some((1 << 33) - 16))
    );
    let open = header(b"\0\0\0\0mdat").unwrap();
    assert_eq!((open.size, open.body_len()), (None, None));
    let uuid = header(b"\0\0\0\x01uuid\0\0\0\0\0\0\0\x200123456789abcdef").unwrap();
    assert_eq!(
        (uuid.user_type, uuid.header_len),
        (Some(*b"0123456789abcdef"), 32)
    );
    for bad in [
        &b"\0\0\0\x07free"[..],
        b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0F",
        b"\0\0\0\x17uuid0123456789abcdef",
    ] {
        assert!(
            matches!(header(bad), Err(Error::Invalid { field: "size", .. })),
            "{bad:?}"
        );
    }
    assert!(matches!(header(b"\0\0\0\x01mda"), Err(Error::Short(_))));
}

#[test]
fn mdat_goes_to_64_bits_where_it_must() {
    let mut out = Vec::new();
    Mdat::put_header(u64::from(u32::MAX) - 8, &mut Writer::new(&mut out));
    assert_eq!(out, b"\xFF\xFF\xFF\xFFmdat");
    out.clear();
    Mdat::put_header(u64::from(u32::MAX) - 7, &mut Writer::new(&mut out));
    assert_eq!(out, b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x08");
    assert_eq!(
        usize::from(Mdat::header_len(u64::from(u32::MAX) - 7)),
        out.len()
    );
}

#[test]
fn a_box_of_size_0_takes_the_rest() {
    let data = [&raw(b"free", b"x")[..], b"\0\0\0\0mdat", &[7; 100]].concat();
    let children: Vec<_> = Children::new(Reader::new(&data))
        .map(Result::unwrap)
        .collect();
    assert_eq!(children.len(), 2);
    assert_eq!((children[1].offset(), children[1].body().left()), (9, 100));
    assert_eq!(
        Mdat::decode(&mut Reader::new(children[1].bytes()))
            .unwrap()
            .data
            .len(),
        100
    );
}

#[test]
fn the_wrong_box_is_named() {
    let error = Tfdt::parse(&raw(b"tfhd", &[0; 8])).unwrap_err();
    assert_eq!(error.to_string(), "expected a tfdt box, found tfhd");
    let error = Tfdt::parse(&raw(b"tfdt", &[2, 0, 0, 0, 0, 0, 0, 0])).unwrap_err();
    assert_eq!(error.to_string(), "version must not be 2 at offset 8");
    let error = Tfdt::parse(&raw(b"tfdt", &[1, 0, 0, 0, 0, 0])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "baseMediaDecodeTime at offset 12 needs 8 bytes, 2 left"
    );
}

#[test]
fn unknown_and_damaged_children_are_kept() {
    let mut mfhd = Vec::new();
    Mfhd { sequence_number: 9 }.encode(&mut mfhd).unwrap();
    // A traf without a tfhd, a second mfhd, a box that nobody knows, and bytes that are no box.
    let body = [
        &mfhd[..],
        &raw(b"traf", &[]),
        &mfhd,
        &raw(b"abcd", b"1234567890"),
        b"\0\0\0",
    ]
    .concat();
    let bytes = raw(b"moof", &body);
    let moof = Moof::parse(&bytes).unwrap();
    assert_eq!(moof.mfhd.sequence_number, 9);
    assert!(moof.trafs.is_empty());
    let types: Vec<_> = moof
        .other
        .iter()
        .map(|raw| raw.box_type().map(|name| name.to_string()))
        .collect();
    assert_eq!(
        types,
        [
            Some("traf".into()),
            Some("mfhd".into()),
            Some("abcd".into()),
            None
        ]
    );
    let missing = Error::Missing {
        container: Traf::TYPE,
        missing: FourCc(*b"tfhd"),
    };
    assert_eq!(moof.other[0].error, Some(missing));
    assert_eq!(moof.other[2].error, None);
    assert_eq!(moof.other[2].body(), b"1234567890");
    let mut again = Vec::new();
    moof.encode(&mut again).unwrap();
    assert_eq!(again, bytes);
}

#[test]
fn a_container_needs_its_own() {
    let error = Moof::parse(&raw(b"moof", &[])).unwrap_err();
    assert_eq!(error.to_string(), "moof has no valid mfhd");
}

#[test]
fn empty_tables_stand_before_fragments() {
    let stbl = Stbl::for_fragments(Stsd {
        entries: Vec::new(),
    });
    let mut bytes = Vec::new();
    stbl.encode(&mut bytes).unwrap();
    let sizes: Vec<_> = Children::new(Child::decode(&mut Reader::new(&bytes)).unwrap().body())
        .map(Result::unwrap)
        .map(|child| (child.header.box_type.to_string(), child.bytes().len()))
        .collect();
    let expected = [
        ("stsd", 16),
        ("stts", 16),
        ("stsc", 16),
        ("stsz", 20),
        ("stco", 16),
    ];
    assert_eq!(sizes, expected.map(|(name, len)| (name.to_owned(), len)));
    assert_eq!(Stbl::parse(&bytes).unwrap(), stbl);
}

#[test]
fn sample_entries_that_cannot_be_read_are_kept() {
    let unknown = [&[0, 0, 0, 0, 0, 0, 0, 1, 0, 3][..], &[0; 60]].concat();
    let entries = [
        raw(b"mp4a", &unknown),
        raw(b"avc1", &[0; 20]),
        raw(b"rtmd", b"what"),
    ]
    .concat();
    let bytes = raw(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 3][..], &entries].concat());
    let stsd = Stsd::parse(&bytes).unwrap();
    assert!(
        stsd.entries
            .iter()
            .all(|entry| matches!(entry, SampleEntry::Other(_)))
    );
    let damaged =
        |entry: &SampleEntry| matches!(entry, SampleEntry::Other(raw) if raw.error.is_some());
    assert_eq!(
        stsd.entries.iter().map(damaged).collect::<Vec<_>>(),
        [true, true, false]
    );
    let mut again = Vec::new();
    stsd.encode(&mut again).unwrap();
    assert_eq!(again, bytes);
}

#[test]
fn dref_knows_the_same_file() {
    let mut bytes = Vec::new();
    Dref::default().encode(&mut bytes).unwrap();
    assert_eq!(
        bytes,
        b"\0\0\0\x1Cdref\0\0\0\0\0\0\0\x01\0\0\0\x0Curl \0\0\0\x01"
    );
    assert_eq!(Dref::parse(&bytes).unwrap(), Dref::default());
}

#[test]
fn a_run_refuses_an_offset_that_does_not_fit() {
    let mut trun = Trun::new(TrunFields {
        composition_time_offset: true,
        ..TrunFields::default()
    });
    let offset = |offset| TrunSample {
        composition_time_offset: Some(offset),
        ..TrunSample::default()
    };
    trun.push(offset(i32::MIN.into())).unwrap();
    let error = trun.push(offset(1 << 31)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sample_composition_time_offset is 2147483648, its field holds at most 2147483647"
    );
    assert_eq!(trun.sample_count(), 1);
}
