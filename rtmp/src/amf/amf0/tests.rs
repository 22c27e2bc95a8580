use super::*;
use crate::{Error, Limits};
use alloc::borrow::Cow;
use proptest::prelude::*;

fn decoded(bytes: &[u8]) -> Result<Vec<Value<'_>>, Error> {
    decode(bytes, &Limits::default())
}

#[test]
fn what_encoders_leave_out_is_tolerated() {
    // An object without its end, in three states of undress; an ECMA array with a wrong count.
    let object = Value::Object(Object::from([("a", Value::Boolean(true))]));
    for tail in [&[][..], &[0, 0], &[0, 0, 9]] {
        let bytes = [&[3, 0, 1, b'a', 1, 1][..], tail].concat();
        assert_eq!(decoded(&bytes).unwrap(), std::slice::from_ref(&object));
    }
    let array = decoded(&[8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 5, 0, 0, 9]).unwrap();
    assert_eq!(array, [Value::EcmaArray(Object::from([("", Value::Null)]))]);
    let text = decoded(&[2, 0, 2, 0xFF, b'x']).unwrap();
    assert_eq!(text, [Value::from("\u{FFFD}x")]);
}

#[test]
fn what_lies_is_refused() {
    assert_eq!(
        decoded(&[5, 4]),
        Err(Error::Invalid {
            field: "AMF0 marker",
            value: 4,
            offset: 1
        })
    );
    assert!(matches!(
        decoded(&[10, 0xFF, 0xFF, 0xFF, 0xFF, 5]),
        Err(Error::Short(_))
    ));
    assert!(matches!(
        decoded(&[12, 0xFF, 0xFF, 0xFF, 0xFF, 5]),
        Err(Error::Short(_))
    ));
    let deep = [10, 0, 0, 0, 1].repeat(33);
    assert_eq!(
        decoded(&deep),
        Err(Error::Limit {
            limit: "AMF depth",
            max: 32
        })
    );
    let many = vec![5; (1 << 16) + 1];
    assert_eq!(
        decoded(&many),
        Err(Error::Limit {
            limit: "AMF values",
            max: 1 << 16
        })
    );
    let name = "n".repeat(1 << 16);
    let err = encode(
        &[Value::Object(Object::from([(&name[..], Value::Null)]))],
        &mut Vec::new(),
    );
    assert!(matches!(err, Err(Error::TooLong(_))));
}

#[test]
fn long_text_gets_the_long_marker() {
    for len in [65_535, 65_536] {
        let text = "é".repeat(len / 2) + if len % 2 == 1 { "x" } else { "" };
        let mut bytes = Vec::new();
        Value::from(&text[..]).encode(&mut bytes).unwrap();
        assert_eq!(bytes[0], if len > 65_535 { 12 } else { 2 });
        assert_eq!(decoded(&bytes).unwrap(), [Value::from(&text[..])]);
    }
}

#[test]
fn text_is_found_wherever_it_stands() {
    // Names and strings beside numbers whose bytes are no text, text that ends inside of a character, and more of it than is
    // looked at ahead.
    let long = "long \u{e9} ".repeat(300);
    let object = Object::from([
        ("a", Value::from("x")),
        ("b", Value::from(f64::from_bits(0xFFC3_A9C3_A9C3_A9C3))),
        ("\u{e9}", Value::from("\u{20AC}")),
        ("", Value::from("")),
        ("c", Value::from(&*long)),
        ("d", Value::from(-1.0)),
        ("e", Value::from("y")),
    ]);
    let mut bytes = Vec::new();
    let values = [Value::from(object)];
    encode(&values, &mut bytes).unwrap();
    assert_eq!(decoded(&bytes).unwrap(), values);
    // "é" whose second byte belongs to the next name.
    let cut = [3, 0, 1, b'a', 2, 0, 1, b'x', 0, 1, 0xC3, 1, 1];
    let [Value::Object(object)] = &decoded(&cut).unwrap()[..] else {
        panic!();
    };
    assert_eq!(object.get("\u{FFFD}"), Some(&Value::Boolean(true)));
    let cut = [3, 0, 1, b'a', 2, 0, 2, b'x', 0xC3, 0, 1, b'b', 1, 1];
    let [Value::Object(object)] = &decoded(&cut).unwrap()[..] else {
        panic!();
    };
    assert_eq!(object.get("a"), Some(&Value::from("x\u{FFFD}")));
}

#[test]
fn documents_are_looked_into() {
    let inner = Object::from([("name", Value::from("n")), ("on", Value::from(true))]);
    let values = [
        Value::from("onMetaData"),
        Value::EcmaArray(Object::from([
            ("inner", Value::from(inner)),
            (
                "list",
                Value::StrictArray(vec![Value::from(1.0), Value::Null, Value::from("x")]),
            ),
            ("last", Value::from(2.0)),
        ])),
        Value::Undefined,
    ];
    let mut bytes = Vec::new();
    encode(&values, &mut bytes).unwrap();
    let document = Document::decode(&bytes, &Limits::default()).unwrap();
    let [name, data, undefined] = document.values().collect::<Vec<_>>()[..] else {
        panic!();
    };
    assert_eq!(name.as_str(), Some("onMetaData"));
    assert_eq!((undefined.as_str(), undefined.as_f64()), (None, None));
    let names: Vec<_> = data.properties().map(|(name, _)| name).collect();
    assert_eq!(names, ["inner", "list", "last"]);
    let inner = data.get("inner").unwrap();
    assert_eq!(inner.get("on").and_then(Entry::as_bool), Some(true));
    assert_eq!(inner.get("last"), None);
    let list: Vec<_> = data.get("list").unwrap().items().collect();
    assert_eq!(list.len(), 3);
    assert_eq!(list[2].as_str(), Some("x"));
    assert_eq!(data.get("last").and_then(Entry::as_f64), Some(2.0));
    assert_eq!(name.properties().count() + name.items().count(), 0);
    assert!(Document::decode(&[4], &Limits::default()).is_err());
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let text = "[a-z\u{e9}]{0,8}".prop_map(Cow::<'static, str>::Owned);
    let leaf = prop_oneof![
        prop::num::f64::NORMAL.prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        text.clone().prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
        any::<u16>().prop_map(Value::Reference),
        (prop::num::f64::NORMAL, any::<i16>())
            .prop_map(|(millis, zone)| Value::Date { millis, zone }),
        Just(Value::Unsupported),
        text.clone().prop_map(Value::XmlDocument),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        let object = prop::collection::vec((text.clone(), inner.clone()), 0..4).prop_map(Object);
        prop_oneof![
            object.clone().prop_map(Value::Object),
            object.clone().prop_map(Value::EcmaArray),
            prop::collection::vec(inner, 0..4).prop_map(Value::StrictArray),
            (text.clone(), object).prop_map(|typed| Value::TypedObject(Box::new(typed))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(values in prop::collection::vec(value(), 0..5)) {
        let mut bytes = Vec::new();
        encode(&values, &mut bytes).unwrap();
        let got = decoded(&bytes).unwrap();
        prop_assert_eq!(&got, &values);
        let document = Document::decode(&bytes, &Limits::default()).unwrap();
        let again: Vec<_> = document.values().map(Entry::to_value).collect();
        prop_assert_eq!(&again, &values);
        let owned: Vec<_> = got.into_iter().map(Value::into_owned).collect();
        prop_assert_eq!(owned, values);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes: Vec<u8>) {
        let _ = decoded(&bytes);
    }
}
