//! The boxes of ISO/IEC 14496-12 and -14, -15, as values that are read and written.
//!
//! One file per box; each type implements [`IsoBox`]. A container has a field for each child that this crate
//! knows and keeps the others in `other`, byte for byte; a child that is damaged is kept there too, with what
//! was wrong with it, so that one bad optional box never fails its container. Written, the known children come
//! first, in the order of the fields. Nothing is ever allocated for a count that a box claims, only for the
//! bytes that are there.

mod container;
mod header;
mod raw;

mod colr;
mod cslg;
mod ctts;
mod dinf;
mod edts;
mod elst;
mod emsg;
mod esds;
mod frma;
mod ftyp;
mod hdlr;
mod mdat;
mod mdhd;
mod mdia;
mod mehd;
mod meta;
mod mfhd;
mod mfra;
mod minf;
mod moof;
mod moov;
mod mvex;
mod mvhd;
mod nmhd;
mod prft;
mod pssh;
mod saio;
mod saiz;
mod sample_entry;
mod sample_flags;
mod sbgp;
mod schi;
mod schm;
mod sdtp;
mod senc;
mod sgpd;
mod sidx;
mod sinf;
mod smhd;
mod ssix;
mod stbl;
mod stco;
mod stsc;
mod stsd;
mod stss;
mod stsz;
mod stts;
mod subs;
mod table;
mod tenc;
mod tfdt;
mod tfhd;
mod tkhd;
mod traf;
mod trak;
mod tref;
mod trex;
mod trun;
mod udta;
mod vmhd;

pub use colr::Colr;
pub use container::{Child, Children};
pub use cslg::Cslg;
pub use ctts::{CompositionOffset, Ctts};
pub use dinf::{DataEntry, Dinf, Dref};
pub use edts::Edts;
pub use elst::{Edit, Elst};
pub use emsg::{Emsg, PresentationTime};
pub use esds::{DecoderConfigDescriptor, Descriptor, Esds};
pub use frma::Frma;
pub use ftyp::{Brands, Ftyp, Styp};
pub use hdlr::Hdlr;
pub use header::{FourCc, Header, IsoBox};
pub use mdat::Mdat;
pub use mdhd::Mdhd;
pub use mdia::Mdia;
pub use mehd::Mehd;
pub use meta::{Ilst, Item, ItemValue, Keys, Meta};
pub use mfhd::Mfhd;
pub use mfra::{Mfra, Mfro, RandomAccessPoint, Tfra};
pub use minf::Minf;
pub use moof::Moof;
pub use moov::Moov;
pub use mvex::Mvex;
pub use mvhd::{IDENTITY_MATRIX, Mvhd};
pub use nmhd::Nmhd;
pub use prft::Prft;
pub use pssh::{KeyId, Pssh};
pub use raw::Raw;
pub use saio::Saio;
pub use saiz::{AuxInfoType, Saiz};
pub use sample_entry::{
    AudioSampleEntry, Av1C, AvcC, Btrt, Clap, DOps, Dac3, Dec3, DfLa, HvcC, MetaSampleEntry, Pasp,
    SampleEntry, SoundDescription, Tx3gSampleEntry, Uri, VisualSampleEntry, VpcC, VttC, Wave,
};
pub use sample_flags::SampleFlags;
pub use sbgp::{SampleToGroup, Sbgp};
pub use schi::Schi;
pub use schm::Schm;
pub use sdtp::Sdtp;
pub use senc::{SampleInfo, Senc, SencSubsample};
pub use sgpd::Sgpd;
pub use sidx::{Reference, Sidx};
pub use sinf::Sinf;
pub use smhd::Smhd;
pub use ssix::{Ssix, SubsegmentRange};
pub use stbl::Stbl;
pub use stco::{Co64, Stco};
pub use stsc::{SampleToChunk, Stsc};
pub use stsd::Stsd;
pub use stss::{Stps, Stss};
pub use stsz::{Stsz, Stz2};
pub use stts::{Stts, TimeToSample};
pub use subs::{Subs, Subsample, SubsampleEntry};
pub use table::{Entry, Table};
pub use tenc::{SampleEncryption, Seig, Tenc};
pub use tfdt::Tfdt;
pub use tfhd::Tfhd;
pub use tkhd::Tkhd;
pub use traf::Traf;
pub use trak::Trak;
pub use tref::{Tref, Trgr};
pub use trex::Trex;
pub use trun::{Trun, TrunFields, TrunSample, TrunSamples};
pub use udta::{Chpl, Elng, Kind, Udta};
pub use vmhd::Vmhd;
