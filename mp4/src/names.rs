/// Names of facts, and of the items that iTunes has for them.
pub(crate) const ITEMS: [(&str, [u8; 4]); 14] = [
    ("title", [0xA9, b'n', b'a', b'm']),
    ("artist", [0xA9, b'A', b'R', b'T']),
    ("album", [0xA9, b'a', b'l', b'b']),
    ("album_artist", *b"aART"),
    ("composer", [0xA9, b'w', b'r', b't']),
    ("date", [0xA9, b'd', b'a', b'y']),
    ("genre", [0xA9, b'g', b'e', b'n']),
    ("comment", [0xA9, b'c', b'm', b't']),
    ("encoder", [0xA9, b't', b'o', b'o']),
    ("lyrics", [0xA9, b'l', b'y', b'r']),
    ("copyright", *b"cprt"),
    ("description", *b"desc"),
    ("synopsis", *b"ldes"),
    ("show", *b"tvsh"),
];
