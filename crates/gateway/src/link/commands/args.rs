//! From what a client wrote to what `core` takes; anything unfit is code 414.

use rotunda_core::{Page, PageRequest};
use rotunda_model::{Accid, AuthValue, Code, Right};
use rotunda_wire::{AuthMap, Id, ToWire, entity, value};
use serde_json::Value;

use super::Refusal;

/// A numeric id of any kind; 0 names nothing.
pub fn id<T: TryFrom<i64>>(id: Id) -> Result<T, Refusal> {
    T::try_from(id.0).map_err(|_| Refusal::Code(Code::PARAMETER))
}

/// 0 and absence are "none".
pub fn optional_id<T: TryFrom<i64>>(written: Option<Id>) -> Result<Option<T>, Refusal> {
    written.filter(|written| written.0 != 0).map(id).transpose()
}

pub fn ids<T: TryFrom<i64>>(written: &[Id]) -> Result<Vec<T>, Refusal> {
    written.iter().map(|written| id(*written)).collect()
}

/// One account; a text that cannot name one names none that exists (404).
pub fn accid(text: &str) -> Result<Accid, Refusal> {
    Accid::new(text).map_err(|_| Refusal::Code(Code::NOT_FOUND))
}

pub fn accids(texts: &[String]) -> Result<Vec<Accid>, Refusal> {
    texts.iter().map(|text| accid(text)).collect()
}

/// Accounts asked about: a text that cannot name one is left out, like one that is not there.
pub fn asked(texts: &[String]) -> Vec<Accid> {
    texts.iter().filter_map(|text| Accid::new(text).ok()).collect()
}

/// An enum's number; absent is its default.
pub fn number<T: Default>(written: Option<i64>, read: impl FnOnce(i64) -> Option<T>) -> Result<T, Refusal> {
    written.map_or(Ok(T::default()), |number| read(number).ok_or(Refusal::Code(Code::PARAMETER)))
}

/// An enum's number; absent leaves it as it is.
pub fn optional_number<T>(
    written: Option<i64>,
    read: impl FnOnce(i64) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    written.map(|number| read(number).ok_or(Refusal::Code(Code::PARAMETER))).transpose()
}

pub fn auths(map: &AuthMap) -> Result<Vec<(Right, AuthValue)>, Refusal> {
    let pairs = map
        .0
        .iter()
        .map(|(id, value)| Some((Right::try_from(*id).ok()?, AuthValue::from_number((*value).into())?)));
    pairs.collect::<Option<_>>().ok_or(Refusal::Code(Code::PARAMETER))
}

pub fn page(timetag: Option<i64>, limit: Option<i64>) -> PageRequest {
    PageRequest { timetag: timetag.unwrap_or(0), limit }
}

/// One entity as an answer item.
pub fn item(entity: &impl ToWire) -> Value {
    entity.to_wire().unwrap_or_default()
}

/// Entities as one answer item.
pub fn list<T, W: ToWire>(entities: &[T], write: impl Fn(&T) -> W) -> Value {
    let written: Vec<W> = entities.iter().map(write).collect();
    value::list(&written)
}

/// A page object and its entities.
pub fn paged<T, W: ToWire>(page: &Page<T>, write: impl Fn(&T) -> W) -> Vec<Value> {
    let head = entity::Page { has_more: page.has_more, next_timetag: page.next.get() };
    vec![item(&head), list(&page.items, write)]
}
