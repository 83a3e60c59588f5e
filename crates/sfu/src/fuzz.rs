//! One function per parser of network bytes, for the fuzz targets in `fuzz/` and the replay of their seeds.
//!
//! Each takes any bytes and must come back: no panic, no endless loop. What was read is checked against the bytes it
//! was read from.

use std::{cell::RefCell, time::Instant};

use crate::{
    Identity, SrtpOffer, SrtpProfile, dtls, keyframe,
    ortc::{self, Codec, ConsumerSsrcs, H264Profile, MediaKind, RtpCapabilities, RtpParameters},
    rtcp, rtp, rtx,
    srtp::{MAX_OVERHEAD, ReplayWindow, Role, Srtp},
    stun,
};

/// A connectivity check as it stands, and with cookie, length and checksum put right: no fuzzer guesses those.
pub fn stun(data: &[u8]) {
    check(data);
    if data.len() >= 28 && data.len().is_multiple_of(4) && data.len() < 65_536 {
        let mut repaired = data.to_vec();
        stun::repair(&mut repaired);
        check(&repaired);
    }
}

fn check(data: &[u8]) {
    let Ok(check) = stun::Check::read(data) else { return };
    let key = stun::key("password-of-the-fuzz-target");
    let _ = check.is_authentic(&key);
    let mut out = [0; stun::MAX_RESPONSE];
    let from = std::net::SocketAddr::from(([192, 0, 2, 1], 5_000));
    assert!(check.answer(from, &key, &mut out) <= out.len());
}

/// An RTP packet: header, extensions, padding, and the first bytes of the payload as every codec.
pub fn rtp(data: &[u8]) {
    let Ok(header) = rtp::Header::read(data) else { return };
    assert!(header.length <= data.len());
    for (id, value) in header.extensions(data) {
        assert!(id != 0 && value.len() <= 255);
    }
    let payload = data.get(header.length..).unwrap_or_default();
    let _ = rtx::original_sequence(payload);
    if let Some(kept) = rtp::without_padding(payload, header.padding) {
        assert!(kept.len() <= payload.len());
    }
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264(H264Profile::Baseline), Codec::Vp9(0), Codec::Av1(0)] {
        keyframe::begins_keyframe(codec, payload);
    }
}

/// A plain RTCP compound.
pub fn rtcp(data: &[u8]) {
    let mut statements = 0;
    rtcp::read(data, |_| statements += 1);
    assert!(statements <= data.len(), "each statement stands on bytes of its own");
}

/// Sealed RTP and RTCP under each profile: the first byte chooses, and whether the rest is sealed properly first, so
/// that what lies behind the authentication is reached too.
pub fn srtp(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let profile = match choice % 3 {
        0 => SrtpProfile::AeadAes128Gcm,
        1 => SrtpProfile::AeadAes256Gcm,
        _ => SrtpProfile::Aes128CmSha1_80,
    };
    // Both directions under one key, so that this end opens what it sealed.
    let half = profile.material_length() / 2;
    let material = vec![7; 2 * half];
    let Ok(mut srtp) = Srtp::new(profile, Role::Client, &material) else { return };
    let room = |plain: &[u8]| {
        let mut packet = plain.to_vec();
        packet.resize(plain.len() + MAX_OVERHEAD, 0);
        packet
    };
    if choice & 0x80 == 0 {
        let mut packet = data.to_vec();
        if let Ok(header) = rtp::Header::read(&packet) {
            let _ = srtp.open_rtp(&mut ReplayWindow::default(), &mut packet, header.length, header.sequence);
        }
        let _ = srtp.open_rtcp(&mut data.to_vec());
        return;
    }
    if let Ok(header) = rtp::Header::read(data) {
        let mut packet = room(data);
        let index = u64::from(header.sequence);
        if let Some(length) = srtp.seal_rtp(&mut packet, header.length, data.len(), index) {
            packet.truncate(length);
            let mut window = ReplayWindow::default();
            let opened = srtp.open_rtp(&mut window, &mut packet, header.length, header.sequence);
            let (length, _) = opened.expect("what was sealed opens");
            assert_eq!(packet.get(..length), Some(data));
        }
    }
    let mut packet = room(data);
    if let Some(length) = srtp.seal_rtcp(&mut packet, data.len()) {
        packet.truncate(length);
        if let Ok(length) = srtp.open_rtcp(&mut packet) {
            rtcp(packet.get(..length).unwrap_or_default());
        }
    }
}

/// A DTLS server's datagrams, each behind its length in two bytes, against our client.
pub fn dtls(data: &[u8]) {
    thread_local! {
        static OURS: RefCell<Option<Identity>> = const { RefCell::new(None) };
    }
    let ours = OURS.with_borrow_mut(|made| {
        if made.is_none() {
            *made = Identity::generate().ok();
        }
        made.clone()
    });
    let Some(ours) = ours else { return };
    #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
    let now = Instant::now();
    let Ok(mut client) = ours.connect(now, SrtpOffer::All, &[]) else { return };
    let mut rest = data;
    let mut outcomes = 0;
    while let Some(([high, low], tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (datagram, tail) = tail.split_at(length);
        client.receive(now, datagram);
        while client.next_datagram().is_some() {}
        outcomes += usize::from(client.next_outcome().is_some());
        rest = tail;
    }
    assert!(outcomes <= 1, "without the signalled certificate there is nothing but one failure");
    assert_eq!(dtls::guarded_panics(), 0, "the DTLS library panicked");
}

/// `rtpParameters`, `rtpCapabilities` and `dtlsParameters` as JSON: what is taken maps, what is answered is readable.
pub fn ortc(data: &[u8]) {
    let _ = serde_json::from_slice::<ortc::DtlsParameters>(data);
    if let Ok(capabilities) = serde_json::from_slice::<RtpCapabilities>(data) {
        for media in sources() {
            map(&media, &capabilities);
        }
    }
    if let Ok(parameters) = serde_json::from_slice::<RtpParameters>(data) {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            if let Ok(media) = ortc::producer_media(kind, &parameters) {
                assert!(media.streams.iter().all(|stream| stream.ssrc != Some(0)));
                assert!(media.codecs.iter().all(|codec| codec.payload_type < 128));
                map(&media, &ortc::router_capabilities());
            }
        }
    }
}

fn map(media: &ortc::ProducerMedia, capabilities: &RtpCapabilities) {
    let ssrcs = ConsumerSsrcs { media: 1, rtx: 2 };
    let Ok((parameters, mapping)) = ortc::consumer(media, capabilities, "0", ssrcs, "c") else { return };
    assert!(mapping.payloads.iter().all(|payload| payload.to < 128));
    let text = serde_json::to_vec(&parameters).expect("an answer is JSON");
    serde_json::from_slice::<RtpParameters>(&text).expect("an answer reads back");
}

/// Producers to receive: a microphone, and a camera with two layers.
fn sources() -> Vec<ortc::ProducerMedia> {
    let audio = r#"{"codecs":[{"mimeType":"audio/opus","payloadType":111,"clockRate":48000,"channels":2}],
        "encodings":[{"ssrc":5}]}"#;
    let video = r#"{"codecs":[{"mimeType":"video/VP8","payloadType":96,"clockRate":90000},
        {"mimeType":"video/rtx","payloadType":97,"clockRate":90000,"parameters":{"apt":96}},
        {"mimeType":"video/H264","payloadType":98,"clockRate":90000,"parameters":{"packetization-mode":1}}],
        "encodings":[{"ssrc":10,"rtx":{"ssrc":11}},{"ssrc":20,"rtx":{"ssrc":21}}]}"#;
    [(MediaKind::Audio, audio), (MediaKind::Video, video)]
        .into_iter()
        .filter_map(|(kind, text)| {
            ortc::producer_media(kind, &serde_json::from_str::<RtpParameters>(text).ok()?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// The longest datagram of the sweep: above it everything is a matter of the same branches.
    const SWEEP: usize = 300;

    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let seeds: Vec<Vec<u8>> =
            fs::read_dir(&folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 3, "{target} has {} seeds", seeds.len());
        seeds
    }

    /// Each seed whole, cut at every length, with every byte changed, and drawn out; and plain filling of every length.
    fn sweep(target: &str, step: usize, parse: fn(&[u8])) {
        for seed in seeds(target) {
            parse(&seed);
            for length in (0..=seed.len()).step_by(step) {
                parse(&seed[..length]);
                for change in [0x01, 0x80, 0xff] {
                    let mut changed = seed.clone();
                    if let Some(byte) = changed.get_mut(length) {
                        *byte ^= change;
                        parse(&changed);
                    }
                }
            }
            for more in (0..SWEEP).step_by(step) {
                parse(&[seed.as_slice(), &vec![0xff; more]].concat());
            }
        }
        for length in 0..=SWEEP {
            for filling in [0x00, 0x01, 0x16, 0x80, 0x90, 0xbf, 0xff] {
                parse(&vec![filling; length]);
            }
        }
    }

    #[test]
    fn stun_seeds_of_every_length_are_read_or_refused() {
        sweep("stun", 1, stun);
    }

    #[test]
    fn rtp_seeds_of_every_length_are_read_or_refused() {
        sweep("rtp", 1, rtp);
    }

    #[test]
    fn rtcp_seeds_of_every_length_are_read_or_refused() {
        sweep("rtcp", 1, rtcp);
    }

    #[test]
    fn srtp_seeds_of_every_length_are_opened_or_refused() {
        sweep("srtp", 1, srtp);
    }

    #[test]
    fn dtls_seeds_of_every_length_end_at_worst_their_handshake() {
        // A handshake begins with a key pair, so not every cut.
        sweep("dtls", 7, dtls);
    }

    #[test]
    fn ortc_seeds_of_every_length_are_read_or_refused() {
        sweep("ortc", 3, ortc);
    }
}
