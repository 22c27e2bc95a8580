//! Supplemental enhancement information (ISO/IEC 14496-10 §7.3.2.3, Annex D).

mod buffering_period;
mod display;
mod frame_packing;
mod pic_timing;
mod recovery_point;
mod user_data;

pub use buffering_period::{BufferingPeriod, InitialDelay};
pub use display::{
    AlternativeTransferCharacteristics, ContentLightLevel, DisplayOrientation, MasteringDisplay,
    Orientation,
};
pub use frame_packing::{FramePacking, FramePackingArrangement};
pub use pic_timing::{ClockTimestamp, Delays, PicStruct, PicTiming};
pub use recovery_point::RecoveryPoint;
pub use user_data::{UserDataRegistered, UserDataUnregistered};

use crate::nal::UnitType;
use crate::syntax::{Read, Syntax, Write, write_nal};
use crate::{Error, Sps};
use alloc::vec::Vec;
use wire::{BitReader, BitWriter, ShortBits};

/// The messages of a NAL unit of type 6 (with its header, without start code).
///
/// What cannot be read gives one error, and with it the iteration ends.
///
/// ```
/// use fluvial_h264::sei::{self, Payload, RecoveryPoint};
///
/// let nal = [0x06, 0x06, 0x01, 0xC4, 0x80];
/// let message = sei::messages(&nal).next().unwrap()?;
/// let Payload::RecoveryPoint(point) = message.payload(None)? else { panic!() };
/// assert_eq!(point, RecoveryPoint { exact_match_flag: true, ..RecoveryPoint::default() });
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
#[must_use]
pub const fn messages(nal: &[u8]) -> Messages<'_> {
    Messages {
        bits: BitReader::escaped(nal),
        at_end: false,
    }
}

/// Iterator of [`messages`].
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    bits: BitReader<'a, true>,
    at_end: bool,
}

impl<'a> Messages<'a> {
    fn read(&mut self) -> Result<Option<Message<'a>>, Error> {
        if self.bits.position() == 0 {
            let (read, header) = Read::start(self.bits)?;
            if header.nal_unit_type != UnitType::Sei {
                return read.invalid("nal_unit_type", header.nal_unit_type.number());
            }
            self.bits = read.into_bits();
        }
        if !self.bits.more_rbsp_data() {
            return Ok(None);
        }
        let payload_type = extensible(&mut self.bits, "payload_type_byte")?;
        let payload_size = extensible(&mut self.bits, "payload_size_byte")?;
        let message = Message {
            payload_type,
            payload_size,
            bits: self.bits,
        };
        self.bits.skip(u64::from(payload_size) * 8, "sei_payload")?;
        Ok(Some(message))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at_end {
            return None;
        }
        let read = self.read().transpose();
        self.at_end = !matches!(read, Some(Ok(_)));
        read
    }
}

/// A number as a sum of bytes, of which all but the last are 255.
fn extensible(bits: &mut BitReader<'_, true>, what: &'static str) -> Result<u32, Error> {
    let mut sum = 0u32;
    loop {
        let bit = bits.position();
        let byte = bits.bits(8, what)?;
        sum = sum
            .checked_add(byte)
            .ok_or(Error::Overlong { field: what, bit })?;
        if byte < 255 {
            return Ok(sum);
        }
    }
}

/// A message whose payload has not been read.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `payloadType` (§D.1.1).
    pub payload_type: u32,
    /// `payloadSize`, in bytes without emulation prevention.
    pub payload_size: u32,
    /// Where the payload starts.
    bits: BitReader<'a, true>,
}

impl<'a> Message<'a> {
    /// Reads the payload. Buffering periods and picture timings are coded by the active sequence parameter set; without
    /// it they are [`Payload::Other`].
    ///
    /// # Errors
    /// [`Error::Invalid`] where an element is out of its range, [`Error::ShortBits`] where the elements take more than
    /// the payload.
    pub fn payload(&self, sps: Option<&Sps>) -> Result<Payload, Error> {
        self.read(&mut Read::part(self.bits), sps)
    }

    pub(crate) const fn bits(&self) -> BitReader<'a, true> {
        self.bits
    }

    pub(crate) fn read<S: Syntax>(&self, s: &mut S, sps: Option<&Sps>) -> Result<Payload, Error> {
        let start = s.position();
        let mut payload = Payload::of_type(self.payload_type, sps);
        payload.syntax(s, sps, self.payload_size as usize)?;
        let left = u64::from(self.payload_size) * 8;
        let needed = s.position().saturating_sub(start);
        if needed > left {
            return Err(Error::ShortBits(ShortBits {
                what: "sei_payload",
                bit: start,
                needed,
                left,
            }));
        }
        Ok(payload)
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// 0: initial delays of the coded picture buffer.
    BufferingPeriod(BufferingPeriod),
    /// 1: delays, picture structure and time codes.
    PicTiming(PicTiming),
    /// 4: user data of a body registered by Rec. ITU-T T.35, such as closed captions.
    UserDataRegistered(UserDataRegistered),
    /// 5: user data marked by a UUID.
    UserDataUnregistered(UserDataUnregistered),
    /// 6: decoding can start here.
    RecoveryPoint(RecoveryPoint),
    /// 45: stereo views packed into one picture.
    FramePacking(FramePacking),
    /// 47: the picture is to be turned or flipped.
    DisplayOrientation(DisplayOrientation),
    /// 137: colour volume of the display that the content was made on.
    MasteringDisplay(MasteringDisplay),
    /// 144: brightness of the content.
    ContentLightLevel(ContentLightLevel),
    /// 147: a transfer function to prefer over that of the parameter set.
    AlternativeTransferCharacteristics(AlternativeTransferCharacteristics),
    /// Any other, as it is.
    Other {
        /// `payloadType`.
        payload_type: u32,
        /// The payload, without emulation prevention.
        data: Vec<u8>,
    },
}

impl Payload {
    /// An empty payload of this type, to be filled.
    fn of_type(payload_type: u32, sps: Option<&Sps>) -> Self {
        match (payload_type, sps) {
            (0, Some(_)) => Self::BufferingPeriod(BufferingPeriod::default()),
            (1, Some(_)) => Self::PicTiming(PicTiming::default()),
            (4, _) => Self::UserDataRegistered(UserDataRegistered::default()),
            (5, _) => Self::UserDataUnregistered(UserDataUnregistered::default()),
            (6, _) => Self::RecoveryPoint(RecoveryPoint::default()),
            (45, _) => Self::FramePacking(FramePacking::default()),
            (47, _) => Self::DisplayOrientation(DisplayOrientation::default()),
            (137, _) => Self::MasteringDisplay(MasteringDisplay::default()),
            (144, _) => Self::ContentLightLevel(ContentLightLevel::default()),
            (147, _) => Self::AlternativeTransferCharacteristics(
                AlternativeTransferCharacteristics::default(),
            ),
            (payload_type, _) => Self::Other {
                payload_type,
                data: Vec::new(),
            },
        }
    }

    /// The `payloadType`.
    #[must_use]
    pub const fn payload_type(&self) -> u32 {
        match self {
            Self::BufferingPeriod(_) => 0,
            Self::PicTiming(_) => 1,
            Self::UserDataRegistered(_) => 4,
            Self::UserDataUnregistered(_) => 5,
            Self::RecoveryPoint(_) => 6,
            Self::FramePacking(_) => 45,
            Self::DisplayOrientation(_) => 47,
            Self::MasteringDisplay(_) => 137,
            Self::ContentLightLevel(_) => 144,
            Self::AlternativeTransferCharacteristics(_) => 147,
            Self::Other { payload_type, .. } => *payload_type,
        }
    }

    /// `sei_payload()`, of a payload that takes `size` bytes.
    fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        sps: Option<&Sps>,
        size: usize,
    ) -> Result<(), Error> {
        match self {
            Self::BufferingPeriod(payload) => payload.syntax(s, sps),
            Self::PicTiming(payload) => payload.syntax(s, sps),
            Self::UserDataRegistered(payload) => payload.syntax(s, size),
            Self::UserDataUnregistered(payload) => payload.syntax(s, size),
            Self::RecoveryPoint(payload) => payload.syntax(s),
            Self::FramePacking(payload) => payload.syntax(s),
            Self::DisplayOrientation(payload) => payload.syntax(s),
            Self::MasteringDisplay(payload) => payload.syntax(s),
            Self::ContentLightLevel(payload) => payload.syntax(s),
            Self::AlternativeTransferCharacteristics(payload) => payload.syntax(s),
            Self::Other { data, .. } => s.bytes("reserved_sei_message_payload_byte", data, size),
        }
    }

    /// The bytes whose number is that of the payload, where there are any.
    fn size(&self) -> usize {
        match self {
            Self::UserDataRegistered(payload) => payload.size(),
            Self::UserDataUnregistered(payload) => payload.size(),
            Self::Other { data, .. } => data.len(),
            _ => 0,
        }
    }
}

/// Appends messages to `out` as one NAL unit of type 6, without start code. `sps` is the active sequence parameter
/// set, by which buffering periods and picture timings are coded.
///
/// # Errors
/// [`Error::Invalid`] where a field is out of its range.
pub fn encode(payloads: &[Payload], sps: Option<&Sps>, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut body = Vec::new();
    write_nal(0, UnitType::Sei, out, |write| {
        for payload in payloads {
            body.clear();
            let mut bits = BitWriter::new(&mut body);
            payload
                .clone()
                .syntax(&mut Write::part(&mut bits), sps, payload.size())?;
            if !bits.is_aligned() {
                // bit_equal_to_one, then bit_equal_to_zero.
                bits.trailing_bits();
            }
            write_extensible(write, payload.payload_type() as usize)?;
            write_extensible(write, body.len())?;
            let len = body.len();
            write.bytes("sei_payload", &mut body, len)?;
        }
        Ok(())
    })
}

fn write_extensible<S: Syntax>(s: &mut S, mut number: usize) -> Result<(), Error> {
    while number >= 255 {
        s.u(8, "ff_byte", &mut 0xFF_u8)?;
        number -= 255;
    }
    let mut last = u8::try_from(number).unwrap_or(u8::MAX);
    s.u(8, "last_byte", &mut last)
}

/// `recovery_frame_cnt` of the first recovery point message in a NAL unit of type 6, if it holds one.
pub(crate) fn recovery_frame_cnt(nal: &[u8]) -> Option<u16> {
    messages(nal).find_map(|message| match message.ok()?.payload_type {
        6 => {
            let mut bits = message.ok()?.bits;
            u16::try_from(bits.ue("recovery_frame_cnt").ok()?).ok()
        }
        _ => None,
    })
}
