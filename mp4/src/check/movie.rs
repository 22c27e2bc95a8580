//! What `moov` says: headers, durations, edits, sample descriptions.

use super::findings::Findings;
use super::lane::Lane;
use super::layout::locate;
use super::tables::Counts;
use super::{Cmaf, Rule};
use crate::boxes::{
    Child, Children, Edit, FourCc, IsoBox, Mehd, Mvhd, Raw, SampleEntry, Schm, Stbl, Tenc, Trak,
    Tref, Trex,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use wire::Reader;

/// A `moov` as it is looked at.
pub(super) struct Look<'a> {
    pub(super) findings: &'a mut Findings,
    /// The children of `moov`.
    pub(super) body: Reader<'a>,
    /// Where the first byte of the box lies in the file.
    pub(super) base: u64,
    pub(super) cmaf: Cmaf,
    pub(super) quicktime: bool,
    pub(super) most_tracks: usize,
    /// Path of the track that is looked at.
    pub(super) path: String,
}

/// What is remembered of a `moov`.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) lanes: Vec<Lane>,
    pub(super) movie_timescale: u32,
    /// The duration with fragments, in ticks of the movie.
    pub(super) fragment_duration: Option<u64>,
    pub(super) has_samples: bool,
    /// Whether it says that fragments follow.
    pub(super) has_mvex: bool,
}

impl Look<'_> {
    /// Tells of a box below the track that is looked at.
    pub(super) fn push(&mut self, rule: Rule, below: &str, what: impl Into<Cow<'static, str>>) {
        let path = match below {
            "" => self.path.clone(),
            below => format!("{}/{below}", self.path),
        };
        let inside = path.strip_prefix("moov/").unwrap_or_default();
        let at = if inside.is_empty() {
            0
        } else {
            locate(self.body, inside)
        };
        let offset = self.base.saturating_add(at as u64);
        self.findings.push(rule, offset, path, what);
    }

    /// Reads the boxes of a type.
    fn all<B: IsoBox>(body: Reader<'_>) -> impl Iterator<Item = Result<B, crate::Error>> {
        let children = Children::new(body).map_while(Result::ok);
        let own = children.filter(|child| child.header.box_type == B::TYPE);
        own.map(|child: Child<'_>| B::decode_body(&mut child.body()))
    }

    fn children_of(&self, name: FourCc) -> Option<Reader<'_>> {
        let mut children = Children::new(self.body).map_while(Result::ok);
        let child = children.find(|child| child.header.box_type == name)?;
        Some(child.body())
    }

    pub(super) fn movie(mut self) -> Known {
        self.path = "moov".into();
        let mvhd = Self::all::<Mvhd>(self.body).find_map(Result::ok);
        let mvex = self.children_of(FourCc(*b"mvex"));
        let (mehd, trexs): (Option<Mehd>, Vec<Trex>) = mvex.map_or((None, Vec::new()), |mvex| {
            let mehd = Self::all::<Mehd>(mvex).find_map(Result::ok);
            (
                mehd,
                Self::all::<Trex>(mvex).filter_map(Result::ok).collect(),
            )
        });
        let fragmented = mvex.is_some();
        let mut known = Known {
            movie_timescale: mvhd.as_ref().map_or(0, |mvhd| mvhd.timescale),
            fragment_duration: mehd.map(|mehd| mehd.fragment_duration),
            has_mvex: fragmented,
            ..Known::default()
        };
        if known.movie_timescale == 0 && mvhd.is_some() {
            self.push(Rule::Timescale, "mvhd", "mvhd has a timescale of 0");
        }
        let mut longest = 0;
        let mut references = Vec::new();
        for (at, trak) in Self::all::<Trak>(self.body).enumerate() {
            let number = at.saturating_add(1);
            if at >= self.most_tracks {
                let what = format!("tracks behind the first {}", self.most_tracks);
                self.push(Rule::NotChecked, "", what);
                break;
            }
            // What is missing or damaged in it is told by its boxes.
            let Ok(trak) = trak else { continue };
            self.path = format!("moov/trak[{number}]");
            let taken = known.lanes.iter().any(|lane| lane.id == trak.tkhd.track_id);
            if trak.tkhd.track_id == 0 || taken {
                let what = format!("track_ID {} is not a number of its own", trak.tkhd.track_id);
                self.push(Rule::TrackId, "tkhd", what);
            }
            longest = longest.max(trak.tkhd.duration);
            let lane = self.track(&trak, mvhd.as_ref(), fragmented, &trexs);
            known.has_samples |= lane.samples > 0;
            let tref = trak
                .other
                .iter()
                .find(|raw| raw.box_type() == Some(Tref::TYPE));
            if let Some(Ok(tref)) = tref.map(|raw| Tref::parse(&raw.bytes)) {
                let ids = tref.references.iter().flat_map(|(_, ids)| ids.iter());
                references.push((self.path.clone(), lane.id, ids.collect::<Vec<_>>()));
            }
            known.lanes.push(lane);
        }
        for (path, own, ids) in references {
            self.path = path;
            let lanes = &known.lanes;
            let stranger = ids
                .into_iter()
                .find(|id| *id != 0 && (*id == own || lanes.iter().all(|lane| lane.id != *id)));
            if let Some(id) = stranger {
                let what = format!("a reference to track {id}, which is not another track");
                self.push(Rule::TrackReference, "tref", what);
            }
        }
        self.path = "moov".into();
        if let Some(mvhd) = &mvhd {
            self.header(mvhd, &known, longest, fragmented);
        }
        if fragmented {
            self.defaults(&known, &trexs);
        }
        if self.cmaf.is_some() {
            self.cmaf_header(&known, mvhd.as_ref(), fragmented);
        }
        known
    }

    fn header(&mut self, mvhd: &Mvhd, known: &Known, longest: u64, fragmented: bool) {
        let highest = known.lanes.iter().map(|lane| lane.id).max().unwrap_or(0);
        if mvhd.next_track_id <= highest {
            let next = mvhd.next_track_id;
            let what = format!("next_track_ID is {next}, and there is a track {highest}");
            self.push(Rule::NextTrackId, "mvhd", what);
        }
        let told = mvhd.duration;
        if !fragmented && !is_unknown(told) && !is_unknown(longest) && told.abs_diff(longest) > 1 {
            let what = format!("the movie lasts {told} ticks, its longest track {longest}");
            self.push(Rule::MovieDuration, "mvhd", what);
        }
    }

    fn defaults(&mut self, known: &Known, trexs: &[Trex]) {
        for lane in &known.lanes {
            let own = trexs.iter().filter(|trex| trex.track_id == lane.id).count();
            if own != 1 {
                let what = format!("track {} has {own} trex", lane.id);
                self.push(Rule::TrackExtends, "mvex", what);
            }
        }
        for (at, trex) in trexs.iter().enumerate() {
            let below = format!("mvex/trex[{}]", at.saturating_add(1));
            match known.lanes.iter().find(|lane| lane.id == trex.track_id) {
                None => {
                    let what = format!("there is no track {}", trex.track_id);
                    self.push(Rule::TrackExtends, &below, what);
                }
                Some(lane) => {
                    let index = trex.default_sample_description_index;
                    if index == 0 || index > lane.descriptions {
                        let what = format!("track {} has no description {index}", lane.id);
                        self.push(Rule::TrackExtends, &below, what);
                    }
                }
            }
        }
    }

    /// ISO/IEC 23000-19 §7.3.2.1 and §7.5.1.
    fn cmaf_header(&mut self, known: &Known, mvhd: Option<&Mvhd>, fragmented: bool) {
        if known.lanes.len() != 1 {
            let what = format!("there are {} tracks", known.lanes.len());
            self.push(Rule::CmafHeader, "", what);
        }
        if !fragmented {
            self.push(Rule::CmafHeader, "", "there is no mvex");
        }
        if known.has_samples {
            self.push(Rule::CmafHeader, "", "there are samples in moov");
        }
        let defaults = |mvhd: &Mvhd| mvhd.rate == 0x1_0000 && mvhd.volume == 0x100;
        if mvhd.is_some_and(|mvhd| !defaults(mvhd)) {
            let what = "rate or volume is not the default";
            self.push(Rule::CmafHeaderFields, "mvhd", what);
        }
    }

    fn track(
        &mut self,
        trak: &Trak,
        mvhd: Option<&Mvhd>,
        fragmented: bool,
        trexs: &[Trex],
    ) -> Lane {
        let (mdhd, stbl) = (&trak.mdia.mdhd, &trak.mdia.minf.stbl);
        let handler = trak.mdia.hdlr.handler_type;
        if mdhd.timescale == 0 {
            self.push(Rule::Timescale, "mdia/mdhd", "mdhd has a timescale of 0");
        }
        self.media_header(trak, handler);
        self.descriptions(trak);
        let counts = self.tables(stbl);
        let timescale = mvhd.map_or(0, |mvhd| mvhd.timescale);
        if !fragmented && counts.samples > 0 && mdhd.timescale > 0 {
            self.durations(trak, timescale, &counts);
        }
        let edits = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
        let edits = edits.map_or(&[][..], |elst| &elst.edits);
        self.edits(edits, trak, &counts, fragmented);
        let shows = |edit: &&Edit| edit.media_time >= 0;
        let first = edits.iter().find(shows);
        let empty = edits.iter().take_while(|edit| !shows(edit));
        let empty = empty.fold(0, |sum: u64, edit| {
            sum.saturating_add(edit.segment_duration)
        });
        let ticks = |duration: u64| {
            let ticks = (u128::from(duration) * u128::from(mdhd.timescale))
                .checked_div(timescale.into())
                .unwrap_or(0);
            i64::try_from(ticks).unwrap_or(i64::MAX)
        };
        Lane {
            id: trak.tkhd.track_id,
            timescale: mdhd.timescale,
            is_video: handler.0 == *b"vide",
            descriptions: u32::try_from(stbl.stsd.entries.len()).unwrap_or(u32::MAX),
            samples: counts.samples,
            media_time: first.map_or(0, |edit| edit.media_time),
            delay: (ticks(empty), ticks(1)),
            trex: trexs
                .iter()
                .find(|trex| trex.track_id == trak.tkhd.track_id)
                .copied(),
            next: (counts.samples > 0).then_some(counts.duration),
            end: counts.duration,
        }
    }

    fn media_header(&mut self, trak: &Trak, handler: FourCc) {
        let minf = &trak.mdia.minf;
        let has = |name: &[u8; 4]| {
            minf.other
                .iter()
                .any(|raw| raw.box_type() == Some(FourCc(*name)))
        };
        if has(b"gmhd") || self.quicktime {
            return;
        }
        let (needed, there) = match &handler.0 {
            b"vide" | b"auxv" => ("vmhd", minf.vmhd.is_some()),
            b"soun" => ("smhd", minf.smhd.is_some()),
            b"hint" => ("hmhd", has(b"hmhd")),
            b"meta" | b"text" => ("nmhd", minf.nmhd.is_some() || has(b"sthd")),
            b"subt" => ("sthd", has(b"sthd") || minf.nmhd.is_some()),
            _ => return,
        };
        let any = minf.vmhd.is_some() || minf.smhd.is_some() || minf.nmhd.is_some();
        // Where there is none at all, that has been told.
        if !there && (any || has(b"hmhd") || has(b"sthd")) {
            let what = format!("a track of {handler} has no {needed}");
            self.push(Rule::MediaHeader, "mdia/minf", what);
        }
    }

    fn descriptions(&mut self, trak: &Trak) {
        let minf = &trak.mdia.minf;
        let below = "mdia/minf/stbl/stsd";
        let stsd = &minf.stbl.stsd;
        if stsd.entries.is_empty() {
            self.push(
                Rule::SampleDescription,
                below,
                "there is no sample description",
            );
        }
        let place = format!("{}/{below}", self.path);
        let told = self.entry_count(&place);
        if let Some(told) = told.filter(|told| *told as usize != stsd.entries.len()) {
            let what = format!(
                "entry_count is {told}, and there are {}",
                stsd.entries.len()
            );
            self.push(Rule::SampleDescription, below, what);
        }
        let references = minf.dinf.as_ref().map(|dinf| dinf.dref.entries.len());
        for entry in &stsd.entries {
            let (index, other): (_, &[Raw]) = match entry {
                SampleEntry::Visual(entry) => (Some(entry.data_reference_index), &entry.other),
                SampleEntry::Audio(entry) => (Some(entry.data_reference_index), &entry.other),
                SampleEntry::Meta(entry) => (Some(entry.data_reference_index), &[]),
                SampleEntry::Tx3g(entry) => (Some(entry.data_reference_index), &[]),
                SampleEntry::Other(raw) => (None, core::slice::from_ref(raw)),
            };
            if let (Some(index), Some(count)) = (index, references)
                && (index == 0 || usize::from(index) > count)
            {
                let what = format!("data_reference_index is {index}, and there are {count}");
                self.push(Rule::DataReference, below, what);
            }
            if let Some(error) = other.iter().find_map(|raw| raw.error.as_ref()) {
                let what = format!("a sample description cannot be read: {error}");
                self.push(Rule::CodecRecord, below, what);
            } else if let Some(record) = missing_record(entry, self.quicktime) {
                let format = entry.format().unwrap_or_default();
                let what = format!("{format} has no {record}");
                self.push(Rule::CodecRecord, below, what);
            } else if let Some(what) = damaged_record(entry) {
                self.push(Rule::CodecRecord, below, what);
            }
            let is_encrypted = entry
                .format()
                .is_some_and(|format| matches!(&format.0, b"encv" | b"enca" | b"enct" | b"encs"));
            if is_encrypted && let Some(what) = unprotected(other) {
                self.push(Rule::Protection, below, what);
            }
        }
    }

    /// The count that stands before the entries of a box.
    fn entry_count(&self, path: &str) -> Option<u32> {
        let at = locate(self.body, path.strip_prefix("moov/")?);
        let bytes = self.body.peek();
        let start = at.checked_sub(self.body.offset())?;
        let body = bytes.get(start..)?;
        let child = Child::decode(&mut Reader::new(body)).ok()?;
        let mut r = child.body();
        r.skip(4, "version and flags").ok()?;
        r.u32("entry_count").ok()
    }

    fn durations(&mut self, trak: &Trak, movie_timescale: u32, counts: &Counts) {
        let (tkhd, mdhd) = (&trak.tkhd, &trak.mdia.mdhd);
        let told = mdhd.duration;
        let shown = counts.end.saturating_sub(counts.start).unsigned_abs();
        let end = counts.end.unsigned_abs();
        let is_near = |duration: u64| told.abs_diff(duration) <= 1;
        if !is_unknown(told) && ![counts.duration, shown, end].into_iter().any(is_near) {
            let what = format!(
                "the media lasts {told} ticks by mdhd, {} by its samples",
                counts.duration
            );
            self.push(Rule::MediaDuration, "mdia/mdhd", what);
        }
        let edits = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
        let edits = edits.filter(|elst| !elst.edits.is_empty());
        let expected = match edits {
            Some(elst) => {
                let lengths = elst.edits.iter().map(|edit| edit.segment_duration);
                lengths.fold(0, u64::saturating_add)
            }
            None => {
                let ticks = u128::from(told) * u128::from(movie_timescale);
                let ticks = ticks.checked_div(mdhd.timescale.into()).unwrap_or(0);
                u64::try_from(ticks).unwrap_or(u64::MAX)
            }
        };
        let slack = if edits.is_some() { 1 } else { 2 };
        let is_known = edits.is_some() || !is_unknown(told);
        if is_known && !is_unknown(tkhd.duration) && tkhd.duration.abs_diff(expected) > slack {
            let of = if edits.is_some() { "edits" } else { "media" };
            let what = format!(
                "the track lasts {} ticks of the movie, its {of} {expected}",
                tkhd.duration
            );
            self.push(Rule::TrackDuration, "tkhd", what);
        }
    }

    fn edits(&mut self, edits: &[Edit], trak: &Trak, counts: &Counts, fragmented: bool) {
        let below = "edts/elst";
        let media_end = trak.mdia.mdhd.duration.max(counts.end.unsigned_abs());
        for edit in edits {
            let past = edit.media_time > 0 && edit.media_time.unsigned_abs() > media_end;
            if edit.media_time < -1 {
                let what = format!("an edit from media_time {}", edit.media_time);
                self.push(Rule::EditList, below, what);
            } else if past && !fragmented && counts.samples > 0 {
                let what = format!(
                    "an edit from {}, and the media ends at {media_end}",
                    edit.media_time
                );
                self.push(Rule::EditList, below, what);
            }
        }
        if edits.len() > 1 && edits.last().is_some_and(|edit| edit.media_time == -1) {
            self.push(Rule::EditList, below, "the last edit is empty");
        }
        if !edits.is_empty() && self.cmaf == Cmaf::Cmf2 && trak.mdia.hdlr.handler_type.0 == *b"vide"
        {
            self.push(Rule::Cmaf2, below, "a video track with an edit list");
        }
    }

    fn tables(&mut self, stbl: &Stbl) -> Counts {
        super::tables::check(self, stbl)
    }
}

/// Whether a duration is said to be not known.
fn is_unknown(duration: u64) -> bool {
    duration == u64::MAX || duration == u32::MAX.into()
}

/// The record that a sample description should have.
fn missing_record(entry: &SampleEntry, quicktime: bool) -> Option<&'static str> {
    let missing = |there: bool, name| if there { None } else { Some(name) };
    match entry {
        SampleEntry::Visual(entry) => match &entry.format.0 {
            b"avc1" | b"avc2" | b"avc3" | b"avc4" => missing(entry.avc_c.is_some(), "avcC"),
            b"hvc1" | b"hev1" => missing(entry.hvc_c.is_some(), "hvcC"),
            b"av01" => missing(entry.av1_c.is_some(), "av1C"),
            b"vp08" | b"vp09" => missing(entry.vpc_c.is_some(), "vpcC"),
            b"mp4v" => missing(entry.esds.is_some(), "esds"),
            _ => None,
        },
        SampleEntry::Audio(entry) => match &entry.format.0 {
            b"mp4a" => missing(entry.find_esds().is_some() || quicktime, "esds"),
            b"ac-3" => missing(entry.dac3.is_some() || quicktime, "dac3"),
            b"ec-3" => missing(entry.dec3.is_some() || quicktime, "dec3"),
            b"Opus" => missing(entry.d_ops.is_some(), "dOps"),
            b"fLaC" => missing(entry.df_la.is_some(), "dfLa"),
            _ => None,
        },
        _ => None,
    }
}

/// What is wrong with the record of a codec of pictures: its version, or lists that go past its end.
fn damaged_record(entry: &SampleEntry) -> Option<String> {
    let SampleEntry::Visual(entry) = entry else {
        return None;
    };
    let (name, read) = if let Some(record) = &entry.avc_c {
        ("avcC", avc_record(Reader::new(&record.record)))
    } else if let Some(record) = &entry.hvc_c {
        ("hvcC", hevc_record(Reader::new(&record.record)))
    } else {
        return None;
    };
    match read {
        Ok(1) => None,
        Ok(version) => Some(format!("{name} is of version {version}, not 1")),
        Err(short) => Some(format!("{name} cannot be read: {short}")),
    }
}

/// Goes through an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1.2) up to its parameter sets' end; gives its version.
fn avc_record(mut r: Reader<'_>) -> Result<u8, wire::Short> {
    let version = r.u8("configurationVersion")?;
    r.skip(4, "AVCDecoderConfigurationRecord")?;
    for (count, mask) in [
        ("numOfSequenceParameterSets", 0x1F),
        ("numOfPictureParameterSets", 0xFF),
    ] {
        for _ in 0..r.u8(count)? & mask {
            let len = r.u16("parameterSetLength")?;
            r.skip(len.into(), "parameterSetNALUnit")?;
        }
    }
    Ok(version)
}

/// The same of an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §8.3.3.1.2).
fn hevc_record(mut r: Reader<'_>) -> Result<u8, wire::Short> {
    let version = r.u8("configurationVersion")?;
    r.skip(21, "HEVCDecoderConfigurationRecord")?;
    for _ in 0..r.u8("numOfArrays")? {
        r.skip(1, "NAL_unit_type")?;
        for _ in 0..r.u16("numNalus")? {
            let len = r.u16("nalUnitLength")?;
            r.skip(len.into(), "nalUnit")?;
        }
    }
    Ok(version)
}

/// What an encrypted sample description lacks.
fn unprotected(other: &[Raw]) -> Option<&'static str> {
    let sinf = other
        .iter()
        .find(|raw| raw.box_type() == Some(FourCc(*b"sinf")));
    let Some(sinf) = sinf else {
        return Some("an encrypted description has no sinf");
    };
    let sinf = Reader::new(sinf.body());
    let child = |name: &[u8; 4]| {
        let mut children = Children::new(sinf).map_while(Result::ok);
        children.find(|child| child.header.box_type.0 == *name)
    };
    if child(b"frma").is_none() {
        return Some("sinf has no frma");
    }
    let Some(schm) = child(b"schm") else {
        return Some("sinf has no schm");
    };
    let schm = Schm::decode_body(&mut schm.body()).ok();
    let is_any_of = |schemes: [&[u8; 4]; 2]| {
        let scheme = schm.as_ref().map(|schm| &schm.scheme_type.0);
        scheme.is_some_and(|scheme| schemes.contains(&scheme))
    };
    let has_pattern = is_any_of([b"cens", b"cbcs"]);
    let is_common = has_pattern || is_any_of([b"cenc", b"cbc1"]);
    let tenc = child(b"schi").and_then(|schi| {
        let mut children = Children::new(schi.body()).map_while(Result::ok);
        children.find(|child| child.header.box_type == Tenc::TYPE)
    });
    let Some(tenc) = tenc else {
        return is_common.then_some("schi has no tenc");
    };
    match Tenc::decode_body(&mut tenc.body()) {
        Err(_) => Some("tenc cannot be read"),
        Ok(tenc) if has_pattern && tenc.version == 0 => {
            Some("tenc of version 0 has no pattern, which cens and cbcs have")
        }
        Ok(_) => None,
    }
}
