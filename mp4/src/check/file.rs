//! What the boxes at the top of a file say of it: brands, tracks, fragments, indexes.

use super::{Checker, Cmaf, Rule, fragment, movie, tables};
use crate::boxes::{Brands, Child, FourCc, Ftyp, IsoBox, Sidx, Styp};
use alloc::format;
use alloc::string::String;

impl Checker {
    fn major_brand(&mut self, brands: &Brands, start: u64, path: &str) {
        let major = brands.major_brand;
        if !brands.compatible_brands.contains(&major) {
            let what = format!("{major} is not among the compatible brands");
            self.findings.push(Rule::MajorBrand, start, path, what);
        }
    }

    fn has_brand(&self, brand: &[u8; 4]) -> bool {
        self.brands.contains(&FourCc(*brand))
    }

    pub(super) fn ftyp(&mut self, child: &Child<'_>, start: u64) {
        let Ok(Ftyp(brands)) = Ftyp::decode_body(&mut child.body()) else {
            return;
        };
        self.major_brand(&brands, start, "ftyp");
        self.brands = brands.compatible_brands;
        self.brands.push(brands.major_brand);
        self.quicktime = self.has_brand(b"qt  ");
        self.cmaf = if self.has_brand(b"cmf2") {
            Cmaf::Cmf2
        } else if self.has_brand(b"cmfc") {
            Cmaf::Cmfc
        } else {
            Cmaf::No
        };
    }

    pub(super) fn styp(&mut self, child: &Child<'_>, start: u64) {
        let Ok(Styp(brands)) = Styp::decode_body(&mut child.body()) else {
            return;
        };
        self.has_styp = true;
        self.major_brand(&brands, start, "styp");
        let all = || brands.compatible_brands.iter().chain([&brands.major_brand]);
        let has = |names: &[&[u8; 4]]| all().any(|brand| names.contains(&&brand.0));
        // A chunk (`cmfl`) may begin anywhere, a fragment and a segment only where decoding can.
        self.starts_segment = has(&[b"cmfs", b"cmff"]);
        if self.is_segment && !self.has_ftyp && has(&[b"cmfs", b"cmff", b"cmfl"]) {
            self.cmaf = Cmaf::Cmfc;
        }
        for brand in all() {
            if self.brands.len() < 64 && !self.brands.contains(brand) {
                self.brands.push(*brand);
            }
        }
    }

    pub(super) fn moov(&mut self, child: &Child<'_>, start: u64) {
        let look = movie::Look {
            findings: &mut self.findings,
            body: child.body(),
            base: start,
            cmaf: self.cmaf,
            quicktime: self.quicktime,
            most_tracks: self.limits.tracks,
            path: String::new(),
        };
        self.movie = look.movie();
        self.last_sequence = None;
        self.starts_segment = true;
    }

    pub(super) fn moof(&mut self, child: &Child<'_>, start: u64) {
        self.end_fragment();
        if !core::mem::replace(&mut self.has_fragments, true)
            && self.has_moov
            && !self.movie.has_mvex
        {
            let what = "there are fragments, and moov has no mvex";
            self.findings.push(Rule::MandatoryBox, start, "moof", what);
        }
        if self.moofs.len() < super::REMEMBERED {
            self.moofs.push(start);
        }
        let look = fragment::Look {
            findings: &mut self.findings,
            lanes: &mut self.movie.lanes,
            last_sequence: &mut self.last_sequence,
            has_movie: self.has_moov,
            cmaf: self.cmaf,
            starts_segment: core::mem::take(&mut self.starts_segment),
            most_tracks: self.limits.tracks,
        };
        let (pending, parts, from_moof) = look.fragment(child, start);
        self.pending = Some(pending);
        self.indexes.fragment(&parts, &mut self.findings);
        if from_moof && !self.brands.is_empty() && !core::mem::replace(&mut self.told_base, true) {
            self.base_brand(start);
        }
    }

    /// Whether a brand of the file knows `default-base-is-moof`.
    fn base_brand(&mut self, start: u64) {
        let knows = |brand: &FourCc| match &brand.0 {
            [b'i', b's', b'o', version] => matches!(version, b'5'..=b'9' | b'a'..=b'z'),
            [b'c', b'm', b'f', _] | b"dash" | b"msdh" | b"msix" | b"dby1" | b"3gh9" => true,
            _ => false,
        };
        if !self.brands.iter().any(knows) {
            let what = "default-base-is-moof needs the brand iso5 or a later one";
            self.findings.push(Rule::BrandFeature, start, "moof", what);
        }
    }

    pub(super) fn sidx(&mut self, child: &Child<'_>, start: u64) {
        let Ok(sidx) = Sidx::decode_body(&mut child.body()) else {
            return;
        };
        if sidx.timescale == 0 {
            self.findings
                .push(Rule::Timescale, start, "sidx", "sidx has a timescale of 0");
        } else if !self.indexes.add(sidx, start, self.position) {
            let what = "indexes in each other are deeper than the limit";
            self.findings.push(Rule::NotChecked, start, "sidx", what);
        }
    }

    /// All of a fragment's media data has come.
    pub(super) fn end_fragment(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        if self.cmaf.is_some() && !pending.has_data {
            self.findings
                .push(Rule::CmafChunk, pending.offset, "moof", "no mdat follows");
        }
        for run in pending.runs {
            if self.mdats.covers(run.start, run.end) == Some(false) {
                let what = format!("samples at {} to {} are in no mdat", run.start, run.end);
                self.findings
                    .push(Rule::RunPlace, pending.offset, run.path(), what);
            }
        }
    }

    pub(super) fn finish(&mut self, end: u64) {
        let lanes = &self.movie.lanes;
        self.indexes
            .finish(self.claimed_end, lanes, &mut self.findings);
        if !self.is_segment && !self.has_moov {
            self.findings
                .push(Rule::MandatoryBox, end, "", "the file has no moov");
        }
        if let Some((base, moov)) = self.moov.take() {
            tables::places(
                &moov,
                base,
                &self.mdats,
                self.claimed_end,
                &mut self.findings,
            );
        }
        if let Some(told) = self.movie.fragment_duration.filter(|_| self.has_fragments) {
            let scale = u128::from(self.movie.movie_timescale);
            let ends = self.movie.lanes.iter().map(|lane| {
                let shown = lane
                    .end
                    .saturating_add_signed(lane.media_time.saturating_neg());
                let ticks = |end: u64| {
                    let ticks = (u128::from(end) * scale).checked_div(lane.timescale.into());
                    ticks.unwrap_or(0)
                };
                (ticks(shown), ticks(lane.end))
            });
            let (shown, whole) = ends.fold((0, 0), |(a, b), (c, d)| (a.max(c), b.max(d)));
            let slack = (scale / 10).max(1);
            let told = u128::from(told);
            // Of what comes in segments, more may be elsewhere.
            let is_longer = told > shown.max(whole) + slack && !self.has_styp;
            if told + slack < shown.min(whole) || is_longer {
                let what = format!("mehd says {told} ticks, the fragments end at {whole}");
                self.findings
                    .push(Rule::FragmentedDuration, end, "moov/mvex/mehd", what);
            }
        }
        self.findings.finish(end);
    }
}
