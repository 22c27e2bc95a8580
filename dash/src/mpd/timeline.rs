use crate::value::Value;
use crate::xml::{AttributeInfo, ChildInfo, Cursor, Model, Set, Tag, Writer};
use crate::{Error, Other};

element! {
    /// When segments start (§5.3.9.6), in runs of segments that last equally long.
    "SegmentTimeline" SegmentTimeline run(read_run) {} {
        "S" segments: Vec<S>, "the runs, by time";
    }
}

/// A run of segments that last equally long (§5.3.9.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S {
    /// `@t`: ticks of its start; where the run before ends if absent.
    pub t: Option<u64>,
    /// `@n`: number of its first segment; the one after the run before if absent.
    pub n: Option<u64>,
    /// `@d`: ticks of each segment.
    pub d: u64,
    /// `@r`: how many segments follow the first one; negative: up to the next run, or the end of the period.
    pub r: i64,
    /// `@k`: segments that make a sequence, in which they differ by `$SubNumber$`; 1 if absent.
    pub k: Option<u64>,
    /// What else is in it.
    pub other: Option<Box<Other>>,
}

impl S {
    /// A run of `r + 1` segments of `d` ticks that starts where the one before ends.
    #[must_use]
    pub const fn new(d: u64, r: i64) -> Self {
        Self {
            t: None,
            n: None,
            d,
            r,
            k: None,
            other: None,
        }
    }
}

impl Model for S {
    fn attributes(&self) -> &'static [AttributeInfo] {
        const NUMBER: &str = <u64 as Value>::EXPECTED;
        const TABLE: &[AttributeInfo] = &[
            AttributeInfo::new("t", NUMBER, &["strict"]),
            AttributeInfo::new("n", NUMBER, &["strict"]),
            AttributeInfo::new("d", NUMBER, &["required", "strict"]),
            AttributeInfo::new("r", <i64 as Value>::EXPECTED, &["strict"]),
            AttributeInfo::new("k", NUMBER, &["strict"]),
        ];
        TABLE
    }

    fn children(&self) -> &'static [ChildInfo] {
        &[]
    }

    fn attribute(&self, name: &str) -> Option<String> {
        match name {
            "t" => Some(self.t?.to_string()),
            "n" => Some(self.n?.to_string()),
            "d" => Some(self.d.to_string()),
            "r" => Some(self.r.to_string()).filter(|_| self.r != 0),
            "k" => Some(self.k?.to_string()),
            _ => None,
        }
    }

    fn has_attribute(&self, name: &str) -> bool {
        match name {
            "t" => self.t.is_some(),
            "n" => self.n.is_some(),
            // No segment lasts no time: until it is read it is not there.
            "d" => self.d != 0,
            "r" => self.r != 0,
            "k" => self.k.is_some(),
            _ => false,
        }
    }

    fn set_attribute(&mut self, name: &str, value: &str) -> Set {
        if self.has_attribute(name) {
            return Set::Repeated;
        }
        let number = u64::read(value);
        match name {
            "t" => self.t = number,
            "n" => self.n = number,
            "d" => self.d = number.unwrap_or(0),
            "r" => {
                let Some(r) = i64::read(value) else {
                    return Set::Malformed;
                };
                self.r = r;
                return Set::Done;
            }
            "k" => self.k = number,
            _ => return Set::Unknown,
        }
        if self.has_attribute(name) {
            Set::Done
        } else {
            Set::Malformed
        }
    }

    fn count(&self, _: u8) -> usize {
        0
    }

    fn child(&self, _: u8, _: usize) -> Option<&dyn Model> {
        None
    }

    fn read_child(
        &mut self,
        _: &str,
        _: &mut Cursor<'_>,
        _: &Tag<'_>,
    ) -> Result<Option<u8>, Error> {
        Ok(None)
    }

    fn write_attributes(&self, writer: &mut Writer<'_>) {
        let mut number = |name, value: u64| {
            writer.raw_attribute(name, |out| push_decimal(value, out));
        };
        if let Some(t) = self.t {
            number("t", t);
        }
        if let Some(n) = self.n {
            number("n", n);
        }
        number("d", self.d);
        if self.r != 0 {
            writer.raw_attribute("r", |out| {
                if self.r < 0 {
                    out.push(b'-');
                }
                push_decimal(self.r.unsigned_abs(), out);
            });
        }
        if let Some(k) = self.k {
            writer.raw_attribute("k", |out| push_decimal(k, out));
        }
    }

    fn other(&self) -> Option<&Other> {
        self.other.as_deref()
    }

    fn other_mut(&mut self) -> Option<&mut Other> {
        Some(self.other.get_or_insert_default())
    }
}

/// Appends the digits of a number.
fn push_decimal(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        length += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - length..).unwrap_or(&[]));
}

/// Reads the `S` that come next, as long as they are of the plain form that all packagers write: nearly all of a long
/// document is these. The general reader takes what is left.
fn read_run(
    timeline: &mut SegmentTimeline,
    cursor: &mut Cursor<'_>,
) -> Result<Option<(u8, u32)>, Error> {
    let name = cursor.dash_name("S");
    let mut rest = cursor.rest();
    let mut count = 0_u32;
    while let Some((segment, after)) = plain(rest, &name) {
        cursor.take_memory(size_of::<S>())?;
        timeline.segments.push(segment);
        count = count.saturating_add(1);
        rest = after;
    }
    cursor.skip_to(rest);
    Ok((count > 0).then_some((0, count)))
}

/// An `S` with nothing but numbers, each once, and what follows.
fn plain<'a>(text: &'a [u8], name: &str) -> Option<(S, &'a [u8])> {
    let text = text.trim_ascii_start();
    let mut rest = text.strip_prefix(b"<")?.strip_prefix(name.as_bytes())?;
    let mut segment = S::new(0, 0);
    loop {
        rest = match rest {
            [b' ', b't', b'=', quote @ (b'"' | b'\''), rest @ ..] if segment.t.is_none() => {
                let (t, rest) = decimal(rest, *quote)?;
                segment.t = Some(t);
                rest
            }
            [b' ', b'd', b'=', quote @ (b'"' | b'\''), rest @ ..] if segment.d == 0 => {
                let (d, rest) = decimal(rest, *quote)?;
                segment.d = d;
                rest
            }
            [b' ', b'r', b'=', quote @ (b'"' | b'\''), rest @ ..] if segment.r == 0 => {
                let (r, rest) = match rest {
                    [b'-', rest @ ..] => {
                        let (r, rest) = decimal(rest, *quote)?;
                        (i64::try_from(r).ok()?.checked_neg()?, rest)
                    }
                    _ => {
                        let (r, rest) = decimal(rest, *quote)?;
                        (i64::try_from(r).ok()?, rest)
                    }
                };
                segment.r = r;
                rest
            }
            [b' ', b'n', b'=', quote @ (b'"' | b'\''), rest @ ..] if segment.n.is_none() => {
                let (n, rest) = decimal(rest, *quote)?;
                segment.n = Some(n);
                rest
            }
            [b' ', b'/', b'>', rest @ ..] | [b'/', b'>', rest @ ..] if segment.d != 0 => {
                return Some((segment, rest));
            }
            _ => return None,
        };
    }
}

/// The digits before a quote as a number, and what follows the quote.
fn decimal(text: &[u8], quote: u8) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    match rest {
        [end, after @ ..] if *end == quote && rest.len() < text.len() => Some((value, after)),
        _ => None,
    }
}
