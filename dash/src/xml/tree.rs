//! What the model does not know is kept as it is.

use super::cursor::{Attributes, Cursor, Piece, Tag};
use super::writer::Writer;
use crate::{Error, Limits, Rule};
use std::fmt;

/// An attribute that its element does not know: of another namespace, or with a value that is malformed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Attribute {
    /// Its name as it is written, with its prefix.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Something in an element that the model does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text between elements that is not only white space.
    Text(String),
    /// A comment, without its marks.
    Comment(String),
    /// A processing instruction, without its marks.
    Instruction(String),
}

/// An element that the model does not know, with all that is in it.
///
/// ```
/// use fluvial_dash::Element;
///
/// let element = Element::parse(b"<cenc:pssh xmlns:cenc='urn:mpeg:cenc:2013'>AAAA</cenc:pssh>")?;
/// assert_eq!(element.name, "cenc:pssh");
/// assert_eq!(element.text(), "AAAA");
/// # Ok::<(), fluvial_dash::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Element {
    /// Its name as it is written, with its prefix.
    pub name: String,
    /// Its attributes, in order.
    pub attributes: Vec<Attribute>,
    /// What is in it, in order.
    pub nodes: Vec<Node>,
}

impl Element {
    /// An element of a name with nothing in it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Reads a document of any kind within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is not well-formed, [`Error::Limit`].
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        Self::parse_with(document, &Limits::new())
    }

    /// Reads a document of any kind within limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(document: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut cursor = Cursor::new(document, limits)?;
        let (_, tag) = super::prolog(&mut cursor, "an element")?;
        let element = Self::read(&mut cursor, &tag)?;
        super::epilog(&mut cursor)?;
        Ok(element)
    }

    /// Its name without the prefix.
    #[must_use]
    pub fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or("")
    }

    /// The value of an attribute, by its name as it is written.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let attribute = attributes.find(|attribute| attribute.name == name)?;
        Some(&attribute.value)
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The text in it, without that of the elements in it.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(&self.nodes)
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Self, Error> {
        cursor.take_memory(size_of::<Node>())?;
        let mut element = Self::new(tag.name);
        for attribute in Attributes::new(tag) {
            let (name, value, offset) = attribute?;
            super::push_attribute(cursor, &mut element.attributes, name, value, offset)?;
        }
        if tag.empty {
            return Ok(element);
        }
        loop {
            match cursor.next()? {
                Piece::Open(child) => {
                    let index = element.elements().filter(|e| e.name == child.name).count();
                    let child = Self::read(cursor, &child)
                        .map_err(|error| error.inside(child.name, Some(index)))?;
                    element.nodes.push(Node::Element(child));
                }
                Piece::Text(text) => push_text(&mut element.nodes, &text),
                Piece::Comment(text) => element.nodes.push(Node::Comment(text.into())),
                Piece::Instruction(text) => element.nodes.push(Node::Instruction(text.into())),
                Piece::Close | Piece::End => break,
            }
        }
        drop_blanks(&mut element.nodes);
        Ok(element)
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.open_other(&self.name);
        for attribute in &self.attributes {
            writer.attribute(&attribute.name, &attribute.value);
        }
        let mixed = self.nodes.iter().any(|node| matches!(node, Node::Text(_)));
        let inline = writer.inline(mixed);
        for node in &self.nodes {
            node.write(writer);
        }
        writer.close_other(&self.name, inline);
    }
}

impl fmt::Display for Element {
    /// Without the declaration that starts a document.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write(&mut Writer::new(&mut out, ""));
        f.write_str(std::str::from_utf8(&out).unwrap_or(""))
    }
}

impl Node {
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Node::Element(element) => element.write(writer),
            Node::Text(text) => writer.text(text),
            Node::Comment(text) => writer.mark("<!--", text, "-->"),
            Node::Instruction(text) => writer.mark("<?", text, "?>"),
        }
    }
}

/// The texts among nodes, as one.
pub(crate) fn text_of(nodes: &[Node]) -> String {
    let texts = nodes.iter().filter_map(|node| match node {
        Node::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Appends to the text before, if there is one: references and CDATA sections come as pieces of their own.
pub(crate) fn push_text(nodes: &mut Vec<Node>, text: &str) {
    if let Some(Node::Text(before)) = nodes.last_mut() {
        before.push_str(text);
    } else if !text.is_empty() {
        nodes.push(Node::Text(text.into()));
    }
}

/// Drops white space between elements, unless it is among text.
pub(crate) fn drop_blanks(nodes: &mut Vec<Node>) {
    let blank = |node: &Node| matches!(node, Node::Text(text) if is_blank(text));
    let text = |node: &Node| matches!(node, Node::Text(_));
    let only_blanks = nodes.iter().all(|node| blank(node) || !text(node));
    if only_blanks && (nodes.len() > 1 || nodes.iter().any(blank)) {
        nodes.retain(|node| !blank(node));
    }
}

/// Whether a text is only white space (XML 1.0 §2.3).
pub(crate) fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// What comes after the outermost element is comments and white space.
pub(crate) fn stray(offset: usize) -> Error {
    let what = "something beside the outermost element".into();
    Error::invalid(offset, Rule::WellFormed(what))
}
