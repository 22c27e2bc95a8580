//! Decryption of what the demuxer reads; without the feature `cenc`, nothing of it is left.

use crate::boxes::{SampleEntry, Stbl, Traf};
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(feature = "cenc")]
pub(crate) use on::{Decryption, Keys};

#[cfg(not(feature = "cenc"))]
pub(crate) use off::{Decryption, Keys};

#[cfg(feature = "cenc")]
mod on {
    use super::{SampleEntry, Stbl, String, Traf, Vec};
    use crate::boxes::{IsoBox, SampleEncryption, Sbgp, Seig, Senc, Sgpd, Tfhd};
    pub(crate) use crate::cenc::Keys;
    use crate::cenc::{Decryptor, Protection};
    use alloc::format;
    use alloc::string::ToString;

    /// How the samples of a track are decrypted.
    #[derive(Debug)]
    pub(crate) struct Decryption {
        keys: Keys,
        /// By sample description; `None` for those of clear samples.
        protections: Vec<Option<Protection>>,
        /// The groups that `moov` describes.
        groups: Vec<Option<SampleEncryption>>,
        fragments: Vec<Fragment>,
    }

    /// What a `traf` says, and how far it has been read.
    #[derive(Debug)]
    struct Fragment {
        /// Its samples, counted over all of the `moof`.
        end: u32,
        protection: Option<Protection>,
        /// For samples in no group.
        decryptor: Option<Decryptor>,
        senc: Option<Senc>,
        sbgp: Option<Sbgp>,
        groups: Vec<Option<SampleEncryption>>,
        next: u32,
        /// Place in `senc` of the next sample.
        at: usize,
        /// Next entry of `sbgp`, and what is left of the one before, whose group is `group`.
        run: usize,
        run_left: u32,
        group: u32,
    }

    fn groups(sgpds: &[Sgpd]) -> Vec<Option<SampleEncryption>> {
        let seig = sgpds
            .iter()
            .find(|sgpd| sgpd.grouping_type == Seig::GROUPING_TYPE);
        let entries = seig.into_iter().flat_map(|sgpd| &sgpd.entries);
        entries
            .map(|entry| Seig::parse(entry).ok().map(|seig| seig.0))
            .collect()
    }

    impl Decryption {
        /// For a track with one of the keys; its sample entries become those of clear samples.
        pub(crate) fn new(keys: &Keys, stbl: &Stbl, entries: &mut [SampleEntry]) -> Option<Self> {
            let protections: Vec<_> = entries.iter().map(Protection::of).collect();
            let mut protected = protections.iter().flatten();
            protected.find(|protection| keys.get(protection.defaults.key_id).is_some())?;
            for (entry, protection) in entries.iter_mut().zip(&protections) {
                if let Some(protection) = protection {
                    *entry = protection.remove(entry);
                }
            }
            Some(Self {
                keys: keys.clone(),
                protections,
                groups: groups(&stbl.sgpds),
                fragments: Vec::new(),
            })
        }

        /// For the samples that `moov` itself has: what a `traf` would say of them stands in the sample table.
        pub(crate) fn of_movie(
            keys: &Keys,
            stbl: &Stbl,
            entries: &mut [SampleEntry],
        ) -> Option<Self> {
            let mut decryption = Self::new(keys, stbl, entries)?;
            let mut traf = Traf::new(Tfhd::default());
            let senc = stbl
                .other
                .iter()
                .find(|raw| raw.box_type() == Some(Senc::TYPE));
            traf.senc = senc.and_then(|raw| Senc::parse(&raw.bytes).ok());
            traf.sbgps.clone_from(&stbl.sbgps);
            // More than one description is as rare as chunks of the others.
            let chunks = stbl.stsc.as_ref().and_then(|stsc| stsc.entries.get(0));
            let entry = chunks.map_or(1, |run| run.sample_description_index);
            decryption.add(&traf, entry, 0, u32::MAX);
            Some(decryption)
        }

        /// Goes back to the first sample.
        pub(crate) fn rewind(&mut self) {
            for fragment in &mut self.fragments {
                (fragment.next, fragment.at) = (0, 0);
                (fragment.run, fragment.run_left, fragment.group) = (0, 0, 0);
            }
        }

        /// Forgets the fragments of the last `moof`.
        pub(crate) fn clear(&mut self) {
            self.fragments.clear();
        }

        /// Takes in what a `traf` says of the samples from `first` to `end`, which have this sample description.
        pub(crate) fn add(&mut self, traf: &Traf, entry: u32, first: u32, end: u32) {
            let at = usize::try_from(entry)
                .unwrap_or(usize::MAX)
                .saturating_sub(1);
            let protection = self.protections.get(at).or(self.protections.last());
            let protection = protection.cloned().flatten();
            let decryptor = protection.as_ref().and_then(|protection| {
                let key = self.keys.get(protection.defaults.key_id)?;
                Some(Decryptor::new(protection, key))
            });
            let mut sbgps = traf.sbgps.iter();
            self.fragments.push(Fragment {
                end,
                protection,
                decryptor,
                senc: traf.senc.clone(),
                sbgp: sbgps
                    .find(|sbgp| sbgp.grouping_type == Seig::GROUPING_TYPE)
                    .cloned(),
                groups: groups(&traf.sgpds),
                next: first,
                at: 0,
                run: 0,
                run_left: 0,
                group: 0,
            });
        }

        /// Decrypts the sample with this number; `None` where it is clear.
        pub(crate) fn decrypt(
            &mut self,
            index: u32,
            data: &[u8],
        ) -> Result<Option<Vec<u8>>, String> {
            let mut fragments = self.fragments.iter_mut();
            let Some(fragment) = fragments.find(|fragment| index < fragment.end) else {
                return Ok(None);
            };
            fragment.decrypt(index, &self.groups, &self.keys, data)
        }
    }

    impl Fragment {
        fn decrypt(
            &mut self,
            index: u32,
            movie_groups: &[Option<SampleEncryption>],
            keys: &Keys,
            data: &[u8],
        ) -> Result<Option<Vec<u8>>, String> {
            let Some(protection) = &self.protection else {
                return Ok(None);
            };
            if index < self.next {
                return Err("samples do not lie in the order of their encryption".into());
            }
            loop {
                if self.run_left == 0 {
                    let table = self.sbgp.as_ref().map(|sbgp| &sbgp.entries);
                    let run = table.and_then(|table| table.get(self.run));
                    self.run = self.run.saturating_add(1);
                    // Behind the table there are no groups.
                    self.run_left = run.map_or(u32::MAX, |run| run.sample_count);
                    self.group = run.map_or(0, |run| run.group_description_index);
                    continue;
                }
                let own = self.group.checked_sub(0x1_0000);
                let (groups, number) = match own {
                    Some(number) => (&*self.groups, number),
                    None => (movie_groups, self.group),
                };
                let how = match number.checked_sub(1) {
                    None => &protection.defaults,
                    Some(at) => {
                        let group = groups.get(usize::try_from(at).unwrap_or(usize::MAX));
                        let group = group.and_then(Option::as_ref);
                        group.ok_or("a sample is in a group that is not described")?
                    }
                };
                let iv_size = if how.is_protected {
                    how.per_sample_iv_size
                } else {
                    0
                };
                let info = match &self.senc {
                    Some(senc) => {
                        let info = senc.sample_at(self.at, iv_size);
                        let (info, at) = info.map_err(|error| error.to_string())?;
                        self.at = at;
                        info
                    }
                    None if iv_size > 0 => return Err("there are no initialization vectors".into()),
                    None => crate::boxes::SampleInfo::default(),
                };
                self.run_left = self.run_left.saturating_sub(1);
                let at = self.next;
                self.next = at.saturating_add(1);
                if at < index {
                    continue;
                }
                if !how.is_protected {
                    return Ok(None);
                }
                let own;
                let decryptor = match (&self.decryptor, self.group) {
                    (Some(decryptor), 0) => decryptor,
                    _ => {
                        let key = keys.get(how.key_id);
                        let key =
                            key.ok_or_else(|| format!("no key has the name {}", how.key_id))?;
                        own = Decryptor::for_group(protection, how, key);
                        &own
                    }
                };
                let mut data = data.to_vec();
                decryptor
                    .decrypt(&info, &mut data)
                    .map_err(|error| error.to_string())?;
                return Ok(Some(data));
            }
        }
    }
}

#[cfg(not(feature = "cenc"))]
mod off {
    use super::{SampleEntry, Stbl, String, Traf, Vec};

    /// No keys.
    #[derive(Debug, Default)]
    pub(crate) struct Keys(());

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Decryption {}

    impl Decryption {
        pub(crate) fn new(_: &Keys, _: &Stbl, _: &mut [SampleEntry]) -> Option<Self> {
            None
        }

        pub(crate) fn of_movie(_: &Keys, _: &Stbl, _: &mut [SampleEntry]) -> Option<Self> {
            None
        }

        pub(crate) fn rewind(&mut self) {
            match *self {}
        }

        pub(crate) fn clear(&mut self) {
            match *self {}
        }

        pub(crate) fn add(&mut self, _: &Traf, _: u32, _: u32, _: u32) {
            match *self {}
        }

        pub(crate) fn decrypt(&mut self, _: u32, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
            match *self {}
        }
    }
}
