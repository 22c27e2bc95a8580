//! Whole segments encrypted with AES-128 in CBC mode with PKCS #7 padding: `METHOD=AES-128` (RFC 8216bis §4.4.4.4, §5.2).

use crate::Error;
use aes::Aes128;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use alloc::vec::Vec;

/// The segment that was encrypted to `data`.
///
/// ```
/// use fluvial_hls::aes128::{decrypt, encrypt};
///
/// let (key, iv) = ([7; 16], 42_u128.to_be_bytes());
/// let sent = encrypt(&key, &iv, b"a segment of any length");
/// assert_eq!(decrypt(&key, &iv, &sent)?, b"a segment of any length");
/// assert!(decrypt(&[8; 16], &iv, &sent).is_err());
/// # Ok::<(), fluvial_hls::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::State`] where its length is no multiple of 16 above 0, or its padding is none: mostly, the key is another one.
pub fn decrypt(key: &[u8; 16], iv: &[u8; 16], data: &[u8]) -> Result<Vec<u8>, Error> {
    let cipher = Aes128::new(key.into());
    let (blocks, rest) = data.as_chunks::<16>();
    if !rest.is_empty() || blocks.is_empty() {
        return Err(Error::State(
            "an encrypted segment is not of whole blocks of 16 bytes",
        ));
    }
    let mut out = Vec::with_capacity(data.len());
    let mut before = iv;
    for block in blocks {
        let mut plain = (*block).into();
        cipher.decrypt_block(&mut plain);
        out.extend(plain.iter().zip(before).map(|(a, b)| a ^ b));
        before = block;
    }
    let padding = out.last().copied().unwrap_or(0);
    let length = out.len().checked_sub(padding.into());
    let tail = length.and_then(|length| out.get(length..));
    match (length, tail) {
        (Some(length), Some(tail))
            if (1..=16).contains(&padding) && tail.iter().all(|byte| *byte == padding) =>
        {
            out.truncate(length);
            Ok(out)
        }
        _ => Err(Error::State(
            "the padding of an encrypted segment is none: is it the key?",
        )),
    }
}

/// A segment, encrypted.
#[must_use]
pub fn encrypt(key: &[u8; 16], iv: &[u8; 16], data: &[u8]) -> Vec<u8> {
    let cipher = Aes128::new(key.into());
    let (blocks, rest) = data.as_chunks::<16>();
    // 1 to 16 bytes, each of which says how many.
    let padding = u8::try_from(16 - rest.len()).unwrap_or(16);
    let mut last = [padding; 16];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut out = Vec::with_capacity(data.len().saturating_add(16));
    let mut before = *iv;
    for block in blocks.iter().chain([&last]) {
        let mut mixed = [0; 16];
        for (to, (a, b)) in mixed.iter_mut().zip(block.iter().zip(&before)) {
            *to = a ^ b;
        }
        let mut mixed = mixed.into();
        cipher.encrypt_block(&mut mixed);
        before = mixed.into();
        out.extend_from_slice(&before);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.2.1, first block.
    #[test]
    fn example_of_the_standard() {
        let hex = |text: &str| -> Vec<u8> {
            let pairs = (0..text.len()).step_by(2);
            pairs
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
        let iv = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let plain = hex("6bc1bee22e409f96e93d7e117393172a");
        let sent = encrypt(&key, &iv, &plain);
        assert_eq!(sent[..16], hex("7649abac8119b246cee98e9b12e9197d"));
        assert_eq!(decrypt(&key, &iv, &sent).unwrap(), plain);
        for length in 0..40 {
            let plain = vec![16; length];
            assert_eq!(
                decrypt(&key, &iv, &encrypt(&key, &iv, &plain)).unwrap(),
                plain
            );
        }
        assert!(decrypt(&key, &iv, &[]).is_err());
        assert!(decrypt(&key, &iv, &sent[..17]).is_err());
    }
}
