//! What the model keeps, where it is strict, and what it refuses.

use fluvial_dash::{
    AdaptationSet, BaseUrl, Descriptor, Error, Event, Limits, Mpd, Node, Period, PresentationType,
    Rule, S,
};

const HEAD: &str = "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">";

fn reject(text: &str) -> String {
    text.parse::<Mpd>().unwrap_err().to_string()
}

fn rewritten(text: &str) -> String {
    let read: Mpd = text.parse().unwrap();
    let written = read.to_string();
    assert_eq!(written.parse::<Mpd>().unwrap(), read, "{written}");
    written
}

#[test]
fn what_is_not_known_keeps_its_place() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- before -->\n\
                <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" xmlns:x=\"urn:x\" x:y=\"a &amp; b\" minBufferTime=\"soon\" type=\"dynamic\">\n  \
                <x:first>one <x:b/> two</x:first>\n  \
                <Period id=\"1\"/>\n  \
                <!-- between -->\n  \
                <Other/>\n  \
                <BaseURL x:z=\"1\">a&amp;b</BaseURL>\n  \
                <Period id=\"2\"/>\n\
                </MPD>\n<!-- after -->\n";
    assert_eq!(rewritten(text), text);
    let mut mpd: Mpd = text.parse().unwrap();
    assert_eq!(mpd.presentation_type, Some(PresentationType::Dynamic));
    assert_eq!(mpd.min_buffer_time, None);
    assert_eq!(
        mpd.base_urls,
        [BaseUrl {
            url: "a&b".into(),
            other: mpd.base_urls[0].other.clone(),
            ..BaseUrl::default()
        }]
    );
    assert_eq!(mpd.periods.len(), 2);

    // What is added comes after its like, what is put right is not there twice.
    mpd.periods.push(Period {
        id: Some("3".into()),
        ..Period::default()
    });
    mpd.utc_timings.push(Descriptor::new("urn:x", "y"));
    mpd.min_buffer_time = Some("PT2S".parse().unwrap());
    let expected = text
        .replace("minBufferTime=\"soon\" type=\"dynamic\"", "type=\"dynamic\" minBufferTime=\"PT2S\"")
        .replace("  <Period id=\"2\"/>\n", "  <Period id=\"2\"/>\n  <Period id=\"3\"/>\n  <UTCTiming schemeIdUri=\"urn:x\" value=\"y\"/>\n");
    assert_eq!(mpd.to_string(), expected);
}

#[test]
fn prefixes_and_namespaces_are_told_apart() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                <d:MPD xmlns:d=\"urn:mpeg:dash:schema:mpd:2011\">\n  \
                <d:Period>\n    \
                <AdaptationSet/>\n    \
                <d:AdaptationSet id=\"1\"/>\n  \
                </d:Period>\n\
                </d:MPD>\n";
    assert_eq!(rewritten(text), text);
    let mpd: Mpd = text.parse().unwrap();
    assert_eq!(
        mpd.periods[0].adaptation_sets,
        [AdaptationSet {
            id: Some(1),
            ..AdaptationSet::default()
        }]
    );

    let foreign = format!(
        "{HEAD}<Period xmlns=\"urn:other\"/><Period xmlns=\"urn:mpeg:DASH:schema:MPD:2011\"/></MPD>"
    );
    assert_eq!(foreign.parse::<Mpd>().unwrap().periods.len(), 1);
}

#[test]
fn texts_keep_their_white_space_and_sections() {
    let text = format!(
        "{HEAD}<Period><EventStream schemeIdUri=\"x\">\
         <Event>a <![CDATA[<&]]> b&#x20AC;\r\n</Event><Event><b> </b>\n<c/></Event></EventStream></Period></MPD>"
    );
    let mpd: Mpd = text.parse().unwrap();
    let events = &mpd.periods[0].event_streams[0].events;
    assert_eq!(events[0].text(), "a <& b€\n");
    assert_eq!(events[1].other.nodes.len(), 2);
    assert_eq!(mpd.to_string().parse::<Mpd>().unwrap(), mpd);
    let mut event = Event::default();
    event.set_text("x<y");
    assert_eq!(
        event.to_string(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Event>x&lt;y</Event>\n"
    );
}

#[test]
fn runs_of_segments_are_read_in_any_form() {
    let text = format!(
        "{HEAD}<Period><AdaptationSet><SegmentTemplate><SegmentTimeline>\
         <S t=\"0\" d=\"4\" r=\"2\"/><S d='5'/>\n<S r=\"-1\" d=\"6\" />\
         stray<S d=\"6\" r=\"1\"/>&amp;<S d=\"6\"/>\
         <S\n d=\" 7 \" k=\"2\"/><S d=\"8\"></S><!-- c --><S d=\"9\" x=\"y\"/></SegmentTimeline></SegmentTemplate></AdaptationSet></Period></MPD>"
    );
    let mpd: Mpd = text.parse().unwrap();
    let template = mpd.periods[0].adaptation_sets[0]
        .segment_template
        .as_ref()
        .unwrap();
    let timeline = template.timeline.as_ref().unwrap();
    let mut first = S::new(4, 2);
    first.t = Some(0);
    assert_eq!(timeline.segments[..3], [first, S::new(5, 0), S::new(6, -1)]);
    assert_eq!(timeline.segments[5].k, Some(2));
    assert_eq!(timeline.segments.len(), 8);
    let text = |text: &str| Node::Text(text.into());
    assert_eq!(
        timeline.other.nodes,
        [text("stray"), text("&"), Node::Comment(" c ".into())]
    );
    assert_eq!(mpd.to_string().parse::<Mpd>().unwrap(), mpd);
}

#[test]
fn errors_tell_where() {
    assert_eq!(
        reject(&format!(
            "{HEAD}<Period/><Period><AdaptationSet><SegmentTemplate timescale=\"fast\"/></AdaptationSet></Period></MPD>"
        )),
        "/MPD/Period[2]/AdaptationSet[1]/SegmentTemplate: @timescale is not an integer from 0 to 4294967295 \
         (xs:unsignedInt): \"fast\" (at byte 103)"
    );
    assert_eq!(
        reject(&format!("{HEAD}<Period id=\"a\" id=\"b\"/></MPD>")),
        "/MPD/Period[1]: @id is there twice (at byte 62)"
    );
    for (first, second) in [("maybe", "true"), ("true", "maybe"), ("maybe", "so")] {
        assert!(
            reject(&format!(
                "{HEAD}<Period bitstreamSwitching=\"{first}\" bitstreamSwitching=\"{second}\"/></MPD>"
            ))
            .contains("@bitstreamSwitching is there twice"),
            "{first} {second}"
        );
    }
    assert_eq!(
        reject(&format!(
            "{HEAD}<Period><SegmentList><SegmentTimeline><S r=\"1\"/></SegmentTimeline></SegmentList></Period></MPD>"
        )),
        "/MPD/Period[1]/SegmentList/SegmentTimeline/S[1]: @d is missing (at byte 81)"
    );
    assert_eq!(
        reject("<Period/>"),
        "/MPD: the outermost element is not MPD (at byte 0)".replace("/MPD", "")
    );
    assert!(
        reject(&format!("{HEAD}<Period></MPD>"))
            .starts_with("/MPD/Period[1]: not well-formed XML: ")
    );
    assert!(reject(&format!("{HEAD}</MPD><MPD/>")).contains("beside the outermost element"));
    assert!(reject(&format!("{HEAD}<a b=c/></MPD>")).contains("not an attribute: b=c"));
}

#[test]
fn entities_cannot_grow() {
    let bomb =
        "<!DOCTYPE MPD [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><MPD id=\"&b;\"/>";
    assert!(reject(bomb).contains("document type declarations are not taken"));
    assert!(
        reject(&format!("{HEAD}<BaseURL>&b;</BaseURL></MPD>"))
            .contains("the entity b is not defined")
    );
    assert!(reject("<MPD id=\"&b;\"/>").contains("the entity b is not defined"));
}

#[test]
fn limits_hold() {
    let limit = |text: &str| match text.parse::<Mpd>() {
        Err(Error::Limit { limit, .. }) => limit,
        other => panic!("{other:?}"),
    };
    let deep = format!(
        "{HEAD}{}{}</MPD>",
        "<a>".repeat(100_000),
        "</a>".repeat(100_000)
    );
    assert_eq!(limit(&deep), "levels");
    let wide: String = (0..1_000_000).map(|i| format!(" a{i}=''")).collect();
    assert_eq!(limit(&format!("<MPD{wide}/>")), "attributes");
    // A representation takes some thousand times the memory of its tag.
    let many = format!(
        "{HEAD}<Period><AdaptationSet>{}</AdaptationSet></Period></MPD>",
        "<Representation/>".repeat(1_000_000)
    );
    assert_eq!(limit(&many), "bytes of memory");
    let mut limits = Limits::new();
    limits.size = 10;
    assert!(matches!(
        Mpd::parse_with(HEAD.as_bytes(), &limits),
        Err(Error::Limit { limit: "bytes", .. })
    ));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = Mpd::parse(b"<MPD id=\"\xFF\"/>").unwrap_err();
    assert_eq!(
        error,
        Error::Invalid {
            path: String::new(),
            offset: 9,
            rule: Rule::Utf8
        }
    );
    assert!(Mpd::parse(b"\xEF\xBB\xBF<MPD/>").is_ok());
}
