//! `protoo` envelopes: requests, responses and notifications as JSON text.

use serde_json::{Map, Value, json};

/// A message from a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Incoming {
    Request {
        id: Value,
        method: String,
        data: Map<String, Value>,
    },
    Notification {
        method: String,
    },
    /// The client's answer to a notification. It says nothing the server waits for.
    Response,
}

/// A message that is none of them: nothing in it can be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither a request with an id and a method, nor a notification, nor a response")]
pub(super) struct NotAnEnvelope;

impl Incoming {
    /// Unquoted integers up to 2^64 are read exactly; nesting is bounded by the parser (128 levels).
    pub fn parse(text: &str) -> Result<Self, NotAnEnvelope> {
        let Ok(Value::Object(mut envelope)) = serde_json::from_str(text) else { return Err(NotAnEnvelope) };
        let is = |envelope: &Map<String, Value>, kind: &str| envelope.get(kind) == Some(&Value::Bool(true));
        if is(&envelope, "response") {
            return Ok(Self::Response);
        }
        let method = match envelope.remove("method") {
            Some(Value::String(method)) => method,
            _ => return Err(NotAnEnvelope),
        };
        if is(&envelope, "notification") {
            return Ok(Self::Notification { method });
        }
        let id = envelope.remove("id").filter(|id| id.is_number() || id.is_string()).ok_or(NotAnEnvelope)?;
        if !is(&envelope, "request") {
            return Err(NotAnEnvelope);
        }
        let data = match envelope.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        Ok(Self::Request { id, method, data })
    }
}

/// A response. Refusals are `ok` as well: clients read `data.code`.
pub(super) fn response(id: &Value, data: &Value) -> String {
    json!({ "response": true, "id": id, "ok": true, "data": data }).to_string()
}

pub(super) fn notification(id: u64, method: &str, data: &Value) -> String {
    json!({ "notification": true, "id": id, "method": method, "data": data }).to_string()
}

/// An integer that may be quoted.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text that may be an unquoted integer.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_of_the_engine_are_read() {
        let join = r#"{"request":true,"id":7,"method":"Join","data":{"uid":9007199254740993}}"#;
        let Ok(Incoming::Request { id, method, data }) = Incoming::parse(join) else { panic!("no request") };
        assert_eq!((id, method.as_str()), (json!(7), "Join"));
        assert_eq!(integer(data.get("uid")), Some(9_007_199_254_740_993));
        let leave = r#"{"notification":true,"method":"Leave","data":{}}"#;
        assert_eq!(Incoming::parse(leave), Ok(Incoming::Notification { method: "Leave".into() }));
        assert_eq!(Incoming::parse(r#"{"response":true,"id":1,"ok":true}"#), Ok(Incoming::Response));
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        let deep = format!(
            r#"{{"request":true,"id":1,"method":"Join","data":{}1{}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "{",
            r#"{"request":true,"method":"Join"}"#,
            r#"{"request":true,"id":{},"method":"Join"}"#,
            r#"{"request":true,"id":1,"method":5}"#,
            r#"{"request":"true","id":1,"method":"Join"}"#,
            &deep,
        ] {
            assert_eq!(Incoming::parse(text), Err(NotAnEnvelope), "{text}");
        }
    }
}
