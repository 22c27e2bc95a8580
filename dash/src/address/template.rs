//! URLs with identifiers in them (ISO/IEC 23009-1 §5.3.9.4.4).

use crate::Error;
use std::fmt::Write;

/// A template, taken apart.
///
/// ```
/// use fluvial_dash::address::{Template, Values};
///
/// let template = Template::parse("$RepresentationID$/$Number%05d$.m4s")?;
/// let values = Values { representation_id: "v1", number: 42, ..Values::default() };
/// assert_eq!(template.url(&values), "v1/00042.m4s");
/// # Ok::<(), fluvial_dash::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'a> {
    pieces: Vec<Piece<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    RepresentationId,
    /// An identifier of a number, and how many digits there are at least.
    Number(Identifier, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identifier {
    Number,
    Bandwidth,
    Time,
    SubNumber,
}

/// What identifiers stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Values<'a> {
    /// `$RepresentationID$`.
    pub representation_id: &'a str,
    /// `$Number$`.
    pub number: u64,
    /// `$Bandwidth$`, in bit/s.
    pub bandwidth: u32,
    /// `$Time$`, in ticks.
    pub time: u64,
    /// `$SubNumber$`.
    pub sub_number: u64,
}

impl<'a> Template<'a> {
    /// # Errors
    ///
    /// [`Error::State`] for an identifier that there is not, a format that is not `%0[width]d` with up to 32 digits, or a
    /// `$` without its like.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut parts = text.split('$');
        if let Some(first) = parts.next().filter(|text| !text.is_empty()) {
            pieces.push(Piece::Text(first));
        }
        while let Some(identifier) = parts.next() {
            pieces.push(Piece::parse(identifier)?);
            let Some(text) = parts.next() else {
                return Err(Error::State("a template has a $ without its like"));
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(text));
            }
        }
        Ok(Self { pieces })
    }

    /// Whether there is a `$Time$` in it.
    #[must_use]
    pub fn has_time(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.any(|piece| matches!(piece, Piece::Number(Identifier::Time, _)))
    }

    /// The URL with these values.
    #[must_use]
    pub fn url(&self, values: &Values<'_>) -> String {
        let mut url = String::new();
        for piece in &self.pieces {
            match *piece {
                Piece::Text(text) => url.push_str(text),
                Piece::RepresentationId => url.push_str(values.representation_id),
                Piece::Number(identifier, width) => {
                    let number = match identifier {
                        Identifier::Number => values.number,
                        Identifier::Bandwidth => values.bandwidth.into(),
                        Identifier::Time => values.time,
                        Identifier::SubNumber => values.sub_number,
                    };
                    // Writing to a string does not fail.
                    let _ = write!(url, "{number:0width$}");
                }
            }
        }
        url
    }
}

impl<'a> Piece<'a> {
    fn parse(identifier: &'a str) -> Result<Self, Error> {
        let (name, width) = match identifier.split_once('%') {
            Some((name, format)) => {
                let width = format
                    .strip_prefix('0')
                    .and_then(|format| format.strip_suffix('d'))
                    .filter(|width| width.bytes().all(|byte| byte.is_ascii_digit()))
                    .map(|width| if width.is_empty() { "1" } else { width })
                    .and_then(|width| width.parse().ok())
                    .filter(|width| *width <= 32);
                let malformed = Error::State("the format in a template is not %0[width]d");
                (name, width.ok_or(malformed)?)
            }
            None => (identifier, 1),
        };
        Ok(match name {
            "" => Piece::Text("$"),
            "RepresentationID" => Piece::RepresentationId,
            "Number" => Piece::Number(Identifier::Number, width),
            "Bandwidth" => Piece::Number(Identifier::Bandwidth, width),
            "Time" => Piece::Number(Identifier::Time, width),
            "SubNumber" => Piece::Number(Identifier::SubNumber, width),
            _ => {
                return Err(Error::State(
                    "a template has an identifier that there is not",
                ));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_replaced() {
        let values = Values {
            representation_id: "a$b",
            number: 7,
            bandwidth: 128_000,
            time: 5_491_776_169,
            sub_number: 3,
        };
        for (template, url) in [
            ("", ""),
            ("x.mp4", "x.mp4"),
            ("$Number$", "7"),
            ("$Number%05d$.m4s", "00007.m4s"),
            ("$Number%0d$", "7"),
            ("$Time$/$Time%012d$", "5491776169/005491776169"),
            ("$RepresentationID$$$-$Bandwidth$", "a$b$-128000"),
            ("$Number$.$SubNumber%02d$", "7.03"),
            ("$Number%032d$", "00000000000000000000000000000007"),
        ] {
            assert_eq!(
                Template::parse(template).unwrap().url(&values),
                url,
                "{template}"
            );
        }
        for malformed in [
            "$",
            "$Number",
            "$number$",
            "$Number%5d$",
            "$Number%05x$",
            "$Number%0999999999d$",
            "a$b$c",
        ] {
            assert!(Template::parse(malformed).is_err(), "{malformed}");
        }
    }
}
