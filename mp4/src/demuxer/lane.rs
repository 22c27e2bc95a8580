use super::decrypt::{Decryption, Keys};
use crate::boxes::{Elst, FourCc, Moov, SampleEntry, Stbl, Traf, Trak, Trex};
use crate::codec::describe;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use h264::access_unit::Canonical;
use media::{Codec, Kind, Language, Timescale, Track, TrackId};

/// One track of the file.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) track: Track,
    pub(super) trex: Trex,
    /// What the edit list adds to times.
    pub(super) shift: i64,
    /// Decoding time of the next sample, as in the file.
    pub(super) next_dts: i64,
    /// Decoding time of the last sample that was given.
    pub(super) last_dts: Option<i64>,
    /// Samples were lost since then.
    pub(super) lost: bool,
    pub(super) decryption: Option<Decryption>,
    /// Number of the next sample within its `moof`.
    pub(super) next_index: u32,
    /// Bytes of the length before each NAL unit of H.264.
    length_size: u8,
    /// The sample descriptions, and which of them holds.
    entries: Vec<SampleEntry>,
    pub(super) entry: u32,
    /// Its codec is told whole by its sample description, or by a sample that has come.
    pub(super) is_known: bool,
}

/// The tracks of a movie, and why some are left out.
pub(super) fn lanes(moov: &Moov, keys: &Keys) -> (Vec<Lane>, Option<String>) {
    let (mut lanes, mut refused) = (Vec::<Lane>::new(), None);
    for trak in &moov.traks {
        let id = TrackId(trak.tkhd.track_id);
        let doubled = lanes.iter().any(|lane| lane.track.id == id);
        match Lane::new(trak, moov, keys) {
            Some(lane) if !doubled => lanes.push(lane),
            _ => {
                refused = Some(format!(
                    "track {id} has no clock or no sample description, or a number that is taken"
                ));
            }
        }
    }
    (lanes, refused)
}

/// Whether `moov` itself has samples of the track.
pub(super) fn has_samples(stbl: &Stbl) -> bool {
    stbl.stts
        .as_ref()
        .is_some_and(|stts| !stts.entries.is_empty())
}

impl Lane {
    fn new(trak: &Trak, moov: &Moov, keys: &Keys) -> Option<Self> {
        let track_id = trak.tkhd.track_id;
        let mdhd = &trak.mdia.mdhd;
        let timescale = Timescale::new(mdhd.timescale)?;
        let trex = moov
            .mvex
            .iter()
            .flat_map(|mvex| &mvex.trexs)
            .find(|trex| trex.track_id == track_id);
        let trex = trex.copied().unwrap_or(Trex::new(track_id));
        let mut entries = trak.mdia.minf.stbl.stsd.entries.clone();
        let stbl = &trak.mdia.minf.stbl;
        let decryption = if has_samples(stbl) {
            Decryption::of_movie(keys, stbl, &mut entries)
        } else {
            Decryption::new(keys, stbl, &mut entries)
        };
        let entry = trex.default_sample_description_index;
        let described = describe(entry_at(&entries, entry)?, trak.mdia.hdlr.handler_type)?;
        let mut track = Track::new(TrackId(track_id), timescale, described.codec);
        track.language = mdhd.language().and_then(Language::new).unwrap_or_default();
        track.matrix = trak.tkhd.turn();
        let mut shift = 0;
        if let Some(elst) = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref()) {
            let (delay, media_time) = edits(elst);
            let movie = Timescale::new(moov.mvhd.timescale).unwrap_or(timescale);
            shift = movie.rescale(delay, timescale).saturating_sub(media_time);
            if track.codec.kind() == Kind::Audio {
                track.priming = u32::try_from(media_time).unwrap_or(0);
            }
        }
        let is_known = !matches!(track.codec, Codec::MpegAudio(_));
        Some(Self {
            is_known,
            track,
            trex,
            shift,
            next_dts: 0,
            last_dts: None,
            lost: false,
            decryption,
            next_index: 0,
            length_size: described.length_size,
            entries,
            entry,
        })
    }

    /// Takes another sample description; says whether the codec is another one by it.
    pub(super) fn choose_entry(&mut self, index: Option<u32>) -> bool {
        let index = index.unwrap_or(self.trex.default_sample_description_index);
        if index == self.entry {
            return false;
        }
        let handler = match self.track.codec.kind() {
            Kind::Video => *b"vide",
            Kind::Audio => *b"soun",
            Kind::Data => *b"meta",
        };
        let Some(described) =
            entry_at(&self.entries, index).and_then(|entry| describe(entry, FourCc(handler)))
        else {
            return false;
        };
        self.entry = index;
        self.length_size = described.length_size;
        // A stream that is encrypted in part has two descriptions of the same.
        let before = core::mem::replace(&mut self.track.codec, described.codec);
        before != self.track.codec
    }

    /// Goes to the time of a fragment; says whether that is a jump back.
    pub(super) fn start_fragment(&mut self, traf: &Traf) -> bool {
        if let Some(tfdt) = traf.tfdt {
            self.next_dts = i64::try_from(tfdt.base_media_decode_time).unwrap_or(i64::MAX);
        }
        let has_samples = traf.truns.iter().any(|run| run.sample_count() > 0);
        has_samples && self.last_dts.is_some_and(|last| self.next_dts < last)
    }

    /// Brings a sample into the form that all samples of its codec have.
    pub(super) fn canonical<'a>(&mut self, data: &'a [u8]) -> Canonical<Cow<'a, [u8]>> {
        match &mut self.track.codec {
            Codec::H264(config) => Canonical::from_length_prefixed(data, self.length_size, config),
            _ => Canonical {
                data: Cow::Borrowed(data),
                ..Canonical::default()
            },
        }
    }
}

/// Entry of a sample description table, counted from 1; the last one for an index past its end.
fn entry_at(entries: &[SampleEntry], index: u32) -> Option<&SampleEntry> {
    let at = usize::try_from(index)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    entries.get(at).or_else(|| entries.last())
}

/// How long nothing is shown at first, in ticks of the movie, and which media time is shown then.
fn edits(elst: &Elst) -> (i64, i64) {
    let mut delay = 0i64;
    for edit in &elst.edits {
        if edit.media_time >= 0 {
            return (delay, edit.media_time);
        }
        delay = delay.saturating_add_unsigned(edit.segment_duration);
    }
    (delay, 0)
}
