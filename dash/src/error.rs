use std::fmt;

/// Why a document was refused, or a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule that the document breaks.
    #[error("{path}: {rule} (at byte {offset})")]
    Invalid {
        /// Where, as an XPath: `/MPD/Period[1]/AdaptationSet[2]`; elements of a name count from 1.
        path: String,
        /// Byte of the document, from 0.
        offset: usize,
        /// What is wrong.
        rule: Rule,
    },
    /// More than the [`Limits`] allow.
    #[error("{path}: more than {max} {limit} (at byte {offset})")]
    Limit {
        /// Where, as an XPath.
        path: String,
        /// Byte of the document, from 0.
        offset: usize,
        /// What there is too much of.
        limit: &'static str,
        /// Most that is allowed.
        max: usize,
    },
    /// What cannot be addressed, or does not fit what was called before.
    #[error("{0}")]
    State(&'static str),
    /// A patch that does not fit the document.
    #[error("{selector}: {why}")]
    Patch {
        /// The selector (`@sel`) that found nothing, or the attribute that does not match.
        selector: String,
        /// Why it cannot be applied.
        why: &'static str,
    },
}

impl Error {
    pub(crate) const fn invalid(offset: usize, rule: Rule) -> Self {
        Error::Invalid {
            path: String::new(),
            offset,
            rule,
        }
    }

    pub(crate) const fn limit(offset: usize, limit: &'static str, max: usize) -> Self {
        Error::Limit {
            path: String::new(),
            offset,
            limit,
            max,
        }
    }

    /// Puts an element before the path: what was wrong was in its `index`th of this name, from 0.
    pub(crate) fn inside(mut self, name: &str, index: Option<usize>) -> Self {
        if let Error::Invalid { path, .. } | Error::Limit { path, .. } = &mut self {
            *path = match index {
                Some(index) => format!("/{name}[{}]{path}", index.saturating_add(1)),
                None => format!("/{name}{path}"),
            };
        }
        self
    }
}

/// A rule that a document can break so that it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The text has to be UTF-8.
    Utf8,
    /// The text has to be well-formed XML.
    WellFormed(String),
    /// Document type declarations are not taken: they define entities.
    DocumentType,
    /// An entity that XML itself does not define.
    Entity(String),
    /// The outermost element has to be this one.
    Root(&'static str),
    /// An element has no attribute twice.
    RepeatedAttribute(String),
    /// An attribute that addressing needs is missing.
    MissingAttribute(&'static str),
    /// An attribute that addressing needs is not of the form that it wants.
    Value {
        /// Its name.
        attribute: String,
        /// Its value, up to 64 characters of it.
        value: String,
        /// What it has to be.
        expected: &'static str,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Utf8 => f.write_str("the text is not UTF-8"),
            Rule::WellFormed(what) => write!(f, "not well-formed XML: {what}"),
            Rule::DocumentType => f.write_str("document type declarations are not taken"),
            Rule::Entity(name) => write!(f, "the entity {name} is not defined"),
            Rule::Root(name) => write!(f, "the outermost element is not {name}"),
            Rule::RepeatedAttribute(name) => write!(f, "@{name} is there twice"),
            Rule::MissingAttribute(name) => write!(f, "@{name} is missing"),
            Rule::Value {
                attribute,
                value,
                expected,
            } => write!(f, "@{attribute} is not {expected}: {value:?}"),
        }
    }
}

/// How much of a document is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of the document.
    pub size: usize,
    /// Most elements within each other.
    pub depth: usize,
    /// Most attributes of an element.
    pub attributes: usize,
    /// Most bytes that the elements take in memory, besides their texts, which are never longer than the document.
    pub memory: usize,
}

impl Limits {
    /// 64 MiB, 64 levels, 256 attributes, 256 MiB of memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 64 << 20,
            depth: 64,
            attributes: 256,
            memory: 256 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
