//! How one client receives one producer: the answer to `Consume`, and the mapping the media worker applies.

use super::{
    MediaKind, OrtcError, ProducerMedia, RtcpFeedback, RtcpParameters, RtpCapabilities, RtpCodecCapability,
    RtpCodecParameters, RtpEncoding, RtpHeaderExtension, RtpParameters, RtxEncoding,
    producer::{Codec, MAX_MID, MediaCodec, is_rtx, limit, number},
    router,
};

/// Entries read from a client's capabilities; browsers list about sixty codecs.
const MAX_ENTRIES: usize = 256;
/// Ids a one-byte header extension can carry (RFC 8285 §4.2). An extension with another id is left out.
const ONE_BYTE_IDS: std::ops::RangeInclusive<u8> = 1..=14;

/// The SSRCs the control plane chose for a consumer; never reused on the same transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerSsrcs {
    pub media: u32,
    /// Announced only for video, when both sides have RTX.
    pub rtx: u32,
}

/// A producer's payload type and what the receiver calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadMap {
    pub from: u8,
    pub to: u8,
    pub rtx: Option<(u8, u8)>,
    /// The receiver may ask for packets again (generic NACK, RFC 4585).
    pub nack: bool,
    pub codec: Codec,
}

/// Ids of the extensions written for the receiver; None is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsumerExtensions {
    pub mid: Option<u8>,
    pub audio_level: Option<u8>,
    pub abs_send_time: Option<u8>,
    pub transport_cc: Option<u8>,
    pub video_orientation: Option<u8>,
}

/// How the worker rewrites a producer's packets for one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMapping {
    pub kind: MediaKind,
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub payloads: Vec<PayloadMap>,
    pub extensions: ConsumerExtensions,
    /// The receiver's media section.
    pub mid: String,
    pub cname: String,
    /// Index of the stream to forward, clamped to the highest the producer has.
    pub layer: u8,
}

/// The answer to `Consume` (payload types and extension ids are the receiver's own, as its `rtpCapabilities`
/// say) and the mapping for the worker. The highest layer is chosen; change `layer` for another.
///
/// # Errors
/// The receiver cannot decode the producer, or its parameters are beyond the limits.
pub fn consumer(
    producer: &ProducerMedia,
    capabilities: &RtpCapabilities,
    mid: &str,
    ssrcs: ConsumerSsrcs,
    cname: &str,
) -> Result<(RtpParameters, ConsumerMapping), OrtcError> {
    limit("codecs", capabilities.codecs.len(), MAX_ENTRIES)?;
    limit("header extensions", capabilities.header_extensions.len(), MAX_ENTRIES)?;
    if mid.is_empty() || mid.len() > MAX_MID {
        return Err(OrtcError::Mid(mid.len()));
    }
    let mut codecs = Vec::new();
    let mut payloads: Vec<PayloadMap> = Vec::new();
    for sent in &producer.codecs {
        let Some((payload, entries)) = receive_codec(producer, sent, capabilities) else { continue };
        if payloads.iter().all(|known| known.to != payload.to) {
            payloads.push(payload);
            codecs.extend(entries);
        }
    }
    if payloads.is_empty() {
        return Err(OrtcError::CannotReceive);
    }
    let rtx = payloads.iter().any(|payload| payload.rtx.is_some()).then_some(ssrcs.rtx);
    let (extensions, header_extensions) = extensions(producer, capabilities);
    let parameters = RtpParameters {
        mid: Some(mid.into()),
        codecs,
        header_extensions,
        encodings: vec![RtpEncoding {
            ssrc: Some(ssrcs.media),
            rtx: rtx.map(|ssrc| RtxEncoding { ssrc }),
            ..RtpEncoding::default()
        }],
        rtcp: RtcpParameters { cname: cname.into(), ..RtcpParameters::default() },
    };
    let mapping = ConsumerMapping {
        kind: producer.kind,
        ssrc: ssrcs.media,
        rtx_ssrc: rtx,
        payloads,
        extensions,
        mid: mid.into(),
        cname: cname.into(),
        layer: u8::MAX,
    };
    Ok((parameters, mapping))
}

/// The receiver's entry for a codec of the producer, with its RTX entry when both sides have one.
fn receive_codec(
    producer: &ProducerMedia,
    sent: &MediaCodec,
    capabilities: &RtpCapabilities,
) -> Option<(PayloadMap, Vec<RtpCodecParameters>)> {
    let of_kind = || capabilities.codecs.iter().filter(|codec| codec.kind == producer.kind);
    let payload_type =
        |codec: &RtpCodecCapability| codec.preferred_payload_type.filter(|number| *number < 128);
    let (own, to) = of_kind()
        .filter(|own| {
            Codec::read(own.kind, &own.mime_type, own.clock_rate, &own.parameters) == Some(sent.codec)
        })
        .find_map(|own| Some((own, payload_type(own)?)))?;
    let own_rtx = of_kind()
        .filter(|other| is_rtx(&other.mime_type) && number(&other.parameters, "apt") == Some(to.into()))
        .find_map(|other| Some((other, payload_type(other)?)));
    let rtx = own_rtx.zip(sent.rtx_payload_type);
    let mut entries = vec![entry(own, to)];
    if let Some(first) = entries.first_mut().filter(|_| sent.codec == Codec::Opus)
        && !first.rtcp_feedback.iter().any(RtcpFeedback::is_nack)
    {
        // Chromium sends NACKs for opus when an answer says so, but does not offer it. A browser without them takes
        // no notice.
        first.rtcp_feedback.push(RtcpFeedback { kind: "nack".into(), parameter: String::new() });
    }
    // The answer's fmtp must name what the receiver offered; with no fmtp of its own, what is sent.
    if let Some(first) = entries.first_mut().filter(|first| first.parameters.is_empty()) {
        first.parameters = sent.parameters.clone();
    }
    if let Some(((own_rtx, to_rtx), _)) = rtx {
        entries.push(entry(own_rtx, to_rtx));
    }
    let payload = PayloadMap {
        from: sent.payload_type,
        to,
        nack: entries.first().is_some_and(|entry| entry.rtcp_feedback.iter().any(RtcpFeedback::is_nack)),
        rtx: rtx.map(|((_, to_rtx), from_rtx)| (from_rtx, to_rtx)),
        codec: sent.codec,
    };
    Some((payload, entries))
}

fn entry(own: &RtpCodecCapability, payload_type: u8) -> RtpCodecParameters {
    let served = router::feedback(own.kind);
    RtpCodecParameters {
        mime_type: own.mime_type.clone(),
        payload_type,
        clock_rate: own.clock_rate,
        channels: own.channels,
        parameters: own.parameters.clone(),
        rtcp_feedback: own
            .rtcp_feedback
            .iter()
            .filter(|feedback| served.contains(feedback))
            .cloned()
            .collect(),
    }
}

/// Mid, send time and transport-wide number are written by this server; the others only pass through when the producer sends them.
fn extensions(
    producer: &ProducerMedia,
    capabilities: &RtpCapabilities,
) -> (ConsumerExtensions, Vec<RtpHeaderExtension>) {
    let mut announced: Vec<RtpHeaderExtension> = Vec::new();
    let mut take = |uri: &str, wanted: bool| {
        let of_kind = |kind: Option<MediaKind>| kind.is_none_or(|kind| kind == producer.kind);
        let own = capabilities.header_extensions.iter().find(|ext| ext.uri == uri && of_kind(ext.kind))?;
        let id = own.preferred_id;
        let free = announced.iter().all(|other| other.id != id);
        if !wanted || !free || !ONE_BYTE_IDS.contains(&id) {
            return None;
        }
        announced.push(RtpHeaderExtension {
            uri: uri.into(),
            id,
            encrypt: false,
            parameters: super::Parameters::new(),
        });
        Some(id)
    };
    let ids = ConsumerExtensions {
        mid: take(router::MID, true),
        audio_level: take(router::AUDIO_LEVEL, producer.extensions.audio_level.is_some()),
        abs_send_time: take(router::ABS_SEND_TIME, true),
        transport_cc: take(router::TRANSPORT_CC, true),
        video_orientation: take(router::VIDEO_ORIENTATION, producer.extensions.video_orientation.is_some()),
    };
    (ids, announced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ortc::{producer::tests::chromium_video, producer_media, router_capabilities};

    const SSRCS: ConsumerSsrcs = ConsumerSsrcs { media: 1000, rtx: 1001 };

    fn video() -> ProducerMedia {
        producer_media(MediaKind::Video, &chromium_video()).unwrap()
    }

    #[test]
    fn equal_numbers_on_both_sides_map_to_themselves() {
        let (parameters, mapping) = consumer(&video(), &router_capabilities(), "3", SSRCS, "cname").unwrap();
        assert_eq!(
            mapping.payloads[0],
            PayloadMap { from: 96, to: 96, rtx: Some((97, 97)), nack: true, codec: Codec::Vp8 }
        );
        assert_eq!(parameters.encodings[0].rtx, Some(RtxEncoding { ssrc: 1001 }));
        assert_eq!(parameters.mid.as_deref(), Some("3"));
        assert_eq!(parameters.codecs.len(), 2);
        assert_eq!(mapping.extensions.mid, Some(4));
        assert_eq!(mapping.extensions.video_orientation, Some(13));
        assert_eq!(mapping.extensions.audio_level, None);
    }

    #[test]
    fn payload_types_and_extension_ids_are_the_receivers_own() {
        let mut capabilities = router_capabilities();
        for codec in &mut capabilities.codecs {
            codec.preferred_payload_type = codec.preferred_payload_type.map(|number| number - 40);
            if let Some(apt) = codec.parameters.get_mut("apt") {
                *apt = serde_json::json!(apt.as_u64().unwrap() - 40);
            }
        }
        for extension in &mut capabilities.header_extensions {
            extension.preferred_id = 15 - extension.preferred_id;
        }
        let (parameters, mapping) = consumer(&video(), &capabilities, "0", SSRCS, "c").unwrap();
        assert_eq!(mapping.payloads[0].to, 56);
        assert_eq!(mapping.payloads[0].rtx, Some((97, 57)));
        assert_eq!(mapping.extensions.mid, Some(11));
        assert!(parameters.header_extensions.iter().any(|ext| ext.uri == router::MID && ext.id == 11));
    }

    #[test]
    fn every_codec_passes_to_a_receiver_that_has_its_profile() {
        for (mime, key, from, to) in [
            ("video/VP9", "profile-id", 98, 98),
            ("video/AV1", "profile", 45, 45),
            ("video/VP8", "x", 96, 96),
        ] {
            let mut offered = chromium_video();
            offered.codecs[0] = RtpCodecParameters {
                mime_type: mime.into(),
                payload_type: from,
                parameters: [(key.into(), serde_json::json!(0))].into(),
                ..offered.codecs[0].clone()
            };
            let sent = producer_media(MediaKind::Video, &offered).unwrap();
            let (parameters, mapping) = consumer(&sent, &router_capabilities(), "0", SSRCS, "c").unwrap();
            assert_eq!((mapping.payloads[0].from, mapping.payloads[0].to), (from, to), "{mime}");
            assert_eq!(parameters.codecs[0].mime_type, mime);
            let mut without = router_capabilities();
            without.codecs.retain(|codec| codec.mime_type != mime);
            assert_eq!(consumer(&sent, &without, "0", SSRCS, "c").unwrap_err(), OrtcError::CannotReceive);
            if mime != "video/VP8" {
                let mut other = sent.clone();
                offered.codecs[0].parameters.insert(key.into(), serde_json::json!(1));
                other.codecs = producer_media(MediaKind::Video, &offered).unwrap().codecs;
                let refused = consumer(&other, &router_capabilities(), "0", SSRCS, "c");
                assert_eq!(refused.unwrap_err(), OrtcError::CannotReceive, "{mime} in another profile");
            }
        }
    }

    #[test]
    fn extensions_without_a_usable_id_are_left_out() {
        for id in [0, 15, 200] {
            let mut capabilities = router_capabilities();
            for extension in &mut capabilities.header_extensions {
                extension.preferred_id = id;
            }
            let (parameters, mapping) = consumer(&video(), &capabilities, "0", SSRCS, "c").unwrap();
            assert_eq!(mapping.extensions, ConsumerExtensions::default());
            assert!(parameters.header_extensions.is_empty());
        }
    }

    #[test]
    fn opus_is_announced_with_nack_once_whether_the_receiver_has_it_or_not() {
        let offer = serde_json::json!({
            "codecs": [{"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}],
            "encodings": [{"ssrc": 10}]
        });
        let audio = producer_media(MediaKind::Audio, &serde_json::from_value(offer).unwrap()).unwrap();
        assert!(!audio.codecs[0].nack);
        let mut without = router_capabilities();
        for codec in &mut without.codecs {
            codec.rtcp_feedback.retain(|feedback| feedback.kind != "nack");
        }
        for capabilities in [router_capabilities(), without.clone()] {
            let (parameters, mapping) = consumer(&audio, &capabilities, "0", SSRCS, "c").unwrap();
            let kinds: Vec<&str> =
                parameters.codecs[0].rtcp_feedback.iter().map(|feedback| feedback.kind.as_str()).collect();
            assert_eq!(kinds.iter().filter(|kind| **kind == "nack").count(), 1, "{kinds:?}");
            assert!(kinds.len() <= 2 && mapping.payloads[0].nack, "{kinds:?}");
            assert_eq!(parameters.encodings[0].rtx, None);
        }
        // Of video, only what the receiver has.
        let (_, mapping) = consumer(&video(), &without, "0", SSRCS, "c").unwrap();
        assert!(!mapping.payloads[0].nack);
    }

    #[test]
    fn a_receiver_without_the_codec_is_refused() {
        let mut capabilities = router_capabilities();
        capabilities.codecs.retain(|codec| codec.kind == MediaKind::Audio);
        let refused = consumer(&video(), &capabilities, "0", SSRCS, "c");
        assert_eq!(refused.unwrap_err(), OrtcError::CannotReceive);
        assert_eq!(consumer(&video(), &capabilities, "", SSRCS, "c").unwrap_err(), OrtcError::Mid(0));
    }

    #[test]
    fn answers_survive_json() {
        let (parameters, _) = consumer(&video(), &router_capabilities(), "3", SSRCS, "cname").unwrap();
        let text = serde_json::to_string(&parameters).unwrap();
        assert!(text.contains(r#""mimeType":"video/VP8""#), "{text}");
        assert_eq!(serde_json::from_str::<RtpParameters>(&text).unwrap(), parameters);
    }
}
