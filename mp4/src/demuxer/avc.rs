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
