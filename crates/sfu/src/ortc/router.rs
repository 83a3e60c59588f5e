//! What this server forwards: the capabilities announced in the answer to `Join`.

use serde_json::json;

use super::{
    MediaKind, Parameters, RtcpFeedback, RtpCapabilities, RtpCodecCapability, RtpHeaderExtensionCapability,
};

pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub const RTP_STREAM_ID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub const REPAIRED_RTP_STREAM_ID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";

/// The router's capabilities (`edgeRtpCapabilities`).
///
/// Payload types and extension ids are those of Chromium 156, so that clients which take the answer's
/// numbers to be their own browser's (nertc-web-sdk 4.6.50 to 5.8.34) agree with it. H264 is constrained
/// baseline in packetization mode 1, the one form every browser sends and receives; VP9 and AV1 are in profile
/// 0, eight bits in 4:2:0. VP8 comes first: a client without a preference sends the first it has.
pub fn router_capabilities() -> RtpCapabilities {
    let opus =
        codec(MediaKind::Audio, "audio/opus", 111, &[("minptime", json!(10)), ("useinbandfec", json!(1))]);
    let h264 = [
        ("level-asymmetry-allowed", json!(1)),
        ("packetization-mode", json!(1)),
        ("profile-level-id", json!("42e01f")),
    ];
    RtpCapabilities {
        codecs: vec![
            opus,
            codec(MediaKind::Video, "video/VP8", 96, &[]),
            codec(MediaKind::Video, "video/rtx", 97, &[("apt", json!(96))]),
            codec(MediaKind::Video, "video/H264", 108, &h264),
            codec(MediaKind::Video, "video/rtx", 109, &[("apt", json!(108))]),
            codec(MediaKind::Video, "video/VP9", 98, &[("profile-id", json!(0))]),
            codec(MediaKind::Video, "video/rtx", 99, &[("apt", json!(98))]),
            codec(MediaKind::Video, "video/AV1", 45, &[("profile", json!(0))]),
            codec(MediaKind::Video, "video/rtx", 46, &[("apt", json!(45))]),
        ],
        header_extensions: vec![
            extension(MediaKind::Audio, MID, 4),
            extension(MediaKind::Video, MID, 4),
            extension(MediaKind::Audio, AUDIO_LEVEL, 1),
            extension(MediaKind::Audio, ABS_SEND_TIME, 2),
            extension(MediaKind::Video, ABS_SEND_TIME, 2),
            extension(MediaKind::Audio, TRANSPORT_CC, 3),
            extension(MediaKind::Video, TRANSPORT_CC, 3),
            extension(MediaKind::Video, VIDEO_ORIENTATION, 13),
            // Streams are named on the way in; a receiver gets one stream per section.
            received(extension(MediaKind::Video, RTP_STREAM_ID, 10)),
            received(extension(MediaKind::Video, REPAIRED_RTP_STREAM_ID, 11)),
        ],
    }
}

fn codec(
    kind: MediaKind,
    mime_type: &str,
    payload_type: u8,
    parameters: &[(&str, serde_json::Value)],
) -> RtpCodecCapability {
    let audio = kind == MediaKind::Audio;
    RtpCodecCapability {
        kind,
        mime_type: mime_type.into(),
        preferred_payload_type: Some(payload_type),
        clock_rate: if audio { 48_000 } else { 90_000 },
        channels: audio.then_some(2),
        parameters: parameters.iter().map(|(k, v)| (String::from(*k), v.clone())).collect::<Parameters>(),
        rtcp_feedback: if mime_type.ends_with("rtx") { vec![] } else { feedback(kind) },
    }
}

/// The feedback this server sends and acts on.
pub(super) fn feedback(kind: MediaKind) -> Vec<RtcpFeedback> {
    let known: &[(&str, &str)] = match kind {
        MediaKind::Audio => &[("transport-cc", ""), ("nack", "")],
        MediaKind::Video => &[("transport-cc", ""), ("nack", ""), ("nack", "pli"), ("ccm", "fir")],
    };
    known
        .iter()
        .map(|(kind, parameter)| RtcpFeedback { kind: (*kind).into(), parameter: (*parameter).into() })
        .collect()
}

fn received(extension: RtpHeaderExtensionCapability) -> RtpHeaderExtensionCapability {
    RtpHeaderExtensionCapability { direction: "recvonly".into(), ..extension }
}

fn extension(kind: MediaKind, uri: &str, id: u8) -> RtpHeaderExtensionCapability {
    RtpHeaderExtensionCapability {
        kind: Some(kind),
        uri: uri.into(),
        preferred_id: id,
        preferred_encrypt: false,
        direction: "sendrecv".into(),
    }
}
