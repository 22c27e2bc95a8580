//! Whether each prefix is declared (Namespaces in XML 1.0 §5).

use super::Findings;
use crate::xml::{Attribute, Element, Model, Node};
use crate::{Mpd, NAMESPACE};

const CLAUSE: &str = "Namespaces in XML 1.0 §5";

/// Looks at a whole document.
pub(super) fn check(mpd: &Mpd, findings: &mut Findings) {
    let mut scope = Scope {
        declared: vec!["xml".into(), "xmlns".into()],
        told: Vec::new(),
        findings,
    };
    scope.model(mpd, "/MPD");
    let attributes = mpd.other().map_or(&[][..], |other| &other.attributes);
    let own = attributes
        .iter()
        .find(|attribute| attribute.name == "xmlns");
    if let Some(own) = own.filter(|own| own.value != NAMESPACE) {
        let rule = format!("its namespace is not {NAMESPACE}: {:?}", own.value);
        findings.error("/MPD/@xmlns", rule, "MPD schema");
    }
}

struct Scope<'a> {
    declared: Vec<String>,
    /// Each is told once.
    told: Vec<String>,
    findings: &'a mut Findings,
}

impl Scope<'_> {
    fn model(&mut self, node: &dyn Model, path: &str) {
        let before = self.declared.len();
        if let Some(other) = node.other() {
            self.attributes(&other.attributes, path);
            // Names that the model knows are prefixed too.
            let table = node.attributes().iter();
            for info in table.filter(|info| node.has_attribute(info.name)) {
                self.name(info.name, path);
            }
            self.nodes(&other.nodes, path);
        }
        for (kind, info) in node.children().iter().enumerate() {
            let Ok(kind) = u8::try_from(kind) else { break };
            for index in 0..node.count(kind) {
                if let Some(child) = node.child(kind, index) {
                    let path = format!("{path}/{}[{}]", info.name, index.saturating_add(1));
                    self.model(child, &path);
                }
            }
        }
        self.declared.truncate(before);
    }

    fn nodes(&mut self, nodes: &[Node], path: &str) {
        for node in nodes {
            if let Node::Element(element) = node {
                self.element(element, path);
            }
        }
    }

    fn element(&mut self, element: &Element, path: &str) {
        let before = self.declared.len();
        let path = format!("{path}/{}", element.name);
        self.attributes(&element.attributes, &path);
        self.name(&element.name, &path);
        self.nodes(&element.nodes, &path);
        self.declared.truncate(before);
    }

    fn attributes(&mut self, attributes: &[Attribute], path: &str) {
        let declared = attributes
            .iter()
            .filter_map(|attribute| attribute.name.strip_prefix("xmlns:"));
        self.declared.extend(declared.map(str::to_owned));
        for attribute in attributes {
            self.name(&attribute.name, path);
        }
    }

    fn name(&mut self, name: &str, path: &str) {
        let Some((prefix, _)) = name.split_once(':') else {
            return;
        };
        let known = |names: &[String]| names.iter().any(|name| name == prefix);
        if !known(&self.declared) && !known(&self.told) {
            self.told.push(prefix.into());
            let rule = format!("the prefix {prefix} is not declared");
            self.findings.error(path, rule, CLAUSE);
        }
    }
}
