//! What the XML schema of an MPD says: which attributes and elements there are, in which order, of which form.

use super::Findings;
use crate::Mpd;
use crate::xml::{Element, Model, Node, OTHER, excerpt, rank};

const CLAUSE: &str = "MPD schema";

/// Looks at a whole document.
pub(super) fn check(mpd: &Mpd, findings: &mut Findings) {
    element(mpd, "MPD", "/MPD", findings);
}

fn element(node: &dyn Model, name: &str, path: &str, findings: &mut Findings) {
    attributes(node, name, path, findings);
    children(node, name, path, findings);
    let table = node.children();
    for (kind, info) in table.iter().enumerate() {
        let Ok(kind) = u8::try_from(kind) else { break };
        let count = node.count(kind);
        if count == 0 && info.required {
            findings.error(
                path,
                format!("the element {} is missing", info.name),
                CLAUSE,
            );
        }
        for index in 0..count {
            if let Some(child) = node.child(kind, index) {
                let path = if info.many {
                    format!("{path}/{}[{}]", info.name, index.saturating_add(1))
                } else {
                    format!("{path}/{}", info.name)
                };
                element(child, info.name, &path, findings);
            }
        }
    }
}

fn attributes(node: &dyn Model, name: &str, path: &str, findings: &mut Findings) {
    let others = node.other().map_or(&[][..], |other| &other.attributes);
    for info in node.attributes() {
        let malformed = others.iter().any(|attribute| attribute.name == info.name);
        if info.required && !malformed && !node.has_attribute(info.name) {
            let rule = format!("the attribute {} is missing", info.name);
            findings.error(path, rule, CLAUSE);
        }
        if let Some(value) = node.attribute(info.name)
            && let Some(expected) = form(name, info.name, &value)
        {
            let rule = format!("not {expected}: {:?}", excerpt(&value));
            findings.error(&format!("{path}/@{}", info.name), rule, CLAUSE);
        }
    }
    for attribute in others {
        let known = node
            .attributes()
            .iter()
            .find(|info| info.name == attribute.name);
        let path = format!("{path}/@{}", attribute.name);
        if let Some(info) = known {
            let rule = format!("not {}: {:?}", info.expected, excerpt(&attribute.value));
            findings.error(&path, rule, CLAUSE);
        } else if !is_foreign(&attribute.name) {
            findings.error(&path, "there is no such attribute", CLAUSE);
        }
    }
}

/// Whether the name of an attribute is of another namespace than the schema's.
fn is_foreign(name: &str) -> bool {
    name.contains(':') || name == "xmlns"
}

/// What has to be true of a text that the type in the model is too wide for.
fn form(element: &str, attribute: &str, value: &str) -> Option<&'static str> {
    let wrong = match (element, attribute) {
        (_, "codecs") if !is_codecs(value) => "a list of codecs as in RFC 6381",
        (_, "profiles")
            if !value
                .split(',')
                .all(|uri| is_uri(uri.trim_start_matches([' ', '\t']))) =>
        {
            "a list of URIs with commas between them"
        }
        ("Representation" | "Preselection", "id") | (_, "robustness")
            if value.contains(char::is_whitespace) =>
        {
            "without white space"
        }
        (_, "lang") if !is_language(value.trim_ascii()) => "a language tag (RFC 5646)",
        (_, "presentationTimeOffset") if value.starts_with('-') => "an integer from 0 on",
        ("PR", "popularityRate")
            if !value
                .parse()
                .is_ok_and(|rate: u32| (1..=100).contains(&rate)) =>
        {
            "an integer from 1 to 100"
        }
        ("PR", "r") if value.parse::<i32>().is_err() => "an integer of 32 bits",
        ("OperatingQuality", "mediaType") if value == "all" => "video, audio or any",
        _ => return None,
    };
    Some(wrong)
}

/// `CodecsType`: names with commas between them, or the extended form with a charset and a language.
fn is_codecs(value: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "$-_.+^|'`%!*#\\~&".contains(c);
    let simple = |name: &str| !name.is_empty() && name.chars().all(token);
    let mut parts = value.splitn(3, '\'');
    let fancy = match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(language), Some(list)) => {
            charset.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
                && is_language(language)
                && list.split(',').all(simple)
        }
        _ => false,
    };
    fancy || value.split(',').all(simple)
}

/// `xs:language`.
fn is_language(value: &str) -> bool {
    let mut parts = value.split('-');
    let short = |part: &str| (1..=8).contains(&part.len());
    let first = parts.next().unwrap_or("");
    short(first)
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| short(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// A URN or URL, as `ListOfProfilesType` wants it.
fn is_uri(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "$-_.+!*(),\"%&~;=:@/?#'".contains(c);
    !value.is_empty() && value.chars().all(allowed)
}

fn children(node: &dyn Model, name: &str, path: &str, findings: &mut Findings) {
    let Some(other) = node.other() else { return };
    let table = node.children();
    for element in other.nodes.iter().filter_map(as_element) {
        if is_own(element) {
            let known = table.iter().any(|info| info.name == element.name);
            let rule = if known {
                "must be there only once"
            } else {
                "there is no such element here"
            };
            findings.error(&format!("{path}/{}", element.name), rule, CLAUSE);
        } else if !takes_others(name) {
            let rule = "no element of another namespace may be here";
            findings.error(&format!("{path}/{}", element.name), rule, CLAUSE);
        }
    }
    let text = other.nodes.iter().any(|node| matches!(node, Node::Text(_)));
    if text && name != "Event" {
        findings.error(path, "there must be no text here", CLAUSE);
    }
    let mut last = 0;
    let mut nodes = other.nodes.iter();
    for (kind, count) in other.layout.runs() {
        if *kind == OTHER {
            let count = usize::try_from(*count).unwrap_or(usize::MAX);
            let foreign = nodes.by_ref().take(count).filter_map(as_element);
            if foreign.filter(|element| !is_own(element)).count() == 0 {
                continue;
            }
        }
        let rank = rank(*kind, node.any_at());
        if rank < last {
            let name = table
                .get(usize::from(*kind))
                .map_or("elements of other namespaces", |info| info.name);
            findings.error(path, format!("out of order: {name}"), CLAUSE);
        }
        last = last.max(rank);
    }
}

fn as_element(node: &Node) -> Option<&Element> {
    match node {
        Node::Element(element) => Some(element),
        _ => None,
    }
}

/// Whether an element is of the schema's namespace.
fn is_own(element: &Element) -> bool {
    let foreign = |value: &str| !value.to_ascii_lowercase().starts_with("urn:mpeg:dash:");
    !element.name.contains(':') && !element.attribute("xmlns").is_some_and(foreign)
}

/// Whether the schema lets elements of other namespaces be in an element of this name.
fn takes_others(name: &str) -> bool {
    !matches!(
        name,
        "BaseURL"
            | "Location"
            | "PatchLocation"
            | "Title"
            | "Source"
            | "Copyright"
            | "Label"
            | "GroupLabel"
            | "QualityLatency"
            | "InitializationGroup"
            | "InitializationPresentation"
            | "S"
            | "FCS"
            | "PR"
            | "Subset"
            | "Switching"
            | "RandomAccess"
            | "Resync"
            | "PlaybackRate"
            | "OperatingQuality"
            | "OperatingBandwidth"
            | "Range"
            | "SelectionInfo"
            | "Selection"
    )
}
