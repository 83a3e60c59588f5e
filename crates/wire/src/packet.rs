//! Packets: the JSON of a `3:::` frame.

use serde::{
    Deserialize, Serialize,
    ser::{SerializeStruct, Serializer},
};
use serde_json::Value;

use crate::{code, command::CommandId, items::Items};

/// A command from a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Counts up from 1 per SDK instance, across reconnects too; 0 in 1_2.
    pub ser: i64,
    pub command: CommandId,
    pub items: Items,
}

/// Why a packet cannot be dispatched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Nothing to answer to: the connection is out of step.
    #[error("a packet without an integer SER cannot be answered")]
    Unanswerable,
    /// Answered with [`code::UNREADABLE`].
    #[error("packet {ser} has no SID and CID up to 65535, or its Q is not an array")]
    Unreadable { ser: i64, sid: u16, cid: u16 },
}

/// Only for reading; every field may be anything.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "SER")]
    ser: Option<Value>,
    #[serde(rename = "SID")]
    sid: Option<Value>,
    #[serde(rename = "CID")]
    cid: Option<Value>,
    #[serde(rename = "Q")]
    q: Option<Value>,
}

impl Request {
    /// Reads the JSON of a packet. A missing `Q` is an empty one (1_2 and 24_4 have no items).
    pub fn parse(json: &str) -> Result<Self, PacketError> {
        let envelope: Envelope = serde_json::from_str(json).map_err(|_| PacketError::Unanswerable)?;
        let ser = envelope.ser.as_ref().and_then(Value::as_i64).ok_or(PacketError::Unanswerable)?;
        let small = |value: &Option<Value>| {
            value.as_ref().and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok())
        };
        let (sid, cid) = (small(&envelope.sid), small(&envelope.cid));
        let unreadable = PacketError::Unreadable { ser, sid: sid.unwrap_or(0), cid: cid.unwrap_or(0) };
        let items = match &envelope.q {
            None | Some(Value::Null) => Items::default(),
            Some(Value::Array(q)) => Items::from_q(q),
            Some(_) => return Err(unreadable),
        };
        match (sid, cid) {
            (Some(sid), Some(cid)) => Ok(Self { ser, command: CommandId { sid, cid }, items }),
            _ => Err(unreadable),
        }
    }
}

/// The answer to a request: repeats its sid, cid and ser.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub ser: i64,
    pub command: CommandId,
    pub code: u16,
    /// Always written, even empty: with code 200 and no `r` the client's call ends as 408 after 8 s.
    pub items: Vec<Value>,
}

/// What a server sends unasked.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    pub command: CommandId,
    pub items: Vec<Value>,
}

impl Answer {
    pub fn ok(request: &Request, items: Vec<Value>) -> Self {
        Self { ser: request.ser, command: request.command, code: code::OK, items }
    }

    /// An answer that carries only a code.
    pub fn refusal(request: &Request, code: u16) -> Self {
        Self { ser: request.ser, command: request.command, code, items: Vec::new() }
    }

    /// The answer to a packet that has a SER but cannot be read.
    pub fn unreadable(ser: i64, sid: u16, cid: u16) -> Self {
        Self { ser, command: CommandId { sid, cid }, code: code::UNREADABLE, items: Vec::new() }
    }

    /// The whole frame.
    pub fn frame(&self) -> String {
        frame_of(&Down { command: self.command, ser: self.ser, code: self.code, r: &self.items })
    }
}

impl Push {
    /// The whole frame. `ser` is 0 and `code` 200: the client drops a push without a code.
    pub fn frame(&self) -> String {
        frame_of(&Down { command: self.command, ser: 0, code: code::OK, r: &self.items })
    }
}

struct Down<'a> {
    command: CommandId,
    ser: i64,
    code: u16,
    r: &'a [Value],
}

impl Serialize for Down<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut packet = serializer.serialize_struct("packet", 5)?;
        packet.serialize_field("sid", &self.command.sid)?;
        packet.serialize_field("cid", &self.command.cid)?;
        packet.serialize_field("ser", &self.ser)?;
        packet.serialize_field("code", &self.code)?;
        packet.serialize_field("r", self.r)?;
        packet.end()
    }
}

fn frame_of(packet: &Down<'_>) -> String {
    // Values of this crate have string keys and finite numbers, the only things JSON writing can fail on.
    let json = serde_json::to_string(packet).unwrap_or_default();
    format!("3:::{json}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::Id;

    #[test]
    fn a_request_is_read_by_position() {
        let request = Request::parse(
            r#"{"SER":3,"SID":24,"CID":36,"Q":[{"t":"Long","v":"17"},{"t":"StrArray","v":["a","b"]}]}"#,
        )
        .unwrap();
        assert_eq!((request.ser, request.command), (3, CommandId { sid: 24, cid: 36 }));
        assert_eq!(request.items.required::<Id>(0), Ok(Id(17)));
        assert_eq!(request.items.required::<Vec<String>>(1), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(request.items.optional::<String>(2), Ok(None));
    }

    #[test]
    fn packets_with_a_ser_can_be_answered() {
        for (json, sid, cid) in [
            (r#"{"SER":3}"#, 0, 0),
            (r#"{"SER":3,"SID":24,"CID":"x"}"#, 24, 0),
            (r#"{"SER":3,"SID":24,"CID":31,"Q":{}}"#, 24, 31),
            (r#"{"SER":3,"SID":70000,"CID":1}"#, 0, 1),
        ] {
            assert_eq!(Request::parse(json), Err(PacketError::Unreadable { ser: 3, sid, cid }), "{json}");
        }
    }

    #[test]
    fn packets_without_a_ser_cannot() {
        for json in ["", "{}", "[]", "1", "{", r#"{"SER":"3"}"#, r#"{"SER":1.5}"#, r#"{"SER":null}"#] {
            assert_eq!(Request::parse(json), Err(PacketError::Unanswerable), "{json}");
        }
    }

    #[test]
    fn a_deeply_nested_packet_is_refused_without_recursing() {
        let deep =
            format!(r#"{{"SER":1,"SID":24,"CID":31,"Q":{}{}}}"#, "[".repeat(60_000), "]".repeat(60_000));
        assert_eq!(Request::parse(&deep), Err(PacketError::Unanswerable));
    }

    #[test]
    fn answers_and_pushes_are_written_whole() {
        let command = CommandId { sid: 24, cid: 31 };
        let answer = Answer { ser: 3, command, code: 200, items: vec![json!({"1": "5"})] };
        assert_eq!(answer.frame(), r#"3:::{"sid":24,"cid":31,"ser":3,"code":200,"r":[{"1":"5"}]}"#);
        let push = Push { command, items: vec![] };
        assert_eq!(push.frame(), r#"3:::{"sid":24,"cid":31,"ser":0,"code":200,"r":[]}"#);
    }
}
