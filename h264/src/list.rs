use crate::Error;
use core::fmt;
use core::ops::Deref;

/// A list with room for `N` items in place, so that a slice header needs no allocation.
#[derive(Clone, Copy)]
pub struct List<T, const N: usize> {
    items: [T; N],
    len: u8,
}

impl<T: Copy + Default, const N: usize> List<T, N> {
    /// Adds an item, unless the list is full; tells whether it did.
    pub fn push(&mut self, item: T) -> bool {
        let Some(place) = self.items.get_mut(usize::from(self.len)) else {
            return false;
        };
        *place = item;
        self.len = self.len.saturating_add(1);
        true
    }

    /// Puts an item in some place, or behind the last one; tells whether there was room.
    #[inline]
    pub(crate) fn put(&mut self, n: usize, item: T) -> bool {
        let Some(place) = self.items.get_mut(n) else {
            return false;
        };
        *place = item;
        if n >= usize::from(self.len) {
            self.len = self.len.saturating_add(1);
        }
        true
    }

    /// Leaves out what follows the first so many items.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(u8::try_from(len).unwrap_or(u8::MAX));
    }

    /// Walks a list of a given length, at most `N`, in either direction.
    #[inline]
    pub(crate) fn walk(
        &mut self,
        len: usize,
        mut syntax: impl FnMut(&mut T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for item in self.items.iter_mut().take(len) {
            syntax(item)?;
        }
        self.len = u8::try_from(len.min(N)).unwrap_or(u8::MAX);
        Ok(())
    }
}

impl<T: Copy + Default, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self {
            items: [T::default(); N],
            len: 0,
        }
    }
}

impl<T, const N: usize> Deref for List<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.items.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl<T: PartialEq, const N: usize> PartialEq for List<T, N> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq, const N: usize> Eq for List<T, N> {}

impl<T: fmt::Debug, const N: usize> fmt::Debug for List<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
