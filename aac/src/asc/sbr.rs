use crate::Error;
use wire::{BitReader, BitWriter};

/// `sbr_header()`: how spectral band replication is set up (ISO/IEC 14496-3 Table 4.63).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SbrHeader {
    /// `bs_amp_res`: steps of 3 dB in place of 1.5 dB.
    pub amp_res: bool,
    /// `bs_start_freq`, 4 bits.
    pub start_freq: u8,
    /// `bs_stop_freq`, 4 bits.
    pub stop_freq: u8,
    /// `bs_xover_band`, 3 bits.
    pub xover_band: u8,
    /// What `bs_header_extra_1` announces.
    pub bands: Option<SbrBands>,
    /// What `bs_header_extra_2` announces.
    pub limiter: Option<SbrLimiter>,
}

/// The first optional part of an SBR header; without it 2, true, 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SbrBands {
    /// `bs_freq_scale`, 2 bits.
    pub freq_scale: u8,
    /// `bs_alter_scale`.
    pub alter_scale: bool,
    /// `bs_noise_bands`, 2 bits.
    pub noise_bands: u8,
}

/// The second optional part of an SBR header; without it 2, 2, true, true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SbrLimiter {
    /// `bs_limiter_bands`, 2 bits.
    pub limiter_bands: u8,
    /// `bs_limiter_gains`, 2 bits.
    pub limiter_gains: u8,
    /// `bs_interpol_freq`.
    pub interpol_freq: bool,
    /// `bs_smoothing_mode`.
    pub smoothing_mode: bool,
}

impl SbrBands {
    pub(super) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            freq_scale: r.bits8(2, "bs_freq_scale")?,
            alter_scale: r.bit("bs_alter_scale")?,
            noise_bands: r.bits8(2, "bs_noise_bands")?,
        })
    }

    pub(super) fn write(self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(2, "bs_freq_scale", self.freq_scale.into())?
            .bit(self.alter_scale)
            .bits(2, "bs_noise_bands", self.noise_bands.into())?;
        Ok(())
    }
}

impl SbrLimiter {
    pub(super) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            limiter_bands: r.bits8(2, "bs_limiter_bands")?,
            limiter_gains: r.bits8(2, "bs_limiter_gains")?,
            interpol_freq: r.bit("bs_interpol_freq")?,
            smoothing_mode: r.bit("bs_smoothing_mode")?,
        })
    }

    pub(super) fn write(self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(2, "bs_limiter_bands", self.limiter_bands.into())?
            .bits(2, "bs_limiter_gains", self.limiter_gains.into())?
            .bit(self.interpol_freq)
            .bit(self.smoothing_mode);
        Ok(())
    }
}

/// Reads what stands at the end of both kinds of header: the two flags, then the two parts.
pub(super) fn decode_extras(
    r: &mut BitReader<'_>,
) -> Result<(Option<SbrBands>, Option<SbrLimiter>), Error> {
    let bands = r.bit("bs_header_extra_1")?;
    let limiter = r.bit("bs_header_extra_2")?;
    let bands = bands.then(|| SbrBands::decode(r)).transpose()?;
    let limiter = limiter.then(|| SbrLimiter::decode(r)).transpose()?;
    Ok((bands, limiter))
}

pub(super) fn write_extras(
    w: &mut BitWriter<'_>,
    bands: Option<SbrBands>,
    limiter: Option<SbrLimiter>,
) -> Result<(), Error> {
    w.bit(bands.is_some()).bit(limiter.is_some());
    if let Some(bands) = bands {
        bands.write(w)?;
    }
    if let Some(limiter) = limiter {
        limiter.write(w)?;
    }
    Ok(())
}

impl SbrHeader {
    pub(super) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let amp_res = r.bit("bs_amp_res")?;
        let start_freq = r.bits8(4, "bs_start_freq")?;
        let stop_freq = r.bits8(4, "bs_stop_freq")?;
        let xover_band = r.bits8(3, "bs_xover_band")?;
        r.skip(2, "bs_reserved")?;
        let (bands, limiter) = decode_extras(r)?;
        Ok(Self {
            amp_res,
            start_freq,
            stop_freq,
            xover_band,
            bands,
            limiter,
        })
    }

    pub(super) fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bit(self.amp_res)
            .bits(4, "bs_start_freq", self.start_freq.into())?
            .bits(4, "bs_stop_freq", self.stop_freq.into())?
            .bits(3, "bs_xover_band", self.xover_band.into())?
            .bits(2, "bs_reserved", 0)?;
        write_extras(w, self.bands, self.limiter)
    }
}
