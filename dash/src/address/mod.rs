//! Which segments there are, where, and when: all addressing modes of ISO/IEC 23009-1 §5.3.9, static and dynamic.
//!
//! ```
//! use fluvial_dash::{Mpd, address::Address};
//!
//! let mpd: Mpd = r#"<MPD mediaPresentationDuration="PT5S"><Period><AdaptationSet>
//!     <SegmentTemplate timescale="10" duration="20" initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number%03d$.m4s"/>
//!     <Representation id="v"/></AdaptationSet></Period></MPD>"#.parse()?;
//! let period = mpd.placed_periods().next().unwrap();
//! let set = &period.period.adaptation_sets[0];
//! let address = Address::new(&mpd, "http://host/a/manifest.mpd", &period, set, &set.representations[0])?;
//! assert_eq!(address.initialization().unwrap().url, "http://host/a/v/init.mp4");
//! let urls: Vec<String> = address.segments()?.map(|segment| segment.resource.url).collect();
//! assert_eq!(urls, ["http://host/a/v/001.m4s", "http://host/a/v/002.m4s", "http://host/a/v/003.m4s"]);
//! # Ok::<(), fluvial_dash::Error>(())
//! ```

mod index;
mod inherit;
mod periods;
mod segments;
mod template;

pub use index::{Index, Reference};
pub use inherit::Base;
pub use periods::PlacedPeriod;
pub use segments::Segments;
pub use template::{Template, Values};
pub use wire::uri::resolve;

use crate::{AdaptationSet, ByteRange, Error, Mpd, Representation, UrlType};
use inherit::{Information, Level, Mode, inherit};
use segments::{Availability, Source, Times};
use std::sync::Arc;

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Its URL.
    pub url: String,
    /// Which bytes of it; all if `None`.
    pub range: Option<ByteRange>,
}

/// A media segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Where it is.
    pub resource: Resource,
    /// `$Number$`.
    pub number: u64,
    /// `$SubNumber$`: which part of a sequence of segments it is, from 1.
    pub sub_number: u64,
    /// Ticks of its start on the time line of the media.
    pub time: u64,
    /// Ticks that it lasts; `None` where that is not known.
    pub duration: Option<u64>,
    /// Ticks per second.
    pub timescale: u32,
    /// Its start on the presentation's time line, in nanoseconds.
    pub start: i64,
    /// Its end on the presentation's time line, in nanoseconds; `None` where that is not known.
    pub end: Option<i64>,
    /// Wall-clock time from which it can be had, in Unix nanoseconds; `None`: always.
    pub available_from: Option<i64>,
    /// Wall-clock time from which it cannot be had any more, in Unix nanoseconds; `None`: never.
    pub available_until: Option<i64>,
}

impl Segment {
    /// How long it lasts, in nanoseconds; 0 where that is not known.
    #[must_use]
    pub fn duration_nanos(&self) -> u64 {
        let nanos = self.end.and_then(|end| end.checked_sub(self.start));
        nanos
            .and_then(|nanos| u64::try_from(nanos).ok())
            .unwrap_or(0)
    }
}

/// How the segments of a representation are addressed.
#[derive(Debug, Clone)]
pub struct Address<'a> {
    information: Information<'a>,
    bases: Vec<Base>,
    base: usize,
    representation: &'a Representation,
    period_start: u64,
    period_duration: Option<u64>,
    availability: Option<Availability>,
    index: Option<Arc<Index>>,
}

impl<'a> Address<'a> {
    /// Of a representation in its set, in its period. `url` is where the document came from.
    ///
    /// # Errors
    ///
    /// [`Error::State`] for a timescale of zero.
    pub fn new(
        mpd: &'a Mpd,
        url: &str,
        period: &PlacedPeriod<'a>,
        set: &'a AdaptationSet,
        representation: &'a Representation,
    ) -> Result<Self, Error> {
        let mut bases = vec![Base::new(url)];
        for level in [
            &mpd.base_urls,
            &period.period.base_urls,
            &set.base_urls,
            &representation.base_urls,
        ] {
            bases = Base::refine(bases, level);
        }
        macro_rules! level {
            ($of:expr) => {
                Level {
                    base: $of.segment_base.as_ref(),
                    list: $of.segment_list.as_ref(),
                    template: $of.segment_template.as_ref(),
                }
            };
        }
        let levels = [level!(period.period), level!(set), level!(representation)];
        let information = inherit(&levels).unwrap_or(Information::NONE);
        if information.timescale == 0 {
            return Err(Error::State("a timescale is zero"));
        }
        let depth = mpd.time_shift_buffer_depth.map(crate::Duration::as_nanos);
        let origin = mpd.availability_start_time.filter(|_| mpd.is_dynamic());
        let availability = origin.map(|origin| Availability {
            origin: origin.unix_nanos(),
            early: information.availability_time_offset,
            depth,
        });
        Ok(Self {
            information,
            bases,
            base: 0,
            representation,
            period_start: period.start,
            period_duration: period.duration,
            availability,
            index: None,
        })
    }

    /// The bases that URLs can be resolved against: alternatives, the first being in use.
    #[must_use]
    pub fn bases(&self) -> &[Base] {
        &self.bases
    }

    /// Uses another one of the [`bases`](Self::bases); the last where there are not as many.
    pub fn use_base(&mut self, index: usize) {
        self.base = index.min(self.bases.len().saturating_sub(1));
    }

    /// Whether segments can be asked for before they are complete, so that they come in chunks.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        let base = self.bases.get(self.base);
        let base = base.and_then(|base| base.availability_time_complete);
        base.or(self.information.availability_time_complete) == Some(false)
    }

    /// Ticks per second of the times.
    #[must_use]
    pub const fn timescale(&self) -> u32 {
        self.information.timescale
    }

    /// Ticks on the time line of the media at the start of the period.
    #[must_use]
    pub const fn presentation_time_offset(&self) -> i64 {
        self.information.presentation_time_offset
    }

    /// The `SegmentTimeline`, if there is one: segments are only those that it tells, and come with a new document.
    #[must_use]
    pub const fn timeline(&self) -> Option<&'a crate::SegmentTimeline> {
        self.information.timeline
    }

    /// A list of segments that is elsewhere (`xlink:href`, §5.5), and has to be fetched and put in its place first.
    #[must_use]
    pub fn remote_list(&self) -> Option<&'a str> {
        self.information
            .href
            .filter(|_| self.information.segment_urls.is_empty())
    }

    /// The initialization segment, if there is one.
    #[must_use]
    pub fn initialization(&self) -> Option<Resource> {
        let information = &self.information;
        if let Some(template) = information.initialization {
            let template = Template::parse(template).ok()?;
            let values = Values {
                representation_id: self.representation.id.as_deref().unwrap_or(""),
                bandwidth: self.representation.bandwidth.unwrap_or(0),
                ..Values::default()
            };
            return Some(Resource {
                url: resolve(self.base_url(), &template.url(&values)),
                range: None,
            });
        }
        information.initialization_url.map(|url| self.resource(url))
    }

    /// What has to be fetched before the segments are known: a segment index, to be [given](Self::set_index) back.
    #[must_use]
    pub fn needs_index(&self) -> Option<Resource> {
        let information = &self.information;
        if self.index.is_some() || information.mode != Mode::Base {
            return None;
        }
        if let Some(index) = information.representation_index {
            return Some(self.resource(index));
        }
        Some(Resource {
            url: self.base_url().into(),
            range: Some(information.index_range?),
        })
    }

    /// Takes the index that was [needed](Self::needs_index).
    pub fn set_index(&mut self, index: Index) {
        if self.information.mode == Mode::Base && index.timescale > 0 {
            self.information.timescale = index.timescale;
            self.index = Some(Arc::new(index));
        }
    }

    /// The media segments, by time: all that there are, or in a dynamic presentation ever will be as far as this document
    /// knows.
    ///
    /// # Errors
    ///
    /// [`Error::State`] for a template that is malformed, or none.
    pub fn segments(&self) -> Result<Segments<'a>, Error> {
        let information = &self.information;
        let source = match (information.mode, &self.index) {
            (Mode::Template, _) => {
                let media = information
                    .media
                    .ok_or(Error::State("a SegmentTemplate has no @media"))?;
                Source::Template(Template::parse(media)?)
            }
            (Mode::List, _) => {
                let first = u64::from(information.start_number.unwrap_or(1));
                Source::List(information.segment_urls, first)
            }
            (Mode::Base, Some(index)) => Source::Index(Arc::clone(index)),
            (Mode::Base, None) => Source::Whole,
        };
        let early = self
            .bases
            .get(self.base)
            .map_or(0.0, |base| base.availability_time_offset);
        Ok(Segments {
            source,
            base: self.base_url().into(),
            representation_id: self.representation.id.as_deref().unwrap_or(""),
            bandwidth: self.representation.bandwidth.unwrap_or(0),
            timescale: information.timescale,
            presentation_time_offset: information.presentation_time_offset,
            period_start: self.period_start,
            availability: self.availability.map(|availability| Availability {
                early: availability.early + early,
                ..availability
            }),
            cursor: Times::new(information, self.period_duration, self.index.as_ref()),
        })
    }

    fn base_url(&self) -> &str {
        self.bases.get(self.base).map_or("", |base| &base.url)
    }

    fn resource(&self, url: &UrlType) -> Resource {
        let source = url.source_url.as_deref();
        Resource {
            url: source.map_or_else(
                || self.base_url().into(),
                |url| resolve(self.base_url(), url),
            ),
            range: url.range,
        }
    }
}
