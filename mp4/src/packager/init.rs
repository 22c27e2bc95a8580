use super::protect::Protectors;
use crate::Error;
use crate::boxes::{
    Brands, Dinf, Dref, Edit, Edts, Elst, Ftyp, Hdlr, IsoBox, Mdhd, Mdia, Minf, Moov, Mvex, Mvhd,
    Nmhd, SampleEntry, Smhd, Stbl, Stsd, Tkhd, Trak, Trex, Vmhd,
};
use crate::codec::{handler_type, sample_entry, size_on_screen};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Track, Tracks};

/// Ticks per second of the movie: nothing that matters is in them, as edits before fragments last 0.
const MOVIE_TIMESCALE: u32 = 1000;

/// The init segment of these tracks. A CMAF header where it is of one track.
pub(super) fn init_segment(
    tracks: &Tracks,
    cmaf: bool,
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
            .map(|track| trak(track, protectors))
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

fn trak(track: &Track, protectors: &Protectors) -> Result<Trak, Error> {
    if track.id.0 == 0 {
        return Err(Error::Invalid {
            field: "track_ID",
            value: 0,
            offset: 0,
        });
    }
    let mut tkhd = Tkhd::new(track.id.0);
    let entry = sample_entry(&track.codec)?;
    (tkhd.width, tkhd.height) = size_on_screen(&entry);
    if matches!(entry, SampleEntry::Audio(_)) {
        tkhd.volume = 0x100;
    }
    let handler_type = handler_type(&track.codec);
    let name = match &handler_type.0 {
        b"vide" => "VideoHandler",
        b"soun" => "SoundHandler",
        _ => "DataHandler",
    };
    let language = <[u8; 3]>::try_from(track.language.as_str().as_bytes()).unwrap_or(*b"und");
    let minf = Minf {
        vmhd: (handler_type.0 == *b"vide").then(Vmhd::default),
        smhd: (handler_type.0 == *b"soun").then(Smhd::default),
        nmhd: (!matches!(&handler_type.0, b"vide" | b"soun")).then(Nmhd::default),
        dinf: Some(Dinf {
            dref: Dref::default(),
            other: Vec::new(),
        }),
        stbl: Stbl::for_fragments(Stsd {
            entries: [protectors.entry(track.id, entry)?].into(),
        }),
        other: Vec::new(),
    };
    let edits = (track.priming > 0).then(|| Elst {
        edits: [Edit::from(track.priming.into())].into(),
    });
    Ok(Trak {
        tkhd,
        edts: edits.map(|elst| Edts {
            elst: Some(elst),
            other: Vec::new(),
        }),
        mdia: Mdia {
            mdhd: Mdhd::new(track.timescale.get()).with_language(language),
            hdlr: Hdlr::new(handler_type, name),
            minf,
            other: Vec::new(),
        },
        other: Vec::new(),
    })
}
