use super::unsupported;
use crate::Error;
use crate::boxes::{
    AudioSampleEntry, AvcC, Brands, Colr, Dinf, Dref, Edit, Edts, Elst, Esds, FourCc, Ftyp, Hdlr,
    IsoBox, Mdhd, Mdia, Minf, Moov, Mvex, Mvhd, Pasp, SampleEntry, Smhd, Stbl, Stsd, Tkhd, Trak,
    Trex, VisualSampleEntry, Vmhd,
};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Track, Tracks};

/// Ticks per second of the movie: nothing that matters is in them, as edits before fragments last 0.
const MOVIE_TIMESCALE: u32 = 1000;

/// The init segment of these tracks. A CMAF header where it is of one track.
pub(super) fn init_segment(tracks: &Tracks, cmaf: bool) -> Result<Bytes, Error> {
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
        traks: tracks.iter().map(trak).collect::<Result<_, _>>()?,
        mvex: Some(Mvex {
            mehd: None,
            trexs: tracks.iter().map(|track| Trex::new(track.id.0)).collect(),
            other: Vec::new(),
        }),
        other: Vec::new(),
    };
    let mut out = Vec::new();
    Ftyp(brands).encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.into())
}

fn trak(track: &Track) -> Result<Trak, Error> {
    if track.id.0 == 0 {
        return Err(Error::Invalid {
            field: "track_ID",
            value: 0,
            offset: 0,
        });
    }
    let mut tkhd = Tkhd::new(track.id.0);
    let entry = match &track.codec {
        Codec::H264(config) => avc1(config, &mut tkhd)?,
        Codec::Aac(config) => {
            tkhd.volume = 0x100;
            mp4a(config)
        }
        other => return Err(unsupported(other.rfc6381())),
    };
    let video = matches!(entry, SampleEntry::Visual(_));
    let (handler_type, name) = if video {
        (*b"vide", "VideoHandler")
    } else {
        (*b"soun", "SoundHandler")
    };
    let language = <[u8; 3]>::try_from(track.language.as_str().as_bytes()).unwrap_or(*b"und");
    let minf = Minf {
        vmhd: video.then(Vmhd::default),
        smhd: (!video).then(Smhd::default),
        nmhd: None,
        dinf: Some(Dinf {
            dref: Dref::default(),
            other: Vec::new(),
        }),
        stbl: Stbl::for_fragments(Stsd {
            entries: [entry].into(),
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
            hdlr: Hdlr::new(FourCc(handler_type), name),
            minf,
            other: Vec::new(),
        },
        other: Vec::new(),
    })
}

fn avc1(config: &h264::DecoderConfig, tkhd: &mut Tkhd) -> Result<SampleEntry, Error> {
    let sps = config
        .first_sps()
        .ok_or_else(|| unsupported("H.264 without a readable sequence parameter set"))?;
    let size = |what, value: u32| {
        u16::try_from(value).map_err(|_| wire::TooLong {
            what,
            value: value.into(),
            max: u16::MAX.into(),
        })
    };
    let (width, height) = (size("width", sps.width())?, size("height", sps.height())?);
    let shape = sps
        .sample_aspect_ratio()
        .filter(|shape| shape.num != shape.den);
    // The track header has the size on the screen: pixels that are not square widen it.
    let on_screen = shape.map_or(u64::from(width), |shape| {
        (u64::from(width) * u64::from(shape.num))
            .checked_div(shape.den.into())
            .unwrap_or(width.into())
    });
    tkhd.width = u32::from(u16::try_from(on_screen).unwrap_or(width)) << 16;
    tkhd.height = u32::from(height) << 16;
    let mut entry = VisualSampleEntry::new(FourCc(*b"avc1"), width, height);
    entry.avc_c = Some(AvcC {
        record: config.with_length_size(4).raw().clone(),
    });
    entry.pasp = shape.map(|shape| Pasp {
        h_spacing: shape.num,
        v_spacing: shape.den,
    });
    entry.colr = sps.colour().map(|colour| Colr::Nclx {
        colour_primaries: colour.colour_primaries.into(),
        transfer_characteristics: colour.transfer_characteristics.into(),
        matrix_coefficients: colour.matrix_coefficients.into(),
        full_range: sps.is_full_range(),
    });
    Ok(SampleEntry::Visual(entry))
}

fn mp4a(config: &aac::AudioSpecificConfig) -> SampleEntry {
    let (channels, rate) = (config.output_channels(), config.output_sampling_frequency());
    let mut entry = AudioSampleEntry::new(FourCc(*b"mp4a"), channels, rate);
    entry.esds = Some(Esds::aac(config.raw().clone()));
    SampleEntry::Audio(entry)
}
