use super::lane::Lane;
use super::metadata;
use crate::Error;
use crate::FourCc;
use crate::boxes::{
    Btrt, Dinf, Dref, Edit, Edts, Elst, Hdlr, Mdhd, Mdia, Minf, Moov, Mvhd, Nmhd, SampleEntry,
    SampleToGroup, Sbgp, Sgpd, Smhd, Stbl, Stsd, Tkhd, Trak, Vmhd,
};
use crate::codec::{handler_type, size_on_screen};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Metadata, Time, Timescale, Track};

/// What a movie says beside its tracks.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Facts {
    /// Time of the stream that is the movie's start; `None`: when the first of the tracks begins.
    pub(crate) origin: Option<Time>,
    /// Seconds since 1904.
    pub(crate) creation_time: u64,
    pub(crate) metadata: Metadata,
}

/// Largest clock of a movie that is finer than those of its tracks: 32 bits of it last 71 minutes.
const FINEST: u32 = 1_000_000;

/// The clock of a movie: one in which the starts of all tracks are whole, or else the finest of theirs.
pub(crate) fn timescale<'a>(tracks: impl Iterator<Item = &'a Track> + Clone) -> Timescale {
    let scales = tracks.map(|track| track.timescale.get());
    let common = scales.clone().try_fold(1u32, |common, scale| {
        let common = common.checked_div(gcd(common, scale))?.checked_mul(scale)?;
        (common <= FINEST).then_some(common)
    });
    let finest = scales.max().unwrap_or(1000);
    Timescale::new(common.unwrap_or(finest).max(1000.min(finest))).unwrap_or(Timescale::MILLIS)
}

fn gcd(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a.max(1)
}

/// The start of the movie on the stream's time line.
pub(crate) fn origin(lanes: &[Lane], facts: &Facts) -> Time {
    let first = lanes.iter().filter_map(Lane::start).min();
    facts.origin.or(first).unwrap_or_default()
}

/// `moov` of tracks with all their samples, whose chunks lie `shift` bytes later than was said.
pub(crate) fn moov(lanes: &[Lane], facts: &Facts, shift: u64) -> Result<Moov, Error> {
    let origin = origin(lanes, facts);
    // A track that never had a sample is nothing to a player.
    let with_samples = || lanes.iter().filter(|lane| lane.first_dts.is_some());
    let scale = timescale(with_samples().map(|lane| &lane.track));
    let mut traks = Vec::new();
    for lane in with_samples() {
        traks.push(trak(lane, facts, origin, scale, shift)?);
    }
    let next_track_id = lanes.iter().map(|lane| lane.track.id.0).max().unwrap_or(0);
    let mut mvhd = Mvhd::new(scale.get(), next_track_id.saturating_add(1));
    mvhd.duration = traks
        .iter()
        .map(|trak| trak.tkhd.duration)
        .max()
        .unwrap_or(0);
    (mvhd.creation_time, mvhd.modification_time) = (facts.creation_time, facts.creation_time);
    Ok(Moov {
        mvhd,
        traks,
        mvex: None,
        other: metadata::udta(&facts.metadata)?.into_iter().collect(),
    })
}

/// The line of presentation of a track.
#[derive(Debug)]
struct Presentation {
    edits: Vec<Edit>,
    /// Ticks of the movie.
    duration: u64,
    /// What is added to composition offsets, so that nothing is shown before the media begins.
    lift: i64,
    /// First and last time of presentation on the media's line.
    range: (i64, i64),
}

fn presentation(lane: &Lane, origin: Time, scale: Timescale) -> Presentation {
    let track = &lane.track;
    let first_dts = lane.first_dts.unwrap_or_default();
    let (least, end) = lane.presented.unwrap_or_default();
    let lift = first_dts.saturating_sub(least).max(0);
    let mut start = least.saturating_add(track.priming.into());
    let late = track.timescale.time(start) - origin;
    let mut delay = 0;
    if late < Time::ZERO {
        start = start.saturating_sub(track.timescale.ticks(late));
    } else {
        delay = scale.ticks(late).unsigned_abs();
    }
    let shown_until = end.saturating_sub(track.trim.into()).max(start);
    let length = track
        .timescale
        .rescale(shown_until.saturating_sub(start), scale)
        .unsigned_abs();
    let media_time = start.saturating_sub(first_dts).saturating_add(lift);
    let mut edits = Vec::new();
    if delay > 0 {
        edits.push(Edit {
            segment_duration: delay,
            ..Edit::from(-1)
        });
    }
    if delay > 0 || media_time > 0 || track.trim > 0 {
        edits.push(Edit {
            segment_duration: length,
            ..Edit::from(media_time)
        });
    }
    let on_line = |time: i64| time.saturating_sub(first_dts).saturating_add(lift);
    Presentation {
        edits,
        duration: delay.saturating_add(length),
        lift,
        range: (on_line(least), on_line(end)),
    }
}

fn trak(
    lane: &Lane,
    facts: &Facts,
    origin: Time,
    scale: Timescale,
    shift: u64,
) -> Result<Trak, Error> {
    let presentation = presentation(lane, origin, scale);
    let entries = lane
        .entries
        .iter()
        .map(|entry| with_bitrates(entry, lane))
        .collect();
    let mut stbl = lane.tables.to_stbl(
        Stsd { entries },
        shift,
        presentation.lift,
        presentation.range,
    );
    if let Some(distance) = roll_distance(&lane.track) {
        roll(&mut stbl, distance, lane.tables.count());
    }
    let mut trak = self::track(&lane.track, stbl)?;
    trak.tkhd.duration = presentation.duration;
    trak.mdia.mdhd.duration = lane.tables.duration();
    (trak.tkhd.creation_time, trak.tkhd.modification_time) =
        (facts.creation_time, facts.creation_time);
    let mdhd = &mut trak.mdia.mdhd;
    (mdhd.creation_time, mdhd.modification_time) = (facts.creation_time, facts.creation_time);
    trak.edts = (!presentation.edits.is_empty()).then(|| Edts {
        elst: Some(Elst {
            edits: presentation.edits,
        }),
        other: Vec::new(),
    });
    Ok(trak)
}

/// A track with these samples, without edits and durations.
pub(crate) fn track(track: &Track, stbl: Stbl) -> Result<Trak, Error> {
    if track.id.0 == 0 {
        return Err(Error::Invalid {
            field: "track_ID",
            value: 0,
            offset: 0,
        });
    }
    let mut tkhd = Tkhd::new(track.id.0);
    let entry = stbl.stsd.entries.last();
    (tkhd.width, tkhd.height) = entry.map_or((0, 0), size_on_screen);
    if let Some(matrix) = track.matrix {
        tkhd.matrix = matrix;
    }
    if matches!(entry, Some(SampleEntry::Audio(_))) {
        tkhd.volume = 0x100;
    }
    let handler_type = handler_type(&track.codec);
    let (video, sound) = (handler_type.0 == *b"vide", handler_type.0 == *b"soun");
    let name = match (video, sound) {
        (true, _) => "VideoHandler",
        (_, true) => "SoundHandler",
        _ => "DataHandler",
    };
    let language = <[u8; 3]>::try_from(track.language.as_str().as_bytes()).unwrap_or(*b"und");
    Ok(Trak {
        tkhd,
        edts: None,
        mdia: Mdia {
            mdhd: Mdhd::new(track.timescale.get()).with_language(language),
            hdlr: Hdlr::new(handler_type, name),
            minf: Minf {
                vmhd: video.then(Vmhd::default),
                smhd: sound.then(Smhd::default),
                nmhd: (!video && !sound).then(Nmhd::default),
                dinf: Some(Dinf {
                    dref: Dref::default(),
                    other: Vec::new(),
                }),
                stbl,
                other: Vec::new(),
            },
            other: Vec::new(),
        },
        other: Vec::new(),
    })
}

/// The entry with the bit rates that came about, if it had none.
fn with_bitrates(entry: &SampleEntry, lane: &Lane) -> SampleEntry {
    let (max_bitrate, avg_bitrate) = lane.bitrates();
    let btrt = Btrt {
        buffer_size_db: lane.largest_sample,
        max_bitrate,
        avg_bitrate,
    };
    let mut entry = entry.clone();
    match &mut entry {
        SampleEntry::Visual(entry) => _ = entry.btrt.get_or_insert(btrt),
        SampleEntry::Audio(entry) => {
            if let Some(esds) = &mut entry.esds {
                let config = &mut esds.decoder_config;
                config.buffer_size_db = lane.largest_sample.min(0xFF_FFFF);
                (config.max_bitrate, config.avg_bitrate) = (max_bitrate, avg_bitrate);
            }
            entry.btrt.get_or_insert(btrt);
        }
        _ => {}
    }
    entry
}

/// Samples before a point that have to be decoded for it to sound right (`roll`, ISO/IEC 14496-12 §10.1).
fn roll_distance(track: &Track) -> Option<i16> {
    match &track.codec {
        Codec::Aac(_) => Some(-1),
        // 80 ms of 20 ms (Encapsulation of Opus in ISO BMFF, §4.3.6.2).
        Codec::Opus(_) => Some(-4),
        _ => None,
    }
}

fn roll(stbl: &mut Stbl, distance: i16, sample_count: u32) {
    let grouping_type = FourCc(*b"roll");
    let entry = Bytes::copy_from_slice(&distance.to_be_bytes());
    stbl.sgpds.push(Sgpd::new(grouping_type, [entry].into()));
    let all = SampleToGroup {
        sample_count,
        group_description_index: 1,
    };
    stbl.sbgps.push(Sbgp {
        grouping_type,
        grouping_type_parameter: None,
        entries: core::iter::once(all).collect(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_in_which_all_starts_are_whole() {
        let scale = |scales: &[u32]| {
            let codec = || Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
            let tracks: Vec<_> = scales
                .iter()
                .map(|scale| {
                    Track::new(media::TrackId(1), Timescale::new(*scale).unwrap(), codec())
                })
                .collect();
            timescale(tracks.iter()).get()
        };
        assert_eq!(scale(&[90_000, 48_000]), 720_000);
        assert_eq!(scale(&[60_000, 44_100]), 60_000);
        assert_eq!(scale(&[25]), 25);
        assert_eq!(scale(&[]), 1000);
        assert_eq!(scale(&[10_000_000, 48_000]), 10_000_000);
    }
}
