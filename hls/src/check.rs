//! The rules that tags break only together.

use crate::tag::{Place, Scope};
use crate::{Error, Lines, Rule, Tag};

/// Looks at each line of a playlist, in order.
pub(crate) struct Checker {
    kind: Kind,
    /// [`Place::bit`]s of the tags that were there.
    seen: u64,
}

/// Kinds of playlists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Media,
    Multivariant,
}

impl Checker {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, seen: 0 }
    }

    /// Whether a tag was there.
    pub(crate) const fn has(&self, place: Place) -> bool {
        self.seen & place.bit != 0
    }

    /// The line that `lines` gave last.
    pub(crate) fn tag(&mut self, lines: &Lines<'_>, tag: &Tag<'_>) -> Result<(), Error> {
        let place = tag.place();
        let refuse = |rule| Err(lines.invalid(place, rule));
        if !matches!(tag, Tag::ExtM3u) {
            self.begun(lines)?;
        }
        let other = match place.scope {
            Scope::Any | Scope::Once => false,
            Scope::Media | Scope::MediaOnce | Scope::Segment => self.kind != Kind::Media,
            Scope::Multivariant | Scope::MultivariantOnce => self.kind != Kind::Multivariant,
        };
        if other {
            return refuse(Rule::OtherPlaylist);
        }
        if matches!(
            place.scope,
            Scope::Once | Scope::MediaOnce | Scope::MultivariantOnce
        ) && self.has(place)
        {
            return refuse(Rule::Repeated);
        }
        self.seen |= place.bit;
        Ok(())
    }

    /// Only comments may stand before `#EXTM3U`. (The standard forbids them too; some playlists have them.)
    pub(crate) fn begun(&self, lines: &Lines<'_>) -> Result<(), Error> {
        if self.has(Place::EXT_M3U) {
            Ok(())
        } else {
            Err(lines.invalid(Place::EXT_M3U, Rule::FirstLine))
        }
    }
}

/// What a playlist is, by the name of the first tag that says so.
///
/// # Errors
///
/// [`Rule::Undecided`].
pub(crate) fn kind(mut lines: Lines<'_>) -> Result<Kind, Error> {
    while lines.next().is_some() {
        match Place::of_line(lines.raw()).map(|place| place.scope) {
            Some(Scope::Media | Scope::MediaOnce | Scope::Segment) => return Ok(Kind::Media),
            Some(Scope::Multivariant | Scope::MultivariantOnce) => return Ok(Kind::Multivariant),
            Some(Scope::Any | Scope::Once) | None => {}
        }
    }
    Err(lines.invalid(Place::PLAYLIST, Rule::Undecided))
}
