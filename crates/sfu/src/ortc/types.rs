//! The ORTC dictionaries as they stand on the wire: camelCase JSON, unknown fields ignored.
//!
//! Observed with nertc-web-sdk 4.6.50, 5.4.0 and 5.8.34 (a mediasoup dialect).

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Deserializer, Serialize};

/// Codec parameters (`fmtp`): values are strings or numbers.
pub type Parameters = BTreeMap<String, serde_json::Value>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    Audio,
    Video,
}

/// What one sender sends or one receiver is going to receive.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpParameters {
    #[serde(deserialize_with = "text_or_number", skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    pub codecs: Vec<RtpCodecParameters>,
    pub header_extensions: Vec<RtpHeaderExtension>,
    pub encodings: Vec<RtpEncoding>,
    pub rtcp: RtcpParameters,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodecParameters {
    /// `kind/name`, for instance `video/VP8`; case does not matter.
    pub mime_type: String,
    pub payload_type: u8,
    pub clock_rate: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub parameters: Parameters,
    #[serde(default, deserialize_with = "null_is_default")]
    pub rtcp_feedback: Vec<RtcpFeedback>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtcpFeedback {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub parameter: String,
}

impl RtcpFeedback {
    /// Generic NACK, and neither of its relatives with a parameter.
    pub(super) fn is_nack(&self) -> bool {
        self.kind.eq_ignore_ascii_case("nack") && self.parameter.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RtpHeaderExtension {
    pub uri: String,
    pub id: u8,
    #[serde(default)]
    pub encrypt: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    pub parameters: Parameters,
}

/// One stream of a sender. Several are layers of one picture, the lowest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpEncoding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssrc: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx: Option<RtxEncoding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtx: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtxEncoding {
    pub ssrc: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RtcpParameters {
    pub cname: String,
    pub reduced_size: bool,
    pub mux: bool,
}

impl Default for RtcpParameters {
    fn default() -> Self {
        Self { cname: String::new(), reduced_size: true, mux: true }
    }
}

/// What one side can receive: the router's (`Join`'s `edgeRtpCapabilities`) or a client's (`Consume`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpCapabilities {
    pub codecs: Vec<RtpCodecCapability>,
    pub header_extensions: Vec<RtpHeaderExtensionCapability>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodecCapability {
    pub kind: MediaKind,
    pub mime_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_payload_type: Option<u8>,
    pub clock_rate: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub parameters: Parameters,
    #[serde(default, deserialize_with = "null_is_default")]
    pub rtcp_feedback: Vec<RtcpFeedback>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpHeaderExtensionCapability {
    /// None, and an empty text on the wire: for audio and video.
    #[serde(default, deserialize_with = "kind_or_both", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MediaKind>,
    pub uri: String,
    pub preferred_id: u8,
    #[serde(default)]
    pub preferred_encrypt: bool,
    #[serde(default = "sendrecv")]
    pub direction: String,
}

fn sendrecv() -> String {
    "sendrecv".into()
}

/// `iceParameters` of the answer to the first `Produce` or `Consume` of a transport.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceParameters {
    pub username_fragment: String,
    pub password: String,
    pub ice_lite: bool,
}

impl fmt::Debug for IceParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceParameters").field("ice_lite", &self.ice_lite).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    pub foundation: String,
    pub ip: IpAddr,
    pub port: u16,
    pub priority: u32,
    pub protocol: IceProtocol,
    /// Always `host`: an ICE-lite agent has no other kind.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_type: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IceProtocol {
    Udp,
    Tcp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DtlsParameters {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub fingerprints: Vec<Fingerprint>,
}

/// A certificate's digest as signalled, for instance `sha-256` and `AB:CD:…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    pub algorithm: String,
    pub value: String,
}

/// `mid` is a string in ORTC; a client that sends the index of the media section as a number is understood.
fn text_or_number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Mid {
        Text(String),
        Number(u64),
    }
    Ok(Option::<Mid>::deserialize(input)?.map(|mid| match mid {
        Mid::Text(text) => text,
        Mid::Number(number) => number.to_string(),
    }))
}

/// Some clients write `null` for an empty list or text.
fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    input: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

/// Older mediasoup clients write an empty text for an extension of both kinds.
fn kind_or_both<'de, D: Deserializer<'de>>(input: D) -> Result<Option<MediaKind>, D::Error> {
    Ok(match Option::<String>::deserialize(input)?.as_deref() {
        Some("audio") => Some(MediaKind::Audio),
        Some("video") => Some(MediaKind::Video),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_the_engine_are_read() {
        let text = r#"{"codecs":[{"mimeType":"audio/opus","payloadType":111,"clockRate":48000,"channels":2,
            "parameters":{"minptime":10,"useinbandfec":1},"rtcpFeedback":[{"type":"transport-cc","parameter":""}]}],
            "headerExtensions":[{"uri":"urn:ietf:params:rtp-hdrext:sdes:mid","id":4,"encrypt":false,"parameters":{}}],
            "encodings":[{"ssrc":4000000001,"dtx":false}],"rtcp":{"cname":"abc"},"mid":0,"unknown":true}"#;
        let parameters: RtpParameters = serde_json::from_str(text).unwrap();
        assert_eq!(parameters.mid.as_deref(), Some("0"));
        assert_eq!(parameters.encodings[0].ssrc, Some(4_000_000_001));
        assert_eq!(parameters.rtcp.cname, "abc");
        assert!(parameters.rtcp.mux);
    }

    #[test]
    fn capabilities_with_empty_and_missing_fields_are_read() {
        let text = r#"{"codecs":[{"kind":"video","mimeType":"video/VP8","preferredPayloadType":96,"clockRate":90000,
            "channels":null,"parameters":null,"rtcpFeedback":[{"type":"nack","parameter":null},{"type":"goog-remb"}]}],
            "headerExtensions":[{"kind":"","uri":"a","preferredId":1},{"uri":"b","preferredId":2},
            {"kind":"audio","uri":"c","preferredId":3}]}"#;
        let capabilities: RtpCapabilities = serde_json::from_str(text).unwrap();
        let kinds: Vec<_> = capabilities.header_extensions.iter().map(|extension| extension.kind).collect();
        assert_eq!(kinds, [None, None, Some(MediaKind::Audio)]);
        assert_eq!(capabilities.codecs[0].rtcp_feedback.len(), 2);
    }
}
