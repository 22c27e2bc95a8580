use super::Context;
use crate::{Error, rtcp};
use alloc::vec::Vec;

/// Both directions of one stream, as a stage between packets and network: RTP and RTCP are told apart by their payload types
/// (RFC 5761 §4).
#[derive(Debug, Default)]
pub struct Secure {
    /// What encrypts.
    pub outbound: Option<Context>,
    /// What decrypts.
    pub inbound: Option<Context>,
}

impl Secure {
    /// With a context for each direction; packets of one that has none do not get through.
    #[must_use]
    pub const fn new(outbound: Option<Context>, inbound: Option<Context>) -> Self {
        Self { outbound, inbound }
    }

    /// The packet as it is to be sent.
    ///
    /// # Errors
    /// [`Error::State`] without a context; as [`Context::protect`] has them.
    pub fn protect(&mut self, packet: &[u8]) -> Result<Vec<u8>, Error> {
        let context = self.outbound.as_mut();
        let context = context.ok_or(Error::State("there is no key to encrypt with"))?;
        let mut out = Vec::with_capacity(packet.len().saturating_add(32));
        out.extend_from_slice(packet);
        if rtcp::is_rtcp(packet) {
            context.protect_rtcp(&mut out)?;
        } else {
            context.protect(&mut out)?;
        }
        Ok(out)
    }

    /// The packet that was sent.
    ///
    /// # Errors
    /// [`Error::State`] without a context; as [`Context::unprotect`] has them.
    pub fn unprotect(&mut self, packet: &[u8]) -> Result<Vec<u8>, Error> {
        let context = self.inbound.as_mut();
        let context = context.ok_or(Error::State("there is no key to decrypt with"))?;
        let mut out = packet.to_vec();
        if rtcp::is_rtcp(packet) {
            context.unprotect_rtcp(&mut out)?;
        } else {
            context.unprotect(&mut out)?;
        }
        Ok(out)
    }
}
