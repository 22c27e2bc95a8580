use crate::Error;

/// Which of the newest 128 packets came already (RFC 3711 §3.3.2; it wants 64 at least).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// The highest index so far.
    highest: Option<u64>,
    /// Bit n: the packet of index `highest - n` came.
    seen: u128,
    /// How often sequence numbers wrapped before the first packet.
    rollovers: u32,
}

impl Window {
    /// Of a source whose first packet has this rollover counter.
    pub(super) fn starting(rollovers: u32) -> Self {
        Self {
            rollovers,
            ..Self::default()
        }
    }

    /// The index of a first packet.
    pub(super) fn first(&self, sequence_number: u16) -> u64 {
        u64::from(self.rollovers) << 16 | u64::from(sequence_number)
    }

    pub(super) const fn at(highest: u64) -> Self {
        Self {
            highest: Some(highest),
            seen: 0,
            rollovers: 0,
        }
    }

    pub(super) const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether the packet is new and not too old to tell.
    pub(super) fn check(&self, index: u64) -> Result<(), Error> {
        let age = self.highest.and_then(|highest| highest.checked_sub(index));
        let Some(age) = age else { return Ok(()) };
        let seen = u32::try_from(age)
            .ok()
            .and_then(|age| self.seen.checked_shr(age));
        if seen.is_none_or(|seen| seen & 1 == 1) {
            return Err(Error::Replayed { index });
        }
        Ok(())
    }

    /// Only after the packet was authenticated.
    pub(super) fn mark(&mut self, index: u64) {
        let highest = self.highest.unwrap_or(index);
        if let Some(ahead) = index.checked_sub(highest) {
            let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = Some(index);
        } else if let Ok(age) = u32::try_from(highest.saturating_sub(index)) {
            self.seen |= 1_u128.checked_shl(age).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_once_and_none_that_is_too_old() {
        let mut window = Window::default();
        for index in [1000, 1005, 1001, 1132, 1005 + 127 - 1] {
            window.check(index).expect("new");
            window.mark(index);
        }
        for index in [1132, 1005, 1131, 1004, 0] {
            assert_eq!(window.check(index), Err(Error::Replayed { index }));
        }
        window.check(1006).expect("within 128");
        window.mark(u64::from(u32::MAX) * 2);
        assert!(window.check(1132).is_err());
    }
}
