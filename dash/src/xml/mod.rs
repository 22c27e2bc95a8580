//! XML below the model: pieces in, elements out, and what the model does not know between them.

mod cursor;
#[macro_use]
mod element;
mod model;
mod tree;
mod writer;

pub use model::{Layout, Other};
pub use tree::{Attribute, Element, Node};

pub(crate) use cursor::{Attributes, Cursor, Piece, Tag, attribute_value, excerpt};
pub(crate) use model::{
    AttributeInfo, ChildInfo, Model, OTHER, Set, Slot, parse, rank, read, write_document,
};
pub(crate) use tree::text_of;
pub(crate) use writer::Writer;

use crate::{Error, Rule};

/// Reads up to the tag of the outermost element; what comes before it, and the tag.
pub(crate) fn prolog<'a>(
    cursor: &mut Cursor<'a>,
    expected: &'static str,
) -> Result<(Vec<Node>, Tag<'a>), Error> {
    let mut before = Vec::new();
    loop {
        let offset = cursor.offset();
        match cursor.next()? {
            Piece::Open(tag) => return Ok((before, tag)),
            Piece::Comment(text) => before.push(Node::Comment(text.into())),
            Piece::Instruction(text) => before.push(Node::Instruction(text.into())),
            Piece::Text(text) if tree::is_blank(&text) => {}
            Piece::Text(_) | Piece::Close | Piece::End => {
                return Err(Error::invalid(offset, Rule::Root(expected)));
            }
        }
        cursor.take_memory(size_of::<Node>())?;
    }
}

/// Reads what comes after the outermost element.
pub(crate) fn epilog(cursor: &mut Cursor<'_>) -> Result<Vec<Node>, Error> {
    let mut after = Vec::new();
    loop {
        let offset = cursor.offset();
        match cursor.next()? {
            Piece::Comment(text) => after.push(Node::Comment(text.into())),
            Piece::Instruction(text) => after.push(Node::Instruction(text.into())),
            Piece::Text(text) if tree::is_blank(&text) => {}
            Piece::End => return Ok(after),
            Piece::Open(_) | Piece::Text(_) | Piece::Close => return Err(tree::stray(offset)),
        }
        cursor.take_memory(size_of::<Node>())?;
    }
}

/// Keeps an attribute that its element does not know.
pub(crate) fn push_attribute(
    cursor: &mut Cursor<'_>,
    attributes: &mut Vec<Attribute>,
    name: &str,
    raw: &str,
    offset: usize,
) -> Result<(), Error> {
    let rule = if attributes.iter().any(|attribute| attribute.name == name) {
        Rule::RepeatedAttribute(name.into())
    } else {
        match attribute_value(raw) {
            Ok(value) => {
                cursor.take_memory(size_of::<Attribute>())?;
                cursor.check_attributes(attributes.len())?;
                attributes.push(Attribute {
                    name: name.into(),
                    value: value.into_owned(),
                });
                return Ok(());
            }
            Err(rule) => rule,
        }
    };
    Err(Error::invalid(offset, rule))
}
