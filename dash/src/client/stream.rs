use super::{Kind, select};
use crate::address::{Address, Index, Resource, Segment};
use crate::{ContentType, Error, Mpd};

/// A stream of a period that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Index of its set in the period.
    pub set: usize,
    /// Index of its representation in the set, at first.
    pub representation: usize,
    /// What it holds.
    pub content_type: Option<ContentType>,
}

/// What a stream needs.
#[derive(Debug)]
pub(super) enum Next {
    Fetch(Kind, Resource),
    /// Nothing, until a time or a new version of the document.
    Wait(Option<i64>),
    /// There is nothing more in this period.
    Done,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) info: StreamInfo,
    /// Where it is on the presentation's time line, in nanoseconds.
    pub(super) time: u64,
    pub(super) initialized: bool,
    index: Option<Index>,
    /// Which of the alternative bases is in use, and what they are.
    base: usize,
    bases: Vec<String>,
    pub(super) waits_until: Option<i64>,
}

impl Stream {
    pub(super) const fn new(info: StreamInfo, time: u64) -> Self {
        Self {
            info,
            time,
            initialized: false,
            index: None,
            base: 0,
            bases: Vec::new(),
            waits_until: None,
        }
    }

    /// A segment is here, or is passed over.
    pub(super) fn passed(&mut self, segment: &Segment) {
        let end = segment.end.unwrap_or(i64::MAX);
        self.time = u64::try_from(end)
            .unwrap_or(0)
            .max(self.time.saturating_add(1));
    }

    pub(super) const fn go(&mut self, time: u64) {
        self.time = time;
    }

    pub(super) fn take_index(&mut self, body: &[u8], resource: &Resource) -> Result<(), Error> {
        let first = resource.range.map_or(0, |range| range.first);
        self.index = Some(Index::parse(body, first)?);
        Ok(())
    }

    /// The same thing at the next of the alternative bases, if there are any.
    pub(super) fn other_base(&mut self, url: &str) -> Option<String> {
        let old = self.bases.get(self.base)?;
        let rest = url.strip_prefix(old.rsplit_once('/')?.0)?;
        let next = (self.base + 1).checked_rem(self.bases.len())?;
        let new = self.bases.get(next)?.rsplit_once('/')?.0;
        self.base = next;
        Some(format!("{new}{rest}"))
    }

    pub(super) fn next(
        &mut self,
        mpd: &Mpd,
        period: &str,
        url: &str,
        wanted: Option<usize>,
        now: i64,
    ) -> Result<Next, Error> {
        let Some(period) = select::find(mpd, period) else {
            // It left the window, and what is left of it with it.
            return Ok(Next::Done);
        };
        let Some(set) = period.period.adaptation_sets.get(self.info.set) else {
            return Ok(Next::Done);
        };
        if let Some(wanted) = wanted
            && wanted != self.info.representation
        {
            self.info.representation = wanted;
            self.initialized = false;
            self.index = None;
        }
        let Some(representation) = set.representations.get(self.info.representation) else {
            return Ok(Next::Done);
        };
        let mut address = Address::new(mpd, url, &period, set, representation)?;
        self.bases = address
            .bases()
            .iter()
            .map(|base| base.url.clone())
            .collect();
        address.use_base(self.base);
        if !self.initialized {
            if let Some(resource) = address.initialization() {
                return Ok(Next::Fetch(Kind::Initialization, resource));
            }
            self.initialized = true;
        }
        if let Some(index) = &self.index {
            address.set_index(index.clone());
        } else if let Some(resource) = address.needs_index() {
            return Ok(Next::Fetch(Kind::Index, resource));
        }
        let mut segments = address.segments()?;
        segments.skip_expired(now);
        segments.skip_to(self.time);
        let time = i64::try_from(self.time).unwrap_or(i64::MAX);
        // Rounding, and representations that are not aligned: what is more than half passed is passed.
        let segment = segments.find(|segment| {
            let half = i64::try_from(segment.duration_nanos() / 2).unwrap_or(i64::MAX);
            segment.end.is_none() || segment.start.saturating_add(half) >= time
        });
        let Some(segment) = segment else {
            let open = mpd.is_dynamic() && period.duration.is_none();
            return Ok(if open { Next::Wait(None) } else { Next::Done });
        };
        // What follows the end of a period that has one is not played.
        if segment.end.is_none() && self.time == u64::try_from(i64::MAX).unwrap_or(u64::MAX) {
            return Ok(Next::Done);
        }
        if let Some(from) = segment.available_from.filter(|from| *from > now) {
            return Ok(Next::Wait(Some(from)));
        }
        let resource = segment.resource.clone();
        Ok(Next::Fetch(Kind::Media(segment), resource))
    }
}
