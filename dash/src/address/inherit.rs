//! What an element says about segments together with those around it (§5.3.9.1, §5.6).

use super::resolve;
use crate::{
    BaseUrl, ByteRange, SegmentBase, SegmentList, SegmentTemplate, SegmentTimeline, SegmentUrl,
    UrlType,
};

/// A base for URLs, resolved, with what it says about availability.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// The URL.
    pub url: String,
    /// What is likely to fail together with it.
    pub service_location: Option<String>,
    /// Seconds that segments are available earlier.
    pub availability_time_offset: f64,
    /// `@availabilityTimeComplete`, if said.
    pub availability_time_complete: Option<bool>,
}

/// Most alternatives that are resolved.
const ALTERNATIVES: usize = 16;

impl Base {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            service_location: None,
            availability_time_offset: 0.0,
            availability_time_complete: None,
        }
    }

    /// These bases as those of an inner element refine them.
    pub(super) fn refine(bases: Vec<Self>, inner: &[BaseUrl]) -> Vec<Self> {
        if inner.is_empty() {
            return bases;
        }
        let pairs = inner
            .iter()
            .flat_map(|inner| bases.iter().map(move |base| (base, inner)));
        let refined = pairs.take(ALTERNATIVES).map(|(base, inner)| Self {
            url: resolve(&base.url, &inner.url),
            service_location: inner
                .service_location
                .clone()
                .or_else(|| base.service_location.clone()),
            availability_time_offset: base.availability_time_offset
                + inner.availability_time_offset.unwrap_or(0.0),
            availability_time_complete: inner
                .availability_time_complete
                .or(base.availability_time_complete),
        });
        refined.collect()
    }
}

/// How segments are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Template,
    List,
    Base,
}

/// What `SegmentTemplate`, `SegmentList` or `SegmentBase` say, with what those of the elements around say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Information<'a> {
    pub(super) mode: Mode,
    pub(super) timescale: u32,
    pub(super) presentation_time_offset: i64,
    pub(super) duration: Option<u32>,
    pub(super) start_number: Option<u32>,
    pub(super) end_number: Option<u32>,
    pub(super) timeline: Option<&'a SegmentTimeline>,
    pub(super) media: Option<&'a str>,
    pub(super) initialization: Option<&'a str>,
    pub(super) initialization_url: Option<&'a UrlType>,
    pub(super) segment_urls: &'a [SegmentUrl],
    pub(super) index_range: Option<ByteRange>,
    pub(super) representation_index: Option<&'a UrlType>,
    pub(super) availability_time_offset: f64,
    pub(super) availability_time_complete: Option<bool>,
    pub(super) href: Option<&'a str>,
}

impl Information<'_> {
    /// Nothing is said: the base is the only segment.
    pub(super) const NONE: Self = Self {
        mode: Mode::Base,
        timescale: 1,
        presentation_time_offset: 0,
        duration: None,
        start_number: None,
        end_number: None,
        timeline: None,
        media: None,
        initialization: None,
        initialization_url: None,
        segment_urls: &[],
        index_range: None,
        representation_index: None,
        availability_time_offset: 0.0,
        availability_time_complete: None,
        href: None,
    };
}

/// What one level says.
pub(super) struct Level<'a> {
    pub(super) base: Option<&'a SegmentBase>,
    pub(super) list: Option<&'a SegmentList>,
    pub(super) template: Option<&'a SegmentTemplate>,
}

/// Takes over what an element says where it says something.
macro_rules! take {
    ($into:ident, $from:ident: $($field:ident),*) => {
        $(if let Some(value) = $from.$field {
            $into.$field = value;
        })*
    };
}

macro_rules! take_optional {
    ($into:ident, $from:ident: $($field:ident),*) => {
        $(if $from.$field.is_some() {
            $into.$field = $from.$field;
        })*
    };
}

macro_rules! take_base {
    ($into:ident, $from:ident) => {
        take!($into, $from: timescale, presentation_time_offset, availability_time_offset);
        take_optional!($into, $from: index_range, availability_time_complete);
        if $from.initialization_url.is_some() {
            $into.initialization_url = $from.initialization_url.as_ref();
        }
        if $from.representation_index.is_some() {
            $into.representation_index = $from.representation_index.as_ref();
        }
    };
}

macro_rules! take_multiple {
    ($into:ident, $from:ident) => {
        take_base!($into, $from);
        take_optional!($into, $from: duration, start_number, end_number);
        if $from.timeline.is_some() {
            $into.timeline = $from.timeline.as_ref();
        }
    };
}

/// Puts levels together, from the outermost on. The innermost level that says anything tells the mode, and only what is
/// said in that mode counts.
pub(super) fn inherit<'a>(levels: &[Level<'a>]) -> Option<Information<'a>> {
    let mode = levels.iter().rev().find_map(|level| {
        if level.template.is_some() {
            Some(Mode::Template)
        } else if level.list.is_some() {
            Some(Mode::List)
        } else if level.base.is_some() {
            Some(Mode::Base)
        } else {
            None
        }
    })?;
    let mut into = Information {
        mode,
        ..Information::NONE
    };
    for level in levels {
        match mode {
            Mode::Template => {
                let Some(from) = level.template else { continue };
                take_multiple!(into, from);
                if from.media.is_some() {
                    into.media = from.media.as_deref();
                }
                if from.initialization.is_some() {
                    into.initialization = from.initialization.as_deref();
                }
            }
            Mode::List => {
                let Some(from) = level.list else { continue };
                take_multiple!(into, from);
                if !from.segment_urls.is_empty() {
                    into.segment_urls = &from.segment_urls;
                }
                if from.href.is_some() {
                    into.href = from.href.as_deref();
                }
            }
            Mode::Base => {
                let Some(from) = level.base else { continue };
                take_base!(into, from);
            }
        }
    }
    Some(into)
}
