//! Every document of the public corpus is read, or refused for what its name says is wrong with it.

use fluvial_dash::{Element, Error, Mpd, Node, Period, Representation, Rule};
use std::path::PathBuf;
use testing::{corpus, files};

fn documents() -> Vec<(PathBuf, Vec<u8>)> {
    let Some(dir) = corpus("dash") else {
        return Vec::new();
    };
    let extension = |path: &PathBuf| path.extension().is_some_and(|e| e == "mpd" || e == "xml");
    let found = files(&dir).into_iter().filter(extension);
    let files: Vec<_> = found
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect();
    assert!(files.len() > 100);
    files
}

/// Reads and writes a document of any kind; what it is after that.
fn rewrite(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    match root(bytes)? {
        "Period" => {
            let read = Period::parse(bytes)?;
            read.write(&mut out);
            assert_eq!(Period::parse(&out)?, read);
        }
        "Representation" => {
            let read = Representation::parse(bytes)?;
            read.write(&mut out);
            assert_eq!(Representation::parse(&out)?, read);
        }
        _ => {
            let read = Mpd::parse(bytes)?;
            read.write(&mut out);
            let text = String::from_utf8_lossy(&out);
            assert_eq!(Mpd::parse(&out)?, read, "{text}");
        }
    }
    Ok(out)
}

fn root(bytes: &[u8]) -> Result<&'static str, Error> {
    let element = Element::parse(bytes)?;
    Ok(match element.local_name() {
        "Period" => "Period",
        "Representation" => "Representation",
        _ => "MPD",
    })
}

/// What is refused: the end of the path, and why.
fn refused(path: &str) -> Option<Rule> {
    Some(match path {
        // One word, no document.
        _ if path.ends_with("manifest_error.xml") => Rule::Root("an element"),
        _ if path.ends_with("incomplete.mpd") => {
            Rule::WellFormed("the document ends within an element".into())
        }
        _ => return None,
    })
}

#[test]
fn every_document_is_read_and_written() {
    let mut failures = Vec::new();
    for (path, bytes) in documents() {
        let path = path.to_string_lossy().into_owned();
        let result = rewrite(&bytes);
        let expected = refused(&path);
        let rule = match &result {
            Ok(_) => None,
            Err(Error::Invalid { rule, .. }) => Some(rule.clone()),
            Err(error) => panic!("{path}: {error}"),
        };
        if rule != expected {
            let error = result.map_or_else(|error| error.to_string(), |_| "read".into());
            failures.push(format!("{path}: {error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// An element with its attributes sorted, as their order has no meaning, and the forms of values made one.
fn normal(element: &Element) -> Element {
    let mut normal = element.clone();
    normal.attributes.sort_by(|a, b| a.name.cmp(&b.name));
    // What is absent and what is written as its default are the same.
    if element.name == "S" {
        normal
            .attributes
            .retain(|attribute| !(attribute.name == "r" && attribute.value.trim() == "0"));
    }
    for attribute in &mut normal.attributes {
        let value = attribute.value.trim();
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        let duration = value
            .parse::<fluvial_dash::Duration>()
            .map(|v| v.to_string());
        let date = value
            .parse::<fluvial_dash::DateTime>()
            .map(|v| v.to_string());
        let number = value.parse::<f64>().map(|v| v.to_string());
        attribute.value = duration
            .or(date)
            .ok()
            .or(number.ok())
            .unwrap_or_else(|| words.join(" "));
    }
    for node in &mut normal.nodes {
        if let Node::Element(element) = node {
            *element = self::normal(element);
        }
    }
    // White space alone in an element that may hold text.
    normal
        .nodes
        .retain(|node| !matches!(node, Node::Text(text) if text.trim().is_empty()));
    normal
}

#[test]
fn documents_are_written_element_for_element() {
    for (path, bytes) in documents() {
        let Ok(written) = rewrite(&bytes) else {
            continue;
        };
        let before = normal(&Element::parse(&bytes).unwrap());
        let after = normal(&Element::parse(&written).unwrap());
        let booleans = |element: &Element| {
            let text = element.to_string();
            text.replace("=\"1\"", "=\"true\"")
                .replace("=\"0\"", "=\"false\"")
        };
        assert_eq!(booleans(&before), booleans(&after), "{}", path.display());
    }
}
