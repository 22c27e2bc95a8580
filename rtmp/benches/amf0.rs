//! AMF0 of a `connect` command, decoded borrowed and owned, and encoded.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use fluvial_rtmp::Limits;
use fluvial_rtmp::amf::amf0::{self, Document, Object, Value};
use std::hint::black_box;

fn connect() -> Vec<Value<'static>> {
    let object = Object::from([
        ("app", Value::from("live")),
        ("type", Value::from("nonprivate")),
        ("flashVer", Value::from("FMLE/3.0 (compatible; FMSc/1.0)")),
        ("swfUrl", Value::from("rtmp://media.example.net:1935/live")),
        ("tcUrl", Value::from("rtmp://media.example.net:1935/live")),
        (
            "pageUrl",
            Value::from("https://www.example.net/watch/0123456789"),
        ),
        ("audioCodecs", Value::from(3575.0)),
        ("videoCodecs", Value::from(252.0)),
        ("capabilities", Value::from(239.0)),
        ("objectEncoding", Value::from(0.0)),
        ("fpad", Value::from(false)),
        ("live", Value::from(false)),
    ]);
    vec![
        Value::from("connect"),
        Value::from(1.0),
        Value::from(object),
    ]
}

fn benches(c: &mut Criterion) {
    let values = connect();
    let mut bytes = Vec::new();
    amf0::encode(&values, &mut bytes).unwrap();
    let limits = Limits::default();
    c.bench_function("decode borrowed", |b| {
        b.iter(|| amf0::decode(black_box(&bytes), &limits).unwrap());
    });
    c.bench_function("decode to a document", |b| {
        b.iter(|| Document::decode(black_box(&bytes), &limits).unwrap());
    });
    c.bench_function("decode owned", |b| {
        b.iter(|| {
            let values = amf0::decode(black_box(&bytes), &limits).unwrap();
            values
                .into_iter()
                .map(Value::into_owned)
                .collect::<Vec<_>>()
        });
    });
    let mut out = Vec::new();
    c.bench_function("encode", |b| {
        b.iter(|| {
            out.clear();
            amf0::encode(black_box(&values), &mut out).unwrap();
            black_box(&out);
        });
    });
}

criterion_group!(amf, benches);
criterion_main!(amf);
