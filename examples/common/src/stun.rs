//! As much of STUN as it takes to see for whom a datagram is (RFC 8489 §5, RFC 8445 §7.2.2).

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;

/// By which name a binding request asks for a connection: the part of `USERNAME` before the colon. None where it is no such request.
#[must_use]
pub fn asked_for(datagram: &[u8]) -> Option<&str> {
    let [0, 1, _, _, cookie @ ..] = datagram else {
        return None;
    };
    if !cookie.starts_with(&COOKIE) {
        return None;
    }
    let mut rest = datagram.get(HEADER..)?;
    loop {
        let (&[k0, k1, l0, l1], value) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if u16::from_be_bytes([k0, k1]) == USERNAME {
            let name = std::str::from_utf8(value.get(..length)?).ok()?;
            return name.split_once(':').map(|(own, _)| own);
        }
        rest = value.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, attributes.len() as u8];
        datagram.extend(COOKIE);
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn the_name_is_found_behind_other_attributes() {
        let whole = request(b"\x80\x22\0\x03abc\0\0\x06\0\x05me:he\0\0\0");
        assert_eq!(asked_for(&whole), Some("me"));
        // Cut anywhere before the end of the name, it has none, and nothing happens.
        for end in 0..whole.len() - 3 {
            assert_eq!(asked_for(&whole[..end]), None, "{end}");
        }
        assert_eq!(asked_for(&request(b"\0\x06\0\x02me\0\0")), None, "no colon");
        let mut answer = whole;
        answer[0] = 1;
        assert_eq!(asked_for(&answer), None);
    }
}
