//! Which boxes a container has, how often, and how each is read: ISO/IEC 14496-12 §6.2.3, Table 1.

use super::Rule;
use super::findings::Findings;
use crate::boxes::{
    Child, Children, Co64, Cslg, Ctts, Elst, Emsg, FourCc, Frma, Ftyp, Hdlr, IsoBox, Mdhd, Mehd,
    Mfhd, Mfro, Mvhd, Nmhd, Prft, Pssh, Saio, Saiz, Sbgp, Schm, Senc, Sgpd, Sidx, Smhd, Ssix, Stco,
    Stps, Stsc, Stss, Stsz, Stts, Styp, Stz2, Subs, Tenc, Tfdt, Tfhd, Tfra, Tkhd, Trex, Trun, Vmhd,
};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use wire::Reader;

/// How often a child is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    One,
    Optional,
    Some,
    Many,
}

use Times::{Many, One, Optional, Some as AtLeastOne};

/// The file, as a container.
const FILE: FourCc = FourCc(*b"file");

type Contents = &'static [(&'static [u8; 4], Times)];

/// What is in a container; `None` for a box that is none.
fn contents(container: FourCc) -> Option<Contents> {
    Some(match &container.0 {
        b"file" => &[
            (b"ftyp", Optional),
            (b"pdin", Optional),
            (b"moov", Optional),
            (b"moof", Many),
            (b"mdat", Many),
            (b"mfra", Optional),
            (b"meta", Optional),
            (b"styp", Many),
            (b"sidx", Many),
            (b"ssix", Many),
            (b"emsg", Many),
            (b"prft", Many),
        ],
        b"moov" => &[
            (b"mvhd", One),
            (b"trak", AtLeastOne),
            (b"mvex", Optional),
            (b"pssh", Many),
            (b"iods", Optional),
            (b"udta", Optional),
            (b"meta", Optional),
        ],
        b"trak" => &[
            (b"tkhd", One),
            (b"mdia", One),
            (b"edts", Optional),
            (b"tref", Optional),
            (b"trgr", Optional),
            (b"udta", Optional),
            (b"meta", Optional),
        ],
        b"edts" => &[(b"elst", Optional)],
        b"mdia" => &[
            (b"mdhd", One),
            (b"hdlr", One),
            (b"elng", Optional),
            (b"minf", One),
            (b"udta", Optional),
        ],
        b"minf" => &[
            (b"vmhd", Optional),
            (b"smhd", Optional),
            (b"hmhd", Optional),
            (b"nmhd", Optional),
            (b"sthd", Optional),
            (b"gmhd", Optional),
            // QuickTime's, of the data.
            (b"hdlr", Optional),
            (b"dinf", One),
            (b"stbl", One),
        ],
        b"dinf" => &[(b"dref", One)],
        b"stbl" => &[
            (b"stsd", One),
            (b"stts", One),
            (b"ctts", Optional),
            (b"cslg", Optional),
            (b"stsc", One),
            (b"stsz", Optional),
            (b"stz2", Optional),
            (b"stco", Optional),
            (b"co64", Optional),
            (b"stss", Optional),
            (b"stps", Optional),
            (b"sdtp", Optional),
            (b"sgpd", Many),
            (b"sbgp", Many),
            (b"subs", Many),
            (b"saiz", Many),
            (b"saio", Many),
        ],
        b"mvex" => &[
            (b"mehd", Optional),
            (b"trex", AtLeastOne),
            (b"leva", Optional),
        ],
        b"moof" => &[
            (b"mfhd", One),
            (b"traf", Many),
            (b"pssh", Many),
            (b"meta", Optional),
        ],
        b"traf" => &[
            (b"tfhd", One),
            (b"tfdt", Optional),
            (b"trun", Many),
            (b"sgpd", Many),
            (b"sbgp", Many),
            (b"subs", Many),
            (b"saiz", Many),
            (b"saio", Many),
            (b"senc", Optional),
            (b"meta", Optional),
        ],
        b"mfra" => &[(b"tfra", Many), (b"mfro", One)],
        _ => return None,
    })
}

/// The containers whose contents are told here, for boxes that are known but elsewhere.
const CONTAINERS: [&[u8; 4]; 12] = [
    b"file", b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof",
    b"traf", b"mfra",
];

/// Boxes that stand where they like, or of which only one kind is checked here.
const ANYWHERE: [&[u8; 4]; 6] = [b"udta", b"meta", b"hdlr", b"pssh", b"sidx", b"emsg"];

fn belongs_elsewhere(child: FourCc) -> bool {
    !ANYWHERE.contains(&&child.0)
        && CONTAINERS.iter().any(|container| {
            let contents = contents(FourCc(**container)).unwrap_or_default();
            contents.iter().any(|(name, _)| **name == child.0)
        })
}

/// Whether a box at the top of a file belongs in another one.
pub(super) fn is_misplaced(box_type: FourCc) -> bool {
    let here = contents(FILE).unwrap_or_default();
    here.iter().all(|(name, _)| **name != box_type.0) && belongs_elsewhere(box_type)
}

/// The highest version of a box that there is; `None` for those that have none, or are not known here.
fn highest_version(box_type: FourCc) -> Option<u8> {
    Some(match &box_type.0 {
        b"mvhd" | b"tkhd" | b"mdhd" | b"mehd" | b"elst" | b"ctts" | b"cslg" | b"tfdt" | b"trun"
        | b"tfra" | b"sidx" | b"emsg" | b"prft" | b"sbgp" | b"saio" | b"stsd" | b"pssh" => 1,
        b"sgpd" => 3,
        b"subs" => 2,
        b"hdlr" | b"vmhd" | b"smhd" | b"nmhd" | b"dref" | b"stts" | b"stsc" | b"stsz" | b"stz2"
        | b"stco" | b"co64" | b"stss" | b"sdtp" | b"saiz" | b"trex" | b"mfhd" | b"tfhd"
        | b"mfro" => 0,
        _ => return None,
    })
}

/// Reads the body of a box that is no container; says how many bytes are behind its last field.
fn read(box_type: FourCc, body: Reader<'_>) -> Result<usize, crate::Error> {
    let mut r = body;
    macro_rules! read_as {
        ($($name:ident)*) => {
            match box_type {
                $( $name::TYPE => $name::decode_body(&mut r).map(drop)?, )*
                // Not known here: whatever is in it is its own affair.
                _ => return Ok(0),
            }
        };
    }
    read_as!(
        Mvhd Tkhd Mdhd Hdlr Elst Vmhd Smhd Nmhd Stts Ctts Cslg Stsc Stsz Stz2 Stco Co64 Stss Stps
        Sgpd Sbgp Subs Saiz Saio Senc Mehd Trex Mfhd Tfhd Tfdt Trun Tfra Mfro Sidx Ssix Frma Schm
        Tenc Pssh Ftyp Styp Emsg Prft
    );
    // Fields without a meaning that are not read.
    let reserved = match &box_type.0 {
        b"mdhd" | b"smhd" => 2,
        _ => 0,
    };
    Ok(r.left().saturating_sub(reserved))
}

/// A walk over the boxes of a box at the top of a file.
pub(super) struct Walk<'f> {
    pub(super) findings: &'f mut Findings,
    /// Where the bytes that are walked over lie in the file.
    pub(super) base: u64,
    /// The file is QuickTime's, whose containers need less.
    pub(super) quicktime: bool,
}

/// Whether a box is nothing but a count and as many entries: bytes behind them are entries that the count hides.
const fn is_table(box_type: FourCc) -> bool {
    matches!(
        &box_type.0,
        b"stts" | b"ctts" | b"stss" | b"stsc" | b"stsz" | b"stco" | b"co64" | b"trun" | b"sidx"
    )
}

impl Walk<'_> {
    fn push(&mut self, rule: Rule, at: usize, path: &str, what: String) {
        let at = self.base.saturating_add(at as u64);
        self.findings.push(rule, at, path, what);
    }

    /// Checks a box and all that is in it.
    pub(super) fn visit(&mut self, child: &Child<'_>, path: &str) {
        let box_type = child.header.box_type;
        if let Some(highest) = highest_version(box_type)
            && let Some(version) = child.body().peek().first()
            && *version > highest
        {
            let what = format!("version {version}, the highest is {highest}");
            self.push(Rule::BoxVersion, child.offset(), path, what);
            return;
        }
        if contents(box_type).is_some() {
            self.container(box_type, child, path);
            return;
        }
        match read(box_type, child.body()) {
            Ok(0) => {}
            Ok(left) => {
                let what = format!("{left} bytes stand behind the last field");
                let rule = if is_table(box_type) {
                    Rule::BoxFields
                } else {
                    Rule::BoxTail
                };
                self.push(rule, child.offset(), path, what);
            }
            Err(error) => self.push(
                Rule::BoxFields,
                child.offset(),
                path,
                format!("{box_type} cannot be read: {error}"),
            ),
        }
    }

    fn container(&mut self, container: FourCc, parent: &Child<'_>, path: &str) {
        let contents = contents(container).unwrap_or_default();
        let mut counts = vec![0u32; contents.len()];
        let mut children = Children::new(parent.body());
        let mut at = parent.body();
        while let Some(child) = children.next() {
            let child = match child {
                Ok(child) => child,
                // QuickTime ends some containers with four zeros.
                Err(_) if children.rest().peek() == [0; 4] => break,
                Err(error) => {
                    let what = format!("what stands here is no whole box: {error}");
                    self.push(Rule::BoxSize, at.offset(), path, what);
                    break;
                }
            };
            at = children.rest();
            let name = child.header.box_type;
            if !name.is_printable() {
                self.push(
                    Rule::BoxType,
                    child.offset(),
                    path,
                    format!("a box of type {name}"),
                );
                continue;
            }
            let slot = contents.iter().position(|(known, _)| **known == name.0);
            let count = slot.and_then(|slot| counts.get_mut(slot));
            let times = slot
                .and_then(|slot| contents.get(slot))
                .map(|(_, times)| *times);
            let number = count.map_or(1, |count| {
                *count = count.saturating_add(1);
                *count
            });
            let inner = match times {
                Some(AtLeastOne | Many) => format!("{path}/{name}[{number}]"),
                _ => format!("{path}/{name}"),
            };
            match times {
                None if belongs_elsewhere(name) => {
                    let what = format!("{name} has no meaning in {container}");
                    self.push(Rule::BoxPlace, child.offset(), &inner, what);
                }
                Some(One | Optional) if number > 1 => {
                    let what = format!("{container} has more than one {name}");
                    self.push(Rule::BoxCount, child.offset(), &inner, what);
                }
                _ => self.visit(&child, &inner),
            }
        }
        for ((name, times), count) in contents.iter().zip(&counts) {
            let is_needed = matches!(times, One | AtLeastOne);
            let excused = self.quicktime && matches!(*name, b"dinf" | b"trex");
            if is_needed && *count == 0 && !excused {
                let what = format!("{container} has no {}", FourCc(**name));
                self.push(Rule::MandatoryBox, parent.offset(), path, what);
            }
        }
        self.alternatives(container, contents, &counts, parent.offset(), path);
    }

    /// Boxes of which exactly one is to be there.
    fn alternatives(
        &mut self,
        container: FourCc,
        contents: Contents,
        counts: &[u32],
        at: usize,
        path: &str,
    ) {
        let groups: &[&[&[u8; 4]]] = match &container.0 {
            b"stbl" => &[&[b"stsz", b"stz2"], &[b"stco", b"co64"]],
            b"minf" => &[&[b"vmhd", b"smhd", b"hmhd", b"nmhd", b"sthd", b"gmhd"]],
            _ => &[],
        };
        for group in groups {
            let there = contents.iter().zip(counts);
            let there = there.filter(|((name, _), count)| group.contains(name) && **count > 0);
            let names = || {
                let names = group.iter().map(|name| format!("{}", FourCc(**name)));
                names.collect::<alloc::vec::Vec<_>>().join(", ")
            };
            match there.count() {
                1 => {}
                0 => {
                    let what = format!("{container} has none of {}", names());
                    self.push(Rule::MandatoryBox, at, path, what);
                }
                _ => {
                    let what = format!("{container} has more than one of {}", names());
                    self.push(Rule::BoxCount, at, path, what);
                }
            }
        }
    }
}

/// Where a box lies that a path leads to, in bytes from the start of what is read; where it is missing, the last of
/// its containers that is there.
pub(super) fn locate(bytes: Reader<'_>, path: &str) -> usize {
    let (mut r, mut found) = (bytes, bytes.offset());
    for step in path.split('/') {
        let (name, number) = step.split_once('[').unwrap_or((step, "1"));
        let number: usize = number.trim_end_matches(']').parse().unwrap_or(1);
        let children = Children::new(r).map_while(Result::ok);
        let mut named = children.filter(|child| child.header.box_type.0 == name.as_bytes());
        let Some(child) = named.nth(number.saturating_sub(1)) else {
            break;
        };
        found = child.offset();
        r = child.body();
    }
    found
}
