//! str0m's DTLS with the exported keys copied out, and narrowed to AES-128-GCM.
//!
//! After the handshake the load leaves str0m and counts packets by itself, for which it needs the keys. And str0m
//! offers three SRTP profiles and takes AES-256-GCM; the product, asked to, offers AES-128-GCM alone. So that both
//! seal with the same cipher, each end that runs str0m takes of what it exported for AES-256-GCM the first bytes as
//! the keys of AES-128-GCM: what a shorter export would have been (RFC 5705 §4).

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};

use str0m_proto::crypto::{
    CryptoError, CryptoProvider, DtlsVersion,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial, ProtocolVersion,
        SrtpProfile,
    },
};

use crate::srtp::EXPORTED;

/// What a handshake exported; empty before its end.
pub type KeySlot = Arc<Mutex<Option<Vec<u8>>>>;

thread_local! {
    static LAST: RefCell<Option<KeySlot>> = const { RefCell::new(None) };
}

static INNER: OnceLock<CryptoProvider> = OnceLock::new();

/// The slot of the session that was built last on this thread.
pub fn take_last() -> Option<KeySlot> {
    LAST.with(|last| last.borrow_mut().take())
}

/// Makes it the process's provider. Later calls do nothing.
pub fn install() {
    let inner = INNER.get_or_init(str0m::crypto::from_feature_flags);
    static TAP: Tap = Tap;
    CryptoProvider { dtls_provider: &TAP, ..inner.clone() }.install_process_default();
}

/// A certificate for all sessions of a process: to make one for each would measure that.
pub fn certificate() -> Option<DtlsCert> {
    INNER.get_or_init(str0m::crypto::from_feature_flags).dtls_provider.generate_certificate()
}

#[derive(Debug)]
struct Tap;

impl DtlsProvider for Tap {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = INNER.get_or_init(str0m::crypto::from_feature_flags);
        let dtls = inner.dtls_provider.new_dtls(certificate, now, version, mtu)?;
        let slot = KeySlot::default();
        LAST.with(|last| *last.borrow_mut() = Some(Arc::clone(&slot)));
        Ok(Box::new(Tapped { dtls, slot, done: false }))
    }
}

struct Tapped {
    dtls: Box<dyn DtlsInstance>,
    slot: KeySlot,
    /// The keys have passed. From then on str0m must not pay for the tap.
    done: bool,
}

impl fmt::Debug for Tapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped").finish_non_exhaustive()
    }
}

/// The keying material of AES-128-GCM, if this is that or holds it.
fn narrowed(material: &[u8], profile: SrtpProfile) -> Option<&[u8]> {
    match profile {
        SrtpProfile::AEAD_AES_128_GCM | SrtpProfile::AEAD_AES_256_GCM => material.get(..EXPORTED),
        _ => None,
    }
}

impl DtlsInstance for Tapped {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        if self.done {
            return self.dtls.poll_output(buffer);
        }
        let output = self.dtls.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output
            && let Some(narrow) = narrowed(material, *profile)
        {
            self.done = true;
            *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(narrow.to_vec());
            return DtlsOutput::KeyingMaterial(KeyingMaterial::new(narrow), SrtpProfile::AEAD_AES_128_GCM);
        }
        output
    }

    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }
    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }
    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }
    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }
    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }
    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }
    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }
    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }
    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
