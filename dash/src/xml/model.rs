//! What all typed elements have in common, and the macro that makes them.
//!
//! An element is told once, as the standard's tables tell it: its attributes and children with their names. The macro
//! makes the struct, and [`Model`], by which elements are read, written and looked through.

use super::tree::is_blank;
use super::{Attribute, Attributes, Cursor, Node, Piece, Tag, Writer, attribute_value, excerpt};
use crate::{Error, Limits, Rule};

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

/// The order of children as they come.
#[derive(Default)]
struct Runs {
    runs: Vec<(u8, u32)>,
    /// Rank of the last one.
    last: u16,
    /// It is not the schema's.
    disorder: bool,
}

impl Runs {
    fn push(&mut self, kind: u8, count: u32, any_at: u8) {
        let rank = rank(kind, any_at);
        self.disorder |= rank < self.last;
        self.last = rank;
        match self.runs.last_mut() {
            Some((last, run)) if *last == kind => *run = run.saturating_add(count),
            _ => self.runs.push((kind, count)),
        }
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
    flags: &'static [&'static str],
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
            flags,
        }
    }

    /// It has to be there.
    pub(crate) fn required(&self) -> bool {
        self.flags.contains(&"required")
    }

    /// A document in which it is malformed is refused.
    pub(crate) fn strict(&self) -> bool {
        self.flags.contains(&"strict")
    }
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
pub(crate) trait Slot<T> {
    const MANY: bool;
    fn len(&self) -> usize;
    fn at(&self, index: usize) -> Option<&T>;
    fn put(&mut self, child: T);
}

impl<T> Slot<T> for Vec<T> {
    const MANY: bool = true;
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn at(&self, index: usize) -> Option<&T> {
        self.get(index)
    }
    fn put(&mut self, child: T) {
        self.push(child);
    }
}

impl<T> Slot<T> for Option<T> {
    const MANY: bool = false;
    fn len(&self) -> usize {
        usize::from(self.is_some())
    }
    fn at(&self, index: usize) -> Option<&T> {
        self.as_ref().filter(|_| index == 0)
    }
    fn put(&mut self, child: T) {
        *self = Some(child);
    }
}

/// Reads a document whose outermost element is of this kind.
pub(crate) fn parse<T: Model + Default>(
    document: &[u8],
    limits: &Limits,
    name: &'static str,
) -> Result<T, Error> {
    let mut cursor = Cursor::new(document, limits)?;
    let (before, tag) = super::prolog(&mut cursor, name)?;
    let (prefix, local) = match tag.name.rsplit_once(':') {
        Some((prefix, local)) => (tag.name.get(..=prefix.len()).unwrap_or(""), local),
        None => ("", tag.name),
    };
    if local != name {
        return Err(Error::invalid(tag.offset, Rule::Root(name)));
    }
    cursor.set_prefix(prefix);
    let mut root: T = read(&mut cursor, &tag).map_err(|error| error.inside(name, None))?;
    let after = super::epilog(&mut cursor)?;
    if let Some(other) = root.other_mut()
        && !(prefix.is_empty() && before.is_empty() && after.is_empty())
    {
        let inner = other.layout.inner();
        inner.prefix = prefix.into();
        inner.before = before;
        inner.after = after;
    }
    Ok(root)
}

/// Reads an element whose tag was read.
pub(crate) fn read<T: Model + Default>(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<T, Error> {
    cursor.take_memory(size_of::<T>())?;
    let mut node = T::default();
    for attribute in Attributes::new(tag) {
        let (name, raw, offset) = attribute?;
        let value = attribute_value(raw).map_err(|rule| Error::invalid(offset, rule))?;
        match node.set_attribute(name, &value) {
            Set::Done => {}
            Set::Repeated => {
                return Err(Error::invalid(offset, Rule::RepeatedAttribute(name.into())));
            }
            Set::Malformed => {
                let mut infos = node.attributes().iter();
                if let Some(info) = infos.find(|info| info.name == name && info.strict()) {
                    let rule = Rule::Value {
                        attribute: name.into(),
                        value: excerpt(&value),
                        expected: info.expected,
                    };
                    return Err(Error::invalid(offset, rule));
                }
                keep(cursor, &mut node, name, raw, offset)?;
            }
            Set::Unknown => keep(cursor, &mut node, name, raw, offset)?,
        }
    }
    for info in node.attributes() {
        if info.required() && info.strict() && !node.has_attribute(info.name) {
            return Err(Error::invalid(
                tag.offset,
                Rule::MissingAttribute(info.name),
            ));
        }
    }
    if !tag.empty {
        read_children(cursor, &mut node)?;
    }
    Ok(node)
}

fn keep<T: Model>(
    cursor: &mut Cursor<'_>,
    node: &mut T,
    name: &str,
    raw: &str,
    offset: usize,
) -> Result<(), Error> {
    match node.other_mut() {
        Some(other) => super::push_attribute(cursor, &mut other.attributes, name, raw, offset),
        None => Ok(()),
    }
}

fn read_children<T: Model>(cursor: &mut Cursor<'_>, node: &mut T) -> Result<(), Error> {
    let mut runs = Runs::default();
    // References and CDATA sections are pieces of a text.
    let mut text = String::new();
    // After a text the reader stands within the markup that follows: nothing may be skipped there.
    let mut may_skip = true;
    loop {
        if may_skip && let Some((kind, count)) = node.read_run(cursor)? {
            runs.push(kind, count, node.any_at());
        }
        let piece = cursor.next()?;
        may_skip = !matches!(piece, Piece::Text(_));
        if let Piece::Text(part) = &piece {
            text.push_str(part);
            continue;
        }
        if node.text().is_none() && is_blank(&text) {
            text.clear();
        } else {
            let whole = std::mem::take(&mut text);
            if let Some(own) = node.text_mut() {
                own.push_str(&whole);
            } else {
                push_node(cursor, node, Node::Text(whole), &mut runs)?;
            }
        }
        match piece {
            Piece::Open(tag) => {
                let known = match cursor.local(&tag) {
                    Some(local) => node.read_child(local, cursor, &tag)?,
                    None => None,
                };
                if let Some(kind) = known {
                    runs.push(kind, 1, node.any_at());
                } else {
                    let element = super::Element::read(cursor, &tag)
                        .map_err(|error| error.inside(tag.name, None))?;
                    push_node(cursor, node, Node::Element(element), &mut runs)?;
                }
            }
            Piece::Comment(text) => {
                push_node(cursor, node, Node::Comment(text.into()), &mut runs)?;
            }
            Piece::Instruction(text) => {
                push_node(cursor, node, Node::Instruction(text.into()), &mut runs)?;
            }
            Piece::Close | Piece::End => break,
            Piece::Text(_) => {}
        }
    }
    if runs.disorder
        && let Some(other) = node.other_mut()
    {
        other.layout.inner().runs = runs.runs;
    }
    Ok(())
}

fn push_node<T: Model>(
    cursor: &mut Cursor<'_>,
    node: &mut T,
    new: Node,
    runs: &mut Runs,
) -> Result<(), Error> {
    cursor.take_memory(size_of::<Node>())?;
    let any_at = node.any_at();
    if let Some(other) = node.other_mut() {
        other.nodes.push(new);
        runs.push(OTHER, 1, any_at);
    }
    Ok(())
}

/// Writes a document whose outermost element is this one.
pub(crate) fn write_document(node: &dyn Model, name: &str, out: &mut Vec<u8>) {
    let inner = node.other().and_then(|other| other.layout.0.as_deref());
    let prefix = inner.map_or("", |inner| &inner.prefix);
    let mut writer = Writer::new(out, prefix);
    writer.declaration();
    for node in inner.map_or(&[][..], |inner| &inner.before) {
        node.write(&mut writer);
    }
    write_element(node, name, &mut writer);
    for node in inner.map_or(&[][..], |inner| &inner.after) {
        node.write(&mut writer);
    }
}

/// Writes an element.
pub(crate) fn write_element(node: &dyn Model, name: &str, writer: &mut Writer<'_>) {
    writer.open(name);
    let other = node.other();
    let attributes = other.map_or(&[][..], |other| &other.attributes);
    for Attribute { name, value } in attributes {
        // A malformed value that was put right since.
        if !node.has_attribute(name) {
            writer.attribute(name, value);
        }
    }
    node.write_attributes(writer);
    let nodes = other.map_or(&[][..], |other| &other.nodes);
    let text = node.text().unwrap_or("");
    let mixed = !text.is_empty() || nodes.iter().any(|node| matches!(node, Node::Text(_)));
    let inline = writer.inline(mixed);
    if !text.is_empty() {
        writer.text(text);
    }
    let runs = other.map_or(&[][..], |other| other.layout.runs());
    for (kind, range) in order(node, runs, nodes.len()) {
        for index in range {
            if kind == OTHER {
                if let Some(node) = nodes.get(index) {
                    node.write(writer);
                }
            } else if let Some(child) = node.child(kind, index) {
                let info = node.children().get(usize::from(kind));
                write_element(child, info.map_or("", |info| info.name), writer);
            }
        }
    }
    writer.close(name, inline);
}

/// In which order children are written: as they were read, and what was added since after its like, or where the schema
/// has it.
fn order(node: &dyn Model, runs: &[(u8, u32)], others: usize) -> Vec<(u8, std::ops::Range<usize>)> {
    let kinds = (0..node.children().len()).filter_map(|kind| u8::try_from(kind).ok());
    let mut kinds: Vec<u8> = kinds.chain([OTHER]).collect();
    let rank = |kind: u8| rank(kind, node.any_at());
    kinds.sort_by_key(|kind| rank(*kind));
    let total = |kind: u8| {
        if kind == OTHER {
            others
        } else {
            node.count(kind)
        }
    };
    let mut order = Vec::new();
    let mut done = [0_usize; 256];
    let mut emit = |kind: u8, count: usize, order: &mut Vec<_>| {
        if let Some(done) = done.get_mut(usize::from(kind)) {
            let end = done.saturating_add(count).min(total(kind));
            if end > *done {
                order.push((kind, *done..end));
                *done = end;
            }
        }
    };
    let mut next = kinds.iter().copied().peekable();
    for (position, (kind, count)) in runs.iter().enumerate() {
        let later = runs.get(position.saturating_add(1)..).unwrap_or(&[]);
        // Kinds that were not there come before the first one that follows them in the schema.
        while let Some(new) = next.next_if(|new| *kind != OTHER && rank(*new) < rank(*kind)) {
            if !runs.iter().any(|(old, _)| *old == new) {
                emit(new, usize::MAX, &mut order);
            }
        }
        let last = !later.iter().any(|(other, _)| other == kind);
        let count = if last {
            usize::MAX
        } else {
            usize::try_from(*count).unwrap_or(usize::MAX)
        };
        emit(*kind, count, &mut order);
    }
    for kind in kinds {
        emit(kind, usize::MAX, &mut order);
    }
    order
}

/// Makes an element of its tables: `"name" field: Type, "what it means" [flags];` for each attribute and each child.
///
/// An attribute is `required` if the schema says so, and `strict` if a document in which it is malformed is refused.
macro_rules! element {
    (
        $(#[$meta:meta])*
        $name:literal $type:ident $(text($text:ident))? $(run($run:path))? $(any($any:literal))? {
            $($attribute:literal $field:ident: $value:ty, $doc:literal $([$($flag:ident)*])?;)*
        } {
            $($child:literal $slot:ident: $container:ident<$kind:ty>, $child_doc:literal $($required:ident)?;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $type {
            $(#[doc = concat!("`@", $attribute, "`: ", $doc)] pub $field: Option<$value>,)*
            $(#[doc = concat!("`", $child, "`: ", $child_doc)] pub $slot: $container<$kind>,)*
            $(#[doc = concat!("The text of `", $name, "`, with the white space around it.")] pub $text: String,)?
            /// What else is in it.
            pub other: $crate::Other,
        }

        impl $type {
            /// Reads a document whose outermost element is of this kind, within the default [`Limits`](crate::Limits).
            ///
            /// # Errors
            ///
            /// [`Error::Invalid`](crate::Error::Invalid) for the first rule that is broken,
            /// [`Error::Limit`](crate::Error::Limit).
            pub fn parse(document: &[u8]) -> Result<Self, $crate::Error> {
                Self::parse_with(document, &$crate::Limits::new())
            }

            /// The same within limits.
            ///
            /// # Errors
            ///
            /// As [`parse`](Self::parse).
            pub fn parse_with(document: &[u8], limits: &$crate::Limits) -> Result<Self, $crate::Error> {
                $crate::xml::parse(document, limits, $name)
            }

            /// Appends it to `out` as a document: UTF-8, indented.
            pub fn write(&self, out: &mut Vec<u8>) {
                $crate::xml::write_document(self, $name, out);
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;
            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                Self::parse(text.as_bytes())
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = Vec::new();
                self.write(&mut out);
                f.write_str(std::str::from_utf8(&out).unwrap_or(""))
            }
        }

        impl $crate::xml::Model for $type {
            fn attributes(&self) -> &'static [$crate::xml::AttributeInfo] {
                const TABLE: &[$crate::xml::AttributeInfo] = &[$($crate::xml::AttributeInfo::new(
                    $attribute,
                    <$value as $crate::value::Value>::EXPECTED,
                    &[$($(stringify!($flag)),*)?],
                ),)*];
                TABLE
            }

            fn children(&self) -> &'static [$crate::xml::ChildInfo] {
                const TABLE: &[$crate::xml::ChildInfo] = &[$($crate::xml::ChildInfo {
                    name: $child,
                    required: !<[&str]>::is_empty(&[$(stringify!($required))?]),
                    many: <$container<$kind> as $crate::xml::Slot<$kind>>::MANY,
                },)*];
                TABLE
            }

            fn attribute(&self, name: &str) -> Option<String> {
                match name {
                    $($attribute => self.$field.as_ref().map(|value| {
                        let mut text = Vec::new();
                        $crate::value::Value::write(value, &mut text);
                        String::from_utf8(text).unwrap_or_default()
                    }),)*
                    _ => None,
                }
            }

            fn has_attribute(&self, name: &str) -> bool {
                match name {
                    $($attribute => self.$field.is_some(),)*
                    _ => false,
                }
            }

            #[allow(unused_variables, reason = "some elements have no attributes")]
            fn set_attribute(&mut self, name: &str, value: &str) -> $crate::xml::Set {
                match name {
                    $($attribute => {
                        if self.$field.is_some() {
                            return $crate::xml::Set::Repeated;
                        }
                        self.$field = $crate::value::Value::read(value);
                        if self.$field.is_none() {
                            return $crate::xml::Set::Malformed;
                        }
                        $crate::xml::Set::Done
                    })*
                    _ => $crate::xml::Set::Unknown,
                }
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "some elements have no children")]
            fn count(&self, kind: u8) -> usize {
                let mut at = 0_u8;
                $(
                    if kind == at {
                        return $crate::xml::Slot::<$kind>::len(&self.$slot);
                    }
                    at += 1;
                )*
                0
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "some elements have no children")]
            fn child(&self, kind: u8, index: usize) -> Option<&dyn $crate::xml::Model> {
                let mut at = 0_u8;
                $(
                    if kind == at {
                        let child = $crate::xml::Slot::<$kind>::at(&self.$slot, index)?;
                        return Some(child);
                    }
                    at += 1;
                )*
                None
            }

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "some elements have no children")]
            fn read_child(
                &mut self,
                local: &str,
                cursor: &mut $crate::xml::Cursor<'_>,
                tag: &$crate::xml::Tag<'_>,
            ) -> Result<Option<u8>, $crate::Error> {
                let mut at = 0_u8;
                $(
                    if local == $child {
                        let many = <$container<$kind> as $crate::xml::Slot<$kind>>::MANY;
                        let index = $crate::xml::Slot::<$kind>::len(&self.$slot);
                        if index > 0 && !many {
                            return Ok(None);
                        }
                        let child: $kind = $crate::xml::read(cursor, tag)
                            .map_err(|error| error.inside($child, many.then_some(index)))?;
                        $crate::xml::Slot::put(&mut self.$slot, child);
                        return Ok(Some(at));
                    }
                    at += 1;
                )*
                Ok(None)
            }

            #[allow(unused_variables, reason = "some elements have no attributes")]
            fn write_attributes(&self, writer: &mut $crate::xml::Writer<'_>) {
                $(
                    if let Some(value) = &self.$field {
                        $crate::value::Value::write_attribute(value, $attribute, writer);
                    }
                )*
            }

            $(
                fn text(&self) -> Option<&str> {
                    Some(&self.$text)
                }
                fn text_mut(&mut self) -> Option<&mut String> {
                    Some(&mut self.$text)
                }
            )?

            $(
                fn read_run(
                    &mut self,
                    cursor: &mut $crate::xml::Cursor<'_>,
                ) -> Result<Option<(u8, u32)>, $crate::Error> {
                    $run(self, cursor)
                }
            )?

            $(
                fn any_at(&self) -> u8 {
                    $any
                }
            )?

            fn other(&self) -> Option<&$crate::Other> {
                Some(&self.other)
            }

            fn other_mut(&mut self) -> Option<&mut $crate::Other> {
                Some(&mut self.other)
            }
        }
    };
}
