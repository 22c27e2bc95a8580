use crate::Error;
use crate::boxes::SencSubsample;
use alloc::format;
use alloc::vec::Vec;
use h264::nal::UnitType;
use h264::{ParameterSets, SliceHeader, length_prefixed};
use wire::BitReader;

/// A map of clear and protected bytes as it grows.
#[derive(Debug, Default)]
struct Map {
    pieces: Vec<SencSubsample>,
    /// Clear bytes since the last protected ones.
    clear: usize,
}

impl Map {
    fn protect(&mut self, len: usize) -> Result<(), Error> {
        // A piece has at most 65 535 clear bytes.
        loop {
            let clear = u16::try_from(self.clear).unwrap_or(u16::MAX);
            self.clear = self.clear.saturating_sub(clear.into());
            let protected = if self.clear == 0 { len } else { 0 };
            let protected = u32::try_from(protected).map_err(|_| wire::TooLong {
                what: "BytesOfProtectedData",
                value: len as u64,
                max: u32::MAX.into(),
            })?;
            self.pieces.push(SencSubsample { clear, protected });
            if self.clear == 0 {
                return Ok(());
            }
        }
    }

    fn finish(mut self) -> Result<Vec<SencSubsample>, Error> {
        if self.clear > 0 {
            self.protect(0)?;
        }
        Ok(self.pieces)
    }
}

/// What of an H.264 access unit is protected: of each slice, what follows its header, with `aligned` in whole blocks. Parameter sets in
/// it count from there on.
pub(super) fn avc(
    data: &[u8],
    sets: &mut ParameterSets,
    aligned: bool,
) -> Result<Vec<SencSubsample>, Error> {
    let mut map = Map::default();
    for nal in length_prefixed::nals(data, 4) {
        let nal = nal.map_err(|error| Error::Unsupported(format!("encryption: {error}").into()))?;
        map.clear = map.clear.saturating_add(4);
        let header = match UnitType::of(nal) {
            UnitType::NonIdrSlice | UnitType::IdrSlice => header_len(nal, sets)?,
            // Slices whose headers are not told apart from their data here.
            kind if is_other_slice(kind) => {
                let what = format!("encryption of H.264 NAL units of type {kind:?}");
                return Err(Error::Unsupported(what.into()));
            }
            UnitType::Pps => {
                // One that cannot be read is missed by the slices that name it, if there are any.
                let _known = sets.insert(nal);
                nal.len()
            }
            _ => nal.len(),
        };
        let mut protected = nal.len().saturating_sub(header);
        if aligned {
            protected -= protected % 16;
        }
        map.clear = map
            .clear
            .saturating_add(nal.len().saturating_sub(protected));
        if protected > 0 {
            map.protect(protected)?;
        }
    }
    map.finish()
}

fn is_other_slice(kind: UnitType) -> bool {
    matches!(
        kind,
        UnitType::PartitionA
            | UnitType::PartitionB
            | UnitType::PartitionC
            | UnitType::AuxiliarySlice
            | UnitType::SliceExtension
            | UnitType::SliceExtensionDepth
    )
}

/// Bytes of a slice's NAL unit up to its slice data, emulation prevention bytes counted.
fn header_len(nal: &[u8], sets: &ParameterSets) -> Result<usize, Error> {
    let mut bits = BitReader::escaped(nal);
    SliceHeader::decode(&mut bits, sets)
        .map_err(|error| Error::Unsupported(format!("encryption: {error}").into()))?;
    let mut left = bits.position().div_ceil(8);
    let mut zeros = 0u8;
    for (at, byte) in nal.iter().enumerate() {
        if left == 0 {
            return Ok(at);
        }
        match byte {
            3 if zeros >= 2 => zeros = 0,
            byte => {
                left -= 1;
                zeros = if *byte == 0 {
                    zeros.saturating_add(1)
                } else {
                    0
                };
            }
        }
    }
    Ok(nal.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_clear_runs_take_several_pieces() {
        let mut map = Map {
            clear: 70_000,
            ..Map::default()
        };
        map.protect(5).unwrap();
        map.clear = 3;
        let piece = |clear, protected| SencSubsample { clear, protected };
        assert_eq!(
            map.finish().unwrap(),
            [piece(65_535, 0), piece(4465, 5), piece(3, 0)]
        );
    }

    #[test]
    fn slices_are_protected_behind_their_headers() {
        let mut sets = ParameterSets::default();
        sets.insert(&[0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90])
            .unwrap();
        sets.insert(&[0x68, 0xCE, 0x0F, 0xC8]).unwrap();
        let mut data = Vec::new();
        length_prefixed::push(&[6, 5, 1, 0, 0x80], &mut data).unwrap();
        let mut slice = [0xFF; 40];
        slice[..4].copy_from_slice(&[0x65, 0xB8, 0x04, 0x0A]);
        length_prefixed::push(&slice, &mut data).unwrap();
        let whole = avc(&data, &mut sets, false).unwrap();
        let [SencSubsample { clear, protected }] = whole[..] else {
            panic!("{whole:?}");
        };
        // The message, a length, and 4 to 6 bytes of headers.
        assert!((9 + 4 + 4..=9 + 4 + 6).contains(&clear), "{clear}");
        assert_eq!(usize::from(clear) + protected as usize, data.len());
        let aligned = avc(&data, &mut sets, true).unwrap();
        assert_eq!(aligned[0].protected, protected / 16 * 16);
        assert_eq!(
            usize::from(aligned[0].clear) + aligned[0].protected as usize,
            data.len()
        );

        // A set that comes with the picture counts.
        let mut fewer = ParameterSets::default();
        fewer
            .insert(&[0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90])
            .unwrap();
        assert!(avc(&data, &mut fewer, false).is_err());
        let mut with_set = Vec::new();
        length_prefixed::push(&[0x68, 0xCE, 0x0F, 0xC8], &mut with_set).unwrap();
        with_set.extend_from_slice(&data);
        let found = avc(&with_set, &mut fewer, false).unwrap();
        assert_eq!((found[0].clear, found[0].protected), (clear + 8, protected));
    }
}
