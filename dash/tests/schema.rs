//! `check` says of the corpus what the schema says of it, by xmllint.

use fluvial_dash::{Mpd, Severity, check, check_with};
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
    let mut xmllint = Command::new("xmllint");
    xmllint
        .args(["--nonet", "--noout", "--schema"])
        .args([schema, document]);
    let output = testing::ended(&mut xmllint, b"")?;
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

/// What the names of the examples of DASH-IF's validator say, those that lead elsewhere included.
#[test]
fn the_validator_examples_are_what_their_names_say() {
    let Some(dir) = corpus("dash/Dash-Industry-Forum-DASH-IF-Conformance") else {
        return;
    };
    let mut seen = 0;
    for path in files(&dir) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = match name {
            _ if name.contains("_include") || name == "ex02_circular.mpd" => continue,
            _ if name.contains("missingattribute") => Some("/@id|the attribute id is missing"),
            _ if name.contains("validator_wrongelement") => Some("there is no such element here"),
            _ if name.contains("circular") => Some("leads in a circle"),
            _ if name.contains("ftp") => Some("no HTTP URL"),
            _ if name.contains("xlink_invalid_wrongelement") => {
                Some("is an element Representation, not Period")
            }
            _ if name.ends_with("_valid.mpd") => None,
            _ => panic!("{name}"),
        };
        let mpd = Mpd::parse(&std::fs::read(&path).unwrap()).unwrap();
        let remote = |url: &str| std::fs::read(path.with_file_name(url.rsplit('/').next()?)).ok();
        let findings = check_with(&mpd, remote);
        let errors: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            // They are older than the schema, which takes no white space between codecs; xmllint says so, too.
            .filter(|finding| !finding.path.ends_with("/@codecs"))
            .map(ToString::to_string)
            .collect();
        match expected {
            None => assert!(errors.is_empty(), "{name}: {errors:#?}"),
            Some(rules) => {
                let found = |error: &String| rules.split('|').any(|rule| error.contains(rule));
                assert!(errors.iter().any(found), "{name}: {errors:#?}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 7);
}

/// A text, what stands in its place, and what is found then.
type Case<'a> = (&'a str, &'a str, &'a [(Severity, &'a str)]);

/// What is asked for beyond the schema: each document breaks one rule.
#[test]
fn rules_beyond_the_schema_are_looked_at() {
    let whole = "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' profiles='urn:mpeg:dash:profile:isoff-live:2011' type='static' minBufferTime='PT2S' \
        mediaPresentationDuration='PT6S'><Period><AdaptationSet id='0' mimeType='video/mp4'><Representation id='a' bandwidth='1'/>\
        </AdaptationSet><AdaptationSet id='1' mimeType='audio/mp4'><Representation id='b' bandwidth='1'/></AdaptationSet></Period></MPD>";
    let found = |text: &str| {
        let findings = check(&Mpd::parse(text.as_bytes()).unwrap());
        let errors = findings
            .iter()
            .map(|finding| (finding.severity, finding.path.clone()));
        errors.collect::<Vec<_>>()
    };
    assert_eq!(found(whole), []);
    use Severity::{Error, Warning};
    let set = "/MPD/Period[1]/AdaptationSet";
    let cases: [Case<'_>; 9] = [
        (" mediaPresentationDuration='PT6S'", "", &[(Error, "/MPD")]),
        (
            "'static'",
            "'dynamic'",
            &[(Error, "/MPD"), (Warning, "/MPD")],
        ),
        (
            "mpd:2011' profiles",
            "mpd:2010' profiles",
            &[(Error, "/MPD/@xmlns")],
        ),
        (
            " mimeType='audio/mp4'",
            "",
            &[(Error, &format!("{set}[2]/Representation[1]"))],
        ),
        (
            "<Representation id='b' bandwidth='1'/>",
            "",
            &[(Error, &format!("{set}[2]"))],
        ),
        ("id='1'", "id='0'", &[(Error, &format!("{set}[2]/@id"))]),
        (
            "id='b'",
            "id='a'",
            &[(Warning, &format!("{set}[2]/Representation[1]/@id"))],
        ),
        (
            "</Period>",
            "</Period><Period/>",
            &[(Error, "/MPD/Period[2]")],
        ),
        ("</Period>", "</Period><Period duration='PT0S'/>", &[]),
    ];
    for (old, new, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(severity, path)| (*severity, (*path).to_owned()))
            .collect();
        assert!(whole.contains(old), "{old}");
        assert_eq!(found(&whole.replace(old, new)), expected, "{old} {new}");
    }
}
