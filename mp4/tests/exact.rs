//! Boxes of the corpus, read and written again: byte for byte the same.

mod common;

use common::{corpus, read};
use fluvial_mp4::boxes::*;
use fluvial_mp4::{FourCc, IsoBox};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Boxes that hold boxes, and how many bytes stand before those.
fn container(box_type: FourCc) -> Option<usize> {
    Some(match &box_type.0 {
        b"moov" | b"trak" | b"edts" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"mvex" | b"moof"
        | b"traf" | b"mfra" | b"udta" | b"tref" | b"wave" | b"sinf" | b"schi" => 0,
        b"stsd" | b"dref" => 8,
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp08" | b"vp09" | b"mp4v" | b"encv" => {
            78
        }
        b"mp4a" | b"ac-3" | b"ec-3" | b"Opus" | b"fLaC" | b".mp3" | b"enca" => 28,
        _ => return None,
    })
}

#[derive(Default)]
struct Found {
    /// By type: how many came out the same.
    same: BTreeMap<String, usize>,
    different: Vec<String>,
}

impl Found {
    fn check<B: IsoBox>(&mut self, child: &Child<'_>, path: &Path) {
        let mut body = child.body();
        let Ok(value) = B::decode_body(&mut body) else {
            return;
        };
        let mut out = Vec::new();
        value.encode(&mut out).unwrap();
        // What was wrong with a damaged child has another offset now, so the values may differ.
        let mut again = Vec::new();
        B::parse(&out).unwrap().encode(&mut again).unwrap();
        assert!(again == out, "{}: {}", path.display(), B::TYPE);
        assert_eq!(out.len(), value.encoded_len(), "{}", path.display());
        // A header of more than 8 bytes is not kept, nor is what follows the last field.
        let header_len = usize::from(child.header.header_len);
        let known = &child.bytes()[header_len..];
        if known.starts_with(&out[8..]) && out.len() - 8 + body.left() >= known.len() {
            *self.same.entry(B::TYPE.to_string()).or_default() += 1;
        } else {
            let at = out[8..].iter().zip(known).position(|(a, b)| a != b);
            self.different.push(format!(
                "{} in {} at {}: body byte {at:?} of {} and {}",
                B::TYPE,
                path.display(),
                child.offset(),
                known.len(),
                out.len() - 8
            ));
        }
    }

    fn walk(&mut self, children: Children<'_>, path: &Path, depth: u32) {
        macro_rules! boxes {
            ($child:ident: $($name:ident)*) => {
                $( if $child.header.box_type == $name::TYPE { self.check::<$name>(&$child, path); } )*
            };
        }
        for child in children.map_while(Result::ok) {
            boxes!(child:
                Ftyp Styp Mvhd Tkhd Mdhd Hdlr Elst Vmhd Smhd Nmhd Dref Stts Ctts Cslg Stsc Stsz Stz2
                Stco Co64 Stss Stps Sdtp Sgpd Sbgp Subs Mehd Trex Mfhd Tfhd Tfdt Trun Sidx Emsg Prft
                AvcC HvcC Av1C VpcC Dac3 Dec3 DOps DfLa VttC Tfra Mfro Ssix Meta Keys Ilst Chpl Kind Elng Tref Trgr Colr Pasp Clap Btrt Esds Stsd);
            if let Some(skip) = container(child.header.box_type).filter(|_| depth < 12) {
                let mut body = child.body();
                if body.skip(skip, "fields").is_ok() {
                    self.walk(Children::new(body), path, depth + 1);
                }
            }
        }
    }
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_none_or(|name| name != "dump") {
            out.push(path);
        }
    }
}

/// Boxes that are not written as they came, and why.
const NOT_EXACT: &[(&str, &str)] = &[
    ("mvhd", VERSION),
    ("tkhd", VERSION),
    ("mdhd", VERSION),
    ("mehd", VERSION),
    ("elst", VERSION),
    ("tfdt", VERSION),
    ("sidx", VERSION),
    ("tfra", VERSION),
    (
        "esds",
        "sizes of descriptors are written in as few bytes as they need",
    ),
    (
        "stsd",
        "the boxes of an entry are written in the order of the fields, and esds as above",
    ),
    (
        "vmhd",
        "its flags are always written as 1, which the standard demands",
    ),
];

const VERSION: &str = "written in the version that its values need";

#[test]
fn boxes_come_out_as_they_went_in() {
    let Some(corpus) = corpus() else { return };
    let mut paths = Vec::new();
    files(&corpus.join("mp4"), &mut paths);
    let mut found = Found::default();
    for path in &paths {
        let data = read(path);
        found.walk(Children::new(wire::Reader::new(&data)), path, 0);
    }
    for name in [
        "stts", "ctts", "stsc", "stsz", "stco", "co64", "stss", "sdtp", "sgpd", "sbgp", "trun",
    ] {
        assert!(found.same.contains_key(name), "{name} is in no file");
    }
    let unexplained: Vec<_> = found
        .different
        .iter()
        .filter(|what| !NOT_EXACT.iter().any(|(known, _)| what.starts_with(known)))
        .collect();
    for what in &unexplained {
        println!("{what}");
    }
    assert!(unexplained.is_empty());
}
