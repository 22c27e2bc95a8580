use crate::boxes::{Elst, Esds, FourCc, IsoBox, Moov, Raw, SampleEntry, Stbl, Traf, Trak, Trex};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
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
    /// Bytes of the length before each NAL unit of H.264.
    length_size: u8,
    /// The sample descriptions, and which of them holds.
    entries: Vec<SampleEntry>,
    entry: u32,
}

/// The tracks of a movie, and why some are left out.
pub(super) fn lanes(moov: &Moov) -> (Vec<Lane>, Option<String>) {
    let (mut lanes, mut refused) = (Vec::<Lane>::new(), None);
    for trak in &moov.traks {
        let id = TrackId(trak.tkhd.track_id);
        let doubled = lanes.iter().any(|lane| lane.track.id == id);
        match Lane::new(trak, moov) {
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
    fn new(trak: &Trak, moov: &Moov) -> Option<Self> {
        let track_id = trak.tkhd.track_id;
        let mdhd = &trak.mdia.mdhd;
        let timescale = Timescale::new(mdhd.timescale)?;
        let trex = moov
            .mvex
            .iter()
            .flat_map(|mvex| &mvex.trexs)
            .find(|trex| trex.track_id == track_id);
        let trex = trex.copied().unwrap_or(Trex::new(track_id));
        let entries = trak.mdia.minf.stbl.stsd.entries.clone();
        let entry = trex.default_sample_description_index;
        let (codec, length_size) = codec(entry_at(&entries, entry)?, trak.mdia.hdlr.handler_type)?;
        let mut track = Track::new(TrackId(track_id), timescale, codec);
        track.language = mdhd.language().and_then(Language::new).unwrap_or_default();
        let mut shift = 0;
        if let Some(elst) = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref()) {
            let (delay, media_time) = edits(elst);
            let movie = Timescale::new(moov.mvhd.timescale).unwrap_or(timescale);
            shift = movie.rescale(delay, timescale).saturating_sub(media_time);
            if track.codec.kind() == Kind::Audio {
                track.priming = u32::try_from(media_time).unwrap_or(0);
            }
        }
        Some(Self {
            track,
            trex,
            shift,
            next_dts: 0,
            last_dts: None,
            lost: false,
            length_size,
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
        let Some((codec, length_size)) =
            entry_at(&self.entries, index).and_then(|entry| codec(entry, FourCc(handler)))
        else {
            return false;
        };
        self.entry = index;
        self.track.codec = codec;
        self.length_size = length_size;
        true
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

/// The codec of a sample description, and the length size of H.264.
fn codec(entry: &SampleEntry, handler: FourCc) -> Option<(Codec, u8)> {
    let known = match entry {
        SampleEntry::Visual(visual) => visual
            .avc_c
            .as_ref()
            .filter(|_| is_avc(visual.format))
            .and_then(|avc_c| {
                let config = h264::DecoderConfig::parse(&avc_c.record).ok()?;
                Some((
                    Codec::H264(config.with_length_size(4)),
                    config.length_size(),
                ))
            }),
        SampleEntry::Audio(audio) => audio
            .find_esds()
            .filter(|_| audio.format.0 == *b"mp4a")
            .and_then(|esds| {
                let decoder = &esds.decoder_config;
                // MPEG-4 audio, and MPEG-2 AAC main, LC and SSR.
                let info = decoder
                    .decoder_specific_info
                    .as_ref()
                    .filter(|_| matches!(decoder.object_type_indication, 0x40 | 0x66..=0x68))?;
                Some((Codec::Aac(aac::AudioSpecificConfig::parse(info).ok()?), 0))
            }),
        _ => None,
    };
    known.or_else(|| Some((other(entry, handler)?, 0)))
}

fn is_avc(format: FourCc) -> bool {
    matches!(&format.0, b"avc1" | b"avc3")
}

/// A codec that is passed through: its configuration is the record that its sample description has for it, or else
/// all the boxes there.
fn other(entry: &SampleEntry, handler: FourCc) -> Option<Codec> {
    let kind = match &handler.0 {
        b"vide" => Kind::Video,
        b"soun" => Kind::Audio,
        _ => Kind::Data,
    };
    let config = record(entry).unwrap_or_else(|| {
        let boxes: &[Raw] = match entry {
            SampleEntry::Visual(visual) => &visual.other,
            SampleEntry::Audio(audio) => &audio.other,
            SampleEntry::Meta(meta) => &meta.other,
            SampleEntry::Tx3g(tx3g) => &tx3g.other,
            SampleEntry::Other(raw) => core::slice::from_ref(raw),
        };
        boxes
            .iter()
            .flat_map(|raw| raw.bytes.iter().copied())
            .collect()
    });
    Some(Codec::Other {
        kind,
        fourcc: media::FourCc(entry.format()?.0),
        config,
    })
}

/// The configuration record of a sample description.
fn record(entry: &SampleEntry) -> Option<Bytes> {
    let esds = |esds: &Esds| {
        let mut out = Vec::new();
        esds.encode(&mut out).ok()?;
        Some(Bytes::from(out))
    };
    match entry {
        SampleEntry::Visual(visual) => {
            let avc = visual.avc_c.as_ref().map(|avc_c| &avc_c.record);
            let hevc = visual.hvc_c.as_ref().map(|hvc_c| &hvc_c.record);
            let av1 = visual.av1_c.as_ref().map(|av1_c| &av1_c.record);
            let vp = visual.vpc_c.as_ref().map(|vpc_c| &vpc_c.record);
            let record = avc.or(hevc).or(av1).or(vp).cloned();
            record.or_else(|| visual.esds.as_ref().and_then(esds))
        }
        SampleEntry::Audio(audio) => {
            let ac3 = audio.dac3.as_ref().map(|dac3| &dac3.record);
            let eac3 = audio.dec3.as_ref().map(|dec3| &dec3.record);
            let opus = audio.d_ops.as_ref().map(|d_ops| &d_ops.record);
            let flac = audio.df_la.as_ref().map(|df_la| &df_la.record);
            let record = ac3.or(eac3).or(opus).or(flac).cloned();
            record.or_else(|| audio.find_esds().and_then(esds))
        }
        SampleEntry::Meta(meta) => meta.vtt_c.as_ref().map(|vtt_c| vtt_c.record.clone()),
        SampleEntry::Tx3g(_) | SampleEntry::Other(_) => None,
    }
}
