use crate::value::ContentEncoding;
use crate::xml::text_of;
use crate::{Attribute, Element, Node};

element! {
    /// Events of a scheme (§5.10.2): in the MPD, or as `InbandEventStream` in `emsg` boxes of the segments.
    "EventStream" EventStream {
        "xlink:href" href: String, "where the element itself is (§5.5)";
        "xlink:actuate" actuate: String, "`onLoad` or `onRequest`: when to fetch it";
        "xlink:type" xlink_type: String, "`simple`";
        "xlink:show" show: String, "`embed`";
        "schemeIdUri" scheme_id_uri: String, "the scheme" [required];
        "value" value: String, "what the scheme says it is";
        "timescale" timescale: u32, "ticks per second of its times; 1 if absent" [strict];
        "presentationTimeOffset" presentation_time_offset: u64, "ticks at the start of the period" [strict];
    } {
        "Event" events: Vec<Event>, "the events, by time";
    }
}

element! {
    /// An event (§5.10.2.2). Its message is what is in it, or `@messageData`.
    "Event" Event any(0) {
        "presentationTime" presentation_time: u64, "ticks of its start; 0 if absent" [strict];
        "duration" duration: u64, "ticks that it lasts; not known if absent" [strict];
        "id" id: u32, "its number: events of the same number are the same";
        "contentEncoding" content_encoding: ContentEncoding, "how the message is coded";
        "messageData" message_data: String, "the message (not to be used any more)";
    } {
        "SelectionInfo" selection_info: Option<SelectionInfo>, "a selection to be made";
    }
}

impl Event {
    /// The text in it.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(&self.other.nodes)
    }

    /// Puts a text in the place of what is in it.
    pub fn set_text(&mut self, text: &str) {
        self.other.nodes = vec![Node::Text(text.into())];
    }

    /// Puts a `splice_info_section` in the place of what is in it, which is told in Base64: the scheme
    /// `urn:scte:scte35:2014:xml+bin` (SCTE 214-1).
    pub fn set_scte35(&mut self, base64: &str) {
        let mut binary = Element::new("Binary");
        binary.nodes.push(Node::Text(base64.into()));
        let mut signal = Element::new("Signal");
        signal.attributes.push(Attribute {
            name: "xmlns".into(),
            value: "http://www.scte.org/schemas/35/2016".into(),
        });
        signal.nodes.push(Node::Element(binary));
        self.other.nodes = vec![Node::Element(signal)];
    }
}

element! {
    /// A selection to be made (§5.10.2.3).
    "SelectionInfo" SelectionInfo {
        "selectionInfo" selection_info: String, "what it is about";
        "contactURL" contact_url: String, "who to tell" [required];
    } {
        "Selection" selections: Vec<Selection>, "what can be chosen" required;
    }
}

element! {
    /// Something that can be chosen (§5.10.2.3).
    "Selection" Selection {
        "dataEncoding" data_encoding: ContentEncoding, "how the data is coded";
        "parameter" parameter: String, "its name" [required];
        "data" data: String, "its data";
    } {}
}
