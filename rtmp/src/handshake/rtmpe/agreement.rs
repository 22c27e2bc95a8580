use crypto_bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use crypto_bigint::{Encoding, U1024};
use rand_core::RngCore;

/// Bytes of a public key.
pub(in crate::handshake) const PUBLIC_KEY: usize = 128;

pub(in crate::handshake) type PublicKey = [u8; PUBLIC_KEY];

/// The modulus of the second Oakley group (RFC 2409 §6.2).
const MODULUS: U1024 = U1024::from_be_hex(concat!(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74",
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437",
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED",
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
));

/// Our side of a Diffie-Hellman agreement.
pub(in crate::handshake) struct Agreement {
    exponent: U1024,
    public: PublicKey,
}

fn power(base: &U1024, exponent: &U1024) -> [u8; PUBLIC_KEY] {
    let params = DynResidueParams::new(&MODULUS);
    DynResidue::new(base, params)
        .pow(exponent)
        .retrieve()
        .to_be_bytes()
}

impl Agreement {
    /// With an exponent from `rng`.
    pub(in crate::handshake) fn new(rng: &mut dyn RngCore) -> Self {
        let mut bytes = [0; PUBLIC_KEY];
        rng.fill_bytes(&mut bytes);
        Self::with_exponent(U1024::from_be_bytes(bytes))
    }

    pub(super) fn with_exponent(exponent: U1024) -> Self {
        let public = power(&U1024::from_u8(2), &exponent);
        Self { exponent, public }
    }

    pub(in crate::handshake) const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// What only we and the owner of the other key can know; none for a key that would make it known to all.
    pub(in crate::handshake) fn secret(&self, other: &PublicKey) -> Option<[u8; PUBLIC_KEY]> {
        let other = U1024::from_be_bytes(*other);
        let last = MODULUS.wrapping_sub(&U1024::ONE);
        (other > U1024::ONE && other < last).then(|| power(&other, &self.exponent))
    }

    /// The same agreement with another exponent where key or secret begin with a zero: implementations differ in what to make of
    /// those. One side can see to it, the one that knows the other's key before it tells its own.
    pub(in crate::handshake) fn without_leading_zeros(self, other: &PublicKey) -> Self {
        let has_zero = |agreement: &Self| {
            let secret = agreement.secret(other);
            agreement.public.first() == Some(&0) || secret.is_some_and(|secret| secret[0] == 0)
        };
        let mut agreement = self;
        // One in 128 has to be repeated.
        for _ in 0..16 {
            if !has_zero(&agreement) {
                break;
            }
            agreement = Self::with_exponent(agreement.exponent.wrapping_add(&U1024::ONE));
        }
        agreement
    }
}

impl core::fmt::Debug for Agreement {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Agreement").finish_non_exhaustive()
    }
}
