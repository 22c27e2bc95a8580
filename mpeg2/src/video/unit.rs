use memchr::memmem;

pub(super) const PREFIX: [u8; 3] = [0, 0, 1];

/// What follows the prefix `00 00 01` (ISO/IEC 13818-2 Table 6-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StartCode(pub u8);

impl StartCode {
    /// `picture_start_code`.
    pub const PICTURE: Self = Self(0x00);
    /// The first `slice_start_code`: the number is the slice's row of macroblocks, from 1.
    pub const FIRST_SLICE: Self = Self(0x01);
    /// The last `slice_start_code`.
    pub const LAST_SLICE: Self = Self(0xAF);
    /// `user_data_start_code`.
    pub const USER_DATA: Self = Self(0xB2);
    /// `sequence_header_code`.
    pub const SEQUENCE_HEADER: Self = Self(0xB3);
    /// `sequence_error_code`.
    pub const SEQUENCE_ERROR: Self = Self(0xB4);
    /// `extension_start_code`.
    pub const EXTENSION: Self = Self(0xB5);
    /// `sequence_end_code`.
    pub const SEQUENCE_END: Self = Self(0xB7);
    /// `group_start_code`.
    pub const GROUP: Self = Self(0xB8);

    /// Whether a slice begins with it.
    #[must_use]
    pub fn is_slice(self) -> bool {
        (Self::FIRST_SLICE..=Self::LAST_SLICE).contains(&self)
    }

    /// The four bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        [0, 0, 1, self.0]
    }
}

/// What stands between two start codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit<'a> {
    /// The start code that it begins with.
    pub code: StartCode,
    /// Where that start code begins.
    pub offset: usize,
    /// The bytes after the start code, up to the next one. Zeros at the end may be stuffing.
    pub data: &'a [u8],
}

/// The units of a whole stream or picture. What precedes the first start code is passed over.
///
/// ```
/// use fluvial_mpeg2::video::{StartCode, units};
///
/// let stream = [0, 0, 1, 0xB8, 0, 8, 0, 0x40, 0, 0, 1, 0x00, 0, 0x0F, 0xFF, 0xF8];
/// let codes: Vec<StartCode> = units(&stream).map(|unit| unit.code).collect();
/// assert_eq!(codes, [StartCode::GROUP, StartCode::PICTURE]);
/// ```
#[must_use]
pub fn units(data: &[u8]) -> Units<'_> {
    let mut prefixes = memmem::find_iter(data, &PREFIX);
    let next = prefixes.next();
    Units {
        data,
        prefixes,
        next,
    }
}

/// Iterator of [`units`].
#[derive(Debug, Clone)]
pub struct Units<'a> {
    data: &'a [u8],
    prefixes: memmem::FindIter<'a, 'static>,
    next: Option<usize>,
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    #[inline]
    fn next(&mut self) -> Option<Unit<'a>> {
        let offset = self.next?;
        self.next = self.prefixes.next();
        let end = self.next.unwrap_or(self.data.len());
        let after = self.data.get(offset.saturating_add(PREFIX.len())..end)?;
        let (&code, data) = after.split_first()?;
        Some(Unit {
            code: StartCode(code),
            offset,
            data,
        })
    }
}
