//! How single values travel: what is read generously, and the one way each is written.
//!
//! Every value inside a Property is written as a string, because both SDK versions (nim-web-sdk-ng 0.17.2 and 10.8.1)
//! take that everywhere and compare ids as strings. Readers take numbers too.

use std::collections::BTreeMap;

use serde_json::Value;

/// Reads one value; `None` when it cannot be what was asked for. `null` and absence are the caller's matter.
pub trait FromWire: Sized {
    /// What was expected, for error texts.
    const EXPECTED: &'static str;

    fn from_wire(value: &Value) -> Option<Self>;
}

/// Writes one value; `None` leaves the field out.
pub trait ToWire {
    fn to_wire(&self) -> Option<Value>;
}

/// A numeric id. The empty string and "0" read as 0, the wire's "none" (24_15 sends `""` as the channel of a server).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Id(pub i64);

/// JSON text that is handed on as it came, checked only to be JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonText(pub String);

/// `auths`: right id to −1 deny, 0 ignore, 1 allow; on the wire JSON text of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthMap(pub BTreeMap<u32, i8>);

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        // `parse` takes a leading plus, which no client writes and which is harmless.
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

impl FromWire for i64 {
    const EXPECTED: &'static str = "an integer";
    fn from_wire(value: &Value) -> Option<Self> {
        integer(value)
    }
}

impl ToWire for i64 {
    fn to_wire(&self) -> Option<Value> {
        Some(self.to_string().into())
    }
}

impl FromWire for Id {
    const EXPECTED: &'static str = "a decimal id";
    fn from_wire(value: &Value) -> Option<Self> {
        if value.as_str() == Some("") {
            return Some(Self(0));
        }
        integer(value).filter(|id| *id >= 0).map(Self)
    }
}

impl ToWire for Id {
    fn to_wire(&self) -> Option<Value> {
        Some(self.0.to_string().into())
    }
}

impl FromWire for String {
    const EXPECTED: &'static str = "a text";
    /// A number is taken as its text: the SDK hands on whatever type the app gave.
    fn from_wire(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl ToWire for String {
    fn to_wire(&self) -> Option<Value> {
        Some(self.as_str().into())
    }
}

impl FromWire for bool {
    const EXPECTED: &'static str = "1 or 0";
    fn from_wire(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            other => match integer(other) {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
        }
    }
}

impl ToWire for bool {
    /// "1" or "0": inside a Property the clients read the words as nonsense.
    fn to_wire(&self) -> Option<Value> {
        Some(if *self { "1" } else { "0" }.into())
    }
}

impl FromWire for JsonText {
    const EXPECTED: &'static str = "JSON text";
    fn from_wire(value: &Value) -> Option<Self> {
        let text = value.as_str()?;
        serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
        Some(Self(text.to_owned()))
    }
}

impl ToWire for JsonText {
    fn to_wire(&self) -> Option<Value> {
        Some(self.0.as_str().into())
    }
}

impl FromWire for AuthMap {
    const EXPECTED: &'static str = "JSON text of right ids with -1, 0 or 1";
    fn from_wire(value: &Value) -> Option<Self> {
        let object: serde_json::Map<String, Value> = serde_json::from_str(value.as_str()?).ok()?;
        let pairs = object.iter().map(|(id, number)| {
            let number = integer(number).filter(|n| (-1..=1).contains(n))?;
            Some((id.parse().ok()?, i8::try_from(number).ok()?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }
}

impl ToWire for AuthMap {
    fn to_wire(&self) -> Option<Value> {
        let object: serde_json::Map<String, Value> =
            self.0.iter().map(|(id, value)| (id.to_string(), (*value).into())).collect();
        Some(Value::Object(object).to_string().into())
    }
}

/// An element of an `ArrayMable` is wrapped as `{"t":"Property","v":{…}}`; other arrays hold bare values.
pub(crate) fn unwrapped(value: &Value) -> &Value {
    match value {
        Value::Object(object) if object.len() == 2 && object.contains_key("t") => {
            object.get("v").unwrap_or(value)
        }
        other => other,
    }
}

impl<T: FromWire> FromWire for Vec<T> {
    const EXPECTED: &'static str = "an array, or JSON text of one";
    fn from_wire(value: &Value) -> Option<Self> {
        match value {
            Value::Array(elements) => elements.iter().map(|e| T::from_wire(unwrapped(e))).collect(),
            Value::String(text) => {
                let elements: Vec<Value> = serde_json::from_str(text).ok()?;
                elements.iter().map(T::from_wire).collect()
            }
            _ => None,
        }
    }
}

impl<T: ToWire> ToWire for Vec<T> {
    /// JSON text, as fields inside a Property want it. A top-level array is made with [`list`].
    fn to_wire(&self) -> Option<Value> {
        Some(list(self).to_string().into())
    }
}

impl<T: ToWire> ToWire for Option<T> {
    fn to_wire(&self) -> Option<Value> {
        self.as_ref().and_then(ToWire::to_wire)
    }
}

/// A real JSON array: an answer item of type PropertyArray or StrArray, or an array inside `attach`.
pub fn list<'a, T: ToWire + 'a>(elements: impl IntoIterator<Item = &'a T>) -> Value {
    Value::Array(elements.into_iter().filter_map(ToWire::to_wire).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_read_from_both_types_and_written_as_text() {
        for value in [json!("9007199254740993"), json!(9_007_199_254_740_993_i64)] {
            assert_eq!(Id::from_wire(&value), Some(Id(9_007_199_254_740_993)));
        }
        assert_eq!(Id(7).to_wire(), Some(json!("7")));
        assert_eq!(Id::from_wire(&json!("")), Some(Id(0)));
        for value in [json!("-1"), json!(-1), json!(1.5), json!("x"), json!([]), json!("9223372036854775808")]
        {
            assert_eq!(Id::from_wire(&value), None, "{value}");
        }
    }

    #[test]
    fn lists_are_read_bare_wrapped_and_as_text() {
        let expected = Some(vec![Id(1), Id(2)]);
        assert_eq!(Vec::<Id>::from_wire(&json!(["1", 2])), expected);
        assert_eq!(Vec::<Id>::from_wire(&json!("[\"1\",\"2\"]")), expected);
        assert_eq!(Vec::<Id>::from_wire(&json!([{"t": "Long", "v": "1"}, "2"])), expected);
        assert_eq!(Vec::<Id>::from_wire(&json!(["1", {}])), None);
        assert_eq!(vec![Id(1)].to_wire(), Some(json!("[\"1\"]")));
    }

    #[test]
    fn auths_hold_only_the_three_values() {
        let auths = AuthMap([(4, -1), (15, 1)].into());
        assert_eq!(auths.to_wire(), Some(json!(r#"{"15":1,"4":-1}"#)));
        assert_eq!(AuthMap::from_wire(&json!(r#"{"4":-1,"15":"1"}"#)), Some(auths));
        for bad in [r#"{"4":2}"#, r#"{"x":1}"#, "[]", "", r#"{"4":true}"#] {
            assert_eq!(AuthMap::from_wire(&json!(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_flag_is_one_or_zero() {
        for value in [json!(1), json!("1"), json!(true), json!("true")] {
            assert_eq!(bool::from_wire(&value), Some(true), "{value}");
        }
        for value in [json!(0), json!("0"), json!(false)] {
            assert_eq!(bool::from_wire(&value), Some(false), "{value}");
        }
        assert_eq!(bool::from_wire(&json!(2)), None);
        assert_eq!(true.to_wire(), Some(json!("1")));
    }
}
