use super::protect::Protectors;
use crate::Error;
use crate::boxes::{
    Brands, Edit, Edts, Elst, Ftyp, IsoBox, Moov, Mvex, Mvhd, Stbl, Stsd, Trak, Trex,
};
use crate::codec::sample_entry;
use crate::writer::movie;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Track, TrackId, Tracks};

/// Ticks per second of the movie: nothing that matters is in them, as edits before fragments last 0.
const MOVIE_TIMESCALE: u32 = 1000;

/// The init segment of these tracks, whose times are `lift` later than they should be. A CMAF header where it is of one
/// track.
pub(super) fn init_segment(
    tracks: &Tracks,
    cmaf: bool,
    lift: impl Fn(TrackId) -> i64,
    protectors: &Protectors,
) -> Result<Bytes, Error> {
    let brands = if cmaf {
        Brands::new([b"iso6", b"cmfc"])
    } else {
        Brands::new([b"iso6", b"mp41"])
    };
    let next_track_id = tracks
        .iter()
        .map(|track| track.id.0)
        .max()
        .unwrap_or(0)
        .saturating_add(1);
    let moov = Moov {
        mvhd: Mvhd::new(MOVIE_TIMESCALE, next_track_id),
        traks: tracks
            .iter()
            .map(|track| trak(track, lift(track.id), protectors))
            .collect::<Result<_, _>>()?,
        mvex: Some(Mvex {
            mehd: None,
            trexs: tracks.iter().map(|track| Trex::new(track.id.0)).collect(),
            other: Vec::new(),
        }),
        other: protectors.psshs()?,
    };
    let mut out = Vec::new();
    Ftyp(brands).encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.into())
}

fn trak(track: &Track, lift: i64, protectors: &Protectors) -> Result<Trak, Error> {
    let entry = protectors.entry(track.id, sample_entry(&track.codec)?)?;
    let stbl = Stbl::for_fragments(Stsd {
        entries: [entry].into(),
    });
    let mut trak = movie::track(track, stbl)?;
    let start = lift.saturating_add(track.priming.into());
    trak.edts = (start > 0).then(|| Edts {
        elst: Some(Elst {
            edits: [Edit::from(start)].into(),
        }),
        other: Vec::new(),
    });
    Ok(trak)
}
