//! ICE and DTLS of a client, by str0m: controlling agent and DTLS server, as a browser is.

use std::{net::SocketAddr, sync::PoisonError, time::Instant};

use anyhow::Context as _;
use rotunda_sfu::ortc::Fingerprint;
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    ice::IceCreds,
    net::{Protocol, Receive},
};
use str0m_proto::crypto::dtls::DtlsCert;

use super::light::Light;
use crate::{
    srtp::Direction,
    tap::{self, KeySlot},
    wire::Open,
};

/// The certificate of all clients.
pub struct Certificate(DtlsCert);

impl Certificate {
    pub fn new() -> anyhow::Result<Self> {
        tap::install();
        tap::certificate().map(Self).context("a certificate for the clients")
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handshake")
    }
}

pub struct Handshake {
    rtc: Rtc,
    keys: KeySlot,
    local: SocketAddr,
    /// Known once it was answered.
    server: Option<SocketAddr>,
    deadline: Instant,
    /// The last check of the path that was sent.
    check: Vec<u8>,
    connected: bool,
    death: Option<String>,
}

/// What one end tells the other of itself.
#[derive(Debug, Clone)]
pub struct End {
    pub ufrag: String,
    pub pwd: String,
    pub fingerprint: Fingerprint,
}

impl Handshake {
    /// A client, and what the server must know of it.
    ///
    /// # Errors
    /// No DTLS.
    pub fn offer(now: Instant, local: SocketAddr, certificate: &Certificate) -> anyhow::Result<(Self, End)> {
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .set_dtls_cert(certificate.0.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        let keys = tap::take_last().context("the DTLS of str0m is not tapped")?;
        rtc.add_local_candidate(Candidate::host(local, "udp")?);
        let mut api = rtc.direct_api();
        api.set_ice_controlling(true);
        let own = api.local_ice_credentials();
        let fingerprint = write_fingerprint(api.local_dtls_fingerprint());
        let (check, connected, death) = (vec![], false, None);
        let handshake = Self { rtc, keys, local, server: None, deadline: now, check, connected, death };
        Ok((handshake, End { ufrag: own.ufrag, pwd: own.pass, fingerprint }))
    }

    /// Takes what the server says of itself; from now on it can connect.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn answer(&mut self, server: SocketAddr, theirs: &End) -> anyhow::Result<()> {
        self.server = Some(server);
        self.rtc.add_remote_candidate(Candidate::host(server, "udp")?);
        let mut api = self.rtc.direct_api();
        api.set_remote_ice_credentials(IceCreds { ufrag: theirs.ufrag.clone(), pass: theirs.pwd.clone() });
        api.set_remote_fingerprint(read_fingerprint(&theirs.fingerprint)?);
        Ok(api.start_dtls(false)?)
    }

    /// A client of a server whose end is chosen here, and what that server must know.
    ///
    /// # Errors
    /// As [`Self::offer`] and [`Self::answer`].
    pub fn new(
        now: Instant,
        id: u64,
        local: SocketAddr,
        server: SocketAddr,
        fingerprint: &Fingerprint,
        certificate: &Certificate,
    ) -> anyhow::Result<(Self, Open)> {
        let (mut handshake, own) = Self::offer(now, local, certificate)?;
        let (ufrag, pwd) = (format!("server{id}"), format!("password-of-the-server-{id:06}"));
        let theirs = End { ufrag, pwd, fingerprint: fingerprint.clone() };
        handshake.answer(server, &theirs)?;
        let open = Open {
            id,
            local_ufrag: theirs.ufrag,
            local_pwd: theirs.pwd,
            remote_ufrag: own.ufrag,
            remote_pwd: own.pwd,
            remote_fingerprint: own.fingerprint,
        };
        Ok((handshake, open))
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Why it cannot connect any more.
    pub fn death(&mut self) -> Option<String> {
        self.death.take()
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn timeout(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        let taken = self.rtc.handle_input(Input::Timeout(now));
        self.drain(taken.err(), send);
    }

    pub fn receive(&mut self, now: Instant, datagram: &[u8], send: &mut dyn FnMut(&[u8])) {
        // Media may come before the keys do.
        let (Ok(contents), Some(source)) = (datagram.try_into(), self.server) else { return };
        let receive = Receive { proto: Protocol::Udp, source, destination: self.local, contents };
        let taken = self.rtc.handle_input(Input::Receive(now, receive));
        self.drain(taken.err(), send);
    }

    fn drain(&mut self, error: Option<str0m::RtcError>, send: &mut dyn FnMut(&[u8])) {
        self.death = error.map(|error| error.to_string());
        while self.death.is_none() {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(out)) => {
                    // A binding request (RFC 8489 §5).
                    if out.contents.starts_with(&[0, 1]) {
                        self.check = out.contents.to_vec();
                    }
                    send(&out.contents);
                }
                Ok(Output::Event(Event::Connected)) => self.connected = true,
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return;
                }
                Err(error) => self.death = Some(error.to_string()),
            }
        }
    }

    /// The client without str0m.
    ///
    /// # Errors
    /// It is not connected.
    pub fn finish(self) -> anyhow::Result<Light> {
        let exported = self.keys.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The server under test is the DTLS client.
        let (rx, tx) = Direction::both(&exported.context("no keys were exported")?)?;
        Ok(Light::new(rx, tx, self.check))
    }
}

/// A signalled digest as str0m has it.
pub fn read_fingerprint(signalled: &Fingerprint) -> anyhow::Result<str0m::crypto::Fingerprint> {
    let bytes = signalled.value.split(':').map(|hex| u8::from_str_radix(hex, 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().context("a fingerprint that is not in hex")?;
    Ok(str0m::crypto::Fingerprint { hash_func: signalled.algorithm.clone(), bytes })
}

/// str0m's digest as it is signalled.
pub fn write_fingerprint(own: &str0m::crypto::Fingerprint) -> Fingerprint {
    let value: Vec<String> = own.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    Fingerprint { algorithm: own.hash_func.clone(), value: value.join(":") }
}
