//! What a client sends: `Produce.rtpParameters` reduced to what forwarding needs.

use super::{MediaKind, OrtcError, Parameters, RtcpFeedback, RtpCodecParameters, RtpParameters, router};

/// Codec entries read from one offer; browsers list about fifty for video. More is refused before any work.
const MAX_CODECS: usize = 128;
/// Header extensions read from one offer; browsers list about ten.
const MAX_EXTENSIONS: usize = 64;
/// Streams of one source: three layers are the most any browser sends.
const MAX_ENCODINGS: usize = 3;
/// RFC 9143 sets no bound; 16 bytes is what one-byte header extensions carry.
pub(super) const MAX_MID: usize = 16;
/// As for a mid. Browsers and kits use one to three characters.
const MAX_RID: usize = 16;
/// `fmtp` values of one codec; browsers write up to four. They are repeated to every receiver.
const MAX_PARAMETERS: usize = 16;
/// Longest `fmtp` name or value and longest rid, bytes. The longest a browser writes is an H264 profile's name.
const MAX_TEXT: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    Opus,
    Vp8,
    /// The profile of `profile-level-id`, level left out.
    H264(H264Profile),
    /// `profile-id` (RFC 9628 §6): 0 to 3, sampling and depth, so that one does not decode another.
    Vp9(u8),
    /// `profile`: 0 main, 1 high, 2 professional.
    Av1(u8),
}

/// Profiles that decode one another count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum H264Profile {
    /// Baseline and constrained baseline: no browser sends the tools that tell them apart.
    Baseline,
    /// `profile_idc` of any other profile.
    Other(u8),
}

impl Codec {
    /// Audio 48,000 Hz, video 90,000 Hz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::H264(_) | Self::Vp9(_) | Self::Av1(_) => 90_000,
        }
    }

    /// None: a codec this server does not forward.
    pub(super) fn read(
        kind: MediaKind,
        mime: &str,
        clock_rate: u32,
        parameters: &Parameters,
    ) -> Option<Self> {
        let (top, name) = mime.split_once('/')?;
        let expected = if kind == MediaKind::Audio { "audio" } else { "video" };
        if !top.eq_ignore_ascii_case(expected) {
            return None;
        }
        let codec = match name.to_ascii_lowercase().as_str() {
            "opus" => Self::Opus,
            "vp8" => Self::Vp8,
            "vp9" => Self::Vp9(profile(parameters, "profile-id", 3)?),
            "av1" => Self::Av1(profile(parameters, "profile", 2)?),
            "h264" if number(parameters, "packetization-mode") == Some(1) => {
                let profile = parameters.get("profile-level-id").and_then(|value| value.as_str());
                // RFC 6184 §8.1: absent means baseline.
                let idc = profile.map_or(Some(0x42), |text| u8::from_str_radix(text.get(..2)?, 16).ok())?;
                Self::H264(if idc == 0x42 { H264Profile::Baseline } else { H264Profile::Other(idc) })
            }
            _ => return None,
        };
        (codec.clock_rate() == clock_rate).then_some(codec)
    }
}

/// A profile number, 0 when absent. None: there is no such profile.
fn profile(parameters: &Parameters, key: &str, highest: u8) -> Option<u8> {
    if !parameters.contains_key(key) {
        return Some(0);
    }
    number(parameters, key)?.try_into().ok().filter(|profile| *profile <= highest)
}

/// `fmtp` values come as numbers or as text, by client.
pub(super) fn number(parameters: &Parameters, key: &str) -> Option<u64> {
    let value = parameters.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// One codec of a producer, as its packets carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaCodec {
    pub codec: Codec,
    pub mime_type: String,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// The sender answers generic NACKs (RFC 4585).
    pub nack: bool,
    pub channels: Option<u8>,
    pub parameters: Parameters,
}

/// One stream (layer) of a producer. An SSRC that the offer does not list is told by the first packet whose header
/// names the stream (mid, and `rid` as RtpStreamId or RepairedRtpStreamId; RFC 8852).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// None: not known yet.
    pub ssrc: Option<u32>,
    /// None: not known yet, or nothing is sent again.
    pub rtx_ssrc: Option<u32>,
    pub rid: Option<String>,
}

/// Ids of the header extensions the producer's packets carry (RFC 8285), when it announced them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProducerExtensions {
    pub mid: Option<u8>,
    pub audio_level: Option<u8>,
    pub abs_send_time: Option<u8>,
    pub transport_cc: Option<u8>,
    pub video_orientation: Option<u8>,
    /// RtpStreamId.
    pub rid: Option<u8>,
    /// RepairedRtpStreamId: the stream whose packets are sent again.
    pub repaired_rid: Option<u8>,
}

/// What one producer sends: its codecs (usually one), its streams (the lowest layer first), its extensions.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerMedia {
    pub kind: MediaKind,
    pub mid: Option<String>,
    pub codecs: Vec<MediaCodec>,
    pub streams: Vec<StreamSpec>,
    pub extensions: ProducerExtensions,
    pub cname: String,
}

/// Reads `Produce.rtpParameters`.
///
/// # Errors
/// Parameters this server cannot forward, or beyond the limits: refuse the `Produce` with code 400.
pub fn producer_media(kind: MediaKind, parameters: &RtpParameters) -> Result<ProducerMedia, OrtcError> {
    limit("codecs", parameters.codecs.len(), MAX_CODECS)?;
    limit("header extensions", parameters.header_extensions.len(), MAX_EXTENSIONS)?;
    limit("encodings", parameters.encodings.len(), MAX_ENCODINGS)?;
    let mid = parameters.mid.as_deref();
    if let Some(mid) = mid.filter(|mid| mid.is_empty() || mid.len() > MAX_MID) {
        return Err(OrtcError::Mid(mid.len()));
    }
    let extensions = extensions(parameters);
    Ok(ProducerMedia {
        kind,
        mid: mid.map(String::from),
        codecs: codecs(kind, &parameters.codecs)?,
        streams: streams(parameters, &extensions)?,
        extensions,
        cname: parameters.rtcp.cname.chars().take(MAX_CNAME).collect(),
    })
}

/// Characters of a CNAME kept; browsers use 16.
const MAX_CNAME: usize = 64;

pub(super) fn limit(what: &'static str, count: usize, limit: usize) -> Result<(), OrtcError> {
    if count > limit { Err(OrtcError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn codecs(kind: MediaKind, offered: &[RtpCodecParameters]) -> Result<Vec<MediaCodec>, OrtcError> {
    let mut known: Vec<MediaCodec> = Vec::new();
    let mut seen = [false; 128];
    for offer in offered {
        match seen.get_mut(usize::from(offer.payload_type)) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(OrtcError::PayloadType(offer.payload_type)),
        }
        let Some(codec) = Codec::read(kind, &offer.mime_type, offer.clock_rate, &offer.parameters) else {
            continue;
        };
        fit(&offer.parameters)?;
        let rtx = offered.iter().find(|other| {
            is_rtx(&other.mime_type) && number(&other.parameters, "apt") == Some(offer.payload_type.into())
        });
        known.push(MediaCodec {
            codec,
            mime_type: offer.mime_type.clone(),
            payload_type: offer.payload_type,
            rtx_payload_type: rtx.map(|rtx| rtx.payload_type),
            nack: offer.rtcp_feedback.iter().any(RtcpFeedback::is_nack),
            channels: offer.channels,
            parameters: offer.parameters.clone(),
        });
    }
    if known.is_empty() { Err(OrtcError::NoCodec(offered.len())) } else { Ok(known) }
}

/// Names with numbers, truth values or short texts.
fn fit(parameters: &Parameters) -> Result<(), OrtcError> {
    limit("codec parameters", parameters.len(), MAX_PARAMETERS)?;
    for (name, value) in parameters {
        let length = match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => return Err(OrtcError::Nested),
            _ => 0,
        };
        limit("bytes of a codec parameter", length.max(name.len()), MAX_TEXT)?;
    }
    Ok(())
}

pub(super) fn is_rtx(mime: &str) -> bool {
    mime.split_once('/').is_some_and(|(_, name)| name.eq_ignore_ascii_case("rtx"))
}

fn streams(
    parameters: &RtpParameters,
    extensions: &ProducerExtensions,
) -> Result<Vec<StreamSpec>, OrtcError> {
    let nameable = parameters.mid.is_some() && extensions.mid.is_some() && extensions.rid.is_some();
    let mut rids = Vec::new();
    let mut seen = Vec::new();
    let mut fresh = |ssrc: u32| {
        if ssrc == 0 || seen.contains(&ssrc) {
            return Err(OrtcError::Ssrc(ssrc));
        }
        seen.push(ssrc);
        Ok(ssrc)
    };
    let mut streams = Vec::new();
    for (index, encoding) in parameters.encodings.iter().enumerate() {
        limit("bytes of a rid", encoding.rid.as_ref().map_or(0, String::len), MAX_TEXT)?;
        let rid = encoding.rid.clone().filter(|rid| is_rid(rid) && !rids.contains(rid));
        if encoding.ssrc.is_none() && (rid.is_none() || !nameable) {
            return Err(OrtcError::NoSsrc(index));
        }
        rids.extend(rid.clone());
        streams.push(StreamSpec {
            ssrc: encoding.ssrc.map(&mut fresh).transpose()?,
            rtx_ssrc: encoding.rtx.map(|rtx| fresh(rtx.ssrc)).transpose()?,
            rid,
        });
    }
    if streams.is_empty() { Err(OrtcError::NoEncodings) } else { Ok(streams) }
}

/// RFC 8852 §3: letters and digits, and `-` and `_` as RFC 8851 §10 has it; at most what a one-byte extension holds.
fn is_rid(rid: &str) -> bool {
    (1..=MAX_RID).contains(&rid.len())
        && rid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn extensions(parameters: &RtpParameters) -> ProducerExtensions {
    let id = |uri: &str| parameters.header_extensions.iter().find(|ext| ext.uri == uri).map(|ext| ext.id);
    ProducerExtensions {
        mid: id(router::MID),
        audio_level: id(router::AUDIO_LEVEL),
        abs_send_time: id(router::ABS_SEND_TIME),
        transport_cc: id(router::TRANSPORT_CC),
        video_orientation: id(router::VIDEO_ORIENTATION),
        rid: id(router::RTP_STREAM_ID),
        repaired_rid: id(router::REPAIRED_RTP_STREAM_ID),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ortc::RtpEncoding;

    pub(crate) fn chromium_video() -> RtpParameters {
        serde_json::from_value(serde_json::json!({
            "mid": "1",
            "codecs": [
                {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "parameters": {}},
                {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}}
            ],
            "headerExtensions": [
                {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4},
                {"uri": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", "id": 2},
                {"uri": "urn:3gpp:video-orientation", "id": 13}
            ],
            "encodings": [{"ssrc": 10, "rtx": {"ssrc": 11}}, {"ssrc": 20, "rtx": {"ssrc": 21}}],
            "rtcp": {"cname": "c"}
        }))
        .unwrap()
    }

    #[test]
    fn an_offer_is_reduced_to_what_forwarding_needs() {
        let media = producer_media(MediaKind::Video, &chromium_video()).unwrap();
        assert_eq!(media.codecs[0].codec, Codec::Vp8);
        assert_eq!(media.codecs[0].rtx_payload_type, Some(97));
        assert_eq!(media.streams[1], StreamSpec { ssrc: Some(20), rtx_ssrc: Some(21), rid: None });
        assert_eq!(media.extensions.mid, Some(4));
        assert_eq!(media.extensions.audio_level, None);
    }

    #[test]
    fn parameters_that_cannot_be_forwarded_are_refused() {
        let with = |change: fn(&mut RtpParameters)| {
            let mut parameters = chromium_video();
            change(&mut parameters);
            producer_media(MediaKind::Video, &parameters).unwrap_err()
        };
        assert_eq!(with(|p| p.codecs.clear()), OrtcError::NoCodec(0));
        assert_eq!(with(|p| p.codecs[0].mime_type = "video/H265".into()), OrtcError::NoCodec(2));
        assert_eq!(with(|p| p.codecs[0].mime_type = "audio/VP8".into()), OrtcError::NoCodec(2));
        assert_eq!(with(|p| p.codecs[0].clock_rate = 1), OrtcError::NoCodec(2));
        assert_eq!(with(|p| p.codecs[0].payload_type = 200), OrtcError::PayloadType(200));
        assert_eq!(with(|p| p.codecs[0].payload_type = 97), OrtcError::PayloadType(97));
        assert_eq!(with(|p| p.encodings.clear()), OrtcError::NoEncodings);
        assert_eq!(with(|p| p.encodings[1].ssrc = None), OrtcError::NoSsrc(1));
        assert_eq!(with(|p| p.encodings[1].ssrc = Some(11)), OrtcError::Ssrc(11));
        assert_eq!(with(|p| p.encodings[0].ssrc = Some(0)), OrtcError::Ssrc(0));
        assert_eq!(with(|p| p.mid = Some("m".repeat(17))), OrtcError::Mid(17));
        assert!(matches!(
            with(|p| p.encodings.resize(4, RtpEncoding::default())),
            OrtcError::TooMany { what: "encodings", count: 4, limit: 3 }
        ));
    }

    /// Simulcast as Chromium 156 offers it: no SSRC, the lowest layer first.
    pub(crate) fn chromium_simulcast() -> RtpParameters {
        let mut parameters = chromium_video();
        parameters.encodings =
            ["l", "h"].map(|rid| RtpEncoding { rid: Some(rid.into()), ..RtpEncoding::default() }).into();
        for (uri, id) in [(router::RTP_STREAM_ID, 10), (router::REPAIRED_RTP_STREAM_ID, 11)] {
            parameters.header_extensions.push(crate::ortc::RtpHeaderExtension {
                uri: uri.into(),
                id,
                encrypt: false,
                parameters: Parameters::new(),
            });
        }
        parameters
    }

    #[test]
    fn streams_without_an_ssrc_are_named_by_mid_and_rid() {
        let media = producer_media(MediaKind::Video, &chromium_simulcast()).unwrap();
        let named = |rid: &str| StreamSpec { ssrc: None, rtx_ssrc: None, rid: Some(rid.into()) };
        assert_eq!(media.streams, [named("l"), named("h")]);
        assert_eq!((media.extensions.rid, media.extensions.repaired_rid), (Some(10), Some(11)));
        let with = |change: fn(&mut RtpParameters)| {
            let mut parameters = chromium_simulcast();
            change(&mut parameters);
            producer_media(MediaKind::Video, &parameters).unwrap_err()
        };
        assert_eq!(with(|p| p.mid = None), OrtcError::NoSsrc(0));
        assert_eq!(with(|p| p.header_extensions.retain(|ext| ext.uri != router::MID)), OrtcError::NoSsrc(0));
        let no_rid =
            |p: &mut RtpParameters| p.header_extensions.retain(|ext| ext.uri != router::RTP_STREAM_ID);
        assert_eq!(with(no_rid), OrtcError::NoSsrc(0));
        assert_eq!(with(|p| p.encodings[1].rid = Some("l".into())), OrtcError::NoSsrc(1));
        for rid in ["", "h h", "h\0", "ä", "hhhhhhhhhhhhhhhhh"] {
            let mut parameters = chromium_simulcast();
            parameters.encodings[1].rid = Some(rid.into());
            assert_eq!(
                producer_media(MediaKind::Video, &parameters).unwrap_err(),
                OrtcError::NoSsrc(1),
                "{rid}"
            );
        }
    }

    #[test]
    fn profiles_of_vp9_and_av1_are_told_apart() {
        let mut parameters = chromium_video();
        let mut read = |mime: &str, key: &str, profile: serde_json::Value| {
            let codec = &mut parameters.codecs[0];
            (codec.mime_type, codec.parameters) = (mime.into(), [(key.into(), profile)].into());
            producer_media(MediaKind::Video, &parameters).ok().map(|media| media.codecs[0].codec)
        };
        for (mime, key, profile, expected) in [
            ("video/VP9", "profile-id", serde_json::json!(0), Some(Codec::Vp9(0))),
            ("video/vp9", "profile-id", serde_json::json!("2"), Some(Codec::Vp9(2))),
            ("video/VP9", "x-google-start-bitrate", serde_json::json!(300), Some(Codec::Vp9(0))),
            ("video/VP9", "profile-id", serde_json::json!(4), None),
            ("video/VP9", "profile-id", serde_json::json!("two"), None),
            ("video/AV1", "profile", serde_json::json!(0), Some(Codec::Av1(0))),
            ("video/AV1", "profile", serde_json::json!("1"), Some(Codec::Av1(1))),
            ("video/AV1", "profile", serde_json::json!(256), None),
        ] {
            assert_eq!(read(mime, key, profile.clone()), expected, "{mime} {key}={profile}");
        }
    }

    #[test]
    fn parameters_that_every_receiver_would_be_sent_are_few_and_short() {
        let with = |name: &str, value: serde_json::Value| {
            let mut offer = chromium_video();
            offer.codecs[0].parameters.insert(name.into(), value);
            producer_media(MediaKind::Video, &offer)
        };
        assert!(with("x", "v".repeat(MAX_TEXT).into()).is_ok());
        assert!(with(&"n".repeat(MAX_TEXT), true.into()).is_ok());
        let long =
            |count| Err(OrtcError::TooMany { what: "bytes of a codec parameter", count, limit: MAX_TEXT });
        assert_eq!(with("x", "v".repeat(MAX_TEXT + 1).into()), long(MAX_TEXT + 1));
        assert_eq!(with(&"n".repeat(MAX_TEXT + 1), 1.into()), long(MAX_TEXT + 1));
        assert_eq!(with("x", serde_json::json!([1])), Err(OrtcError::Nested));
        let mut many = chromium_video();
        many.codecs[0].parameters.extend((0..=MAX_PARAMETERS).map(|n| (n.to_string(), n.into())));
        let refused = producer_media(MediaKind::Video, &many).unwrap_err();
        assert!(matches!(refused, OrtcError::TooMany { what: "codec parameters", .. }), "{refused}");
        let mut rid = chromium_video();
        rid.encodings[0].rid = Some("r".repeat(MAX_TEXT + 1));
        assert!(producer_media(MediaKind::Video, &rid).is_err());
    }

    #[test]
    fn h264_needs_packetization_mode_1() {
        let mut parameters = chromium_video();
        parameters.codecs[0].mime_type = "video/h264".into();
        assert!(producer_media(MediaKind::Video, &parameters).is_err());
        for mode in [serde_json::json!(1), serde_json::json!("1")] {
            parameters.codecs[0].parameters.insert("packetization-mode".into(), mode);
            parameters.codecs[0].parameters.insert("profile-level-id".into(), "42e01f".into());
            let media = producer_media(MediaKind::Video, &parameters).unwrap();
            assert_eq!(media.codecs[0].codec, Codec::H264(H264Profile::Baseline));
        }
    }
}
