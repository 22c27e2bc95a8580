//! Segments of sound without a container (RFC 8216bis §3.1.4): each begins with an ID3 tag that tells its time.

use media::Timescale;

/// What names the time in a tag.
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// Splits off the tag at the start of a segment; gives the time that it tells, in ticks of 90 kHz.
pub fn split_tag(data: &[u8]) -> (Option<i64>, &[u8]) {
    let [b'I', b'D', b'3', _, _, flags, sizes @ ..] = data else {
        return (None, data);
    };
    let Some(sizes) = sizes.first_chunk::<4>() else {
        return (None, data);
    };
    let size = sizes
        .iter()
        .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7F));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    let Some((tag, rest)) = data.split_at_checked(10 + size + footer) else {
        return (None, data);
    };
    let owner = tag.windows(OWNER.len()).position(|name| name == OWNER);
    let time = owner
        .and_then(|at| tag.get(at + OWNER.len()..)?.first_chunk())
        .map(|time| i64::try_from(u64::from_be_bytes(*time) & 0x1_FFFF_FFFF).unwrap_or(0));
    (time, rest)
}

/// A time of a tag in ticks of a track.
pub fn ticks(time: i64, timescale: Timescale) -> i64 {
    Timescale::KHZ_90.rescale(time, timescale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_the_time() {
        let body = [b"PRIV\0\0\0\x35\0\0", OWNER, &90_000u64.to_be_bytes()].concat();
        let head = [b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, body.len() as u8];
        let tagged = [&head[..], &body, b"\xFF\xF1rest"].concat();
        assert_eq!(split_tag(&tagged), (Some(90_000), &b"\xFF\xF1rest"[..]));
        assert_eq!(split_tag(b"\xFF\xF1rest"), (None, &b"\xFF\xF1rest"[..]));
        // One that is cut off is none.
        assert_eq!(split_tag(&tagged[..20]), (None, &tagged[..20]));
        assert_eq!(split_tag(b"ID3"), (None, &b"ID3"[..]));
    }
}
