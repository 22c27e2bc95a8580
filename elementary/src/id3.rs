//! ID3v2 tags (id3.org, ID3v2.4.0 §3.1), as far as it takes to step over them.

/// Bytes of a tag's header.
pub(crate) const HEADER: usize = 10;

/// The length of the tag that some bytes start with, its header and footer included; `None` where there is none.
pub(crate) fn total_len(data: &[u8]) -> Option<usize> {
    let [b'I', b'D', b'3', 0..=9, _, flags, a, b, c, d, ..] = *data else {
        return None;
    };
    if (a | b | c | d) & 0x80 != 0 {
        return None;
    }
    let size = [a, b, c, d]
        .iter()
        .fold(0, |size, &seven| size << 7 | usize::from(seven));
    let footer = if flags & 0x10 != 0 { HEADER } else { 0 };
    Some(HEADER + size + footer)
}
