//! XML text, indented where white space does not count.

/// Appends elements to a buffer.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// What the names of DASH elements begin with.
    prefix: &'a str,
    depth: usize,
    /// The tag that was begun last has no `>` yet.
    open: bool,
    /// White space counts here: nothing is indented.
    inline: bool,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(out: &'a mut Vec<u8>, prefix: &'a str) -> Self {
        Self {
            out,
            prefix,
            depth: 0,
            open: false,
            inline: false,
        }
    }

    pub(crate) fn declaration(&mut self) {
        self.out
            .extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    }

    /// Begins a DASH element.
    pub(crate) fn open(&mut self, name: &str) {
        self.begin();
        self.out.extend_from_slice(self.prefix.as_bytes());
        self.out.extend_from_slice(name.as_bytes());
    }

    /// Begins an element whose name has its prefix already.
    pub(crate) fn open_other(&mut self, name: &str) {
        self.begin();
        self.out.extend_from_slice(name.as_bytes());
    }

    fn begin(&mut self) {
        self.end_tag();
        self.indent();
        self.out.push(b'<');
        self.open = true;
        self.depth += 1;
    }

    /// Ends a DASH element.
    pub(crate) fn close(&mut self, name: &str, inline: bool) {
        let prefix = self.prefix;
        self.finish(prefix, name, inline);
    }

    /// Ends an element whose name has its prefix already.
    pub(crate) fn close_other(&mut self, name: &str, inline: bool) {
        self.finish("", name, inline);
    }

    fn finish(&mut self, prefix: &str, name: &str, inline: bool) {
        self.depth = self.depth.saturating_sub(1);
        if self.open {
            self.out.extend_from_slice(b"/>");
            self.open = false;
        } else {
            self.indent();
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.extend_from_slice(name.as_bytes());
            self.out.push(b'>');
        }
        self.inline = inline;
        if !inline {
            self.out.push(b'\n');
        }
    }

    pub(crate) fn attribute(&mut self, name: &str, value: &str) {
        self.raw_attribute(name, |out| {
            for byte in value.bytes() {
                match byte {
                    b'&' => out.extend_from_slice(b"&amp;"),
                    b'<' => out.extend_from_slice(b"&lt;"),
                    b'"' => out.extend_from_slice(b"&quot;"),
                    b'\t' => out.extend_from_slice(b"&#9;"),
                    b'\n' => out.extend_from_slice(b"&#10;"),
                    b'\r' => out.extend_from_slice(b"&#13;"),
                    _ => out.push(byte),
                }
            }
        });
    }

    /// An attribute whose value needs no escapes.
    pub(crate) fn raw_attribute(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        value(self.out);
        self.out.push(b'"');
    }

    /// From here on to the end of the element, white space counts if `mixed`. What has to be given to
    /// [`close`](Self::close) comes back.
    pub(crate) const fn inline(&mut self, mixed: bool) -> bool {
        let before = self.inline;
        self.inline |= mixed;
        before
    }

    /// Text, within [`inline`](Self::inline).
    pub(crate) fn text(&mut self, text: &str) {
        self.end_tag();
        for byte in text.bytes() {
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'>' => self.out.extend_from_slice(b"&gt;"),
                b'\r' => self.out.extend_from_slice(b"&#13;"),
                _ => self.out.push(byte),
            }
        }
    }

    /// A comment or an instruction. What would end it early is left out.
    pub(crate) fn mark(&mut self, open: &str, text: &str, close: &str) {
        self.end_tag();
        self.indent();
        self.out.extend_from_slice(open.as_bytes());
        self.out
            .extend_from_slice(text.replace(close, "").as_bytes());
        self.out.extend_from_slice(close.as_bytes());
        if !self.inline {
            self.out.push(b'\n');
        }
    }

    fn end_tag(&mut self) {
        if self.open {
            self.open = false;
            self.out.push(b'>');
            if !self.inline {
                self.out.push(b'\n');
            }
        }
    }

    fn indent(&mut self) {
        if !self.inline {
            for _ in 0..self.depth {
                self.out.extend_from_slice(b"  ");
            }
        }
    }
}
