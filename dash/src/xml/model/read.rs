//! From text to elements.

use super::{Model, OTHER, Set, rank};
use crate::xml::tree::is_blank;
use crate::xml::{self, Attributes, Cursor, Element, Node, Piece, Tag, attribute_value, excerpt};
use crate::{Error, Limits, Rule};

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

/// Reads a document whose outermost element is of this kind.
pub(crate) fn parse<T: Model + Default>(
    document: &[u8],
    limits: &Limits,
    name: &'static str,
) -> Result<T, Error> {
    let mut cursor = Cursor::new(document, limits)?;
    let (before, tag) = xml::prolog(&mut cursor, name)?;
    let (prefix, local) = match tag.name.rsplit_once(':') {
        Some((prefix, local)) => (tag.name.get(..=prefix.len()).unwrap_or(""), local),
        None => ("", tag.name),
    };
    if local != name {
        return Err(Error::invalid(tag.offset, Rule::Root(name)));
    }
    cursor.set_prefix(prefix);
    let mut root = T::default();
    read(&mut cursor, &tag, &mut root).map_err(|error| error.inside(name, None))?;
    let after = xml::epilog(&mut cursor)?;
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
pub(crate) fn read<T: Model>(
    cursor: &mut Cursor<'_>,
    tag: &Tag<'_>,
    node: &mut T,
) -> Result<(), Error> {
    cursor.take_memory(size_of::<T>())?;
    for attribute in Attributes::new(tag) {
        let (name, raw, offset) = attribute?;
        let value = attribute_value(raw).map_err(|rule| Error::invalid(offset, rule))?;
        match node.set_attribute(name, &value) {
            Set::Done if !is_kept(node, name) => {}
            Set::Done | Set::Repeated => {
                return Err(Error::invalid(offset, Rule::RepeatedAttribute(name.into())));
            }
            Set::Malformed => {
                let mut infos = node.attributes().iter();
                if let Some(info) = infos.find(|info| info.name == name && info.strict) {
                    let rule = Rule::Value {
                        attribute: name.into(),
                        value: excerpt(&value),
                        expected: info.expected,
                    };
                    return Err(Error::invalid(offset, rule));
                }
                keep(cursor, node, name, raw, offset)?;
            }
            Set::Unknown => keep(cursor, node, name, raw, offset)?,
        }
    }
    for info in node.attributes() {
        if info.required && info.strict && !node.has_attribute(info.name) {
            return Err(Error::invalid(
                tag.offset,
                Rule::MissingAttribute(info.name),
            ));
        }
    }
    if !tag.empty {
        read_children(cursor, node)?;
    }
    Ok(())
}

/// Whether an attribute was there before, malformed.
fn is_kept<T: Model>(node: &T, name: &str) -> bool {
    node.other()
        .is_some_and(|other| other.attributes.iter().any(|kept| kept.name == name))
}

fn keep<T: Model>(
    cursor: &mut Cursor<'_>,
    node: &mut T,
    name: &str,
    raw: &str,
    offset: usize,
) -> Result<(), Error> {
    match node.other_mut() {
        Some(other) => xml::push_attribute(cursor, &mut other.attributes, name, raw, offset),
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
                    let element = Element::read(cursor, &tag)
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
