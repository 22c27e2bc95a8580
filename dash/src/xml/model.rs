//! What all typed elements have in common: how they are read, written and looked through.

mod read;
mod write;

pub(crate) use read::{parse, read};
pub(crate) use write::write_document;

use super::{Attribute, Cursor, Node, Tag, Writer};
use crate::Error;

/// What is in an element besides what its type knows: attributes of other namespaces or with malformed values, elements
/// of other namespaces or out of place, stray text, comments, and the order of all that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Other {
    /// Attributes, in order.
    pub attributes: Vec<Attribute>,
    /// Everything else, in order.
    pub nodes: Vec<Node>,
    /// Where the nodes are among the elements that are known.
    pub layout: Layout,
}

/// In which order the children of an element were, where that is not the schema's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout(Option<Box<Inner>>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Inner {
    /// Index of a child in the table of its parent, or [`OTHER`], and how many of it come in a row.
    runs: Vec<(u8, u32)>,
    /// Of the outermost element: the prefix of DASH's elements, what is before and after it.
    prefix: String,
    before: Vec<Node>,
    after: Vec<Node>,
}

/// Nodes that are not known.
pub(crate) const OTHER: u8 = u8::MAX;

impl Layout {
    fn inner(&mut self) -> &mut Inner {
        self.0.get_or_insert_default()
    }

    /// Kinds of children and how many in a row; empty where the order is the schema's.
    pub(crate) fn runs(&self) -> &[(u8, u32)] {
        self.0.as_ref().map_or(&[], |inner| &inner.runs)
    }
}

/// Where a kind of children comes in the schema, others being between two kinds that are known.
pub(crate) fn rank(kind: u8, any_at: u8) -> u16 {
    if kind == OTHER {
        u16::from(any_at) * 2
    } else {
        u16::from(kind) * 2 + 1
    }
}

/// An attribute, as a table of the standard tells it.
#[derive(Debug)]
pub(crate) struct AttributeInfo {
    pub(crate) name: &'static str,
    pub(crate) expected: &'static str,
    /// It has to be there.
    pub(crate) required: bool,
    /// A document in which it is malformed is refused.
    pub(crate) strict: bool,
}

impl AttributeInfo {
    pub(crate) const fn new(
        name: &'static str,
        expected: &'static str,
        flags: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            expected,
            required: has(flags, b"required"),
            strict: has(flags, b"strict"),
        }
    }
}

/// Whether a word is among others.
const fn has(mut words: &[&str], word: &[u8]) -> bool {
    while let [first, rest @ ..] = words {
        if same(first.as_bytes(), word) {
            return true;
        }
        words = rest;
    }
    false
}

const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

/// A kind of children, as a table of the standard tells it.
#[derive(Debug)]
pub(crate) struct ChildInfo {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) many: bool,
}

/// What became of an attribute.
pub(crate) enum Set {
    Done,
    Unknown,
    Malformed,
    Repeated,
}

/// An element whose attributes and children are known.
pub(crate) trait Model {
    fn attributes(&self) -> &'static [AttributeInfo];
    fn children(&self) -> &'static [ChildInfo];
    /// Looks at the value of an attribute, as it would be written.
    fn attribute(&self, name: &str) -> Option<String>;
    fn has_attribute(&self, name: &str) -> bool;
    fn set_attribute(&mut self, name: &str, value: &str) -> Set;
    /// The children of a kind, by its index in the table.
    fn count(&self, kind: u8) -> usize;
    fn child(&self, kind: u8, index: usize) -> Option<&dyn Model>;
    /// Reads a child; `None` if it is not known, or may be there only once and is.
    fn read_child(
        &mut self,
        local: &str,
        cursor: &mut Cursor<'_>,
        tag: &Tag<'_>,
    ) -> Result<Option<u8>, Error>;
    /// Reads children that come in large numbers; their kind and how many there were.
    fn read_run(&mut self, _cursor: &mut Cursor<'_>) -> Result<Option<(u8, u32)>, Error> {
        Ok(None)
    }
    fn write_attributes(&self, writer: &mut Writer<'_>);
    /// Its text, where it has nothing but text.
    fn text(&self) -> Option<&str> {
        None
    }
    fn text_mut(&mut self) -> Option<&mut String> {
        None
    }
    /// Before which kind of children the schema lets others be; after all where there is no such kind.
    fn any_at(&self) -> u8 {
        u8::MAX
    }
    fn other(&self) -> Option<&Other>;
    fn other_mut(&mut self) -> Option<&mut Other>;
}

/// What holds the children of a kind.
pub(crate) trait Slot<T: Default> {
    const MANY: bool;
    fn len(&self) -> usize;
    fn at(&self, index: usize) -> Option<&T>;
    /// Makes room for another one.
    fn add(&mut self) -> Option<&mut T>;
}

impl<T: Default> Slot<T> for Vec<T> {
    const MANY: bool = true;
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn at(&self, index: usize) -> Option<&T> {
        self.get(index)
    }
    fn add(&mut self) -> Option<&mut T> {
        self.push(T::default());
        self.last_mut()
    }
}

impl<T: Default> Slot<T> for Option<T> {
    const MANY: bool = false;
    fn len(&self) -> usize {
        usize::from(self.is_some())
    }
    fn at(&self, index: usize) -> Option<&T> {
        self.as_ref().filter(|_| index == 0)
    }
    fn add(&mut self) -> Option<&mut T> {
        Some(self.insert(T::default()))
    }
}
