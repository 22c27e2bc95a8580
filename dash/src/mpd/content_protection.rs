use crate::{Element, Node};

element! {
    /// A protection scheme (§5.8.4.1).
    "ContentProtection" ContentProtection {
        "schemeIdUri" scheme_id_uri: String, "the scheme: `urn:mpeg:dash:mp4protection:2011`, or a DRM system's UUID" [required];
        "value" value: String, "such as `cenc` or `cbcs`";
        "id" id: String, "descriptors of the same are alternatives";
        "robustness" robustness: String, "how robust the implementation has to be";
        "refId" ref_id: String, "what `@ref` of others means";
        "ref" reference: String, "the `@refId` of the one to take all from";
    } {}
}

impl ContentProtection {
    /// `cenc:default_KID` (ISO/IEC 23001-7 §11.2): the default key identifier, as a UUID.
    #[must_use]
    pub fn default_kid(&self) -> Option<&str> {
        let mut attributes = self.other.attributes.iter();
        let attribute = attributes.find(|attribute| local(&attribute.name) == "default_KID")?;
        Some(attribute.value.trim_ascii())
    }

    /// Each `cenc:pssh` (ISO/IEC 23001-7 §11.2): a `pssh` box in base64.
    pub fn pssh(&self) -> impl Iterator<Item = String> {
        self.texts("pssh")
    }

    /// Each `dashif:Laurl` or `Laurl` (DASH-IF IOP 7.6.2.4): the URL of a license server.
    pub fn license_urls(&self) -> impl Iterator<Item = String> {
        self.texts("Laurl").chain(self.texts("laurl"))
    }

    fn texts(&self, name: &'static str) -> impl Iterator<Item = String> {
        let elements = self.other.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        });
        elements
            .filter(move |element| element.local_name() == name)
            .map(Element::text)
            .map(|text| text.trim_ascii().to_owned())
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}
