use super::{Check, Findings, Variables, Versions};
use crate::Tag;
use crate::tag::{ClosedCaptions, Key, KeyMethod, Media, MediaType, SessionData, StreamInf};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a multivariant playlist has said so far.
#[derive(Debug, Default)]
pub(super) struct Multivariant {
    versions: Versions,
    /// Line of an `EXT-X-STREAM-INF` whose URI is to follow on the next line.
    open: Option<usize>,
    variants: u64,
    renditions: Vec<Rendition>,
    /// Groups that variants name: line, kind, name.
    groups: Vec<(usize, &'static str, String)>,
    data: Vec<(String, Option<String>)>,
    variables: Variables,
    /// Lines of variants with `CLOSED-CAPTIONS=NONE`, and how many say something else or nothing.
    without_captions: Vec<usize>,
    others: u64,
    /// Variants that have a `SCORE`.
    scored: u64,
    /// Method, URI, vector and format of each.
    keys: Vec<[String; 4]>,
}

/// Renditions whose groups are compared.
const MOST_COMPARED: usize = 200;

#[derive(Debug)]
struct Rendition {
    line: usize,
    kind: String,
    group: String,
    name: String,
    default: bool,
}

impl Multivariant {
    fn media(&mut self, line: usize, media: &Media<'_>, findings: &mut Findings) {
        const NAME: &str = "EXT-X-MEDIA";
        const CLAUSE: &str = "4.4.6.1";
        let captions = media.kind == MediaType::ClosedCaptions;
        if captions && media.uri.is_some() {
            findings.error(line, NAME, "closed captions have no URI", CLAUSE);
        }
        if captions != media.instream_id.is_some() {
            let what = "INSTREAM-ID goes with closed captions, and only with them";
            findings.error(line, NAME, what, CLAUSE);
        }
        if media
            .instream_id
            .is_some_and(|id| id.starts_with("SERVICE"))
        {
            self.versions.need(7, line, NAME, "services of CEA-708");
        }
        if media.instream_id.is_some_and(|id| !is_instream_id(id)) {
            let what = "INSTREAM-ID is none of CC1 to CC4 and SERVICE1 to SERVICE63";
            findings.error(line, NAME, what, CLAUSE);
        }
        if media.default && media.attributes.get("AUTOSELECT") == Some("NO") {
            findings.error(line, NAME, "DEFAULT=YES goes with no AUTOSELECT=NO", CLAUSE);
        }
        if media.kind == MediaType::Subtitles && media.uri.is_none() {
            findings.error(line, NAME, "subtitles need a URI", CLAUSE);
        }
        if media.forced && media.kind != MediaType::Subtitles {
            findings.error(line, NAME, "FORCED is for subtitles only", CLAUSE);
        }
        if media.assoc_language.is_some() && media.language.is_none() {
            findings.warn(line, NAME, "ASSOC-LANGUAGE without LANGUAGE", CLAUSE);
        }
        let kind = media.kind.as_str();
        let group = self
            .renditions
            .iter()
            .filter(|r| r.kind == kind && r.group == media.group_id);
        for other in group {
            if other.name == media.name {
                let what = format!(
                    "a second NAME {:?} in the group {:?}",
                    media.name, media.group_id
                );
                findings.error(line, NAME, what, "4.4.6.1.1");
            }
            if other.default && media.default {
                let what = format!("a second DEFAULT in the group {:?}", media.group_id);
                findings.error(line, NAME, what, "4.4.6.1.1");
            }
        }
        self.renditions.push(Rendition {
            line,
            kind: kind.to_owned(),
            group: media.group_id.to_owned(),
            name: media.name.to_owned(),
            default: media.default,
        });
    }

    fn stream(&mut self, line: usize, stream: &StreamInf<'_>, findings: &mut Findings) {
        const NAME: &str = "EXT-X-STREAM-INF";
        const CLAUSE: &str = "4.4.6.2";
        if let Some(before) = self.open.replace(line) {
            findings.error(before, NAME, "has to be followed by a URI", CLAUSE);
        }
        if stream
            .average_bandwidth
            .is_some_and(|mean| mean > stream.bandwidth)
        {
            findings.error(
                line,
                NAME,
                "AVERAGE-BANDWIDTH is more than BANDWIDTH",
                CLAUSE,
            );
        }
        match stream.codecs {
            None => findings.warn(line, NAME, "CODECS should be there", CLAUSE),
            Some(codecs) => {
                const PICTURES: [&str; 9] = [
                    "avc", "hvc1", "hev1", "av01", "vp08", "vp09", "dvh", "mp4v", "mjp2",
                ];
                let video = codecs
                    .split(',')
                    .map(str::trim)
                    .any(|codec| PICTURES.iter().any(|p| codec.starts_with(p)));
                if video && stream.resolution.is_none() {
                    findings.warn(
                        line,
                        NAME,
                        "RESOLUTION should be there for pictures",
                        CLAUSE,
                    );
                }
            }
        }
        let captions = match stream.closed_captions {
            Some(ClosedCaptions::Group(group)) => Some(group),
            _ => None,
        };
        match stream.closed_captions {
            Some(ClosedCaptions::None) => self.without_captions.push(line),
            _ => self.others += 1,
        }
        self.scored += u64::from(stream.score.is_some());
        if stream.req_video_layout.is_some() {
            self.versions
                .need(12, line, NAME, "attributes that start with REQ-");
        }
        for (kind, group) in [
            ("AUDIO", stream.audio),
            ("VIDEO", stream.video),
            ("SUBTITLES", stream.subtitles),
            ("CLOSED-CAPTIONS", captions),
        ] {
            if let Some(group) = group {
                self.groups.push((line, kind, group.to_owned()));
            }
        }
    }

    fn session_key(&mut self, line: usize, key: &Key<'_>, findings: &mut Findings) {
        const NAME: &str = "EXT-X-SESSION-KEY";
        if key.method == KeyMethod::None {
            findings.error(line, NAME, "METHOD is NONE", "4.4.6.5");
        }
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let own = [
            key.method.as_str().to_owned(),
            text(key.uri),
            text(key.attributes.get("IV")),
            text(key.key_format),
        ];
        if self.keys.contains(&own) {
            findings.error(line, NAME, "the same key again", "4.4.6.5");
        } else {
            self.keys.push(own);
        }
    }

    /// Groups of a kind have the same members.
    fn finish_groups(&self, findings: &mut Findings) {
        // All are compared with all.
        if self.renditions.len() > MOST_COMPARED {
            return;
        }
        for (index, rendition) in self.renditions.iter().enumerate() {
            let of = |other: &&Rendition| other.kind == rendition.kind;
            let lacks = self.renditions.iter().filter(of).find(|other| {
                let mut group = self
                    .renditions
                    .iter()
                    .filter(|one| one.kind == other.kind && one.group == other.group);
                !group.any(|one| one.name == rendition.name)
            });
            // Told where the name comes first.
            let before = self.renditions.get(..index).unwrap_or(&[]);
            let first = !before
                .iter()
                .any(|one| one.kind == rendition.kind && one.name == rendition.name);
            if let (Some(other), true) = (lacks, first) {
                let what = format!(
                    "NAME {:?} of the group {:?} is missing in the group {:?}",
                    rendition.name, rendition.group, other.group
                );
                findings.error(rendition.line, "EXT-X-MEDIA", what, "4.4.6.1.1");
            }
        }
    }

    fn session_data(&mut self, line: usize, data: &SessionData<'_>, findings: &mut Findings) {
        let key = (
            data.data_id.to_owned(),
            data.language.map(ToOwned::to_owned),
        );
        if self.data.contains(&key) {
            let what = format!("a second DATA-ID {:?} of the same language", data.data_id);
            findings.error(line, "EXT-X-SESSION-DATA", what, "4.4.6.4");
        } else {
            self.data.push(key);
        }
    }
}

/// `CC1` to `CC4`, `SERVICE1` to `SERVICE63`.
fn is_instream_id(id: &str) -> bool {
    match id.strip_prefix("SERVICE") {
        Some(number) => number
            .parse()
            .is_ok_and(|number: u8| (1..=63).contains(&number)),
        None => matches!(id, "CC1" | "CC2" | "CC3" | "CC4"),
    }
}

impl Check for Multivariant {
    fn tag(&mut self, line: usize, tag: &Tag<'_>, findings: &mut Findings) {
        match tag {
            Tag::Version(version) => self.versions.told = Some(*version),
            Tag::Media(media) => self.media(line, media, findings),
            Tag::StreamInf(stream) => self.stream(line, stream, findings),
            Tag::SessionData(data) => self.session_data(line, data, findings),
            Tag::SessionKey(key) => self.session_key(line, key, findings),
            Tag::Define(define) => {
                self.variables.tag(line, define, findings);
                self.versions.need(8, line, "EXT-X-DEFINE", "variables");
                if define.import.is_some() {
                    let what = "IMPORT is for media playlists only";
                    findings.error(line, "EXT-X-DEFINE", what, "4.4.2.3");
                }
                if define.query_param.is_some() {
                    self.versions
                        .need(11, line, "EXT-X-DEFINE", "variables out of queries");
                }
            }
            _ => {}
        }
    }

    fn uri(&mut self, line: usize, _: &str, findings: &mut Findings) {
        if self.open.take().is_none() {
            findings.error(line, "URI", "no EXT-X-STREAM-INF before it", "4.4.6.2");
        }
        self.variants += 1;
    }

    fn finish(&mut self, findings: &mut Findings) {
        if let Some(line) = self.open {
            findings.error(
                line,
                "EXT-X-STREAM-INF",
                "has to be followed by a URI",
                "4.4.6.2",
            );
        }
        if self.variants == 0 {
            findings.error(0, "playlist", "no variant stream", "4.4.6.2");
        }
        for (line, kind, group) in &self.groups {
            if !self
                .renditions
                .iter()
                .any(|r| r.kind == *kind && r.group == *group)
            {
                let what = format!("{kind} names the group {group:?}, which no EXT-X-MEDIA is in");
                findings.error(*line, "EXT-X-STREAM-INF", what, "4.4.6.2");
            }
        }
        if self.others > 0 {
            for line in &self.without_captions {
                let what = "CLOSED-CAPTIONS=NONE, but not for all variants";
                findings.error(*line, "EXT-X-STREAM-INF", what, "4.4.6.2");
            }
        }
        if self.scored > 0 && self.scored < self.variants {
            let what = "SCORE should be there for all variants or for none";
            findings.warn(0, "EXT-X-STREAM-INF", what, "4.4.6.2");
        }
        self.finish_groups(findings);
        self.versions.finish(findings);
    }
}
