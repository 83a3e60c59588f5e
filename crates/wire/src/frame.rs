//! Frames: one WebSocket text message `TYPE:ID:ENDPOINT:DATA`, ID and ENDPOINT empty.
//!
//! Observed with nim-web-sdk-ng 0.17.2 and 10.8.1: the client sends types 0, 2 and 3 and ignores unknown ones, except
//! that 0.17.2 throws on type 4.

use std::borrow::Cow;

/// Sent once, right after the WebSocket opens; the client waits 8 s for it.
pub const CONNECTED: &str = "1::";

/// Transport heartbeat; whoever gets one from the server answers the same.
pub const HEARTBEAT: &str = "2::";

/// The client's last frame, and the server's way to make it reconnect.
pub const DISCONNECT: &str = "0::";

/// A frame as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `0::`
    Disconnect,
    /// `1::`
    Connected,
    /// `2::`
    Heartbeat,
    /// `3:::JSON`; the text after the third colon.
    Packet(&'a str),
    /// A type of the framing that carries nothing here.
    Other(u8),
}

/// A text message that is no frame. The connection that sent it cannot be trusted to be in step: close 1007.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame starts with a digit 0 to 8 and a colon")]
    NoType,
    #[error("a frame of type {0} has two colons before its end, a packet three")]
    TooFewColons(u8),
}

impl<'a> Frame<'a> {
    /// Splits `TYPE:ID:ENDPOINT:DATA`. ID and ENDPOINT are read over: no client of this protocol fills them.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let mut parts = text.splitn(4, ':');
        let kind = match parts.next().map(str::as_bytes) {
            Some(&[digit @ b'0'..=b'8']) => digit - b'0',
            _ => return Err(FrameError::NoType),
        };
        let (id, endpoint, data) = (parts.next(), parts.next(), parts.next());
        if id.is_none() {
            return Err(FrameError::NoType);
        }
        if endpoint.is_none() {
            return Err(FrameError::TooFewColons(kind));
        }
        match (kind, data) {
            (0, _) => Ok(Self::Disconnect),
            (1, _) => Ok(Self::Connected),
            (2, _) => Ok(Self::Heartbeat),
            (3, Some(json)) => Ok(Self::Packet(json)),
            (3, None) => Err(FrameError::TooFewColons(3)),
            (other, _) => Ok(Self::Other(other)),
        }
    }

    /// The text of the frame; borrowed when it is constant.
    pub fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Disconnect => DISCONNECT.into(),
            Self::Connected => CONNECTED.into(),
            Self::Heartbeat => HEARTBEAT.into(),
            Self::Packet(json) => format!("3:::{json}").into(),
            Self::Other(kind) => format!("{kind}::").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_protocol_are_read() {
        for (text, frame) in [
            ("0::", Frame::Disconnect),
            ("1::", Frame::Connected),
            ("2::", Frame::Heartbeat),
            ("2:::", Frame::Heartbeat),
            (r#"3:::{"SER":1}"#, Frame::Packet(r#"{"SER":1}"#)),
            ("3:::a:b:c", Frame::Packet("a:b:c")),
            ("3:::", Frame::Packet("")),
            ("7:::1", Frame::Other(7)),
        ] {
            assert_eq!(Frame::parse(text), Ok(frame), "{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for text in ["", ":", "2", "x::", "9::", "22::", "{}", "２::", " 2::"] {
            assert_eq!(Frame::parse(text), Err(FrameError::NoType), "{text:?}");
        }
        assert_eq!(Frame::parse("2:"), Err(FrameError::TooFewColons(2)));
        assert_eq!(Frame::parse("3::"), Err(FrameError::TooFewColons(3)));
    }
}
