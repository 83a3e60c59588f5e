//! A Property: an object whose keys are decimal tags.

use serde_json::{Map, Value};

use crate::value::{FromWire, ToWire};

/// The fields of one Property, by tag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tags(Map<String, Value>);

/// A field that is not as it must be. Missing and unreadable are told apart, because a missing one may have a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("tag {0} is missing")]
    Missing(u16),
    #[error("tag {tag} is not {expected}")]
    Unreadable { tag: u16, expected: &'static str },
}

impl Tags {
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under a tag; `null` counts as absent, as the SDK passes it where an app gave nothing.
    pub fn value(&self, tag: u16) -> Option<&Value> {
        self.0.get(&tag.to_string()).filter(|value| !value.is_null())
    }

    /// `Ok(None)` when absent.
    pub fn optional<T: FromWire>(&self, tag: u16) -> Result<Option<T>, TagError> {
        let Some(value) = self.value(tag) else { return Ok(None) };
        match T::from_wire(value) {
            Some(read) => Ok(Some(read)),
            None => Err(TagError::Unreadable { tag, expected: T::EXPECTED }),
        }
    }

    pub fn required<T: FromWire>(&self, tag: u16) -> Result<T, TagError> {
        self.optional(tag)?.ok_or(TagError::Missing(tag))
    }

    /// Writes one field; a value that leaves itself out removes what was there.
    pub fn set<T: ToWire + ?Sized>(&mut self, tag: u16, value: &T) {
        match value.to_wire() {
            Some(written) => self.0.insert(tag.to_string(), written),
            None => self.0.remove(&tag.to_string()),
        };
    }

    /// [`Self::set`], for building in one expression.
    #[must_use]
    pub fn with<T: ToWire + ?Sized>(mut self, tag: u16, value: &T) -> Self {
        self.set(tag, value);
        self
    }

    /// Writes a value as it is: a JSON number, or a real array.
    pub fn set_raw(&mut self, tag: u16, value: Value) {
        self.0.insert(tag.to_string(), value);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

impl From<Tags> for Value {
    fn from(tags: Tags) -> Self {
        tags.into_value()
    }
}

impl FromWire for Tags {
    const EXPECTED: &'static str = "an object keyed by tags";
    fn from_wire(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }
}

impl ToWire for Tags {
    fn to_wire(&self) -> Option<Value> {
        Some(Value::Object(self.0.clone()))
    }
}

/// Declares a Property type: its Rust fields with their tags, its reader and its writer.
///
/// `Option<…>` fields may be missing; all others are required when reading.
macro_rules! property {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $tag:literal $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl $name {
            /// Reads the fields it knows; others are read over.
            pub fn from_tags(tags: &$crate::Tags) -> Result<Self, $crate::TagError> {
                Ok(Self { $($field: <$kind as $crate::tags::TagField>::read(tags, $tag)?,)* })
            }

            pub fn to_tags(&self) -> $crate::Tags {
                let mut tags = $crate::Tags::new();
                $(tags.set($tag, &self.$field);)*
                tags
            }
        }

        impl $crate::ToWire for $name {
            fn to_wire(&self) -> Option<serde_json::Value> {
                Some(self.to_tags().into_value())
            }
        }

        impl $crate::items::Property for $name {
            fn from_property(tags: &$crate::Tags) -> Result<Self, $crate::TagError> {
                Self::from_tags(tags)
            }
        }
    };
}
pub(crate) use property;

/// A type that can be a field: required as it is, optional as `Option`.
pub trait TagField: Sized {
    fn read(tags: &Tags, tag: u16) -> Result<Self, TagError>;
}

impl<T: FromWire> TagField for T {
    fn read(tags: &Tags, tag: u16) -> Result<Self, TagError> {
        tags.required(tag)
    }
}

impl<T: FromWire> TagField for Option<T> {
    fn read(tags: &Tags, tag: u16) -> Result<Self, TagError> {
        tags.optional(tag)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::Id;

    #[test]
    fn missing_and_unreadable_are_told_apart() {
        let tags = Tags::from_wire(&json!({"1": "x", "2": null, "3": 5})).unwrap();
        assert_eq!(tags.required::<Id>(1), Err(TagError::Unreadable { tag: 1, expected: "a decimal id" }));
        assert_eq!(tags.required::<Id>(2), Err(TagError::Missing(2)));
        assert_eq!(tags.optional::<Id>(4), Ok(None));
        assert_eq!(tags.required::<String>(3).as_deref(), Ok("5"));
    }
}
