use super::super::tests::hex;
use super::*;

/// RFC 3711 §B.2: the key stream at its start and where the counter carries.
#[test]
fn key_stream_of_counter_mode() {
    let aes = Aes::new(&hex("2b7e151628aed2a6abf7158809cf4f3c")).expect("16 bytes");
    let salt: [u8; 14] = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd")
        .try_into()
        .expect("14 bytes");
    let mut stream = vec![0; 0xFF02 * 16];
    aes.counter_mode(counter(Position { ssrc: 0, index: 0 }, &salt), &mut stream);
    let expected = [
        (0, "e03ead0935c95e80e166b16dd92b4eb4"),
        (1, "d23513162b02d0f72a43a2fe4a5f97ab"),
        (2, "41e95b3bb0a2e8dd477901e4fca894c0"),
        (0xFEFF, "ec8cdf7398607cb0f2d21675ea9ea1e4"),
        (0xFF00, "362b7c3c6773516318a077d7fc5073ae"),
        (0xFF01, "6a2cc3787889374fbeb4c81b17ba6c44"),
    ];
    for (block, bytes) in expected {
        assert_eq!(stream[block * 16..][..16], hex(bytes), "block {block:#x}");
    }
}

/// RFC 3711 §B.3 and RFC 6188 §7.2.
#[test]
fn key_derivation() {
    let vectors = [
        (
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
            "c61e7a93744f39ee10734afe3ff7a087",
            "30cbbc08863d8c85d49db34a9ae1",
            "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2",
        ),
        (
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
            "fa31791685ca444a9e07c6c64e93",
            "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
        ),
    ];
    for (master, salt, cipher_key, cipher_salt, auth_key) in vectors {
        let (master, salt) = (Aes::new(&hex(master)).expect("right length"), hex(salt));
        for (label, expected) in [(0, cipher_key), (1, auth_key), (2, cipher_salt)] {
            let mut key = hex(expected);
            derive(&master, &salt, label, &mut key);
            assert_eq!(key, hex(expected), "label {label}");
        }
    }
}
