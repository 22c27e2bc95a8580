mod reader;
mod writer;

pub use reader::BitReader;
pub use writer::BitWriter;

/// A read that went past the last bit of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at bit {bit} needs {needed} bits, {left} left")]
pub struct ShortBits {
    /// The syntax element that was being read.
    pub what: &'static str,
    /// Its position, in bits from the start of the reader's input.
    pub bit: u64,
    /// Bits that it takes, as far as that is known.
    pub needed: u64,
    /// Bits that were there.
    pub left: u64,
}

/// An Exp-Golomb code that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GolombError {
    /// The input ended within the code.
    #[error(transparent)]
    Short(#[from] ShortBits),
    /// The code stands for a number past 2^32 - 2, the most that `ue(v)` has.
    #[error("{what} at bit {bit} is an Exp-Golomb code past 32 bits")]
    Overlong {
        /// The syntax element that was being read.
        what: &'static str,
        /// Its position, in bits from the start of the reader's input.
        bit: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Removes emulation prevention the way the standard words it (H.264 §7.3.1).
    fn unescape(nal: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut zeros = 0;
        for &byte in nal {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }

    fn bytes_that_need_escapes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![4 => Just(0u8), 3 => 0u8..5, 1 => any::<u8>()],
            0..100,
        )
    }

    #[test]
    fn exp_golomb_codes_of_every_length() {
        let values = (0..32).flat_map(|n| [(1u32 << n) - 1, 1 << n, (1u32 << n) + 1]);
        let values: Vec<u32> = values.chain([u32::MAX - 1]).collect();
        let mut out = Vec::new();
        let mut w = BitWriter::new(&mut out);
        for &value in &values {
            w.ue("v", value).unwrap();
        }
        w.trailing_bits();
        let mut r = BitReader::new(&out);
        for &value in &values {
            assert!(r.more_rbsp_data());
            assert_eq!(r.ue("v"), Ok(value));
        }
        assert!(!r.more_rbsp_data());
    }

    #[test]
    fn codes_that_no_u32_holds_are_told_and_not_read() {
        let data = [0, 0, 0, 0, 0x40, 0, 0, 0, 0];
        let mut r = BitReader::new(&data);
        let overlong = Err(GolombError::Overlong { what: "v", bit: 0 });
        assert_eq!(r.ue("v"), overlong);
        assert_eq!(r.position(), 0);
        let mut r = BitReader::new(&[0, 0, 0, 0, 0x80, 0, 0, 0, 0x80]);
        assert_eq!(r.ue("v"), overlong);
        let mut r = BitReader::new(&[0, 0, 1]);
        let short = r.ue("v").unwrap_err();
        assert_eq!(short.to_string(), "v at bit 0 needs 47 bits, 24 left");
    }

    #[test]
    fn small_numbers_and_optional_ones() {
        let mut r = BitReader::new(&[0b1011_0110, 0xFF, 0xFF, 0b1000_0000]);
        assert_eq!(r.option("flag", |r| r.bits8(3, "v")), Ok(Some(0b011)));
        assert_eq!(r.option("flag", |r| r.bits8(3, "v")), Ok(None));
        assert_eq!((r.bits8(3, "v"), r.bits8(99, "v")), (Ok(0b110), Ok(0xFF)));
        assert_eq!(r.bits16(99, "v"), Ok(0xFF80));
        assert_eq!(r.bits16(1, "v").unwrap_err().left, 0);
        let data = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD];
        let mut r = BitReader::new(&data);
        assert_eq!(r.unaligned_bytes(1, "v"), Ok(vec![1]));
        assert_eq!(r.bits8(4, "v"), Ok(2));
        assert_eq!(
            r.unaligned_bytes(5, "v"),
            Ok(vec![0x34, 0x56, 0x78, 0x9A, 0xBC])
        );
        let short = r.unaligned_bytes(u64::MAX, "v").unwrap_err();
        assert_eq!((short.bit, short.left), (52, 4));
    }

    #[test]
    fn values_that_do_not_fit_are_not_written() {
        let mut out = Vec::new();
        let mut w = BitWriter::new(&mut out);
        assert!(w.bits(3, "v", 8).is_err());
        assert!(w.bits(0, "v", 1).is_err());
        assert!(w.ue("v", u32::MAX).is_err());
        assert!(w.se("v", i32::MIN).is_err());
        assert_eq!(w.position(), 0);
        w.bits64(64, "v", u64::MAX).unwrap();
        assert_eq!(out, [0xFF; 8]);
    }

    #[test]
    fn whole_bytes_come_out_of_the_plain_reader_at_a_boundary() {
        let data: [u8; 20] = core::array::from_fn(|i| i as u8);
        let mut r = BitReader::new(&data);
        assert_eq!(r.bits(8, "a"), Ok(0));
        assert_eq!(r.bytes(4, "b"), Ok(&data[1..5]));
        assert_eq!(r.bits(4, "c"), Ok(0));
        assert!(r.bytes(1, "d").is_err());
        r.align();
        assert_eq!(r.bytes(14, "e"), Ok(&data[6..]));
        assert_eq!(r.left(), 0);
        assert!(r.bytes(1, "f").is_err());
        assert_eq!(r.bytes(0, "g"), Ok(&[][..]));
    }

    #[test]
    fn more_rbsp_data_ends_at_the_stop_bit_whatever_follows() {
        let with_cabac_zero_words = [0b1010_0000, 0b1000_0000, 0, 0, 3, 0, 0, 3];
        let mut r = BitReader::escaped(&with_cabac_zero_words);
        assert!(r.more_rbsp_data());
        r.skip(8, "data").unwrap();
        assert!(!r.more_rbsp_data());
        assert!(!BitReader::new(&[]).more_rbsp_data());
        assert!(!BitReader::new(&[0, 0, 0]).more_rbsp_data());
        assert!(BitReader::new(&[0, 0, 1]).more_rbsp_data());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(items: Vec<(u8, u64, i32)>, escaped: bool) {
            let mut out = Vec::new();
            macro_rules! write { ($w:expr) => {{
                let mut w = $w;
                for &(n, value, signed) in &items {
                    let n = u32::from(n % 65);
                    w.bits64(n, "u", value & u64::MAX.checked_shr(64 - n).unwrap_or(0)).unwrap();
                    w.bit(signed < 0).se("se", signed.max(-i32::MAX)).unwrap();
                }
                let at = w.position();
                w.trailing_bits();
                at
            }} }
            macro_rules! read { ($r:expr, $end:expr) => {{
                let mut r = $r;
                for &(n, value, signed) in &items {
                    let n = u32::from(n % 65);
                    prop_assert_eq!(r.bits64(n, "u"), Ok(value & u64::MAX.checked_shr(64 - n).unwrap_or(0)));
                    prop_assert_eq!(r.bit("bit"), Ok(signed < 0));
                    prop_assert_eq!(r.se("se"), Ok(signed.max(-i32::MAX)));
                }
                prop_assert!(!r.more_rbsp_data());
                prop_assert_eq!(r.position(), $end);
            }} }
            if escaped {
                let end = write!(BitWriter::escaped(&mut out));
                prop_assert!(!out.windows(3).any(|w| w[0] == 0 && w[1] == 0 && w[2] < 3));
                read!(BitReader::escaped(&out), end);
            } else {
                let end = write!(BitWriter::new(&mut out));
                read!(BitReader::new(&out), end);
            }
        }

        #[test]
        fn an_escaped_reader_reads_what_unescaping_first_would(
            nal in bytes_that_need_escapes(),
            steps: Vec<(u8, u8)>,
        ) {
            let rbsp = unescape(&nal);
            let mut escaped = BitReader::escaped(&nal);
            let mut plain = BitReader::new(&rbsp);
            for (kind, n) in steps {
                match kind % 6 {
                    0 => prop_assert_eq!(escaped.bits(n.into(), "u"), plain.bits(n.into(), "u")),
                    1 => prop_assert_eq!(escaped.bits64(n.into(), "u"), plain.bits64(n.into(), "u")),
                    2 => prop_assert_eq!(escaped.ue("ue"), plain.ue("ue")),
                    3 => prop_assert_eq!(escaped.se("se"), plain.se("se")),
                    4 => prop_assert_eq!(escaped.skip(n.into(), "skip"), plain.skip(n.into(), "skip")),
                    _ => { escaped.align(); plain.align(); }
                }
                prop_assert_eq!(escaped.position(), plain.position());
                prop_assert_eq!(escaped.is_aligned(), plain.is_aligned());
                prop_assert_eq!(escaped.more_rbsp_data(), plain.more_rbsp_data());
            }
        }

        #[test]
        fn a_written_nal_unescapes_to_what_was_put_in(rbsp in bytes_that_need_escapes()) {
            let mut out = Vec::new();
            BitWriter::escaped(&mut out).bytes(&rbsp);
            prop_assert_eq!(unescape(&out), rbsp);
        }

        #[test]
        fn bytes_are_written_as_byte_after_byte_at_any_position(
            bytes in bytes_that_need_escapes(),
            first in 0u32..9,
            escaped: bool,
        ) {
            let (mut at_once, mut one_by_one) = (Vec::new(), Vec::new());
            macro_rules! write { ($new:expr) => {{
                let mut w = $new(&mut at_once);
                w.bits(first, "first", (1 << first) - 1).unwrap().bytes(&bytes).trailing_bits();
                let position = w.position();
                let mut w = $new(&mut one_by_one);
                w.bits(first, "first", (1 << first) - 1).unwrap();
                for &byte in &bytes {
                    w.bits(8, "byte", byte.into()).unwrap();
                }
                w.trailing_bits();
                prop_assert_eq!(position, w.position());
            }} }
            if escaped {
                write!(BitWriter::escaped);
            } else {
                write!(BitWriter::new);
            }
            prop_assert_eq!(at_once, one_by_one);
        }

        #[test]
        fn skip_is_the_same_as_reading(data: Vec<u8>, first in 0u32..64, n in 0u64..400) {
            let mut skipped = BitReader::new(&data);
            let _ = skipped.bits64(first, "first");
            let mut read = skipped;
            let mut count = 0;
            while count < n && read.bit("bit").is_ok() {
                count += 1;
            }
            let ok = skipped.skip(n, "skip").is_ok();
            prop_assert_eq!(ok, count == n);
            if ok {
                prop_assert_eq!(skipped.position(), read.position());
                prop_assert_eq!(skipped.bits(7, "rest"), read.bits(7, "rest"));
            }
        }
    }
}
