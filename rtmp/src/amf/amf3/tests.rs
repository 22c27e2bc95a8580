use super::*;
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{string::ToString, vec};
use proptest::prelude::*;

fn encoded(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = vec![];
    encode(values, &mut out).unwrap();
    out
}

#[test]
fn numbers_of_29_bits() {
    for (number, bytes) in [
        (0, &[4, 0][..]),
        (0x7F, &[4, 0x7F]),
        (0x80, &[4, 0x81, 0]),
        (0x4000, &[4, 0x81, 0x80, 0]),
        (0x20_0000, &[4, 0x80, 0xC0, 0x80, 0]),
        ((1 << 28) - 1, &[4, 0xBF, 0xFF, 0xFF, 0xFF]),
        (-1, &[4, 0xFF, 0xFF, 0xFF, 0xFF]),
        (-(1 << 28), &[4, 0xC0, 0x80, 0x80, 0]),
    ] {
        assert_eq!(encoded(&[Value::Integer(number)]), bytes, "{number}");
        assert_eq!(
            decode(bytes, &Limits::default()).unwrap(),
            [Value::Integer(number)]
        );
    }
    assert_eq!(encoded(&[Value::Integer(1 << 28)])[0], 5);
}

#[test]
fn what_comes_again_is_referred_to() {
    let object = || Value::from(Object::named("C", [("name", Value::from("name"))]));
    let bytes = encoded(&[object(), object()]);
    assert_eq!(bytes, b"\x0A\x13\x03C\x09name\x06\x02\x0A\x01\x06\x02");
    assert_eq!(
        decode(&bytes, &Limits::default()).unwrap(),
        [object(), object()]
    );
}

#[test]
fn external_objects() {
    let unknown = b"\x0A\x07\x05Ex\x01\x02\x03";
    let values = decode(unknown, &Limits::default()).unwrap();
    let bytes = |data| {
        let (class, data) = ("Ex".into(), Cow::Borrowed(data));
        Value::External(Box::new(External::Bytes { class, data }))
    };
    assert_eq!(values, [bytes(&[1, 2, 3][..])]);
    // Who knows the class tells its length.
    let known = decode_with(unknown, &Limits::default(), &|class, _| {
        (class == "Ex").then_some(1)
    });
    assert_eq!(
        known.unwrap(),
        [bytes(&[1]), Value::Boolean(false), Value::Boolean(true)]
    );
    let over = decode_with(unknown, &Limits::default(), &|_, _| Some(4));
    assert!(matches!(over, Err(Error::Short(_))));
}

#[test]
fn limits_hold() {
    let deep = [9, 3, 1].repeat(40);
    assert!(matches!(
        decode(&deep, &Limits::default()),
        Err(Error::Limit {
            limit: "AMF depth",
            ..
        })
    ));
    let many = vec![1; (1 << 16) + 1];
    assert!(matches!(
        decode(&many, &Limits::default()),
        Err(Error::Limit {
            limit: "AMF values",
            ..
        })
    ));
    // Counts that lie cost nothing.
    for marker in [0x09, 0x0D, 0x0F, 0x10, 0x11, 0x0C] {
        assert!(decode(&[marker, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1], &Limits::default()).is_err());
    }
    // A string of half a megabyte that is not UTF-8, referred to again and again.
    let mut head = vec![6];
    let mut length = vec![];
    encode(
        &[Value::ByteArray(Cow::Owned(vec![0; 1 << 19]))],
        &mut length,
    )
    .unwrap();
    head.extend(&length[1..4]);
    head.extend(vec![0xFF; 1 << 19]);
    head.extend([6, 0].repeat(1000));
    let error = decode(&head, &Limits::default()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit {
                limit: "bytes of damaged text",
                ..
            }
        ),
        "{error}"
    );
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-c]{0,3}".prop_map(Cow::Owned)
}

fn name() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-c]{1,3}".prop_map(Cow::Owned)
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Undefined),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        (-(1 << 28)..1 << 28).prop_map(Value::Integer),
        (-1e9..1e9).prop_map(Value::Double),
        text().prop_map(Value::String),
        text().prop_map(Value::Xml),
        text().prop_map(Value::XmlDocument),
        (-1e9..1e9).prop_map(Value::Date),
        prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|data| Value::ByteArray(Cow::Owned(data))),
        (any::<bool>(), prop::collection::vec(any::<i32>(), 0..4))
            .prop_map(|(fixed, items)| Value::Vector(Box::new(Vector::Int { fixed, items }))),
        (any::<bool>(), prop::collection::vec(any::<u32>(), 0..4))
            .prop_map(|(fixed, items)| Value::Vector(Box::new(Vector::Uint { fixed, items }))),
        (any::<bool>(), prop::collection::vec(-1e9..1e9, 0..4))
            .prop_map(|(fixed, items)| Value::Vector(Box::new(Vector::Double { fixed, items }))),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let pairs = || prop::collection::vec((name(), inner.clone()), 0..3);
        let values = || prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (pairs(), values())
                .prop_map(|(associative, dense)| Value::from(Array { associative, dense })),
            (text(), pairs(), prop::option::of(pairs())).prop_map(|(class, sealed, dynamic)| {
                let (names, sealed) = sealed.into_iter().unzip();
                let traits = Traits {
                    class,
                    dynamic: dynamic.is_some(),
                    sealed: names,
                };
                Value::from(Object {
                    traits: Arc::new(traits),
                    sealed,
                    dynamic: dynamic.unwrap_or_default(),
                })
            }),
            inner.clone().prop_map(|value| {
                let class = Cow::Borrowed("flex.messaging.io.ArrayCollection");
                Value::External(Box::new(External::Value { class, value }))
            }),
            (any::<bool>(), text(), values()).prop_map(|(fixed, class, items)| Value::Vector(
                Box::new(Vector::Object {
                    fixed,
                    class,
                    items
                })
            )),
            (
                any::<bool>(),
                prop::collection::vec((inner.clone(), inner.clone()), 0..3)
            )
                .prop_map(|(weak_keys, entries)| Value::Dictionary { weak_keys, entries }),
        ]
    })
}

proptest! {
    #[test]
    fn round_trip(values in prop::collection::vec(value(), 0..4)) {
        let bytes = encoded(&values);
        prop_assert_eq!(&decode(&bytes, &Limits::default()).unwrap(), &values);
        // Inside of AMF0, each value alone.
        let inside: Vec<_> = values.iter().cloned().map(|value| crate::amf::amf0::Value::Avmplus(Box::new(value))).collect();
        let mut out = vec![];
        crate::amf::amf0::encode(&inside, &mut out).unwrap();
        prop_assert_eq!(crate::amf::amf0::decode(&out, &Limits::default()).unwrap(), inside);
    }

    #[test]
    fn no_bytes_do_harm(data in prop::collection::vec(prop_oneof![0u8..0x12, any::<u8>()], 0..60)) {
        if let Ok(values) = decode(&data, &Limits::default()) {
            let again = encoded(&values);
            let again = decode(&again, &Limits::default());
            let text = format!("{values:?}");
            // What nobody can measure takes what is written behind it for its own.
            if !text.contains("Bytes { class") {
                prop_assert_eq!(format!("{:?}", again.unwrap()), text);
            }
        }
    }
}

#[test]
fn errors_tell_the_place() {
    let error = decode(&[1, 0x7B], &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "AMF3 marker must not be 123 at offset 1");
}

#[test]
fn what_an_external_object_swallowed_can_be_written() {
    // Found by the fuzzer: an object of three properties whose first one is external, and takes the rest.
    let data = [
        0x0A, 0x33, 0x01, 0x03, b'a', 0x03, b'b', 0x03, b'c', 0x0A, 0x07, 0x03, b'x', 1, 2, 3,
    ];
    let values = decode(&data, &Limits::default()).unwrap();
    let mut out = Vec::new();
    encode(&values, &mut out).unwrap();
    assert_eq!(out, data);
}
