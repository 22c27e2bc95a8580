element! {
    /// A scheme and a value of it (§5.8.2): roles, properties, timing, and more.
    "Descriptor" Descriptor {
        "schemeIdUri" scheme_id_uri: String, "the scheme" [required];
        "value" value: String, "what the scheme says it is";
        "id" id: String, "descriptors of the same are alternatives";
    } {}
}

impl Descriptor {
    /// A descriptor of a scheme with a value.
    #[must_use]
    pub fn new(scheme_id_uri: &str, value: &str) -> Self {
        Self {
            scheme_id_uri: Some(scheme_id_uri.into()),
            value: Some(value.into()),
            ..Self::default()
        }
    }
}
