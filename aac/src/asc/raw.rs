use bytes::Bytes;
use core::fmt;

/// Bytes of a configuration: as a rule few enough to be kept in place, without an allocation.
#[derive(Clone)]
pub(super) enum Raw {
    Few { len: u8, bytes: [u8; FEW] },
    Many(Bytes),
}

/// Enough for AAC LC, and for HE-AAC version 2 with backward compatible signalling; written as one word.
const FEW: usize = 7;

impl Raw {
    /// Keeps a copy.
    #[inline(always)]
    pub(super) fn copy(data: &[u8]) -> Self {
        Self::few(data).unwrap_or_else(|| Self::Many(Bytes::copy_from_slice(data)))
    }

    #[inline(always)]
    fn few(data: &[u8]) -> Option<Self> {
        if let &[a, b] = data {
            let bytes = [a, b, 0, 0, 0, 0, 0];
            return Some(Self::Few { len: 2, bytes });
        }
        let mut bytes = [0; FEW];
        let len = u8::try_from(data.len()).ok()?;
        for (to, &from) in bytes.get_mut(..data.len())?.iter_mut().zip(data) {
            *to = from;
        }
        Some(Self::Few { len, bytes })
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Few { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Many(bytes) => bytes,
        }
    }
}

impl From<Bytes> for Raw {
    fn from(bytes: Bytes) -> Self {
        Self::few(&bytes).unwrap_or(Self::Many(bytes))
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Raw {}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}
