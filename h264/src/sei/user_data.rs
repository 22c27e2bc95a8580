use crate::Error;
use crate::syntax::Syntax;
use alloc::vec::Vec;

/// User data of a body registered by Rec. ITU-T T.35 (§D.1.6, §D.2.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserDataRegistered {
    /// 181 is the United States, under which ATSC registers.
    pub itu_t_t35_country_code: u8,
    /// Coded beside country code 255 only.
    pub itu_t_t35_country_code_extension_byte: u8,
    /// What follows: the provider's code, then its data.
    pub payload: Vec<u8>,
}

impl UserDataRegistered {
    const COUNTRY: &'static str = "itu_t_t35_country_code";

    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S, size: usize) -> Result<(), Error> {
        let mut codes = 1;
        s.u(8, Self::COUNTRY, &mut self.itu_t_t35_country_code)?;
        if self.itu_t_t35_country_code == 255 {
            codes = 2;
            s.u(
                8,
                "itu_t_t35_country_code_extension_byte",
                &mut self.itu_t_t35_country_code_extension_byte,
            )?;
        }
        s.bytes(
            "itu_t_t35_payload_byte",
            &mut self.payload,
            size.saturating_sub(codes),
        )
    }

    pub(super) fn size(&self) -> usize {
        let codes = if self.itu_t_t35_country_code == 255 {
            2
        } else {
            1
        };
        self.payload.len().saturating_add(codes)
    }

    /// What follows `user_identifier`, where it is one of ATSC (country 181, provider 49).
    fn atsc(&self, user_identifier: [u8; 4]) -> Option<&[u8]> {
        match self.payload.as_slice() {
            [0, 0x31, a, b, c, d, data @ ..]
                if self.itu_t_t35_country_code == 181 && [*a, *b, *c, *d] == user_identifier =>
            {
                Some(data)
            }
            _ => None,
        }
    }

    /// Closed captions (CEA-608 and CEA-708): the `cc_data_pkt`s of ATSC A/53 Part 4 §6.2.3, each of which is 5 marker
    /// bits, `cc_valid`, `cc_type` (2 bits) and two bytes of data.
    #[must_use]
    pub fn captions(&self) -> Option<&[[u8; 3]]> {
        let [3, flags, _em_data, packets @ ..] = self.atsc(*b"GA94")? else {
            return None;
        };
        if flags & 0x40 == 0 {
            return None;
        }
        packets.as_chunks().0.get(..usize::from(flags & 0x1F))
    }

    /// Active format description: the 4-bit `active_format` of ATSC A/53 Part 4 §6.2.4.
    #[must_use]
    pub fn active_format(&self) -> Option<u8> {
        match self.atsc(*b"DTG1")? {
            [flags, format, ..] if flags & 0x40 != 0 => Some(format & 0x0F),
            _ => None,
        }
    }
}

/// User data marked by a UUID (§D.1.7, §D.2.7). x264 tells its settings so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserDataUnregistered {
    /// `uuid_iso_iec_11578`.
    pub uuid: [u8; 16],
    /// The data.
    pub payload: Vec<u8>,
}

impl UserDataUnregistered {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S, size: usize) -> Result<(), Error> {
        for byte in &mut self.uuid {
            s.u(8, "uuid_iso_iec_11578", byte)?;
        }
        s.bytes(
            "user_data_payload_byte",
            &mut self.payload,
            size.saturating_sub(self.uuid.len()),
        )
    }

    pub(super) fn size(&self) -> usize {
        self.payload.len().saturating_add(self.uuid.len())
    }
}
