use super::{Demuxer, State};
use alloc::vec::Vec;
use media::Warning;
use wire::Reader;

impl Demuxer {
    /// Looks for a header of a box that stands at the top of a file.
    pub(super) fn find_header(&mut self, from: u64, input: &mut &[u8]) -> bool {
        // First those that start in what is carried over, then those in the input itself.
        let seam: Vec<u8> = self
            .carry
            .iter()
            .chain(input.iter().take(7))
            .copied()
            .collect();
        if let Some(at) =
            find_plausible(&seam, self.limits.box_size).filter(|at| *at < self.carry.len())
        {
            let start = self.carry_start().saturating_add(at as u64);
            self.carry = self.carry.get(at..).unwrap_or_default().into();
            self.found(from, start);
            return true;
        }
        if let Some(at) = find_plausible(input, self.limits.box_size) {
            self.carry.clear();
            self.pass(self.position.saturating_add(at as u64), input);
            self.found(from, self.position);
            return true;
        }
        // A header may start in the last bytes and go on in the next input.
        let all = if input.len() < 7 {
            seam.as_slice()
        } else {
            *input
        };
        let tail = all.get(all.len().saturating_sub(7)..);
        self.carry = tail.unwrap_or_default().into();
        self.position = self.position.saturating_add(input.len() as u64);
        *input = &[];
        false
    }

    fn found(&mut self, from: u64, start: u64) {
        self.state = State::Header;
        let what = "bytes that are no box";
        self.warn(
            Warning::new(what)
                .at(from)
                .skipping(start.saturating_sub(from)),
        );
    }
}

/// Where in `data` something begins that looks like the header of a box at the top of a file. A box other than an
/// `mdat` that is longer than `limit` is rather noise.
fn find_plausible(data: &[u8], limit: usize) -> Option<usize> {
    const TYPES: [&[u8; 4]; 8] = [
        b"moof", b"moov", b"styp", b"ftyp", b"sidx", b"prft", b"emsg", b"free",
    ];
    let mut rest = Reader::new(data);
    loop {
        let [a, b, c, d, name @ ..] = rest.peek().first_chunk::<8>()?;
        let size = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let plausible = match name {
            b"mdat" => size >= 8 || size == 1,
            name => TYPES.contains(&name) && (8..=limit).contains(&size),
        };
        if plausible {
            return Some(rest.offset());
        }
        rest.skip(1, "byte").ok()?;
    }
}
