//! Transport packets (ISO/IEC 13818-1 §2.4.3.2).
//!
//! ```text
//! sync_byte                       8   0x47
//! transport_error_indicator       1
//! payload_unit_start_indicator    1
//! transport_priority              1
//! PID                            13
//! transport_scrambling_control    2
//! adaptation_field_control        2
//! continuity_counter              4
//! adaptation_field                    if adaptation_field_control is 2 or 3
//! data_bytes                          if adaptation_field_control is 1 or 3
//! ```

use crate::Error;
use crate::adaptation::AdaptationField;
use crate::clock::Pcr;
use core::fmt;

/// Bytes of a transport packet.
pub const LEN: usize = 188;

/// The first byte of every transport packet.
pub const SYNC_BYTE: u8 = 0x47;

/// A packet identifier: 13 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(u16);

impl Pid {
    /// Program association table.
    pub const PAT: Pid = Pid(0);
    /// Conditional access table.
    pub const CAT: Pid = Pid(1);
    /// Transport stream description table.
    pub const TSDT: Pid = Pid(2);
    /// Network information table (ETSI EN 300 468).
    pub const NIT: Pid = Pid(0x10);
    /// Service description and bouquet association tables (ETSI EN 300 468).
    pub const SDT: Pid = Pid(0x11);
    /// Event information table (ETSI EN 300 468).
    pub const EIT: Pid = Pid(0x12);
    /// Time and date, and time offset tables (ETSI EN 300 468).
    pub const TDT: Pid = Pid(0x14);
    /// Null packets.
    pub const NULL: Pid = Pid(0x1FFF);

    /// From its number; `None` past 13 bits.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number <= 0x1FFF {
            Some(Pid(number))
        } else {
            None
        }
    }

    /// From the low 13 bits of a number, as they stand beside flags.
    #[must_use]
    #[inline]
    pub const fn from_low_bits(bits: u16) -> Self {
        Pid(bits & 0x1FFF)
    }

    /// Its number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid({self})")
    }
}

/// `transport_scrambling_control`, 2 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scrambling {
    /// The payload is clear.
    Clear,
    /// Scrambled in a way that the user defines.
    Reserved,
    /// Scrambled with the even key (ETSI TS 100 289).
    EvenKey,
    /// Scrambled with the odd key.
    OddKey,
}

impl Scrambling {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Clear,
            1 => Self::Reserved,
            2 => Self::EvenKey,
            _ => Self::OddKey,
        }
    }

    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Clear => 0,
            Self::Reserved => 1,
            Self::EvenKey => 2,
            Self::OddKey => 3,
        }
    }
}

/// The first four bytes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header([u8; 4]);

impl Header {
    /// A header of a clear packet with payload only, counter 0.
    #[must_use]
    pub const fn new(pid: Pid) -> Self {
        let [high, low] = pid.0.to_be_bytes();
        Self([SYNC_BYTE, high, low, 0x10])
    }

    /// From the four bytes; `None` where the first is not the sync byte.
    #[must_use]
    #[inline]
    pub const fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        match bytes {
            [SYNC_BYTE, ..] => Some(Self(bytes)),
            _ => None,
        }
    }

    /// The four bytes.
    #[must_use]
    #[inline]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    /// At least one bit error is in the packet, as a demodulator found.
    #[must_use]
    #[inline]
    pub const fn transport_error_indicator(self) -> bool {
        self.0[1] & 0x80 != 0
    }

    /// A PES packet or a section starts in the payload.
    #[must_use]
    #[inline]
    pub const fn payload_unit_start_indicator(self) -> bool {
        self.0[1] & 0x40 != 0
    }

    /// More important than others of its PID.
    #[must_use]
    pub const fn transport_priority(self) -> bool {
        self.0[1] & 0x20 != 0
    }

    /// What the packet belongs to.
    #[must_use]
    #[inline]
    pub const fn pid(self) -> Pid {
        Pid(u16::from_be_bytes([self.0[1] & 0x1F, self.0[2]]))
    }

    /// How the payload is scrambled.
    #[must_use]
    #[inline]
    pub const fn transport_scrambling_control(self) -> Scrambling {
        Scrambling::from_bits(self.0[3] >> 6)
    }

    /// Whether an adaptation field follows.
    #[must_use]
    #[inline]
    pub const fn has_adaptation_field(self) -> bool {
        self.0[3] & 0x20 != 0
    }

    /// Whether payload is there.
    #[must_use]
    #[inline]
    pub const fn has_payload(self) -> bool {
        self.0[3] & 0x10 != 0
    }

    /// Counts the packets with payload of its PID, 4 bits.
    #[must_use]
    #[inline]
    pub const fn continuity_counter(self) -> u8 {
        self.0[3] & 0x0F
    }

    /// With `payload_unit_start_indicator`.
    #[must_use]
    #[inline]
    pub const fn with_payload_unit_start(mut self, starts: bool) -> Self {
        self.0[1] = self.0[1] & !0x40 | (starts as u8) << 6;
        self
    }

    /// With `transport_priority`.
    #[must_use]
    pub const fn with_transport_priority(mut self, priority: bool) -> Self {
        self.0[1] = self.0[1] & !0x20 | (priority as u8) << 5;
        self
    }

    /// With `transport_error_indicator`.
    #[must_use]
    pub const fn with_transport_error(mut self, error: bool) -> Self {
        self.0[1] = self.0[1] & !0x80 | (error as u8) << 7;
        self
    }

    /// With another PID.
    #[must_use]
    pub const fn with_pid(mut self, pid: Pid) -> Self {
        let [high, low] = pid.0.to_be_bytes();
        self.0[1] = self.0[1] & 0xE0 | high;
        self.0[2] = low;
        self
    }

    /// With `transport_scrambling_control`.
    #[must_use]
    pub const fn with_scrambling(mut self, scrambling: Scrambling) -> Self {
        self.0[3] = self.0[3] & 0x3F | scrambling.bits() << 6;
        self
    }

    /// With the two bits of `adaptation_field_control`.
    #[must_use]
    #[inline]
    pub const fn with_content(mut self, adaptation_field: bool, payload: bool) -> Self {
        self.0[3] = self.0[3] & 0xCF | (adaptation_field as u8) << 5 | (payload as u8) << 4;
        self
    }

    /// With the low four bits of a counter.
    #[must_use]
    #[inline]
    pub const fn with_continuity_counter(mut self, counter: u8) -> Self {
        self.0[3] = self.0[3] & 0xF0 | counter & 0x0F;
        self
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("error", &self.transport_error_indicator())
            .field("start", &self.payload_unit_start_indicator())
            .field("priority", &self.transport_priority())
            .field("pid", &self.pid())
            .field("scrambling", &self.transport_scrambling_control())
            .field("adaptation_field", &self.has_adaptation_field())
            .field("payload", &self.has_payload())
            .field("continuity_counter", &self.continuity_counter())
            .finish()
    }
}

/// A transport packet, taken apart.
///
/// ```
/// use fluvial_mpegts::packet::{Packet, Pid};
///
/// let mut bytes = [0xFF; 188];
/// bytes[..5].copy_from_slice(&[0x47, 0x41, 0x00, 0x17, 0xAB]);
/// let packet = Packet::parse(&bytes)?;
/// assert_eq!(Some(packet.header.pid()), Pid::new(0x100));
/// assert!(packet.header.payload_unit_start_indicator());
/// assert_eq!(packet.payload.len(), 184);
/// # Ok::<(), fluvial_mpegts::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first four bytes.
    pub header: Header,
    /// The adaptation field after its length; `None` where there is none, empty where it is one byte of stuffing.
    pub adaptation: Option<&'a [u8]>,
    /// What it carries; empty where it carries nothing.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a packet apart.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it does not begin with the sync byte, where it says that it has neither adaptation field
    /// nor payload (reserved), or where the adaptation field is longer than the packet.
    #[inline]
    pub fn parse(bytes: &'a [u8; LEN]) -> Result<Self, Error> {
        let [a, b, c, d, body @ ..] = bytes;
        let header =
            Header::from_bytes([*a, *b, *c, *d]).ok_or_else(|| invalid("sync_byte", *a, 0))?;
        if !header.has_adaptation_field() {
            if !header.has_payload() {
                return Err(invalid("adaptation_field_control", 0, 3));
            }
            return Ok(Self {
                header,
                adaptation: None,
                payload: body,
            });
        }
        let [length, body @ ..] = body;
        let (field, payload) = body
            .split_at_checked((*length).into())
            .ok_or_else(|| invalid("adaptation_field_length", *length, 4))?;
        Ok(Self {
            header,
            adaptation: Some(field),
            payload: if header.has_payload() { payload } else { &[] },
        })
    }

    /// The adaptation field with all it has; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends before what its flags announce.
    pub fn adaptation_field(&self) -> Result<Option<AdaptationField<'a>>, Error> {
        self.adaptation.map(AdaptationField::parse).transpose()
    }

    /// The program clock reference, if one is there.
    #[must_use]
    #[inline]
    pub fn pcr(&self) -> Option<Pcr> {
        match self.adaptation {
            Some(&[flags, a, b, c, d, e, f, ..]) if flags & 0x10 != 0 => {
                Some(Pcr::from_bytes([a, b, c, d, e, f]))
            }
            _ => None,
        }
    }

    /// `discontinuity_indicator` of the adaptation field: the counter or the clock may jump here.
    #[must_use]
    #[inline]
    pub fn is_discontinuity(&self) -> bool {
        matches!(self.adaptation, Some(&[flags, ..]) if flags & 0x80 != 0)
    }

    /// Whether the adaptation field has bytes of stuffing; where it has more than a clock reference, whether it ends as if it had.
    pub(crate) fn is_stuffed(&self) -> bool {
        match self.adaptation {
            None => false,
            Some([] | [0, ..]) => true,
            Some([flags, fields @ ..]) if flags & 0x0F == 0 => {
                fields.len() > if flags & 0x10 == 0 { 0 } else { 6 }
            }
            Some(field) => field.ends_with(&[0xFF]),
        }
    }

    /// `random_access_indicator` of the adaptation field: decoding can start with what follows.
    #[must_use]
    #[inline]
    pub fn is_random_access(&self) -> bool {
        matches!(self.adaptation, Some(&[flags, ..]) if flags & 0x40 != 0)
    }
}

#[cold]
fn invalid(field: &'static str, value: u8, offset: u64) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        offset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(head: &[u8]) -> [u8; LEN] {
        core::array::from_fn(|i| head.get(i).copied().unwrap_or(0xFF))
    }

    #[test]
    fn a_packet_with_a_clock_reference() {
        let bytes = packet(&[
            0x47, 0x21, 0x23, 0xB5, 7, 0x50, 0, 0, 0, 1, 0x7E, 0, 0xAA, 0xBB,
        ]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header.pid().get(), 0x123);
        assert!(packet.header.transport_priority());
        assert_eq!(
            packet.header.transport_scrambling_control(),
            Scrambling::EvenKey
        );
        assert_eq!(packet.header.continuity_counter(), 5);
        assert_eq!(
            packet.pcr(),
            Some(Pcr {
                base: 2,
                extension: 0
            })
        );
        assert!(packet.is_random_access() && !packet.is_discontinuity());
        assert_eq!(packet.payload.len(), 176);
        assert_eq!(&packet.payload[..2], [0xAA, 0xBB]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |bytes: &[u8]| match Packet::parse(&packet(bytes)).unwrap_err() {
            Error::Invalid { field, value, .. } => (field, value),
            other => panic!("{other}"),
        };
        assert_eq!(field(&[0x48, 0, 0, 0x10]), ("sync_byte", 0x48));
        assert_eq!(field(&[0x47, 0, 0, 0]), ("adaptation_field_control", 0));
        assert_eq!(
            field(&[0x47, 0, 0, 0x30, 184]),
            ("adaptation_field_length", 184)
        );
        assert!(Packet::parse(&packet(&[0x47, 0, 0, 0x20, 183, 0])).is_ok());
    }

    proptest! {
        #[test]
        fn headers_are_built_as_they_are_read(bytes: [u8; 3]) {
            let [b, c, d] = bytes;
            let header = Header::from_bytes([SYNC_BYTE, b, c, d]).unwrap();
            let built = Header::new(header.pid())
                .with_payload_unit_start(header.payload_unit_start_indicator())
                .with_transport_priority(header.transport_priority())
                .with_transport_error(header.transport_error_indicator())
                .with_scrambling(header.transport_scrambling_control())
                .with_content(header.has_adaptation_field(), header.has_payload())
                .with_continuity_counter(header.continuity_counter());
            prop_assert_eq!(built, header);
            prop_assert_eq!(Header::new(Pid::NULL).with_pid(header.pid()), Header::new(header.pid()));
        }
    }
}
