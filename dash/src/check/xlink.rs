//! Elements that are elsewhere (§5.5): where they may be, and what may be there.

use super::Findings;
use crate::{Element, Mpd, Node};

const CLAUSE: &str = "§5.5";
const HREF: &str = "xlink:href";
/// Stands for nothing (§5.5.3).
const ZERO: &str = "urn:mpeg:dash:resolve-to-zero:2013";
/// Elements elsewhere that lead elsewhere.
const DEPTH: usize = 16;

/// What is at a URL.
pub(super) type Resolve<'a> = dyn FnMut(&str) -> Option<Vec<u8>> + 'a;

pub(super) fn check(mpd: &Mpd, resolve: &mut Resolve<'_>, findings: &mut Findings) {
    let mut text = Vec::new();
    mpd.write(&mut text);
    if let Ok(root) = Element::parse(&text) {
        let mut way = Vec::new();
        element(&root, "/MPD", &mut way, resolve, findings);
    }
}

fn elements(nodes: &[Node]) -> impl Iterator<Item = &Element> {
    nodes.iter().filter_map(|node| match node {
        Node::Element(element) => Some(element),
        _ => None,
    })
}

/// `way` are the URLs that have led here.
fn element(
    node: &Element,
    path: &str,
    way: &mut Vec<String>,
    resolve: &mut Resolve<'_>,
    findings: &mut Findings,
) {
    if let Some(url) = node.attribute(HREF) {
        remote(node, url, path, way, resolve, findings);
    }
    for (index, child) in elements(&node.nodes).enumerate() {
        let name = child.local_name();
        let before = elements(&node.nodes).take(index);
        let same = before.filter(|other| other.local_name() == name).count();
        let path = format!("{path}/{name}[{}]", same.saturating_add(1));
        element(child, &path, way, resolve, findings);
    }
}

fn remote(
    node: &Element,
    url: &str,
    path: &str,
    way: &mut Vec<String>,
    resolve: &mut Resolve<'_>,
    findings: &mut Findings,
) {
    let at = format!("{path}/@{HREF}");
    if url == ZERO {
        return;
    }
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    let scheme = scheme.filter(|scheme| !scheme.contains(['/', '?', '#']));
    if scheme.is_some_and(|scheme| {
        !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https")
    }) {
        findings.error(&at, format!("no HTTP URL: {url:?}"), CLAUSE);
        return;
    }
    if way.iter().any(|before| before == url) {
        findings.error(&at, format!("leads in a circle: {url:?}"), CLAUSE);
        return;
    }
    if way.len() >= DEPTH {
        findings.error(&at, "leads too far", CLAUSE);
        return;
    }
    let Some(text) = resolve(url) else { return };
    // There may be several elements, or none, so it need not be a document.
    let text = String::from_utf8_lossy(&text);
    let body = text.trim_start_matches('\u{FEFF}').trim_ascii_start();
    let body = match body.strip_prefix("<?xml") {
        Some(declared) => declared.split_once("?>").map_or("", |(_, body)| body),
        None => body,
    };
    let wrapped = match Element::parse(format!("<remote>{body}</remote>").as_bytes()) {
        Ok(wrapped) => wrapped,
        Err(error) => {
            findings.error(&at, format!("{url:?} cannot be read: {error}"), CLAUSE);
            return;
        }
    };
    way.push(url.into());
    for found in elements(&wrapped.nodes) {
        let (name, wanted) = (found.local_name(), node.local_name());
        if name == wanted {
            element(found, path, way, resolve, findings);
        } else {
            let rule = format!("{url:?} is an element {name}, not {wanted}");
            findings.error(&at, rule, CLAUSE);
        }
    }
    way.pop();
}
