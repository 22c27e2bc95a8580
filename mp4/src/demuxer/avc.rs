use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use h264::nal::UnitType;
use h264::{DecoderConfig, length_prefixed};

/// What became of a sample.
#[derive(Debug, Default)]
pub(super) struct Canonical {
    /// Its bytes, if they are others now.
    pub(super) data: Option<Vec<u8>>,
    /// It brought parameter sets that the configuration did not have.
    pub(super) new_parameters: bool,
    /// What was wrong with it.
    pub(super) problem: Option<String>,
}

/// Whether a NAL unit stays in the sample: parameter sets belong to the configuration, delimiters and filler to
/// nobody.
fn stays(nal: &[u8]) -> bool {
    !is_parameter_set(nal)
        && !matches!(
            UnitType::of(nal),
            UnitType::AccessUnitDelimiter | UnitType::FillerData
        )
}

fn is_parameter_set(nal: &[u8]) -> bool {
    matches!(
        UnitType::of(nal),
        UnitType::Sps | UnitType::Pps | UnitType::SpsExtension
    )
}

/// Brings an access unit into the canonical form: lengths of 4 bytes, parameter sets moved to the configuration,
/// delimiters and filler dropped. Where it has that form, nothing is copied.
pub(super) fn canonical(config: &mut DecoderConfig, length_size: u8, data: &[u8]) -> Canonical {
    let nals = || length_prefixed::nals(data, length_size);
    if length_size == 4 && nals().all(|nal| nal.is_ok_and(stays)) {
        return Canonical::default();
    }
    let mut canonical = Canonical::default();
    let mut out = Vec::with_capacity(data.len());
    for nal in nals() {
        let result = nal.and_then(|nal| {
            if stays(nal) {
                length_prefixed::push(nal, &mut out)
            } else {
                Ok(())
            }
        });
        if let Err(error) = result {
            canonical.problem = Some(format!("H.264: {error}"));
        }
    }
    match config.merge(nals().flatten().filter(|nal| is_parameter_set(nal))) {
        Ok(changed) => canonical.new_parameters = changed,
        Err(error) => canonical.problem = Some(format!("H.264: {error}")),
    }
    canonical.data = Some(out);
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 28] = [
        0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02,
        0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
    ];
    const PPS: [u8; 6] = [0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];
    const SLICE: [u8; 4] = [0x65, 0x88, 0x84, 0x00];

    fn config() -> DecoderConfig {
        DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap()
    }

    fn sample(nals: &[&[u8]], length_size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for nal in nals {
            let len = u32::try_from(nal.len()).unwrap().to_be_bytes();
            out.extend_from_slice(&len[4 - length_size..]);
            out.extend_from_slice(nal);
        }
        out
    }

    #[test]
    fn a_canonical_sample_is_not_touched() {
        let canonical = canonical(
            &mut config(),
            4,
            &sample(&[&[0x06, 5, 1, 0, 0x80], &SLICE], 4),
        );
        assert!(
            canonical.data.is_none() && !canonical.new_parameters && canonical.problem.is_none()
        );
    }

    #[test]
    fn lengths_get_4_bytes_and_delimiters_go() {
        for length_size in [1, 2, 4] {
            let nals: [&[u8]; 4] = [
                &[0x09, 0xF0],
                &[0x06, 5, 1, 0, 0x80],
                &SLICE,
                &[0x0C, 0xFF, 0x80],
            ];
            let size = u8::try_from(length_size).unwrap();
            let canonical = canonical(&mut config(), size, &sample(&nals, length_size));
            assert_eq!(canonical.data, Some(sample(&nals[1..3], 4)));
            assert!(!canonical.new_parameters && canonical.problem.is_none());
        }
    }

    #[test]
    fn parameter_sets_move_to_the_configuration() {
        let mut known = config();
        let canonical_data = sample(&[&SLICE], 4);
        let same = canonical(&mut known, 4, &sample(&[&SPS, &PPS, &SLICE], 4));
        assert_eq!(same.data.as_ref(), Some(&canonical_data));
        assert!(!same.new_parameters);

        // As in avc3, where the configuration may be without any.
        let mut empty = DecoderConfig::parse(&[1, 0x64, 0, 0x1F, 0xFF, 0xE0, 0]).unwrap();
        let new = canonical(&mut empty, 4, &sample(&[&SPS, &PPS, &SLICE], 4));
        assert_eq!(new.data, Some(canonical_data));
        assert!(new.new_parameters);
        assert_eq!(empty.sps().next(), Some(&SPS[..]));
    }

    #[test]
    fn what_follows_a_wrong_length_is_lost() {
        let mut data = sample(&[&SLICE], 4);
        data.extend_from_slice(&[0, 0, 1, 0, 0x41]);
        let canonical = canonical(&mut config(), 4, &data);
        assert_eq!(canonical.data, Some(sample(&[&SLICE], 4)));
        assert!(canonical.problem.is_some());
    }
}
