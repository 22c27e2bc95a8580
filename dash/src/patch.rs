//! MPD patches (ISO/IEC 23009-1 §5.15, RFC 5261).

use crate::xml::{Attribute, Element, Node};
use crate::{DateTime, Error, Mpd, Rule};
use std::fmt;

/// What turns a version of an MPD into the next one.
///
/// ```
/// use fluvial_dash::{Mpd, Patch};
///
/// let mpd: Mpd = "<MPD id='a' publishTime='2026-01-01T00:00:00Z'><Period id='1'/></MPD>".parse()?;
/// let patch = Patch::parse(br#"<Patch mpdId="a" originalPublishTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:02Z">
///     <replace sel="/MPD/@publishTime">2026-01-01T00:00:02Z</replace>
///     <add sel="/MPD"><Period id="2"/></add></Patch>"#)?;
/// let next = patch.apply(&mpd)?;
/// assert_eq!(next.periods.len(), 2);
/// assert_eq!(next.publish_time, patch.publish_time);
/// # Ok::<(), fluvial_dash::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// `MPD@id` of the document that it is for.
    pub mpd_id: String,
    /// `MPD@publishTime` of the version that it is for.
    pub original_publish_time: Option<DateTime>,
    /// `MPD@publishTime` of the version that it gives.
    pub publish_time: Option<DateTime>,
    /// What is done, one after the other.
    pub operations: Vec<Operation>,
}

/// A change (RFC 5261 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Puts elements beside or into one.
    Add {
        /// Which one (`@sel`), as an XPath of names, positions and `[@attribute='value']`.
        selector: String,
        /// Where.
        position: Position,
        /// What.
        nodes: Vec<Node>,
    },
    /// Gives an element an attribute.
    AddAttribute {
        /// Which element.
        selector: String,
        /// The attribute's name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Puts another element, or another value of an attribute, in the place of one.
    Replace {
        /// Which.
        selector: String,
        /// What: an element, or a text.
        nodes: Vec<Node>,
    },
    /// Takes an element or an attribute out.
    Remove {
        /// Which.
        selector: String,
    },
}

/// Where elements are added (`@pos`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Position {
    /// After the last one in the element.
    #[default]
    Append,
    /// Before the first one in the element.
    Prepend,
    /// Before the element.
    Before,
    /// After the element.
    After,
}

/// The namespace of patches.
const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd-patch:2020";

impl Patch {
    /// Reads a patch within the default [`Limits`](crate::Limits).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no patch, [`Error::Limit`].
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        let root = Element::parse(document)?;
        if root.local_name() != "Patch" {
            return Err(Error::invalid(0, Rule::Root("Patch")));
        }
        let time = |name| {
            root.attribute(name)
                .and_then(|time| time.trim_ascii().parse().ok())
        };
        Ok(Self {
            mpd_id: root.attribute("mpdId").unwrap_or("").into(),
            original_publish_time: time("originalPublishTime"),
            publish_time: time("publishTime"),
            operations: root.elements().filter_map(operation).collect(),
        })
    }

    /// Appends it to `out` as a document.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }

    /// The version that a version turns into.
    ///
    /// # Errors
    ///
    /// [`Error::Patch`] where it is for another document or version, or a selector finds nothing; [`Error::Invalid`] where
    /// it gives no MPD. The client has to take the whole document then.
    pub fn apply(&self, mpd: &Mpd) -> Result<Mpd, Error> {
        let fail = |selector: &str, why| Error::Patch {
            selector: selector.into(),
            why,
        };
        if mpd.id.as_deref().unwrap_or("") != self.mpd_id {
            return Err(fail("@mpdId", "is of another document"));
        }
        let instant = |time: Option<DateTime>| time.map(DateTime::unix_nanos);
        if instant(mpd.publish_time) != instant(self.original_publish_time) {
            return Err(fail("@originalPublishTime", "is of another version"));
        }
        let mut text = Vec::new();
        mpd.write(&mut text);
        let mut root = Element::parse(&text)?;
        for operation in &self.operations {
            operation
                .apply(&mut root)
                .ok_or_else(|| fail(operation.selector(), "finds nothing to change"))?;
        }
        Mpd::parse(root.to_string().as_bytes())
    }
}

fn operation(element: &Element) -> Option<Operation> {
    let selector = element.attribute("sel")?.to_owned();
    Some(match element.local_name() {
        "add" => match element
            .attribute("type")
            .and_then(|name| name.strip_prefix('@'))
        {
            Some(name) => Operation::AddAttribute {
                selector,
                name: name.into(),
                value: element.text().trim_ascii().into(),
            },
            None => Operation::Add {
                selector,
                position: match element.attribute("pos") {
                    Some("prepend") => Position::Prepend,
                    Some("before") => Position::Before,
                    Some("after") => Position::After,
                    _ => Position::Append,
                },
                nodes: element.nodes.clone(),
            },
        },
        "replace" => Operation::Replace {
            selector,
            nodes: element.nodes.clone(),
        },
        "remove" => Operation::Remove { selector },
        _ => return None,
    })
}

impl Operation {
    /// What it is about (`@sel`).
    #[must_use]
    pub fn selector(&self) -> &str {
        match self {
            Operation::Add { selector, .. }
            | Operation::AddAttribute { selector, .. }
            | Operation::Replace { selector, .. }
            | Operation::Remove { selector } => selector,
        }
    }

    fn element(&self) -> Element {
        let (name, nodes) = match self {
            Operation::Add { nodes, .. } => ("add", nodes.clone()),
            Operation::AddAttribute { value, .. } => ("add", vec![Node::Text(value.clone())]),
            Operation::Replace { nodes, .. } => ("replace", nodes.clone()),
            Operation::Remove { .. } => ("remove", Vec::new()),
        };
        let mut element = Element::new(name);
        element.nodes = nodes;
        push(&mut element, "sel", self.selector());
        match self {
            Operation::Add { position, .. } => match position {
                Position::Append => {}
                Position::Prepend => push(&mut element, "pos", "prepend"),
                Position::Before => push(&mut element, "pos", "before"),
                Position::After => push(&mut element, "pos", "after"),
            },
            Operation::AddAttribute { name, .. } => push(&mut element, "type", &format!("@{name}")),
            Operation::Replace { .. } | Operation::Remove { .. } => {}
        }
        element
    }

    fn apply(&self, root: &mut Element) -> Option<()> {
        let path = Path::parse(self.selector())?;
        match self {
            Operation::Add {
                position, nodes, ..
            } => {
                let (parent, index) = match position {
                    Position::Append => {
                        let parent = path.element(root)?;
                        let end = parent.nodes.len();
                        (parent, end)
                    }
                    Position::Prepend => (path.element(root)?, 0),
                    Position::Before => path.place(root)?,
                    Position::After => {
                        let (parent, index) = path.place(root)?;
                        (parent, index + 1)
                    }
                };
                parent.nodes.splice(index..index, nodes.iter().cloned());
            }
            Operation::AddAttribute { name, value, .. } => {
                let element = path.element(root)?;
                element
                    .attributes
                    .retain(|attribute| attribute.name != *name);
                push(element, name, value);
            }
            Operation::Replace { nodes, .. } => match path.attribute {
                Some(name) => {
                    let element = path.element(root)?;
                    let mut attributes = element.attributes.iter_mut();
                    let attribute = attributes.find(|attribute| attribute.name == name)?;
                    attribute.value = crate::xml::text_of(nodes).trim_ascii().into();
                }
                None => {
                    let (parent, index) = path.place(root)?;
                    let new = nodes.iter().filter(|node| matches!(node, Node::Element(_)));
                    parent.nodes.splice(index..=index, new.cloned());
                }
            },
            Operation::Remove { .. } => match path.attribute {
                Some(name) => {
                    let element = path.element(root)?;
                    let before = element.attributes.len();
                    element
                        .attributes
                        .retain(|attribute| attribute.name != name);
                    (element.attributes.len() < before).then_some(())?;
                }
                None => {
                    let (parent, index) = path.place(root)?;
                    parent.nodes.splice(index..=index, []);
                }
            },
        }
        Some(())
    }
}

fn push(element: &mut Element, name: &str, value: &str) {
    element.attributes.push(Attribute {
        name: name.into(),
        value: value.into(),
    });
}

impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut root = Element::new("Patch");
        push(&mut root, "xmlns", NAMESPACE);
        push(&mut root, "mpdId", &self.mpd_id);
        for (name, time) in [
            ("originalPublishTime", self.original_publish_time),
            ("publishTime", self.publish_time),
        ] {
            if let Some(time) = time {
                push(&mut root, name, &time.to_string());
            }
        }
        let operations = self.operations.iter().map(Operation::element);
        root.nodes = operations.map(Node::Element).collect();
        write!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}")
    }
}

/// A selector: the part of XPath that patches of MPDs use.
struct Path<'a> {
    steps: Vec<Step<'a>>,
    attribute: Option<&'a str>,
}

struct Step<'a> {
    name: &'a str,
    /// Position among those that the other conditions leave, from 1.
    position: Option<usize>,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Path<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let mut steps = Vec::new();
        let mut attribute = None;
        while let Some(after) = rest.strip_prefix('/') {
            if let Some(name) = after.strip_prefix('@') {
                attribute = Some(name);
                rest = "";
                break;
            }
            let end = after.find(['/', '[']).unwrap_or(after.len());
            let (name, mut after) = after.split_at_checked(end)?;
            let mut step = Step {
                name: name.rsplit(':').next()?,
                position: None,
                attributes: Vec::new(),
            };
            while let Some(condition) = after.strip_prefix('[') {
                if let Some(condition) = condition.strip_prefix('@') {
                    let (name, value) = condition.split_once('=')?;
                    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                    let (value, left) = value.get(1..)?.split_once(quote)?;
                    step.attributes.push((name.trim_ascii(), value));
                    after = left.strip_prefix(']')?;
                } else {
                    let (position, left) = condition.split_once(']')?;
                    // XPath counts from 1, but an example of the standard counts from 0.
                    step.position = Some(position.trim_ascii().parse::<usize>().ok()?.max(1));
                    after = left;
                }
            }
            steps.push(step);
            rest = after;
        }
        (rest.is_empty() && !steps.is_empty()).then_some(Self { steps, attribute })
    }

    /// The element that it selects, or that has the attribute.
    fn element<'e>(&self, root: &'e mut Element) -> Option<&'e mut Element> {
        let (first, steps) = self.steps.split_first()?;
        if !first.fits(root) {
            return None;
        }
        let mut element = root;
        for step in steps {
            let index = step.find(element)?;
            match element.nodes.get_mut(index)? {
                Node::Element(child) => element = child,
                _ => return None,
            }
        }
        Some(element)
    }

    /// The element around what it selects, and where in it that is.
    fn place(mut self, root: &mut Element) -> Option<(&mut Element, usize)> {
        let last = self.steps.pop()?;
        let parent = self.element(root)?;
        let index = last.find(parent)?;
        Some((parent, index))
    }
}

impl Step<'_> {
    fn fits(&self, element: &Element) -> bool {
        let mut attributes = self.attributes.iter();
        element.local_name() == self.name
            && attributes.all(|(name, value)| element.attribute(name) == Some(value))
    }

    fn find(&self, parent: &Element) -> Option<usize> {
        let fitting = parent
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| match node {
                Node::Element(element) => self.fits(element),
                _ => false,
            });
        let position = self.position.unwrap_or(1).saturating_sub(1);
        fitting.map(|(index, _)| index).nth(position)
    }
}
