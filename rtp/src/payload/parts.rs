/// A part of a frame that is too long for one packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) data: &'a [u8],
    /// Bytes of the frame before it.
    pub(crate) offset: usize,
    pub(crate) is_last: bool,
}

/// Cuts a frame into parts of `size` bytes, of which the last may be shorter.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'a> {
    rest: &'a [u8],
    offset: usize,
    size: usize,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(data: &'a [u8], size: usize) -> Self {
        Self {
            rest: data,
            offset: 0,
            size: size.max(1),
        }
    }

    /// How many are left.
    pub(crate) const fn count_left(&self) -> usize {
        self.rest.len().div_ceil(self.size)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    #[inline]
    fn next(&mut self) -> Option<Part<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (data, rest) = self
            .rest
            .split_at_checked(self.size)
            .unwrap_or((self.rest, &[]));
        let part = Part {
            data,
            offset: self.offset,
            is_last: rest.is_empty(),
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(data.len());
        Some(part)
    }
}
