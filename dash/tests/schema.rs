//! `check` says of the corpus what the schema says of it, by xmllint.

use fluvial_dash::{Mpd, Severity, check};
use std::path::Path;
use std::process::Command;
use testing::{corpus, files};

/// What the schema of MPDs needs of the schema of XLink.
const XLINK: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
  <xs:attribute name="href" type="xs:anyURI"/>
  <xs:attribute name="actuate" type="xs:string"/>
  <xs:attribute name="type" type="xs:string"/>
  <xs:attribute name="show" type="xs:string"/>
</xs:schema>"#;

/// Whether a document is valid; `None`, said aloud, where there is no xmllint.
fn xmllint(schema: &Path, document: &Path) -> Option<(bool, String)> {
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .args([schema, document])
        .output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: xmllint is not installed (libxml2-utils)");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !text.contains("WXS schema"),
        "the schema cannot be used: {text}"
    );
    Some((output.status.success(), text))
}

#[test]
fn xmllint_says_the_same() {
    let Some(dir) = corpus("dash") else { return };
    let temporary =
        std::env::temp_dir().join(format!("fluvial-dash-schema-{}", std::process::id()));
    std::fs::create_dir_all(&temporary).unwrap();
    let schema = std::fs::read_to_string(dir.join("MPEGGroup-DASHSchema/DASH-MPD.xsd")).unwrap();
    let schema = schema.replace("http://www.w3.org/XML/2008/06/xlink.xsd", "xlink.xsd");
    std::fs::write(temporary.join("DASH-MPD.xsd"), schema).unwrap();
    std::fs::write(temporary.join("xlink.xsd"), XLINK).unwrap();

    let (mut agree, mut invalid) = (0, 0);
    let mut failures = Vec::new();
    for path in files(&dir) {
        let Some(mpd) = std::fs::read(&path)
            .ok()
            .and_then(|bytes| Mpd::parse(&bytes).ok())
        else {
            continue;
        };
        let Some((valid, theirs)) = xmllint(&temporary.join("DASH-MPD.xsd"), &path) else {
            return;
        };
        let ours: Vec<String> = check(&mpd)
            .into_iter()
            .filter(|finding| {
                finding.severity == Severity::Error
                    && (finding.clause == "MPD schema" || finding.clause.starts_with("Namespaces"))
            })
            .map(|finding| finding.to_string())
            .collect();
        if valid == ours.is_empty() {
            agree += 1;
            invalid += usize::from(!valid);
        } else {
            let theirs: Vec<&str> = theirs.lines().take(4).collect();
            failures.push(format!(
                "{}:\n  ours {ours:#?}\n  theirs {theirs:#?}",
                path.display()
            ));
        }
    }
    std::fs::remove_dir_all(&temporary).unwrap();
    eprintln!("{agree} documents alike, {invalid} of them invalid");
    assert!(
        failures.is_empty(),
        "{}\n{} differ",
        failures.join("\n"),
        failures.len()
    );
    assert!(agree > 100 && invalid > 20);
}
