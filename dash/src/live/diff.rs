//! What changed between two versions, as a patch.
//!
//! A patch tells of segments that came and left, in forms that the players in the field understand (dash.js, Shaka Player): dash.js
//! takes attributes of a patch for text, and so gets elements instead wherever it computes with them; Shaka Player looks at
//! nothing but timelines and their templates, and takes a position behind the name of a timeline for one inside of it. Whatever
//! else changes between two versions is rare, and there the document is to be taken anew.

use crate::xml::{Element, Node};
use crate::{Mpd, Operation, Patch, Position};

/// What turns `old` into `new`; `None` where more has changed than segments.
pub(super) fn patch(old: &Mpd, new: &Mpd) -> Option<Patch> {
    let mut patch = Patch {
        mpd_id: new.id.clone().unwrap_or_default(),
        original_publish_time: old.publish_time,
        publish_time: new.publish_time,
        operations: Vec::new(),
    };
    let tree = |mpd: &Mpd| {
        let mut text = Vec::new();
        mpd.write(&mut text);
        Element::parse(&text).ok()
    };
    element(&tree(old)?, &tree(new)?, "/MPD", &mut patch.operations)?;
    Some(patch)
}

fn element(
    old: &Element,
    new: &Element,
    path: &str,
    operations: &mut Vec<Operation>,
) -> Option<()> {
    if old == new {
        return Some(());
    }
    if old.name == "SegmentTimeline" {
        return runs(old, new, path, operations);
    }
    attributes(old, new, path, operations)?;
    if old.nodes.len() != new.nodes.len() {
        return None;
    }
    let siblings: Vec<&Element> = new.elements().collect();
    let mut index = 0;
    for (old, new) in old.nodes.iter().zip(&new.nodes) {
        match (old, new) {
            (Node::Element(old), Node::Element(new)) => {
                if old.name != new.name || old.attribute("id") != new.attribute("id") {
                    return None;
                }
                if new.name == "PatchLocation" {
                    operations.push(Operation::Replace {
                        selector: format!("{path}/{}[1]", new.name),
                        nodes: vec![Node::Element(new.clone())],
                    });
                } else {
                    let path = format!("{path}/{}", step(&siblings, index, new));
                    element(old, new, &path, operations)?;
                }
                index = index.saturating_add(1);
            }
            (old, new) if old == new => {}
            _ => return None,
        }
    }
    Some(())
}

/// Attributes that all take for what they are.
fn attributes(
    old: &Element,
    new: &Element,
    path: &str,
    operations: &mut Vec<Operation>,
) -> Option<()> {
    if old.attributes.len() != new.attributes.len() {
        return None;
    }
    for (old, new) in old.attributes.iter().zip(&new.attributes) {
        if old == new {
            continue;
        }
        if old.name != new.name || !["publishTime", "startNumber"].contains(&new.name.as_str()) {
            return None;
        }
        operations.push(Operation::Replace {
            selector: format!("{path}/@{}", new.name),
            nodes: vec![Node::Text(new.value.clone())],
        });
    }
    Some(())
}

/// How a child is selected: by its `@id`, or its position among its like where there are any.
fn step(siblings: &[&Element], index: usize, element: &Element) -> String {
    if let Some(id) = element.attribute("id").filter(|id| !id.contains('\'')) {
        return format!("{}[@id='{id}']", element.name);
    }
    let like = |siblings: &[&Element]| {
        let like = siblings
            .iter()
            .filter(|sibling| sibling.name == element.name);
        like.count()
    };
    if like(siblings) == 1 {
        return element.name.clone();
    }
    let before = like(siblings.get(..index).unwrap_or(&[]));
    format!("{}[{}]", element.name, before.saturating_add(1))
}

/// A timeline from which runs left, or parts of them, and to which some were added.
fn runs(old: &Element, new: &Element, path: &str, operations: &mut Vec<Operation>) -> Option<()> {
    let before: Vec<&Element> = old.elements().collect();
    let after: Vec<&Element> = new.elements().collect();
    let d = |run: &&Element| run.attribute("d").map(str::to_owned);
    let fits = |gone: usize| {
        let kept = before.get(gone..).unwrap_or(&[]);
        let last = kept.len().saturating_sub(1);
        !kept.is_empty()
            && kept.len() <= after.len()
            && kept
                .iter()
                .zip(&after)
                .enumerate()
                .all(|(index, (old, new))| {
                    let edge = index == 0 || index == last;
                    if edge { d(old) == d(new) } else { old == new }
                })
    };
    let gone = (0..before.len()).find(|gone| fits(*gone))?;
    for _ in 0..gone {
        operations.push(Operation::Remove {
            selector: format!("{path}/S[1]"),
        });
    }
    let kept = before.get(gone..).unwrap_or(&[]);
    for (index, (old, new)) in kept.iter().zip(&after).enumerate() {
        if old != new {
            operations.push(Operation::Replace {
                selector: format!("{path}/S[{}]", index.saturating_add(1)),
                nodes: vec![Node::Element((*new).clone())],
            });
        }
    }
    let added: Vec<Node> = after
        .iter()
        .skip(kept.len())
        .map(|run| Node::Element((*run).clone()))
        .collect();
    if !added.is_empty() {
        operations.push(Operation::Add {
            selector: path.into(),
            position: Position::Append,
            nodes: added,
        });
    }
    Some(())
}
