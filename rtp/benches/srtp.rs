//! SRTP beside the ciphers that it is made of, on packets of 1200 bytes.
#![allow(missing_docs)]

use aes::Aes128;
use aes_gcm::{AeadInPlace, Aes128Gcm, KeyInit as _};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ctr::cipher::{KeyIvInit, StreamCipher};
use fluvial_rtp::srtp::{Config, Context, MasterKey, Profile};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::hint::black_box;

const HEADER: usize = 12;
const PAYLOAD: usize = 1200;

fn packet() -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.resize(HEADER + PAYLOAD, 0xAB);
    packet
}

fn context(profile: Profile) -> Context {
    let key = MasterKey::new(
        profile,
        &vec![3; profile.key_len()],
        &vec![5; profile.salt_len()],
    )
    .expect("right lengths");
    Context::new(profile, &[key], Config::default()).expect("a context")
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("srtp");
    group.throughput(Throughput::Bytes(PAYLOAD as u64));
    let mut data = packet();
    group.bench_function("raw/aes-128-ctr and hmac-sha1", |b| {
        let mac = <Hmac<Sha1> as Mac>::new_from_slice(&[1; 20]).expect("any length");
        b.iter(|| {
            ctr::Ctr128BE::<Aes128>::new(&[1; 16].into(), &[2; 16].into())
                .apply_keystream(&mut data[HEADER..]);
            let mut mac = mac.clone();
            mac.update(&data);
            black_box(mac.finalize())
        });
    });
    group.bench_function("raw/aes-128-gcm", |b| {
        let gcm = Aes128Gcm::new(&[1; 16].into());
        b.iter(|| {
            let (header, payload) = data.split_at_mut(HEADER);
            black_box(gcm.encrypt_in_place_detached(&[1; 12].into(), header, payload))
                .expect("short enough")
        });
    });
    for profile in Profile::ALL {
        let (mut sender, mut number) = (context(profile), 0u16);
        let mut packet = packet();
        group.bench_function(format!("protect/{}", profile.name()), |b| {
            b.iter(|| {
                packet.truncate(HEADER + PAYLOAD);
                number = number.wrapping_add(1);
                packet[2..4].copy_from_slice(&number.to_be_bytes());
                sender.protect(&mut packet).expect("protects");
            });
        });
        let (mut sender, mut receiver, mut number) = (context(profile), context(profile), 0u16);
        let secret: Vec<Vec<u8>> = (0..=u16::MAX)
            .map(|n| {
                packet.truncate(HEADER + PAYLOAD);
                packet[2..4].copy_from_slice(&n.to_be_bytes());
                sender.protect(&mut packet).expect("protects");
                packet.clone()
            })
            .collect();
        group.bench_function(format!("unprotect/{}", profile.name()), |b| {
            b.iter(|| {
                if number == 0 {
                    receiver = context(profile);
                }
                packet.clear();
                packet.extend_from_slice(&secret[usize::from(number)]);
                number = number.wrapping_add(1);
                receiver.unprotect(&mut packet).expect("unprotects");
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
