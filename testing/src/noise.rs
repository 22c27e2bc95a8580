use crate::Random;

/// A datagram that begins as STUN, DTLS, RTP, RTCP or nothing does, and goes on at random; shorter than `longest`.
pub fn datagram(random: &mut Random, longest: usize) -> Vec<u8> {
    let heads: [&[u8]; 6] = [
        &[0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42],
        &[22, 254, 253, 0, 0],
        &[23, 254, 253, 0, 1],
        &[0x90, 96],
        &[0x81, 205],
        &[],
    ];
    let length = random.below(longest);
    let head = heads[random.below(heads.len())];
    let mut data = head[..head.len().min(length)].to_vec();
    while data.len() < length {
        let three = u32::try_from(random.below(1 << 24)).unwrap_or(0);
        data.extend_from_slice(&three.to_be_bytes()[1..]);
    }
    data.truncate(length);
    data
}
