//! The rules that lines break only together, and which breaches a playlist survives.

use crate::tag::{Place, Scope};
use crate::{Error, Line, Lines, Rule, Tag};

/// Looks at each line of a playlist, in order.
pub(crate) struct Checker {
    kind: Kind,
    /// [`Place::bit`]s of the tags that were there.
    seen: u64,
    /// The last tag or comment was an attribute list that breaks off.
    broken_off: bool,
}

/// Kinds of playlists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Media,
    Multivariant,
}

impl Checker {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            seen: 0,
            broken_off: false,
        }
    }

    /// Within a media playlist that was begun.
    pub(crate) const fn segment() -> Self {
        Self {
            kind: Kind::Media,
            seen: Place::EXT_M3U.bit,
            broken_off: false,
        }
    }

    /// Whether the line that `lines` gave last counts; if not, it is to be passed over.
    #[inline]
    pub(crate) fn takes(
        &mut self,
        lines: &Lines<'_>,
        line: &Result<Line<'_>, Error>,
    ) -> Result<bool, Error> {
        let error = match line {
            Ok(Line::Tag(tag)) => match self.tag(lines, tag) {
                Ok(()) => {
                    self.broken_off = false;
                    return Ok(true);
                }
                Err(error) => error,
            },
            Ok(Line::Uri(_)) => {
                self.begun(lines)?;
                return Ok(true);
            }
            Ok(Line::Comment(_) | Line::Blank) => {
                self.broken_off = false;
                return Ok(true);
            }
            Err(error) => error.clone(),
        };
        let essential = Place::of_line(lines.raw()).is_none_or(|place| place.essential);
        if essential || !matches!(error, Error::Invalid { .. }) {
            return Err(error);
        }
        let list = Rule::AttributeList;
        self.broken_off = matches!(error, Error::Invalid { rule, .. } if rule == list);
        Ok(false)
    }

    /// Whether a URI that nothing announces can be a piece of a tag that somebody broke over several lines.
    pub(crate) const fn has_broken_off(&self) -> bool {
        self.broken_off
    }

    fn tag(&mut self, lines: &Lines<'_>, tag: &Tag<'_>) -> Result<(), Error> {
        let place = tag.place();
        if !matches!(tag, Tag::ExtM3u) {
            self.begun(lines)?;
        }
        let other = match place.scope {
            Scope::Any | Scope::Once | Scope::Session => false,
            Scope::Media | Scope::MediaOnce | Scope::Segment => self.kind != Kind::Media,
            Scope::Multivariant => self.kind != Kind::Multivariant,
        };
        if other {
            return Err(lines.invalid(place, Rule::OtherPlaylist));
        }
        let once = matches!(place.scope, Scope::Once | Scope::MediaOnce);
        if once && self.seen & place.bit != 0 {
            return Err(lines.invalid(place, Rule::Repeated));
        }
        self.seen |= place.bit;
        Ok(())
    }

    /// Only comments may stand before `#EXTM3U`. (The standard forbids them too, but some playlists have them.)
    pub(crate) fn begun(&self, lines: &Lines<'_>) -> Result<(), Error> {
        if self.seen & Place::EXT_M3U.bit != 0 {
            Ok(())
        } else {
            Err(lines.invalid(Place::EXT_M3U, Rule::FirstLine))
        }
    }
}

/// What a playlist is, by the name of the first tag that says so, or where none does, of one that suggests it.
///
/// # Errors
///
/// [`Rule::Undecided`].
pub(crate) fn kind(mut lines: Lines<'_>) -> Result<Kind, Error> {
    let mut suggested = None;
    while lines.next().is_some() {
        match Place::of_line(lines.raw()).map(|place| place.scope) {
            Some(Scope::Media | Scope::MediaOnce | Scope::Segment) => return Ok(Kind::Media),
            Some(Scope::Multivariant) => return Ok(Kind::Multivariant),
            Some(Scope::Session) => suggested = Some(Kind::Multivariant),
            Some(Scope::Any | Scope::Once) | None => {}
        }
    }
    suggested.ok_or_else(|| lines.invalid(Place::PLAYLIST, Rule::Undecided))
}
