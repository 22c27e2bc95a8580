//! Sample tables: whether they agree, and where their samples lie. Work goes with the bytes of the tables, not with
//! the samples that they claim.

use super::findings::Findings;
use super::layout::locate;
use super::movie::Look;
use super::{Mdats, Rule};
use crate::boxes::{
    Child, Children, CompositionOffset, DataEntry, IsoBox, Stbl, Stsz, TimeToSample, Trak,
};
use alloc::format;
use wire::Reader;

/// What tables add up to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Samples, by the table of their sizes.
    pub(super) samples: u32,
    /// Ticks that they last by `stts`.
    pub(super) duration: u64,
    /// When the first is shown, in ticks of the track.
    pub(super) start: i64,
    /// When the last has been shown.
    pub(super) end: i64,
}

pub(super) fn check(look: &mut Look<'_>, stbl: &Stbl) -> Counts {
    let samples = match (&stbl.stsz, &stbl.stz2) {
        (Some(Stsz::Same { sample_count, .. }), _) => *sample_count,
        (Some(Stsz::Each(sizes)), _) => u32::try_from(sizes.len()).unwrap_or(u32::MAX),
        (None, Some(stz2)) => stz2.sample_count(),
        (None, None) => 0,
    };
    let mut counts = Counts {
        samples,
        ..Counts::default()
    };
    times(look, stbl, &mut counts);
    sync(look, stbl, samples);
    chunks(look, stbl, samples);
    groups(look, stbl, samples);
    counts
}

/// Tells where a table has another number of samples than there are.
fn compare(look: &mut Look<'_>, rule: Rule, table: &str, count: u64, samples: u32) {
    if count != u64::from(samples) {
        let what = format!("{table} has {count} samples, and there are {samples}");
        look.push(rule, &format!("mdia/minf/stbl/{table}"), what);
    }
}

fn sum(counts: impl Iterator<Item = u32>) -> u64 {
    counts.fold(0, |sum, count| sum.saturating_add(count.into()))
}

fn times(look: &mut Look<'_>, stbl: &Stbl, counts: &mut Counts) {
    let below = "mdia/minf/stbl/stts";
    let Some(stts) = &stbl.stts else { return };
    let entries = &stts.entries;
    compare(
        look,
        Rule::TimeCount,
        "stts",
        sum(entries.iter().map(|entry| entry.sample_count)),
        counts.samples,
    );
    let last = entries.len().saturating_sub(1);
    let (mut zeros, mut back) = (0u64, 0u64);
    for (at, entry) in entries.iter().enumerate() {
        let run = u64::from(entry.sample_count).saturating_mul(entry.sample_delta.into());
        counts.duration = counts.duration.saturating_add(run);
        if entry.sample_delta > i32::MAX.unsigned_abs() {
            back = back.saturating_add(entry.sample_count.into());
        } else if entry.sample_delta == 0 {
            let own = u64::from(entry.sample_count).saturating_sub((at == last).into());
            zeros = zeros.saturating_add(own);
        }
    }
    if back > 0 {
        let what = format!("{back} samples have a duration past 2^31 ticks, or a negative one");
        look.push(Rule::DecodingTime, below, what);
    }
    if zeros > 0 {
        let what = format!("{zeros} samples that are not the last have a duration of 0");
        look.push(Rule::ZeroDuration, below, what);
    }
    let ctts = stbl.ctts.as_ref();
    if let Some(ctts) = ctts {
        let of_ctts = sum(ctts.entries.iter().map(|entry| entry.sample_count));
        compare(
            look,
            Rule::CompositionCount,
            "ctts",
            of_ctts,
            counts.samples,
        );
    }
    let offsets = ctts.into_iter().flat_map(|ctts| ctts.entries.iter());
    let shown = composition(entries.iter(), offsets);
    (counts.start, counts.end) = (shown.start, shown.end);
    if let (Some(cslg), Some(_)) = (&stbl.cslg, ctts)
        && (cslg.least_decode_to_display_delta > shown.least
            || cslg.greatest_decode_to_display_delta < shown.greatest)
    {
        let what = format!(
            "offsets are {} to {}, by cslg {} to {}",
            shown.least,
            shown.greatest,
            cslg.least_decode_to_display_delta,
            cslg.greatest_decode_to_display_delta
        );
        look.push(Rule::CompositionBounds, "mdia/minf/stbl/cslg", what);
    }
}

struct Shown {
    start: i64,
    end: i64,
    least: i64,
    greatest: i64,
}

/// Goes over runs of samples that have one duration and one offset.
fn composition(
    times: impl Iterator<Item = TimeToSample>,
    offsets: impl Iterator<Item = CompositionOffset>,
) -> Shown {
    let mut shown = Shown {
        start: i64::MAX,
        end: 0,
        least: i64::MAX,
        greatest: i64::MIN,
    };
    let mut offsets = offsets.filter(|entry| entry.sample_count > 0);
    let (mut offset, mut left) = (0, 0u32);
    let mut dts = 0i64;
    for entry in times {
        let mut samples = entry.sample_count;
        let delta = i64::from(entry.sample_delta);
        while samples > 0 {
            if left == 0 {
                (offset, left) = offsets.next().map_or((0, u32::MAX), |entry| {
                    (i64::from(entry.sample_offset), entry.sample_count)
                });
            }
            let run = samples.min(left);
            let first = dts.saturating_add(offset);
            dts = dts.saturating_add(delta.saturating_mul(run.into()));
            shown.start = shown.start.min(first);
            shown.end = shown.end.max(dts.saturating_add(offset));
            shown.least = shown.least.min(offset);
            shown.greatest = shown.greatest.max(offset);
            samples = samples.saturating_sub(run);
            left = left.saturating_sub(run);
        }
    }
    if shown.start == i64::MAX {
        shown.start = 0;
    }
    shown
}

fn sync(look: &mut Look<'_>, stbl: &Stbl, samples: u32) {
    if let Some(stss) = &stbl.stss {
        let below = "mdia/minf/stbl/stss";
        let mut before = 0;
        for number in stss.entries.iter() {
            if number <= before || number > samples {
                let what = if number == 0 || number > samples {
                    format!("sample {number} of {samples}")
                } else {
                    format!("sample {number} stands behind sample {before}")
                };
                look.push(Rule::SyncSample, below, what);
                break;
            }
            before = number;
        }
    }
    if let Some(sdtp) = &stbl.sdtp {
        let count = sdtp.samples.len() as u64;
        compare(look, Rule::DependencyCount, "sdtp", count, samples);
    }
}

fn chunk_count(stbl: &Stbl) -> u32 {
    let len = match (&stbl.stco, &stbl.co64) {
        (Some(stco), _) => stco.entries.len(),
        (None, Some(co64)) => co64.entries.len(),
        (None, None) => 0,
    };
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The runs of chunks: how many chunks, and how many samples in each.
fn runs(stbl: &Stbl) -> impl Iterator<Item = (u32, u32)> + '_ {
    let chunks = chunk_count(stbl);
    let entries = stbl.stsc.as_ref().map(|stsc| &stsc.entries);
    let len = entries.map_or(0, crate::boxes::Table::len);
    (0..len).filter_map(move |at| {
        let entry = entries?.get(at)?;
        let next = entries?.get(at.saturating_add(1));
        let end = next.map_or(chunks.saturating_add(1), |next| next.first_chunk);
        let end = end.min(chunks.saturating_add(1));
        let run = end.saturating_sub(entry.first_chunk.max(1));
        Some((run, entry.samples_per_chunk))
    })
}

fn chunks(look: &mut Look<'_>, stbl: &Stbl, samples: u32) {
    let below = "mdia/minf/stbl/stsc";
    let Some(stsc) = &stbl.stsc else { return };
    let count = chunk_count(stbl);
    let descriptions = stbl.stsd.entries.len() as u64;
    let mut before = 0;
    for (at, entry) in stsc.entries.iter().enumerate() {
        let first = entry.first_chunk;
        let wrong = if at == 0 && first != 1 {
            Some(format!("the first run begins with chunk {first}"))
        } else if first <= before {
            Some(format!("chunk {first} stands behind chunk {before}"))
        } else if first > count {
            Some(format!("a run begins with chunk {first} of {count}"))
        } else if entry.samples_per_chunk == 0 {
            Some(format!("chunk {first} has no samples"))
        } else if entry.sample_description_index == 0
            || u64::from(entry.sample_description_index) > descriptions
        {
            Some(format!(
                "there is no description {}",
                entry.sample_description_index
            ))
        } else {
            None
        };
        if let Some(what) = wrong {
            look.push(Rule::ChunkRun, below, what);
            return;
        }
        before = first;
    }
    let in_chunks = runs(stbl).fold(0u64, |sum, (chunks, each)| {
        sum.saturating_add(u64::from(chunks).saturating_mul(each.into()))
    });
    if in_chunks != u64::from(samples) {
        let what = format!("the chunks have {in_chunks} samples, and there are {samples}");
        look.push(Rule::ChunkCount, below, what);
    }
}

fn groups(look: &mut Look<'_>, stbl: &Stbl, samples: u32) {
    for (at, sbgp) in stbl.sbgps.iter().enumerate() {
        let below = format!("mdia/minf/stbl/sbgp[{}]", at.saturating_add(1));
        let sgpd = stbl
            .sgpds
            .iter()
            .find(|sgpd| sgpd.grouping_type == sbgp.grouping_type);
        let count = sum(sbgp.entries.iter().map(|entry| entry.sample_count));
        if count > samples.into() {
            let what = format!("{count} samples are in groups, and there are {samples}");
            look.push(Rule::SampleGroup, &below, what);
        }
        let described = sgpd.map_or(0, |sgpd| sgpd.entries.len() as u64);
        let highest = sbgp
            .entries
            .iter()
            .map(|entry| entry.group_description_index);
        let highest = highest.max().unwrap_or(0);
        if u64::from(highest) > described {
            let what = format!(
                "{} has {described} descriptions, and one is the {highest}th",
                sbgp.grouping_type
            );
            look.push(Rule::SampleGroup, &below, what);
        }
    }
}

/// Whether samples of a track may lie in another file.
fn is_elsewhere(trak: &Trak) -> bool {
    let dinf = trak.mdia.minf.dinf.as_ref();
    let mut entries = dinf.into_iter().flat_map(|dinf| &dinf.dref.entries);
    entries.any(|entry| match entry {
        DataEntry::SameFile => false,
        DataEntry::Other(raw) => raw.body().get(3).is_none_or(|flags| flags & 1 == 0),
    })
}

/// Checks where the samples of a whole `moov` lie.
pub(super) fn places(
    moov: &[u8],
    base: u64,
    mdats: &Mdats,
    file_len: u64,
    findings: &mut Findings,
) {
    let Ok(moov) = Child::decode(&mut Reader::new(moov)) else {
        return;
    };
    let children = Children::new(moov.body()).map_while(Result::ok);
    let traks = children.filter(|child| child.header.box_type == Trak::TYPE);
    for (at, trak) in traks.enumerate() {
        let Ok(trak) = Trak::decode_body(&mut trak.body()) else {
            continue;
        };
        let stbl = &trak.mdia.minf.stbl;
        if is_elsewhere(&trak) {
            continue;
        }
        let table = if stbl.stco.is_some() { "stco" } else { "co64" };
        let inside = format!("trak[{}]/mdia/minf/stbl/{table}", at.saturating_add(1));
        let mut tell = |rule, what: alloc::string::String| {
            let offset = base.saturating_add(locate(moov.body(), &inside) as u64);
            findings.push(rule, offset, format!("moov/{inside}"), what);
        };
        each_chunk(stbl, |chunk, start, size| {
            let end = start.saturating_add(size);
            if end > file_len {
                let what =
                    format!("chunk {chunk} is {start} to {end}, and the file ends at {file_len}");
                tell(Rule::ChunkPastEnd, what);
            } else if mdats.covers(start, end) == Some(false) {
                let what = format!("chunk {chunk} is {start} to {end}, which is in no mdat");
                tell(Rule::ChunkPlace, what);
            }
        });
    }
}

/// Calls `take` with number, place and size of each chunk that has bytes.
fn each_chunk(stbl: &Stbl, mut take: impl FnMut(u32, u64, u64)) {
    let mut sample = 0usize;
    let mut chunk = 0u32;
    for (run, each) in runs(stbl) {
        for _ in 0..run {
            let at = usize::try_from(chunk).unwrap_or(usize::MAX);
            chunk = chunk.saturating_add(1);
            let start = match (&stbl.stco, &stbl.co64) {
                (Some(stco), _) => stco.entries.get(at).map(u64::from),
                (None, Some(co64)) => co64.entries.get(at),
                (None, None) => None,
            };
            let Some(start) = start else { return };
            let end = sample.saturating_add(each as usize);
            let size = match (&stbl.stsz, &stbl.stz2) {
                (Some(Stsz::Same { sample_size, .. }), _) => {
                    u64::from(sample_size.get()).saturating_mul(each.into())
                }
                (Some(Stsz::Each(sizes)), _) => {
                    let sizes = sizes.chunks().get(sample..end.min(sizes.len()));
                    let sizes = sizes.unwrap_or_default().iter();
                    sum(sizes.map(|size| u32::from_be_bytes(*size)))
                }
                (None, Some(stz2)) => {
                    let count = usize::try_from(stz2.sample_count()).unwrap_or(usize::MAX);
                    sum((sample..end.min(count)).filter_map(|sample| stz2.get(sample)))
                }
                (None, None) => 0,
            };
            sample = end;
            if size > 0 {
                take(chunk, start, size);
            }
        }
    }
}
