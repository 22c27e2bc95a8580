use super::protect::Protected;
use crate::Error;
use crate::boxes::{
    Emsg, IsoBox, Mdat, Mfhd, Moof, Prft, SampleFlags, Styp, Tfdt, Tfhd, Traf, Trun, TrunFields,
    TrunSample,
};
use crate::movie::slice;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Flags, Sample};
use wire::{TooLong, Writer};

/// The samples of one track in one part.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) track_id: u32,
    /// The sample description, where it is not the first one.
    pub(crate) description: Option<u32>,
    /// What is added to decoding times on the way into the file.
    pub(crate) decode_shift: i64,
    /// What is added to presentation times on the way into the file.
    pub(crate) presentation_shift: i64,
    /// Decoding time of the first sample, or where the track is silent.
    pub(crate) start: i64,
    pub(crate) samples: Vec<Sample>,
    /// How they are encrypted, if they are.
    pub(crate) protected: Option<Protected>,
}

/// What stands before a `moof`, in this order (ISO/IEC 23000-19 §7.3.2.3).
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) styp: Option<Styp>,
    pub(crate) prft: Option<Prft>,
    pub(crate) events: Vec<Emsg>,
}

/// Samples shorter than this are copied rather than given as pieces of their own: a piece costs its receiver as much as some bytes.
const SHORT: usize = 4096;

/// A part as it was written.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// What was written, in a buffer of the exact size.
    pub(crate) written: Vec<u8>,
    /// The samples that are not in it, each with the number of bytes in it that stand before it.
    between: Vec<(usize, Bytes)>,
}

impl Fragment {
    /// Its bytes, the header in the first piece.
    pub(super) fn into_pieces(self) -> Vec<Bytes> {
        let written = Bytes::from(self.written);
        let most = self.between.len().saturating_mul(2).saturating_add(1);
        let mut pieces = Vec::with_capacity(most);
        let mut done: usize = 0;
        for (at, data) in self.between {
            if at > done {
                pieces.push(slice(&written, done, at.saturating_sub(done)));
                done = at;
            }
            pieces.push(data);
        }
        if written.len() > done {
            pieces.push(slice(&written, done, written.len().saturating_sub(done)));
        }
        pieces
    }
}

/// A part: `moof` and `mdat`, after what stands before it. Samples are copied once; where it is `scattered`, long ones that stay as
/// they are not at all.
pub(crate) fn fragment(
    head: &Head,
    sequence_number: u32,
    runs: &[Run],
    scattered: bool,
) -> Result<Fragment, Error> {
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number },
        trafs: runs.iter().map(traf).collect::<Result<_, _>>()?,
        other: Vec::new(),
    };
    let payload = runs.iter().map(payload_len).fold(0, u64::saturating_add);
    let mut offset = (moof.encoded_len() as u64).saturating_add(Mdat::header_len(payload).into());
    for (traf, run) in moof.trafs.iter_mut().zip(runs) {
        for trun in &mut traf.truns {
            let too_long = TooLong {
                what: "data_offset",
                value: offset,
                max: i32::MAX.unsigned_abs().into(),
            };
            trun.data_offset = Some(i32::try_from(offset).map_err(|_| too_long)?);
        }
        offset = offset.saturating_add(payload_len(run));
    }
    place_encryption(&mut moof);
    let before = head.styp.iter().map(IsoBox::encoded_len);
    let before = before.chain(head.prft.iter().map(IsoBox::encoded_len));
    let before = before.chain(head.events.iter().map(IsoBox::encoded_len));
    let stays = |run: &Run, sample: &Sample| {
        scattered && run.protected.is_none() && sample.data.len() >= SHORT
    };
    let shared = runs.iter().flat_map(|run| {
        let samples = run.samples.iter();
        samples.filter(|sample| stays(run, sample))
    });
    let shared = shared.map(|sample| sample.data.len() as u64);
    let shared = shared.fold(0, u64::saturating_add);
    let total = before.fold(offset.saturating_sub(shared), |sum, len| {
        sum.saturating_add(len as u64)
    });
    let mut out = Vec::with_capacity(usize::try_from(total).unwrap_or(usize::MAX));
    if let Some(styp) = &head.styp {
        styp.encode(&mut out)?;
    }
    if let Some(prft) = &head.prft {
        prft.encode(&mut out)?;
    }
    head.events
        .iter()
        .try_for_each(|event| event.encode(&mut out))?;
    moof.encode(&mut out)?;
    Mdat::put_header(payload, &mut Writer::new(&mut out));
    // The samples that are not copied, and where among what is copied they stand.
    let mut between: Vec<(usize, Bytes)> = Vec::new();
    for run in runs {
        let start = out.len();
        for sample in &run.samples {
            if stays(run, sample) {
                between.push((out.len(), sample.data.clone()));
            } else {
                out.extend_from_slice(&sample.data);
            }
        }
        if let Some(protected) = &run.protected {
            let data = out.get_mut(start..).unwrap_or_default();
            protected.encrypt(&run.samples, data)?;
        }
    }
    Ok(Fragment {
        written: out,
        between,
    })
}

/// Says where the encryption's information lies, from the start of the `moof`: in its `senc`, which is the last box
/// of its `traf`.
fn place_encryption(moof: &mut Moof) {
    let mut end = moof.mfhd.encoded_len().saturating_add(8);
    for traf in &mut moof.trafs {
        end = end.saturating_add(traf.encoded_len());
        let table = traf.senc.as_ref().map_or(0, |senc| senc.table().len());
        let place = end.saturating_sub(table) as u64;
        let offsets = traf.saios.iter_mut().flat_map(|saio| &mut saio.offsets);
        offsets.for_each(|offset| *offset = place);
    }
}

fn payload_len(run: &Run) -> u64 {
    run.samples
        .iter()
        .map(|sample| sample.data.len() as u64)
        .fold(0, u64::saturating_add)
}

fn traf(run: &Run) -> Result<Traf, Error> {
    let shifted = run
        .start
        .checked_add(run.decode_shift)
        .and_then(|time| u64::try_from(time).ok());
    let Some(base_media_decode_time) = shifted else {
        return Err(Error::State(
            "a sample lies before the start of its track's time line",
        ));
    };
    let mut tfhd = Tfhd::new(run.track_id);
    tfhd.sample_description_index = run.description;
    let truns = trun(run, &mut tfhd)?.into_iter().collect();
    tfhd.duration_is_empty = run.samples.is_empty();
    let mut traf = Traf {
        tfdt: Some(Tfdt {
            base_media_decode_time,
        }),
        truns,
        ..Traf::new(tfhd)
    };
    if let Some(protected) = &run.protected {
        protected.describe(&mut traf)?;
    }
    Ok(traf)
}

/// The table of a run; what is the same for all samples goes to the header instead.
fn trun(run: &Run, tfhd: &mut Tfhd) -> Result<Option<Trun>, Error> {
    let [first, rest @ ..] = run.samples.as_slice() else {
        return Ok(None);
    };
    let last = rest.last().unwrap_or(first);
    let default_duration = duration(first, rest.first())?;
    let default_flags = flags(last);
    let (mut same_duration, mut same_flags, mut same_size, mut offsets) = (true, true, true, false);
    let mut samples = Vec::with_capacity(run.samples.len());
    let shift = run.presentation_shift.saturating_sub(run.decode_shift);
    for (index, sample) in run.samples.iter().enumerate() {
        let duration = duration(sample, run.samples.get(index.saturating_add(1)))?;
        let size = u32::try_from(sample.data.len());
        let size = size.map_err(|_| TooLong {
            what: "sample_size",
            value: sample.data.len() as u64,
            max: u32::MAX.into(),
        })?;
        let flags = flags(sample);
        let offset = sample.pts.saturating_sub(sample.dts).saturating_add(shift);
        same_duration &= duration == default_duration;
        same_flags &= flags == default_flags || index == 0;
        same_size &= sample.data.len() == first.data.len();
        offsets |= offset != 0;
        samples.push(TrunSample {
            duration: Some(duration),
            size: Some(size),
            flags: Some(flags),
            composition_time_offset: Some(offset),
        });
    }
    let fields = TrunFields {
        duration: !same_duration,
        size: !same_size,
        flags: !same_flags,
        composition_time_offset: offsets,
    };
    let mut trun = Trun::with_capacity(fields, samples.len());
    // Counted in the size of the box; the place is known when that is.
    trun.data_offset = Some(0);
    trun.first_sample_flags = (same_flags && flags(first) != default_flags).then(|| flags(first));
    for sample in &samples {
        trun.push(*sample)?;
    }
    tfhd.default_sample_duration = same_duration.then_some(default_duration);
    tfhd.default_sample_size = samples
        .first()
        .filter(|_| same_size)
        .and_then(|sample| sample.size);
    tfhd.default_sample_flags = same_flags.then_some(default_flags);
    Ok(Some(trun))
}

/// Ticks until the next sample: by its time where there is one in the run, so that a gap stays where it is.
fn duration(sample: &Sample, next: Option<&Sample>) -> Result<u32, Error> {
    let until_next = next.and_then(|next| u32::try_from(next.dts.checked_sub(sample.dts)?).ok());
    let own = sample.duration.map(core::num::NonZeroU32::get);
    until_next
        .or(own)
        .ok_or(Error::State("a sample has no duration"))
}

fn flags(sample: &Sample) -> SampleFlags {
    if sample.is_sync() {
        SampleFlags::SYNC
    } else if sample.flags.contains(Flags::DISPOSABLE) {
        SampleFlags::NON_SYNC_DISPOSABLE
    } else {
        SampleFlags::NON_SYNC
    }
}
