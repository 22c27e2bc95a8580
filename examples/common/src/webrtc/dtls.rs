//! DTLS also with those who have an RSA certificate, as GStreamer's `webrtcbin` has.
//!
//! str0m's DTLS (`dimpl`) takes signatures of elliptic curves only, which is all that browsers need (RFC 8827 §6.5). What certificate a
//! client has is not known before its server has asked for one. But who makes RSA certificates offers what OpenSSL once offered by default:
//! `rtc-dtls` serves those who offer a key exchange that no browser has; everybody else is left to `dimpl`.

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::{Certificate, CryptoPrivateKey};
use rtc_dtls::crypto_provider::{self, SignatureScheme};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;
use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial,
    ProtocolVersion, SrtpProfile,
};

/// What str0m reckons with: its own, and DTLS by either way.
#[must_use]
pub fn crypto() -> CryptoProvider {
    CryptoProvider {
        dtls_provider: &Provider,
        ..str0m::crypto::from_feature_flags()
    }
}

#[derive(Debug)]
struct Provider;

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        usual().generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Association {
            usual: usual().new_dtls(certificate, now, version, mtu)?,
            old: None,
            certificate: certificate.clone(),
            mtu,
            has_begun: false,
            now,
        }))
    }
}

fn usual() -> &'static dyn DtlsProvider {
    str0m::crypto::from_feature_flags().dtls_provider
}

/// One that is served by either, which its first message tells.
#[derive(Debug)]
struct Association {
    usual: Box<dyn DtlsInstance>,
    /// The lock is never waited for: with it this can be shared, which `Old` itself cannot.
    old: Option<Mutex<Old>>,
    certificate: DtlsCert,
    mtu: Option<usize>,
    /// Whether it is known who serves it: parts of the first message may come out of order.
    has_begun: bool,
    now: Instant,
}

impl Association {
    fn old(&mut self) -> Option<&mut Old> {
        let old = self.old.as_mut()?;
        Some(old.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DtlsInstance for Association {
    fn set_active(&mut self, active: bool) {
        self.usual.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        let now = self.now;
        if let (false, false, Some(suites)) =
            (self.has_begun, self.is_active(), cipher_suites(packet))
        {
            self.has_begun = true;
            if has_what_is_old(suites) {
                self.old = Old::new(&self.certificate, self.mtu)
                    .inspect_err(|error| tracing::warn!("no DTLS for RSA certificates: {error}"))
                    .ok()
                    .map(Mutex::new);
            }
        }
        match self.old() {
            Some(old) => old.handle_packet(packet, now).map_err(|error| told(&error)),
            None => self.usual.handle_packet(packet),
        }
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let now = self.now;
        match self.old() {
            Some(old) => old.poll_output(buffer, now),
            None => self.usual.poll_output(buffer),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        match self.old() {
            Some(old) => old.handle_timeout(now).map_err(|error| told(&error)),
            None => self.usual.handle_timeout(now),
        }
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<(), DtlsImplError> {
        let now = self.now;
        match self.old() {
            Some(old) if !old.is_connected => Err(DtlsImplError::HandshakePending),
            Some(old) => old
                .endpoint
                .write(now, PEER, data)
                .map_err(|error| told(&error)),
            None => self.usual.send_application_data(data),
        }
    }

    fn is_active(&self) -> bool {
        self.usual.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        match &self.old {
            Some(old) => {
                let old = old.lock().unwrap_or_else(PoisonError::into_inner);
                old.is_connected.then_some(ProtocolVersion::DTLS1_2)
            }
            None => self.usual.protocol_version(),
        }
    }

    fn is_closing(&self) -> bool {
        match &self.old {
            Some(old) => {
                old.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .is_closing
            }
            None => self.usual.is_closing(),
        }
    }

    fn is_closed(&self) -> bool {
        match &self.old {
            Some(old) => {
                let old = old.lock().unwrap_or_else(PoisonError::into_inner);
                old.is_closing && old.outputs.is_empty()
            }
            None => self.usual.is_closed(),
        }
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        let now = self.now;
        match self.old() {
            Some(old) => {
                old.close(now);
                Ok(())
            }
            None => self.usual.close(),
        }
    }
}

fn told(error: &Error) -> DtlsImplError {
    tracing::debug!("DTLS: {error}");
    DtlsImplError::ConnectionClosed
}

/// Where the client of an association is, for `rtc-dtls`, which has several at a place; and where we are. Nothing is sent there.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 1));
/// How often a flight of the handshake is sent again (RFC 6347 §4.2.4.1, which doubles it).
const FLIGHT: Duration = Duration::from_millis(500);
/// Time between polls when there is nothing to do.
const IDLE: Duration = Duration::from_secs(3600);
/// What SRTP's keys are exported as (RFC 5764 §4.2).
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// A server of `rtc-dtls` for one client.
struct Old {
    endpoint: Endpoint,
    outputs: VecDeque<Found>,
    is_connected: bool,
    is_closing: bool,
}

enum Found {
    Packet(BytesMut),
    Certificate(Vec<u8>),
    Keys(KeyingMaterial, SrtpProfile),
    Connected,
    Data(BytesMut),
    Closed,
}

impl fmt::Debug for Old {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Old").finish_non_exhaustive()
    }
}

impl Old {
    fn new(certificate: &DtlsCert, mtu: Option<usize>) -> Result<Self, Error> {
        let config = Arc::new(config(certificate, mtu)?);
        Ok(Self {
            endpoint: Endpoint::new(PEER, TransportProtocol::UDP, Some(config)),
            outputs: VecDeque::new(),
            is_connected: false,
            is_closing: false,
        })
    }

    fn handle_packet(&mut self, packet: &[u8], now: Instant) -> Result<(), Error> {
        if self.is_closing {
            // It would be the start of another association.
            return Ok(());
        }
        let events = self.endpoint.read(now, PEER, None, packet.into());
        self.collect();
        for event in events? {
            match event {
                EndpointEvent::HandshakeComplete => {
                    let state = self.endpoint.get_connection_state(PEER);
                    let (certificate, keys, profile) =
                        state.ok_or(Error::ErrConnClosed).and_then(secrets)?;
                    // Who it is comes before anything else of it counts.
                    self.outputs.extend([
                        Found::Certificate(certificate),
                        Found::Keys(keys, profile),
                        Found::Connected,
                    ]);
                    self.is_connected = true;
                }
                EndpointEvent::ApplicationData(data) => self.outputs.push_back(Found::Data(data)),
                EndpointEvent::PeerClosed => {
                    self.outputs.push_back(Found::Closed);
                    self.is_closing = true;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.is_closing || self.endpoint.poll_timeout(&PEER).is_none_or(|at| at > now) {
            return Ok(());
        }
        let passed = self.endpoint.handle_timeout(PEER, now);
        self.collect();
        passed
    }

    fn close(&mut self, now: Instant) {
        self.endpoint.stop(now, PEER);
        self.collect();
        self.is_closing = true;
    }

    fn collect(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.outputs.push_back(Found::Packet(transmit.message));
        }
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8], now: Instant) -> DtlsOutput<'a> {
        self.collect();
        let needed = match self.outputs.front() {
            Some(Found::Packet(bytes) | Found::Data(bytes)) => bytes.len(),
            Some(Found::Certificate(bytes)) => bytes.len(),
            _ => 0,
        };
        let Some(place) = buffer.get_mut(..needed) else {
            return DtlsOutput::BufferTooSmall { needed };
        };
        let mut fill = |bytes: &[u8]| place.copy_from_slice(bytes);
        match self.outputs.pop_front() {
            Some(Found::Packet(bytes)) => {
                fill(&bytes);
                DtlsOutput::Packet(place)
            }
            Some(Found::Certificate(bytes)) => {
                fill(&bytes);
                DtlsOutput::PeerCert(place)
            }
            Some(Found::Data(bytes)) => {
                fill(&bytes);
                DtlsOutput::ApplicationData(place)
            }
            Some(Found::Keys(keys, profile)) => DtlsOutput::KeyingMaterial(keys, profile),
            Some(Found::Connected) => DtlsOutput::Connected,
            Some(Found::Closed) => DtlsOutput::CloseNotify,
            None => {
                let due = self.endpoint.poll_timeout(&PEER);
                DtlsOutput::Timeout(due.unwrap_or(now + IDLE))
            }
        }
    }
}

/// A server that wants to see a certificate, of anybody: whose it is to be, the session description tells.
fn config(certificate: &DtlsCert, mtu: Option<usize>) -> Result<HandshakeConfig, Error> {
    let provider =
        crypto_provider::default_provider().map_err(|error| Error::Crypto(error.to_string()))?;
    let key = provider
        .crypto()
        .import_signing_key(SignatureScheme::EcdsaP256Sha256, &certificate.private_key)
        .map_err(|error| Error::Crypto(error.to_string()))?;
    let ours = Certificate {
        certificate: vec![certificate.certificate.clone().into()],
        private_key: CryptoPrivateKey::from_signing_key(key),
    };
    ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_certificates(vec![ours])
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Request)
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_insecure_skip_verify(true)
        .with_flight_interval(FLIGHT)
        .with_mtu(mtu.unwrap_or_default())
        .build(false, None)
}

/// Whom the handshake was with, and the keys that it gave.
fn secrets(state: &State) -> Result<(Vec<u8>, KeyingMaterial, SrtpProfile), Error> {
    let profile = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AEAD_AES_128_GCM,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::AES128_CM_SHA1_80,
        _ => return Err(Error::ErrServerNoMatchingSrtpProfile),
    };
    let certificate = state.peer_certificates.first();
    let certificate = certificate.ok_or(Error::ErrInvalidCertificate)?.clone();
    let keys = state.export_keying_material(LABEL, &[], profile.keying_material_len())?;
    Ok((certificate, KeyingMaterial::new(keys.as_ref()), profile))
}

/// Whether they are offered by somebody who may have an RSA certificate.
fn has_what_is_old(suites: &[u8]) -> bool {
    /// `TLS_DHE_RSA_WITH_AES_256_GCM_SHA384`, which no browser has.
    const OLD: [u8; 2] = [0x00, 0x9f];
    suites.chunks(2).any(|suite| suite == OLD)
}

/// The cipher suites of a `ClientHello` (RFC 6347 §4.2.2, RFC 5246 §7.4.1.2), if this is its start: as many as there are in this part.
fn cipher_suites(packet: &[u8]) -> Option<&[u8]> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    // The record's type, version, epoch, number and length; the message's type, length, number, and which part of it this is.
    let mut rest = packet;
    let [HANDSHAKE, ..] = *take(&mut rest, 13)? else {
        return None;
    };
    let [CLIENT_HELLO, _, _, _, _, _, 0, 0, 0, ..] = *take(&mut rest, 12)? else {
        return None;
    };
    // Version and random, session, cookie.
    take(&mut rest, 34)?;
    for _ in 0..2 {
        let length = take(&mut rest, 1)?;
        take(&mut rest, length[0].into())?;
    }
    let length = u16::from_be_bytes(take(&mut rest, 2)?.try_into().ok()?);
    rest.get(..length.into()).or(Some(rest))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    rest.split_off(..count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of OpenSSL 3.0 with the list of ciphers that GStreamer sets.
    const OPENSSL: &str = concat!(
        "16feff00000000000000000121010001150000000000000115fefddc4829d32a132452d845dac58b866c5cdc8a4523c47dc644c7eacb9cf688a32b00",
        "000090c02cc03000a3009fcca9cca8ccaac0afc0adc0a3c09fc05dc061c057c053c024c028006b006ac073c07700c400c3c00ac01400390038008800",
        "87009dc0a1c09dc051003d00c000350084c02bc02f00a2009ec0aec0acc0a2c09ec05cc060c056c052c023c02700670040c072c07600be00bdc009c0",
        "130033003200450044009cc0a0c09cc050003c00ba002f004100ff0100005b000b000403000102000a000c000a001d0017001e001900180023000000",
        "0e000500020001000016000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103030301030204020502",
        "0602",
    );

    fn openssl() -> Vec<u8> {
        let pairs = OPENSSL.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        pairs.map(byte).collect()
    }

    #[test]
    fn who_offers_what_no_browser_has_is_told_apart() {
        let hello = openssl();
        let offers_what_is_old = |packet: &[u8]| cipher_suites(packet).is_some_and(has_what_is_old);
        assert!(offers_what_is_old(&hello));
        for length in 0..hello.len() {
            // GStreamer sends it in parts of 230 bytes.
            assert_eq!(
                offers_what_is_old(&hello[..length]),
                length >= 71,
                "{length}"
            );
        }
        let at = hello.windows(2).position(|pair| pair == [0x00, 0x9f]);
        let mut elliptic = hello;
        elliptic[at.unwrap()..][..2].copy_from_slice(&[0xc0, 0x2b]);
        assert!(!offers_what_is_old(&elliptic), "as ffmpeg and aiortc offer");
    }

    #[test]
    fn parts_of_the_first_message_come_in_any_order_and_nothing_comes_after_the_end() {
        let certificate = Provider.generate_certificate().unwrap();
        let now = Instant::now();
        let mut dtls = Association {
            usual: usual()
                .new_dtls(&certificate, now, DtlsVersion::Auto, None)
                .unwrap(),
            old: None,
            certificate,
            mtu: None,
            has_begun: false,
            now,
        };
        dtls.set_active(false);
        dtls.handle_timeout(now).unwrap();
        let whole = openssl();
        let (header, body) = whole.split_at(25);
        let part = |number: u8, from: usize, until: usize| {
            let mut part = [header, &body[from..until]].concat();
            let length = until - from;
            part[10] = number;
            part[11..13].copy_from_slice(&(length as u16 + 12).to_be_bytes());
            part[19..22].copy_from_slice(&(from as u32).to_be_bytes()[1..]);
            part[22..25].copy_from_slice(&(length as u32).to_be_bytes()[1..]);
            part
        };
        let parts = [part(0, 0, 230), part(1, 230, body.len())];
        // What is lost of it or comes first is sent again, until there is an answer.
        let _ = dtls.handle_packet(&parts[1]);
        assert!(dtls.old.is_none());
        for part in &parts {
            dtls.handle_packet(part).unwrap();
        }
        let mut buffer = [0; 2000];
        assert!(dtls.old.is_some());
        assert!(matches!(
            dtls.poll_output(&mut buffer),
            DtlsOutput::Packet(_)
        ));
        dtls.close().unwrap();
        while let DtlsOutput::Packet(_) = dtls.poll_output(&mut buffer) {}
        assert!(dtls.is_closed());
        dtls.handle_packet(&whole).unwrap();
        assert!(matches!(
            dtls.poll_output(&mut buffer),
            DtlsOutput::Timeout(_)
        ));
    }

    /// Nobody knows the client's certificate before the handshake: noise and half a handshake end neither in a panic nor in keys.
    #[test]
    fn noise_is_no_handshake() {
        let certificate = Provider.generate_certificate().unwrap();
        let now = Instant::now();
        let mut random = testing::Random::new(7);
        for _ in 0..50 {
            let mut dtls = Provider
                .new_dtls(&certificate, now, DtlsVersion::Auto, Some(1150))
                .unwrap();
            dtls.set_active(false);
            dtls.handle_timeout(now).unwrap();
            dtls.handle_packet(&openssl()).unwrap();
            for at in 0..20 {
                let mut data = openssl();
                testing::flip_bits(&mut data, &mut random);
                let _ = dtls.handle_packet(&data);
                let _ = dtls.handle_timeout(now + Duration::from_millis(at * 300));
            }
            let mut buffer = [0; 2000];
            let mut packets = 0;
            loop {
                match dtls.poll_output(&mut buffer) {
                    DtlsOutput::Packet(_) => packets += 1,
                    DtlsOutput::Timeout(_) => break,
                    other => panic!("{other:?}"),
                }
            }
            assert!((1..200).contains(&packets), "{packets}");
            assert_eq!(dtls.protocol_version(), None);
        }
    }
}
