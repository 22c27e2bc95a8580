//! Timed metadata among segments: samples of sparse tracks become `emsg` boxes, and those become samples again.
//!
//! The schemes name the same formats where such a track stays one (`urim`).

use crate::boxes::{Emsg, PresentationTime};
use alloc::string::String;
use media::{Codec, Sample, Track};

/// The scheme of ID3 tags: "Carriage of ID3 Timed Metadata in the Common Media Application Format" of AOMedia.
pub(crate) const ID3: &str = "https://aomedia.org/emsg/ID3";
/// The scheme of splice information sections: SCTE 214-3 §7.
pub(crate) const SCTE_35: &str = "urn:scte:scte35:2013:bin";

/// The scheme of key-length-value metadata: MISB ST 1910.1.
pub(crate) const KLV: &str = "urn:misb:KLV:bin:1910.1";

/// The scheme of a codec whose samples are events; it names their format in tracks of their own, too.
pub(crate) const fn scheme(codec: &Codec) -> Option<&'static str> {
    match codec {
        Codec::Id3 => Some(ID3),
        Codec::Scte35 => Some(SCTE_35),
        Codec::Klv => Some(KLV),
        _ => None,
    }
}

/// The codec of a scheme.
pub(crate) fn codec(scheme: &str) -> Option<Codec> {
    match scheme {
        // Apple's name came first.
        ID3 | "https://developer.apple.com/streaming/emsg-id3" => Some(Codec::Id3),
        SCTE_35 => Some(Codec::Scte35),
        KLV => Some(Codec::Klv),
        _ => None,
    }
}

/// Whether samples of a codec become events among fragments, where there is another track that they can be events of.
#[must_use]
pub const fn is_event(codec: &Codec) -> bool {
    scheme(codec).is_some()
}

/// A sample of a track of events, as the box that stands before a fragment.
pub(super) fn emsg(track: &Track, sample: &Sample, id: u32) -> Option<Emsg> {
    Some(Emsg {
        scheme_id_uri: scheme(&track.codec)?.into(),
        value: String::new(),
        timescale: track.timescale.get(),
        presentation_time: PresentationTime::Absolute(u64::try_from(sample.pts).unwrap_or(0)),
        event_duration: sample.duration.map_or(u32::MAX, core::num::NonZeroU32::get),
        id,
        message_data: sample.data.to_vec(),
    })
}
