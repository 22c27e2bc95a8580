/// Counts on past the wrap of a 16-bit sequence number or a 32-bit time stamp.
///
/// Each value is taken to be the one nearest to the last: up to half of the range ahead of it or behind it (RFC 3550 §A.1).
///
/// ```
/// use fluvial_rtp::Unwrapper;
///
/// let mut sequence = Unwrapper::<u16>::new();
/// assert_eq!([65_534, 65_535, 0, 65_533].map(|n| sequence.unwrap(n)), [65_534, 65_535, 65_536, 65_533]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwrapper<T> {
    /// The last value.
    last: Option<i64>,
    kind: core::marker::PhantomData<T>,
}

macro_rules! unwrapper {
    ($type:ty) => {
        impl Unwrapper<$type> {
            /// Starts with the first value as it is.
            #[must_use]
            pub const fn new() -> Self {
                Self {
                    last: None,
                    kind: core::marker::PhantomData,
                }
            }

            /// What the value would be without wrapping, were it taken now. Negative for what lies before a first value.
            #[must_use]
            #[inline]
            pub fn peek(&self, value: $type) -> i64 {
                let Some(last) = self.last else {
                    return i64::from(value);
                };
                // The bits of `last` that the field has.
                let low = <$type>::from_be_bytes(
                    *last
                        .to_be_bytes()
                        .last_chunk()
                        .unwrap_or(&[0; size_of::<$type>()]),
                );
                let step = value.wrapping_sub(low).cast_signed();
                last.saturating_add(i64::from(step))
            }

            /// The value without wrapping; the next one is counted from it.
            #[inline]
            pub fn unwrap(&mut self, value: $type) -> i64 {
                let value = self.peek(value);
                self.last = Some(value);
                value
            }

            /// The last value that was taken.
            #[must_use]
            pub const fn last(&self) -> Option<i64> {
                self.last
            }
        }
    };
}

unwrapper!(u16);
unwrapper!(u32);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn before_the_first_is_negative() {
        let mut sequence = Unwrapper::<u16>::new();
        assert_eq!(sequence.unwrap(2), 2);
        assert_eq!(sequence.peek(65_535), -1);
        assert_eq!(sequence.last(), Some(2));
        let mut stamps = Unwrapper::<u32>::new();
        assert_eq!(stamps.unwrap(0), 0);
        assert_eq!(stamps.unwrap(u32::MAX), -1);
    }

    proptest! {
        #[test]
        fn steps_below_half_of_the_range_are_kept(start: u16, steps in proptest::collection::vec(-32_768i64..32_768, 0..50)) {
            let mut sequence = Unwrapper::<u16>::new();
            let mut at = sequence.unwrap(start);
            for step in steps {
                at += step;
                prop_assert_eq!(sequence.unwrap(at as u16), at);
            }
        }

        #[test]
        fn time_stamps_too(start: u32, steps in proptest::collection::vec(-(1i64 << 31)..1 << 31, 0..50)) {
            let mut stamps = Unwrapper::<u32>::new();
            let mut at = stamps.unwrap(start);
            for step in steps {
                at += step;
                prop_assert_eq!(stamps.unwrap(at as u32), at);
            }
        }
    }
}
