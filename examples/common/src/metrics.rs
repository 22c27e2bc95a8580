use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::{Display, Write as _};

/// Numbers for Prometheus, in its text format, version 0.0.4.
///
/// ```
/// let mut metrics = fluvial_common::Metrics::default();
/// metrics.gauge("rooms", "Rooms with somebody in them.", 3);
/// let sent = "sent_bytes_total";
/// metrics.family("counter", sent, "Bytes, by user.");
/// metrics.sample(sent, &[("user", "ann")], 12);
/// assert!(metrics.as_str().ends_with("sent_bytes_total{user=\"ann\"} 12\n"));
/// ```
#[derive(Debug, Default)]
pub struct Metrics(String);

impl Metrics {
    /// A number that goes up and down, without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("gauge", name, help);
        self.sample(name, &[], value);
    }

    /// Begins a family of samples: `kind` is `gauge` or `counter`.
    pub fn family(&mut self, kind: &str, name: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One of the family that was begun last. Values of labels are escaped.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, of)) in labels.iter().enumerate() {
            let of = of
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{of}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    /// The text so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_told_apart() {
        let mut metrics = Metrics::default();
        metrics.sample("x", &[("user", "a\"b\\c\nd"), ("way", "in")], 1.5);
        assert_eq!(
            metrics.as_str(),
            "x{user=\"a\\\"b\\\\c\\nd\",way=\"in\"} 1.5\n"
        );
    }
}
