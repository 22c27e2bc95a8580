//! From elements to text.

use super::{Model, OTHER, rank};
use crate::xml::{Attribute, Node, Writer};

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
fn write_element(node: &dyn Model, name: &str, writer: &mut Writer<'_>) {
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
