//! What changed between two versions, as a patch.

use crate::xml::{Element, Node};
use crate::{Mpd, Operation, Patch, Position};

/// What turns `old` into `new`; `None` where one of them cannot be read back.
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
    element(&tree(old)?, &tree(new)?, "/MPD", &mut patch.operations);
    Some(patch)
}

fn element(old: &Element, new: &Element, path: &str, operations: &mut Vec<Operation>) {
    if old == new {
        return;
    }
    attributes(old, new, path, operations);
    if old.name == "SegmentTimeline" && runs(old, new, path, operations) {
        return;
    }
    children(old, new, path, operations);
}

fn attributes(old: &Element, new: &Element, path: &str, operations: &mut Vec<Operation>) {
    for attribute in &old.attributes {
        let selector = format!("{path}/@{}", attribute.name);
        match new.attribute(&attribute.name) {
            None => operations.push(Operation::Remove { selector }),
            Some(value) if value != attribute.value => operations.push(Operation::Replace {
                selector,
                nodes: vec![Node::Text(value.into())],
            }),
            Some(_) => {}
        }
    }
    for attribute in &new.attributes {
        if old.attribute(&attribute.name).is_none() {
            operations.push(Operation::AddAttribute {
                selector: path.into(),
                name: attribute.name.clone(),
                value: attribute.value.clone(),
            });
        }
    }
}

/// Whether two elements are versions of the same one, among children.
fn same(old: &Element, new: &Element) -> bool {
    old.name == new.name && old.attribute("id") == new.attribute("id")
}

fn children(old: &Element, new: &Element, path: &str, operations: &mut Vec<Operation>) {
    let before: Vec<&Element> = old.elements().collect();
    let after: Vec<&Element> = new.elements().collect();
    if before.is_empty() || after.is_empty() {
        if old.nodes != new.nodes {
            operations.push(Operation::Replace {
                selector: path.into(),
                nodes: vec![Node::Element(new.clone())],
            });
        }
        return;
    }
    // Each of the new ones is a version of the next old one that it can be of: the order never changes here.
    let mut pairs: Vec<Option<usize>> = Vec::new();
    let mut next = 0;
    for new in &after {
        let rest = before.iter().enumerate().skip(next);
        let pair = rest
            .map(|(index, old)| (index, *old))
            .find(|(_, old)| same(old, new));
        pairs.push(pair.map(|(index, _)| index));
        if let Some((index, _)) = pair {
            next = index.saturating_add(1);
        }
    }
    // From the last one on, so that those before keep their positions.
    for (index, old) in before.iter().enumerate().rev() {
        if !pairs.contains(&Some(index)) {
            let selector = format!("{path}/{}", step(&before, index, old));
            operations.push(Operation::Remove { selector });
        }
    }
    for (index, new) in after.iter().enumerate() {
        let selector = format!("{path}/{}", step(&after, index, new));
        if let Some(old) = pairs
            .get(index)
            .copied()
            .flatten()
            .and_then(|old| before.get(old))
        {
            element(old, new, &selector, operations);
            continue;
        }
        let nodes = vec![Node::Element((*new).clone())];
        let before = index
            .checked_sub(1)
            .and_then(|index| Some((index, after.get(index)?)));
        let (selector, position) = match before {
            Some((index, before)) => (
                format!("{path}/{}", step(&after, index, before)),
                Position::After,
            ),
            None => (path.into(), Position::Prepend),
        };
        operations.push(Operation::Add {
            selector,
            position,
            nodes,
        });
    }
}

/// How a child is selected: by its `@id`, or its position among its like.
fn step(siblings: &[&Element], index: usize, element: &Element) -> String {
    if let Some(id) = element.attribute("id").filter(|id| !id.contains('\'')) {
        return format!("{}[@id='{id}']", element.name);
    }
    let like = siblings
        .iter()
        .take(index)
        .filter(|sibling| sibling.name == element.name);
    format!("{}[{}]", element.name, like.count().saturating_add(1))
}

/// A timeline from which runs left, or parts of them, and to which some were added; false where that is not what happened.
fn runs(old: &Element, new: &Element, path: &str, operations: &mut Vec<Operation>) -> bool {
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
    let Some(gone) = (0..before.len()).find(|gone| fits(*gone)) else {
        return false;
    };
    for _ in 0..gone {
        operations.push(Operation::Remove {
            selector: format!("{path}/S[1]"),
        });
    }
    let kept = before.get(gone..).unwrap_or(&[]);
    for (index, (old, new)) in kept.iter().zip(&after).enumerate() {
        let selector = format!("{path}/S[{}]", index.saturating_add(1));
        attributes(old, new, &selector, operations);
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
    true
}
