//! The configuration of a media channel.

/// What 25_2 writes and 25_3 reads. Audio and video travel as JSON text and are stored as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcConfig {
    /// Most members in the channel at once; 0 means no limit of its own.
    pub limit: u32,
    /// JSON text: `{"profile":string,"scenario":string}`.
    pub audio: String,
    /// JSON text: `{"width":px,"height":px,"fps":frames per second}`.
    pub video: String,
}

impl Default for RtcConfig {
    fn default() -> Self {
        Self {
            limit: 100,
            audio: r#"{"profile":"speech_standard","scenario":"default"}"#.into(),
            video: r#"{"width":640,"height":480,"fps":15}"#.into(),
        }
    }
}
