//! Descriptors: what tables say of programs, streams and services (ISO/IEC 13818-1 §2.6, ETSI EN 300 468 §6).
//!
//! A [`Descriptors`] is a loop of them, kept as its bytes; each is read when it is asked for, so that one that is damaged or not known
//! is carried along untouched.

#[cfg(feature = "media")]
mod ac3;
mod coding;
mod dvb;
mod field;
mod list;
mod metadata;
mod mpeg;
mod service;

pub use coding::{
    Aac13818, AudioStream, AvcVideo, HevcVideo, Mpeg4Audio, Mpeg4Video, TemporalLayers,
    VideoStream, VideoStreamMpeg2,
};
pub use dvb::{
    Aac, AacDetails, Ac4, ExtensionOther, OpusAudio, PrivateDataSpecifier, StreamIdentifier,
    Subtitle, Subtitling, Teletext, TeletextPage,
};
pub use list::{Descriptors, Iter, RawDescriptor};
pub use metadata::{Metadata, MetadataFormat, MetadataPointer, MetadataStd};
pub use mpeg::{
    ConditionalAccess, DataStreamAlignment, Iso639, Iso639Language, MaximumBitrate, MpegExtension,
    PrivateDataIndicator, Registration, SmoothingBuffer, Std, SystemClock,
};

pub(super) use field::Field;
pub use service::{
    BouquetName, CableDelivery, Component, Content, ContentEntry, CueIdentifier, ExtendedEvent,
    Linkage, LocalTimeOffset, LocalTimeOffsetEntry, LogicalChannel, LogicalChannelEntry,
    NetworkName, ParentalRating, ParentalRatingEntry, SatelliteDelivery, Service, ServiceList,
    ServiceListEntry, ShortEvent, TerrestrialDelivery,
};

#[cfg(feature = "media")]
pub use ::ac3::descriptor::{Ac3, AtscAc3, EnhancedAc3};

use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// A kind of descriptor.
pub trait Describe: Sized {
    /// `descriptor_tag`, 8 bits.
    const TAG: u8;
    /// `descriptor_tag_extension`, 8 bits, of those under the extension tag 0x7F.
    const EXTENSION_TAG: Option<u8> = None;

    /// Reads what follows `descriptor_length`, the extension tag not included.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where a value makes no sense.
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error>;

    /// Appends what follows `descriptor_length`, the extension tag not included. Reserved bits are 1.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field.
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error>;
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// A descriptor of a known kind, or the bytes of one that is not.
        ///
        /// Tags from 0x40 on are read as DVB and ATSC use them.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Descriptor {
            $(
                #[doc = concat!("[`", stringify!($name), "`].")]
                $(#[$meta])*
                $name($name),
            )*
            /// Of another kind, or damaged.
            Unknown {
                /// `descriptor_tag`.
                tag: u8,
                /// What follows `descriptor_length`.
                data: Vec<u8>,
            },
        }

        impl Descriptor {
            /// Reads one of a kind by its tag and what follows `descriptor_length`.
            #[must_use]
            pub fn parse(tag: u8, data: &[u8]) -> Self {
                let raw = RawDescriptor { tag, data };
                $(
                    $(#[$meta])*
                    if raw.is::<$name>() && let Ok(descriptor) = raw.decode() {
                        return Descriptor::$name(descriptor);
                    }
                )*
                Descriptor::Unknown { tag, data: data.to_vec() }
            }

            /// Appends the descriptor with its tag and length.
            ///
            /// # Errors
            /// [`Error::TooLong`] where it has more than 255 bytes, or a value does not fit its field.
            pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                match self {
                    $(
                        $(#[$meta])*
                        Descriptor::$name(descriptor) => list::put(w, descriptor),
                    )*
                    Descriptor::Unknown { tag, data } => {
                        w.u8(*tag);
                        field::put_counted(w, "descriptor_length", data)
                    }
                }
            }
        }

        $(
            $(#[$meta])*
            impl From<$name> for Descriptor {
                fn from(descriptor: $name) -> Self {
                    Descriptor::$name(descriptor)
                }
            }
        )*
    };
}

kinds! {
    VideoStream,
    AudioStream,
    Registration,
    DataStreamAlignment,
    ConditionalAccess,
    Iso639,
    SystemClock,
    MaximumBitrate,
    PrivateDataIndicator,
    SmoothingBuffer,
    Std,
    Mpeg4Video,
    Mpeg4Audio,
    MetadataPointer,
    Metadata,
    MetadataStd,
    AvcVideo,
    Aac13818,
    HevcVideo,
    MpegExtension,
    StreamIdentifier,
    Teletext,
    Subtitling,
    PrivateDataSpecifier,
    #[cfg(feature = "media")]
    Ac3,
    #[cfg(feature = "media")]
    EnhancedAc3,
    #[cfg(feature = "media")]
    AtscAc3,
    Aac,
    OpusAudio,
    Ac4,
    ExtensionOther,
    NetworkName,
    ServiceList,
    SatelliteDelivery,
    CableDelivery,
    BouquetName,
    Service,
    Linkage,
    ShortEvent,
    ExtendedEvent,
    Component,
    Content,
    ParentalRating,
    LocalTimeOffset,
    TerrestrialDelivery,
    LogicalChannel,
    CueIdentifier,
}

#[cfg(test)]
mod tests;
