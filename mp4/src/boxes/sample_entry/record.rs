use crate::Error;
use crate::boxes::{FourCc, IsoBox};
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Reader, Writer};

/// Declares boxes that hold a codec's configuration record.
macro_rules! records {
    ($( $(#[$doc:meta])* $name:ident $code:literal; )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name {
                /// The record, as it is.
                pub record: Bytes,
            }

            impl IsoBox for $name {
                const TYPE: FourCc = FourCc(*$code);

                fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
                    Ok(Self { record: Bytes::copy_from_slice(r.rest()) })
                }

                fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                    w.bytes(&self.record);
                    Ok(())
                }

                fn body_len(&self) -> usize {
                    self.record.len()
                }
            }
        )*
    };
}

records! {
    /// Holds an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.4.2.1).
    AvcC b"avcC";
    /// Holds an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §8.4.1.1).
    HvcC b"hvcC";
    /// Holds an `AV1CodecConfigurationRecord` (AV1 Codec ISO Media File Format Binding §2.3).
    Av1C b"av1C";
    /// Holds version, flags and a `VPCodecConfigurationRecord` (VP Codec ISO Media File Format Binding §2.2).
    VpcC b"vpcC";
    /// Holds the fields of an `AC3SpecificBox` (ETSI TS 102 366 §F.4).
    Dac3 b"dac3";
    /// Holds the fields of an `EC3SpecificBox` (ETSI TS 102 366 §F.6).
    Dec3 b"dec3";
    /// Holds the fields of an `OpusSpecificBox` (Encapsulation of Opus in ISO Base Media File Format §4.3.2).
    DOps b"dOps";
    /// Holds version, flags and FLAC's metadata blocks (Encapsulation of FLAC in ISO Base Media File Format §3.3.2).
    DfLa b"dfLa";
    /// Holds the header of a WebVTT file (ISO/IEC 14496-30 §7.5).
    VttC b"vttC";
}

/// Names the format of metadata (ISO/IEC 14496-12 §12.3.3.2).
///
/// ```text
/// version u8, 0 | flags u24, 0 | theURI, a string with a zero at its end
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// `theURI`, without its zero.
    pub the_uri: Vec<u8>,
}

impl IsoBox for Uri {
    const TYPE: FourCc = FourCc(*b"uri ");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(4, "version and flags")?;
        let text = r.rest();
        Ok(Self {
            the_uri: text.strip_suffix(&[0]).unwrap_or(text).into(),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.zeros(4).bytes(&self.the_uri).u8(0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.the_uri.len().saturating_add(5)
    }
}

/// Declares boxes of nothing but numbers of 32 bits.
macro_rules! numbers {
    ($( $(#[$doc:meta])* $name:ident $code:literal { $( $(#[$field_doc:meta])* $field:ident $what:literal, )* } )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
            pub struct $name {
                $( $(#[$field_doc])* pub $field: u32, )*
            }

            impl IsoBox for $name {
                const TYPE: FourCc = FourCc(*$code);

                fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
                    Ok(Self { $( $field: r.u32($what)?, )* })
                }

                fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
                    $( w.u32(self.$field); )*
                    Ok(())
                }

                fn body_len(&self) -> usize {
                    size_of::<Self>()
                }
            }
        )*
    };
}

numbers! {
    /// The shape of a pixel (ISO/IEC 14496-12 §12.1.4).
    ///
    /// ```text
    /// hSpacing u32 | vSpacing u32
    /// ```
    Pasp b"pasp" {
        /// Width of a pixel, relative to its height.
        h_spacing "hSpacing",
        /// Height of a pixel, relative to its width.
        v_spacing "vSpacing",
    }

    /// Buffer and bit rates (ISO/IEC 14496-12 §8.5.2).
    ///
    /// ```text
    /// bufferSizeDB u32 | maxBitrate u32 | avgBitrate u32
    /// ```
    Btrt b"btrt" {
        /// Bytes of the decoder's buffer.
        buffer_size_db "bufferSizeDB",
        /// Most bits in any second.
        max_bitrate "maxBitrate",
        /// Bits per second over the whole.
        avg_bitrate "avgBitrate",
    }

    /// The clean aperture: which part of the picture is shown (ISO/IEC 14496-12 §12.1.4). Offsets are of the part's
    /// centre from the picture's, and signed.
    ///
    /// ```text
    /// cleanApertureWidthN u32 | ...WidthD u32 | ...HeightN u32 | ...HeightD u32
    /// horizOffN u32 | horizOffD u32 | vertOffN u32 | vertOffD u32
    /// ```
    Clap b"clap" {
        /// Width in pixels, numerator.
        clean_aperture_width_n "cleanApertureWidthN",
        /// Width in pixels, denominator.
        clean_aperture_width_d "cleanApertureWidthD",
        /// Height in pixels, numerator.
        clean_aperture_height_n "cleanApertureHeightN",
        /// Height in pixels, denominator.
        clean_aperture_height_d "cleanApertureHeightD",
        /// Offset to the right, numerator.
        horiz_off_n "horizOffN",
        /// Offset to the right, denominator.
        horiz_off_d "horizOffD",
        /// Offset down, numerator.
        vert_off_n "vertOffN",
        /// Offset down, denominator.
        vert_off_d "vertOffD",
    }
}
