//! The items of a request's `Q`, by position. Only trailing items can be missing.

use serde_json::Value;

use crate::{
    tags::{TagError, Tags},
    value::{FromWire, unwrapped},
};

/// The values of `Q`, without their declared types: position and command say what each is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Items(Vec<Value>);

/// An item that is not as the command wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    #[error("item {0} is missing")]
    Missing(usize),
    #[error("item {item} is not {expected}")]
    Unreadable { item: usize, expected: &'static str },
    #[error("item {item}: {error}")]
    Tag { item: usize, error: TagError },
}

/// A typed Property, read from its tags.
pub trait Property: Sized {
    fn from_property(tags: &Tags) -> Result<Self, TagError>;
}

impl Items {
    /// From the values themselves, as tests and probes write them.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// From `Q`; an element without a `v` has no value and reads as missing.
    pub(crate) fn from_q(q: &[Value]) -> Self {
        Self(q.iter().map(|item| item.get("v").cloned().unwrap_or_default()).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn value(&self, item: usize) -> Option<&Value> {
        self.0.get(item).filter(|value| !value.is_null())
    }

    /// `Ok(None)` when absent.
    pub fn optional<T: FromWire>(&self, item: usize) -> Result<Option<T>, ItemError> {
        let Some(value) = self.value(item) else { return Ok(None) };
        match T::from_wire(value) {
            Some(read) => Ok(Some(read)),
            None => Err(ItemError::Unreadable { item, expected: T::EXPECTED }),
        }
    }

    pub fn required<T: FromWire>(&self, item: usize) -> Result<T, ItemError> {
        self.optional(item)?.ok_or(ItemError::Missing(item))
    }

    /// A Property by its type; `Ok(None)` when absent.
    pub fn optional_property<P: Property>(&self, item: usize) -> Result<Option<P>, ItemError> {
        let Some(tags) = self.optional::<Tags>(item)? else { return Ok(None) };
        P::from_property(&tags).map(Some).map_err(|error| ItemError::Tag { item, error })
    }

    /// A Property by its type.
    pub fn property<P: Property>(&self, item: usize) -> Result<P, ItemError> {
        self.optional_property(item)?.ok_or(ItemError::Missing(item))
    }

    /// An `ArrayMable` of Properties.
    pub fn properties<P: Property>(&self, item: usize) -> Result<Vec<P>, ItemError> {
        let elements = self.value(item).ok_or(ItemError::Missing(item))?;
        let elements =
            elements.as_array().ok_or(ItemError::Unreadable { item, expected: "an array of objects" })?;
        let read = |element: &Value| {
            let tags = Tags::from_wire(unwrapped(element))
                .ok_or(ItemError::Unreadable { item, expected: Tags::EXPECTED })?;
            P::from_property(&tags).map_err(|error| ItemError::Tag { item, error })
        };
        elements.iter().map(read).collect()
    }
}

impl Property for Tags {
    fn from_property(tags: &Tags) -> Result<Self, TagError> {
        Ok(tags.clone())
    }
}
