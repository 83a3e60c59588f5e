//! The DTLS client of a transport, behind a trait so that the implementation can be exchanged.
//!
//! The implementation is `rtc-dtls` 0.21. `dimpl` 0.9 was the other candidate: it always offers all three SRTP
//! profiles, and which ones are offered decides what Chromium takes (see [`SrtpOffer`]).

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512};
use bytes::BytesMut;
use rtc_dtls::{
    config::{ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto::Certificate,
    crypto_provider::{RTCCryptoProvider, default_provider},
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use zeroize::Zeroizing;

use crate::{FailReason, SrtpOffer, SrtpProfile, ortc::Fingerprint};

/// Retransmission interval of a flight. A browser answers within one round trip; sooner would repeat on slow
/// links, later would cost a lost packet a whole second of the join.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(400);
/// Handshake datagrams stay below this, so that they fit where media fits.
const MTU: usize = 1200;
/// Datagrams a peer may send per association. A handshake takes under ten; a peer that is authentic by ICE but
/// sends noise is cut off before it costs memory.
const MAX_DATAGRAMS: u32 = 512;
const RECORD_HEADER: usize = 13;
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// RFC 7983: the first byte of DTLS is 20 to 63.
pub(crate) const fn is_dtls(first: u8) -> bool {
    first >= 20 && first <= 63
}

/// One association in the client role.
pub(crate) trait Handshake: Send {
    /// Takes one datagram from the peer.
    fn receive(&mut self, now: Instant, datagram: &[u8]);
    /// Retransmits what is due.
    fn advance(&mut self, now: Instant);
    /// When [`Handshake::advance`] is due.
    fn next_wake(&self) -> Option<Instant>;
    /// The next datagram to send.
    fn next_datagram(&mut self) -> Option<Vec<u8>>;
    /// The next thing that happened.
    fn next_outcome(&mut self) -> Option<Outcome>;
    /// Queues a close_notify.
    fn close(&mut self, now: Instant);
}

/// What an association comes to.
#[derive(PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Keys in the order of RFC 5764 §4.2; this side is the client.
    Keys(SrtpProfile, Zeroizing<Vec<u8>>),
    /// Before or instead of keys. No key was or will be exported.
    Failed(FailReason),
    /// The peer said close_notify.
    Closed,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(profile, _) => f.debug_tuple("Keys").field(profile).finish(),
            Self::Failed(reason) => f.debug_tuple("Failed").field(reason).finish(),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no DTLS certificate could be made: {0}")]
pub struct IdentityError(String);

/// The process's certificate: self-signed, ECDSA P-256, made anew at each start.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint.value).finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes a key and a certificate.
    ///
    /// # Errors
    /// The cryptography library refuses.
    pub fn generate() -> Result<Self, IdentityError> {
        let provider = default_provider().map_err(|error| IdentityError(error.to_string()))?;
        let certificate = Certificate::generate_self_signed(vec!["rotunda".to_owned()], provider.crypto())
            .map_err(|error| IdentityError(error.to_string()))?;
        let der = certificate.certificate.first().ok_or_else(|| IdentityError("empty chain".into()))?;
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: digest(&SHA256, der) };
        Ok(Self { certificate, provider, fingerprint })
    }

    /// What the peer is told to expect.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Starts a handshake as client: the first flight is ready to be sent.
    pub(crate) fn connect(
        &self,
        now: Instant,
        offer: SrtpOffer,
        remote: &[Fingerprint],
    ) -> Result<Box<dyn Handshake>, IdentityError> {
        Ok(Box::new(Client::new(self, now, offer, remote)?))
    }

    fn builder(&self, profiles: &[SrtpProtectionProfile]) -> ConfigBuilder {
        ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&self.provider))
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(profiles.to_vec())
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            // There is no authority to verify against: the fingerprint is the whole check, below.
            .with_insecure_skip_verify(true)
            // Peers have no name. Left out, the library takes this one too, and warns of it at each handshake.
            .with_server_name("localhost".to_owned())
            .with_flight_interval(FLIGHT_INTERVAL)
            .with_mtu(MTU)
    }
}

/// `AB:CD:…` of a certificate.
fn digest(algorithm: &'static Algorithm, der: &[u8]) -> String {
    let bytes = aws_lc_rs::digest::digest(algorithm, der);
    bytes.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Whether a certificate is one of those signalled. Hashes that are broken or unknown match nothing.
fn is_signalled(der: &[u8], signalled: &[Fingerprint]) -> bool {
    signalled.iter().any(|fingerprint| {
        let algorithm = match fingerprint.algorithm.to_ascii_lowercase().as_str() {
            "sha-256" => &SHA256,
            "sha-384" => &SHA384,
            "sha-512" => &SHA512,
            _ => return false,
        };
        digest(algorithm, der).eq_ignore_ascii_case(&fingerprint.value)
    })
}

fn offered(offer: SrtpOffer) -> &'static [SrtpProtectionProfile] {
    use SrtpProtectionProfile::{Srtp_Aead_Aes_128_Gcm, Srtp_Aead_Aes_256_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80};
    match offer {
        SrtpOffer::Gcm128Only => &[Srtp_Aead_Aes_128_Gcm],
        SrtpOffer::All => &[Srtp_Aead_Aes_128_Gcm, Srtp_Aead_Aes_256_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80],
        SrtpOffer::CmOnly => &[Srtp_Aes128_Cm_Hmac_Sha1_80],
    }
}

fn profile(chosen: SrtpProtectionProfile) -> Option<SrtpProfile> {
    match chosen {
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Some(SrtpProfile::AeadAes128Gcm),
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => Some(SrtpProfile::AeadAes256Gcm),
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Some(SrtpProfile::Aes128CmSha1_80),
        _ => None,
    }
}

/// An endpoint keeps its associations by address; a transport has one, whatever its address is at the moment.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

struct Client {
    config: Arc<HandshakeConfig>,
    endpoint: Endpoint,
    offer: SrtpOffer,
    mismatch: Arc<AtomicBool>,
    state: State,
    outcome: Option<Outcome>,
    datagrams: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Handshaking,
    Established,
    Over,
}

impl Client {
    fn new(
        identity: &Identity,
        now: Instant,
        offer: SrtpOffer,
        remote: &[Fingerprint],
    ) -> Result<Self, IdentityError> {
        let mismatch = Arc::new(AtomicBool::new(false));
        let (flag, signalled) = (Arc::clone(&mismatch), remote.to_vec());
        let config = identity
            .builder(offered(offer))
            .with_verify_peer_certificate(Some(Arc::new(move |chain: &[Vec<u8>], _: &[_]| {
                if chain.first().is_some_and(|leaf| is_signalled(leaf, &signalled)) {
                    return Ok(());
                }
                flag.store(true, Ordering::Relaxed);
                Err(LibraryError::Other("certificate is not the signalled one".into()))
            })))
            .build(true, None)
            .map_err(|error| IdentityError(error.to_string()))?;
        let config = Arc::new(config);
        let endpoint = hello(now, &config).map_err(|error| IdentityError(error.to_string()))?;
        Ok(Self { config, endpoint, offer, mismatch, state: State::Handshaking, outcome: None, datagrams: 0 })
    }

    /// Runs a piece of the library, which must not take the worker down with it.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Endpoint) -> Result<T, LibraryError>) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(&mut self.endpoint))) {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                self.failed(Some(&error));
                None
            }
            Err(_) => {
                #[cfg(any(test, feature = "fuzzing"))]
                GUARDED_PANICS.with(|count| count.set(count.get() + 1));
                tracing::error!("the DTLS library panicked; its transport is closed");
                self.failed(None);
                None
            }
        }
    }

    fn failed(&mut self, error: Option<&LibraryError>) {
        // Once established, plaintext noise from the peer's address changes nothing.
        if self.state != State::Handshaking {
            return;
        }
        let no_profile = match error {
            Some(
                LibraryError::ErrRequestedButNoSrtpExtension | LibraryError::ErrClientNoMatchingSrtpProfile,
            ) => true,
            // A server that has none of the profiles may refuse the hello instead.
            Some(LibraryError::ErrAlertFatalOrClose) => {
                self.offer == SrtpOffer::Gcm128Only && !self.has_seen_certificate()
            }
            _ => false,
        };
        let reason = if self.mismatch.load(Ordering::Relaxed) {
            FailReason::FingerprintMismatch
        } else if no_profile {
            FailReason::NoCommonProfile
        } else {
            FailReason::Dtls
        };
        tracing::debug!(reason = reason.name(), error = error.map(tracing::field::display), "DTLS failed");
        self.state = State::Over;
        self.outcome = Some(Outcome::Failed(reason));
    }

    fn has_seen_certificate(&self) -> bool {
        self.endpoint.get_connection_state(PEER).is_some_and(|state| !state.peer_certificates.is_empty())
    }

    fn export(&mut self) {
        let exported = self.endpoint.get_connection_state(PEER).and_then(|state| {
            let profile = profile(state.srtp_protection_profile())?;
            let secret = state.export_keying_material(EXPORTER, &[], profile.material_length()).ok()?;
            Some((profile, Zeroizing::new(secret.into_bytes())))
        });
        match exported {
            Some((profile, material)) => {
                self.state = State::Established;
                self.outcome = Some(Outcome::Keys(profile, material));
            }
            None => self.failed(None),
        }
    }
}

/// An association with its first flight ready.
fn hello(now: Instant, config: &Arc<HandshakeConfig>) -> Result<Endpoint, LibraryError> {
    let mut endpoint = Endpoint::new(PEER, Default::default(), None);
    endpoint.connect(now, PEER, Arc::clone(config), None)?;
    Ok(endpoint)
}

type LibraryError = rtc_shared::error::Error;

impl Handshake for Client {
    fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.datagrams += 1;
        // The library ends the association at the first record it cannot frame; noise is left out here instead.
        if self.state == State::Over || self.datagrams > MAX_DATAGRAMS || !is_framed(datagram) {
            return;
        }
        let events = self.guarded(|endpoint| endpoint.read(now, PEER, None, BytesMut::from(datagram)));
        for event in events.unwrap_or_default() {
            match event {
                EndpointEvent::HandshakeComplete if self.state == State::Handshaking => self.export(),
                EndpointEvent::PeerClosed => {
                    let outcome = match self.state {
                        State::Handshaking => Outcome::Failed(FailReason::Dtls),
                        _ => Outcome::Closed,
                    };
                    self.state = State::Over;
                    self.outcome = Some(outcome);
                }
                _ => {}
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        if self.state == State::Over {
            return;
        }
        let config = Arc::clone(&self.config);
        let unanswered = self.state == State::Handshaking && !self.has_seen_certificate();
        self.guarded(|endpoint| match endpoint.handle_timeout(PEER, now) {
            // The library gives up after eight flights. A peer that has not answered yet gets a new hello: how
            // long to go on is the transport's decision.
            Err(LibraryError::ErrInvalidFsmTransition) if unanswered => {
                *endpoint = hello(now, &config)?;
                Ok(())
            }
            other => other,
        });
    }

    fn next_wake(&self) -> Option<Instant> {
        if self.state == State::Over { None } else { self.endpoint.poll_timeout(&PEER) }
    }

    fn next_datagram(&mut self) -> Option<Vec<u8>> {
        Some(self.endpoint.poll_transmit()?.message.to_vec())
    }

    fn next_outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    fn close(&mut self, now: Instant) {
        if self.state == State::Established {
            self.guarded(|endpoint| endpoint.close(now));
        }
        self.state = State::Over;
    }
}

/// Whether a datagram is a row of whole records with a content type and version of DTLS, none of them empty.
fn is_framed(mut datagram: &[u8]) -> bool {
    if datagram.is_empty() {
        return false;
    }
    while !datagram.is_empty() {
        let Some((header, rest)) = datagram.split_first_chunk::<RECORD_HEADER>() else { return false };
        let [kind, major, _, .., l0, l1] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let known = (20..=23).contains(&kind) && major == 0xfe && length > 0;
        match rest.get(length..) {
            Some(tail) if known => datagram = tail,
            _ => return false,
        }
    }
    true
}

#[cfg(any(test, feature = "fuzzing"))]
thread_local! {
    /// Panics of the library that were caught on this thread.
    static GUARDED_PANICS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn guarded_panics() -> usize {
    GUARDED_PANICS.with(std::cell::Cell::get)
}

#[cfg(test)]
pub(crate) mod server {
    //! A DTLS server as a browser is one, for tests.

    use super::*;
    use crate::srtp::{Role, Srtp};

    pub(crate) struct Server {
        endpoint: Endpoint,
        pub(crate) srtp: Option<(SrtpProfile, Srtp)>,
        pub(crate) failed: bool,
    }

    impl Server {
        pub(crate) fn new(identity: &Identity, accepts: SrtpOffer) -> Self {
            let config = identity.builder(offered(accepts)).build(false, None).unwrap();
            let endpoint = Endpoint::new(PEER, Default::default(), Some(Arc::new(config)));
            Self { endpoint, srtp: None, failed: false }
        }

        /// Takes a datagram and gives the answers.
        pub(crate) fn exchange(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
            let events = self.endpoint.read(now, PEER, None, BytesMut::from(datagram));
            for event in events.unwrap_or_else(|_| {
                self.failed = true;
                vec![]
            }) {
                if let EndpointEvent::HandshakeComplete = event {
                    let state = self.endpoint.get_connection_state(PEER).unwrap();
                    let profile = profile(state.srtp_protection_profile()).unwrap();
                    let material =
                        state.export_keying_material(EXPORTER, &[], profile.material_length()).unwrap();
                    self.srtp =
                        Some((profile, Srtp::new(profile, Role::Server, &material.into_bytes()).unwrap()));
                }
            }
            self.drain()
        }

        pub(crate) fn close(&mut self, now: Instant) -> Vec<Vec<u8>> {
            self.endpoint.close(now).unwrap();
            self.drain()
        }

        fn drain(&mut self) -> Vec<Vec<u8>> {
            std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|out| out.message.to_vec()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(
        offer: SrtpOffer,
        accepts: SrtpOffer,
        signalled: bool,
        lossy: bool,
    ) -> (Option<Outcome>, bool) {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        let mut now = Instant::now();
        let (ours, theirs) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let expected = if signalled { theirs.fingerprint() } else { ours.fingerprint() };
        let mut client = ours.connect(now, offer, std::slice::from_ref(expected)).unwrap();
        let mut server = server::Server::new(&theirs, accepts);
        let mut sent = 0;
        for _ in 0..40 {
            while let Some(datagram) = client.next_datagram() {
                sent += 1;
                if lossy && sent % 3 == 1 {
                    continue;
                }
                for answer in server.exchange(now, &datagram) {
                    client.receive(now, &answer);
                }
            }
            if let Some(outcome) = client.next_outcome() {
                return (Some(outcome), server.srtp.is_some());
            }
            now = client.next_wake().unwrap_or(now + FLIGHT_INTERVAL);
            client.advance(now);
        }
        (None, server.srtp.is_some())
    }

    #[test]
    fn the_offer_decides_the_profile() {
        for (offer, accepts, expected) in [
            (SrtpOffer::Gcm128Only, SrtpOffer::All, SrtpProfile::AeadAes128Gcm),
            (SrtpOffer::CmOnly, SrtpOffer::All, SrtpProfile::Aes128CmSha1_80),
            (SrtpOffer::All, SrtpOffer::CmOnly, SrtpProfile::Aes128CmSha1_80),
        ] {
            let (outcome, _) = handshake(offer, accepts, true, false);
            let Some(Outcome::Keys(profile, material)) = outcome else { panic!("{offer:?}: {outcome:?}") };
            assert_eq!(profile, expected);
            assert_eq!(material.len(), profile.material_length());
        }
    }

    #[test]
    fn lost_flights_are_repeated() {
        let (outcome, _) = handshake(SrtpOffer::All, SrtpOffer::All, true, true);
        assert!(matches!(outcome, Some(Outcome::Keys(..))), "{outcome:?}");
    }

    #[test]
    fn a_peer_that_is_silent_for_long_is_still_greeted() {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        let start = Instant::now();
        let (ours, theirs) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let signalled = [theirs.fingerprint().clone()];
        let mut client = ours.connect(start, SrtpOffer::All, &signalled).unwrap();
        let mut now = start;
        while now < start + Duration::from_secs(20) {
            while client.next_datagram().is_some() {}
            assert_eq!(client.next_outcome(), None, "after {:?}", now - start);
            now = client.next_wake().unwrap();
            client.advance(now);
        }
        let mut server = server::Server::new(&theirs, SrtpOffer::All);
        while let Some(datagram) = client.next_datagram() {
            for answer in server.exchange(now, &datagram) {
                client.receive(now, &answer);
            }
        }
        assert!(matches!(client.next_outcome(), Some(Outcome::Keys(..))));
    }

    #[test]
    fn a_peer_without_the_profile_is_told_apart() {
        let (outcome, _) = handshake(SrtpOffer::Gcm128Only, SrtpOffer::CmOnly, true, false);
        assert_eq!(outcome, Some(Outcome::Failed(FailReason::NoCommonProfile)));
    }

    #[test]
    fn another_certificate_gives_no_keys() {
        let (outcome, _) = handshake(SrtpOffer::All, SrtpOffer::All, false, false);
        assert_eq!(outcome, Some(Outcome::Failed(FailReason::FingerprintMismatch)));
    }

    #[test]
    fn records_without_a_frame_are_left_out() {
        assert!(is_framed(&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]));
        for broken in [
            &[][..],
            &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 9],
            &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 22],
            &[24, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9],
            &[22, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9],
        ] {
            assert!(!is_framed(broken), "{broken:?}");
        }
    }

    /// What the pieces of a handshake cost this side: behind the choice of how many a turn does.
    #[test]
    #[ignore = "a measurement; run it alone and with --release"]
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    fn what_the_pieces_of_a_handshake_cost() {
        const ROUNDS: u32 = 300;
        let (ours, theirs) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let signalled = [theirs.fingerprint().clone()];
        let mut pieces: Vec<(Duration, Duration)> = vec![];
        for _ in 0..ROUNDS {
            let mut done = 0;
            let mut note = |begun: Instant| {
                let took = begun.elapsed();
                if pieces.len() == done {
                    pieces.push((Duration::ZERO, Duration::ZERO));
                }
                let (sum, most) = &mut pieces[done];
                (*sum, *most) = (*sum + took, took.max(*most));
                done += 1;
            };
            let begun = Instant::now();
            let mut client = ours.connect(begun, SrtpOffer::Gcm128Only, &signalled).unwrap();
            let mut server = server::Server::new(&theirs, SrtpOffer::All);
            let mut flight: Vec<_> = std::iter::from_fn(|| client.next_datagram()).collect();
            note(begun);
            while !flight.is_empty() {
                let answers: Vec<_> =
                    flight.iter().flat_map(|datagram| server.exchange(begun, datagram)).collect();
                flight.clear();
                for answer in answers {
                    let begun = Instant::now();
                    client.receive(begun, &answer);
                    flight.extend(std::iter::from_fn(|| client.next_datagram()));
                    note(begun);
                }
            }
            assert!(matches!(client.next_outcome(), Some(Outcome::Keys(..))));
        }
        for (piece, (sum, most)) in pieces.into_iter().enumerate() {
            let name = if piece == 0 { "start".to_owned() } else { format!("datagram {piece}") };
            println!("{name}: {:?}, at most {most:?}", sum / ROUNDS);
        }
    }

    /// A server that sends anything: changed bytes, cut records, fragments of length zero. The client must neither
    /// panic through the guard nor hang, and must never report keys twice.
    #[test]
    fn a_hostile_server_ends_at_worst_its_own_handshake() {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        let start = Instant::now();
        let (ours, theirs) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let signalled = [theirs.fingerprint().clone()];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) as usize % below.max(1)
        };
        for round in 0..300 {
            let mut client = ours.connect(start, SrtpOffer::All, &signalled).unwrap();
            let mut server = server::Server::new(&theirs, SrtpOffer::All);
            let (mut keys, mut sent) = (0, 0);
            for _ in 0..8 {
                let Some(datagram) = client.next_datagram() else { break };
                for mut answer in server.exchange(start, &datagram) {
                    sent += 1;
                    if sent > random(4) {
                        match round % 4 {
                            0 => answer.truncate(random(answer.len())),
                            1 => {
                                let at = random(answer.len());
                                answer[at] ^= 1 << random(8);
                            }
                            2 => {
                                // Behind the record header: handshake lengths and bodies.
                                let at = (RECORD_HEADER + random(60)).min(answer.len() - 1);
                                answer[at] = [0, 1, 0x7f, 0xff][random(4)];
                            }
                            _ => {
                                // A ServerHello of 100 bytes in a fragment of none.
                                let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, sent as u8, 0, 12];
                                record.extend([2, 0, 0, 100, 0, random(3) as u8, 0, 0, 0, 0, 0, 0]);
                                client.receive(start, &record);
                            }
                        }
                    }
                    client.receive(start, &answer);
                    keys += usize::from(matches!(client.next_outcome(), Some(Outcome::Keys(..))));
                }
            }
            assert!(keys <= 1, "round {round}");
        }
        assert_eq!(guarded_panics(), 0, "the library panicked");
    }
}
