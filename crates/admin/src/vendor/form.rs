//! Form bodies and what their fields hold.
//!
//! A field may come once; one that comes twice, or is not UTF-8, refuses the request (414). Fields an action does not know
//! are passed over, as the vendor's own grow with its versions. An empty number, id or list is one that is not there; an
//! empty text is an empty text.

use std::{collections::BTreeMap, fmt, str::FromStr};

use percent_encoding::percent_decode;
use rotunda_core::PageRequest;
use rotunda_model::{Accid, AuthValue, Right};
use serde_json::Value;

use super::Refusal;

/// Fields of one form. No action has more than a dozen.
const FIELDS_MAX: usize = 64;

/// Items of a page, however many more are asked for: REST may ask for 200, the use cases give 100 and say that there
/// are more.
const PAGE_MAX: i64 = 100;

#[derive(Default)]
pub struct Form(BTreeMap<String, String>);

impl fmt::Debug for Form {
    /// Names only: values are accounts, tokens and what people wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Form {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut fields = BTreeMap::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            let (name, value) = (decode(name)?, decode(value.get(1..).unwrap_or_default())?);
            if fields.len() >= FIELDS_MAX {
                return Err(Refusal::Parameter("too many fields"));
            }
            if fields.insert(name, value).is_some() {
                return Err(Refusal::Parameter("a field twice"));
            }
        }
        Ok(Self(fields))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The one of several names that is there. Errors: 414 more than one.
    fn any(&self, names: &[&str]) -> Result<Option<&str>, Refusal> {
        let mut there = names.iter().filter_map(|name| self.text(name));
        let first = there.next();
        match there.next() {
            Some(_) => Err(Refusal::Parameter("one field under two names")),
            None => Ok(first),
        }
    }

    pub fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or(Refusal::Parameter(name))
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.text(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// `custom` or `ext`: pages of the vendor name the extension either way.
    pub fn custom(&self) -> Result<Option<String>, Refusal> {
        Ok(self.any(&["custom", "ext"])?.map(str::to_owned))
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub fn id<T: FromStr>(&self, name: &'static str) -> Result<T, Refusal> {
        self.required(name)?.trim().parse().map_err(|_| Refusal::Parameter(name))
    }

    /// Nothing, an empty text and 0 are "none".
    pub fn optional_id<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Refusal> {
        let given = self.given(name).filter(|text| *text != "0");
        given.map(|text| text.parse().map_err(|_| Refusal::Parameter(name))).transpose()
    }

    pub fn number(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        self.given(name).map(|text| text.parse().map_err(|_| Refusal::Parameter(name))).transpose()
    }

    /// An enum's number; absent leaves it as it is.
    pub fn choice<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(i64) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.number(name)?.map(|number| read(number).ok_or(Refusal::Parameter(name))).transpose()
    }

    /// `true`, `false`, 1 or 0.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        let read = |text: &str| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Refusal::Parameter(name)),
        };
        self.given(name).map(read).transpose()
    }

    /// Of `timetag` and `limit`.
    pub fn page(&self) -> Result<PageRequest, Refusal> {
        let limit = self.number("limit")?.map(|limit| limit.min(PAGE_MAX));
        Ok(PageRequest { timetag: self.number("timetag")?.unwrap_or(0), limit })
    }

    fn list(&self, names: &[&str], what: &'static str) -> Result<Vec<Value>, Refusal> {
        let Some(text) = self.any(names)? else { return Err(Refusal::Parameter(what)) };
        serde_json::from_str(text).map_err(|_| Refusal::Parameter(what))
    }

    /// A JSON array of ids, as numbers or as texts.
    pub fn ids<T: FromStr>(&self, name: &'static str) -> Result<Vec<T>, Refusal> {
        let items = self.list(&[name], name)?;
        items.iter().map(|item| id(item).ok_or(Refusal::Parameter(name))).collect()
    }

    /// The other account an action is about. Errors: 414 not named; 404 a text that can name none.
    pub fn other(&self) -> Result<Accid, Refusal> {
        let text = self.any(&["faccid", "toAccid"])?.filter(|text| !text.is_empty());
        let text = text.ok_or(Refusal::Parameter("faccid"))?;
        Accid::new(text).map_err(|_| Refusal::Missing("faccid"))
    }

    /// The accounts an action is about, as a JSON array of texts. Errors: 414; 404 a text that can name none.
    pub fn accids(&self) -> Result<Vec<Accid>, Refusal> {
        let read = |text: &String| Accid::new(text).map_err(|_| Refusal::Missing("accids"));
        self.names()?.iter().map(read).collect()
    }

    /// Accounts asked about: a text that can name none is left out, like one that is not there.
    pub fn asked(&self) -> Result<Vec<Accid>, Refusal> {
        Ok(self.names()?.iter().filter_map(|text| Accid::new(text).ok()).collect())
    }

    /// The texts of `accids`, `faccids` or `toAccids`.
    pub fn names(&self) -> Result<Vec<String>, Refusal> {
        let items = self.list(&["accids", "faccids", "toAccids"], "accids")?;
        let read = |item: Value| match item {
            Value::String(text) => Ok(text),
            _ => Err(Refusal::Parameter("accids")),
        };
        items.into_iter().map(read).collect()
    }

    /// `auths`: the JSON text `{"<right>": -1 | 0 | 1}`. Absent changes none.
    pub fn auths(&self) -> Result<Vec<(Right, AuthValue)>, Refusal> {
        let Some(text) = self.given("auths") else { return Ok(Vec::new()) };
        let wrong = || Refusal::Parameter("auths");
        let pairs: BTreeMap<u32, i64> = serde_json::from_str(text).map_err(|_| wrong())?;
        let read = |(id, value)| Some((Right::try_from(id).ok()?, AuthValue::from_number(value)?));
        pairs.into_iter().map(read).collect::<Option<_>>().ok_or_else(wrong)
    }

    /// A JSON object of ids and numbers.
    pub fn numbers<T: FromStr>(&self, name: &'static str) -> Result<Vec<(T, i64)>, Refusal> {
        let wrong = || Refusal::Parameter(name);
        let pairs: BTreeMap<String, Value> =
            serde_json::from_str(self.required(name)?).map_err(|_| wrong())?;
        let read = |(key, value): (String, Value)| {
            let number = match &value {
                Value::String(text) => text.parse().ok(),
                other => other.as_i64(),
            };
            Some((key.parse().ok()?, number?))
        };
        pairs.into_iter().map(read).collect::<Option<_>>().ok_or_else(wrong)
    }
}

fn id<T: FromStr>(item: &Value) -> Option<T> {
    match item {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn decode(bytes: &[u8]) -> Result<String, Refusal> {
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8();
    text.map(|text| text.into_owned()).map_err(|_| Refusal::Parameter("a field that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use rotunda_model::ServerId;

    use super::*;

    fn form(body: &str) -> Form {
        Form::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn forms_are_decoded_once() {
        let read = form("a=1+2&b=%E6%B5%8B%26%3D&c&d=&&e=x%3Dy=z&f=%252F");
        for (name, value) in [("a", "1 2"), ("b", "测&="), ("c", ""), ("d", ""), ("e", "x=y=z"), ("f", "%2F")]
        {
            assert_eq!(read.text(name), Some(value), "{name}");
        }
        assert_eq!(read.text("g"), None);
    }

    #[test]
    fn doubled_undecodable_and_too_many_fields_are_refused() {
        let many: String = (0..65).map(|n| format!("f{n}=1&")).collect();
        for body in [&b"a=1&a=1"[..], b"a=%FF", b"%FF=1", b"a=\xff", b"a=1&%61=2", many.as_bytes()] {
            assert!(Form::parse(body).is_err());
        }
        assert!(Form::parse(b"").is_ok());
        assert!(form("custom=1&ext=2").custom().is_err(), "one thing under both its names");
    }

    #[test]
    fn ids_are_positive_decimals_alone_and_in_lists() {
        for body in ["s=", "s=0", "s=-1", "s=1.5", "s=9223372036854775808", "x=1"] {
            assert!(form(body).id::<ServerId>("s").is_err(), "{body}");
        }
        assert_eq!(form("s=9223372036854775807").id::<ServerId>("s").unwrap().get(), i64::MAX);
        assert_eq!(form("s=0").optional_id::<ServerId>("s").unwrap(), None);
        assert!(form("s=x").optional_id::<ServerId>("s").is_err());
        let many = form(r#"s=[1,"2",9223372036854775807]"#).ids::<ServerId>("s").unwrap();
        assert_eq!(many.iter().map(|id| id.get()).collect::<Vec<_>>(), [1, 2, i64::MAX]);
        for body in ["s=1", "s=[0]", "s=[1.0]", "s=[null]", "s=", "s=[1", "s={}"] {
            assert!(form(body).ids::<ServerId>("s").is_err(), "{body}");
        }
    }

    #[test]
    fn accounts_auths_and_pages_are_read() {
        assert_eq!(form(r#"toAccids=["Ann"]"#).accids().unwrap(), [Accid::new("ann").unwrap()]);
        assert_eq!(form(r#"accids=["ann","no one"]"#).asked().unwrap().len(), 1);
        assert!(form(r#"accids=["no one"]"#).accids().is_err());
        assert!(form("accids=[1]").accids().is_err());
        let auths = form(r#"auths={"4":-1,"15":1}"#).auths().unwrap();
        assert_eq!(auths, [(Right::SEND_MSG, AuthValue::Deny), (Right::RTC_CONNECT, AuthValue::Allow)]);
        for body in [r#"auths={"28":1}"#, r#"auths={"4":2}"#, "auths=[]", r#"auths={"a":1}"#] {
            assert!(form(body).auths().is_err(), "{body}");
        }
        assert_eq!(form("limit=200").page().unwrap().limit, Some(100));
        assert_eq!(form("timetag=7&limit=-1").page().unwrap().limit, Some(-1));
        assert!(form("timetag=x").page().is_err());
    }
}
