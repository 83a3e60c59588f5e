//! What a row is, and how it is checked.

use rotunda_wire::CommandId;
use serde_json::{Value, json};

use crate::world::{Ids, Standing, World};

/// 200, and the list that was asked for is empty or the answer is no.
pub const NIL: u16 = 1;

/// What a command does when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Changes no row.
    Reads,
    /// As `Reads`; this item of the answer holds what was found.
    Finds(usize),
    /// Changes some row.
    Writes,
}

/// The items of a request.
pub type Items = fn(&Ids) -> Vec<Value>;

#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub command: CommandId,
    pub what: &'static str,
    pub does: Does,
    /// By column.
    pub codes: [u16; Standing::ALL.len()],
    pub items: Items,
}

type Codes = [u16; Standing::ALL.len()];

pub const fn reads(sid: u16, cid: u16, what: &'static str, codes: Codes, items: Items) -> Row {
    Row { command: CommandId::new(sid, cid), what, does: Does::Reads, codes, items }
}

pub const fn finds(sid: u16, cid: u16, what: &'static str, item: usize, codes: Codes, items: Items) -> Row {
    Row { command: CommandId::new(sid, cid), what, does: Does::Finds(item), codes, items }
}

pub const fn writes(sid: u16, cid: u16, what: &'static str, codes: Codes, items: Items) -> Row {
    Row { command: CommandId::new(sid, cid), what, does: Does::Writes, codes, items }
}

/// What is not as the row says, a line each.
pub async fn check(world: &mut World, row: &Row) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (standing, expected) in Standing::ALL.into_iter().zip(row.codes) {
        let items = (row.items)(&world.ids);
        let at = format!("{} {} by {standing:?}", row.command, row.what);
        let before = world.digest().await?;
        let answer = world.send(standing, row.command, &items).await;
        let changed = world.digest().await? != before;
        let code = match row.does {
            Does::Finds(item) if answer.code == 200 && is_nothing(answer.items.get(item)) => NIL,
            _ => answer.code,
        };
        if code != expected {
            wrong.push(format!("{at}: {code}, not {expected}"));
        }
        let done = answer.code == 200;
        match row.does {
            _ if !done && changed => {
                wrong.push(format!("{at}: refused with {code}, but it changed something"))
            }
            Does::Reads | Does::Finds(_) if changed => wrong.push(format!("{at}: reading changed something")),
            Does::Writes if done && !changed => wrong.push(format!("{at}: done, but nothing changed")),
            _ => {}
        }
        if changed {
            if !world.agrees().await? {
                wrong.push(format!("{at}: the rules in memory are not those in the database"));
            }
            world.restore().await?;
        }
    }
    Ok(wrong)
}

/// The row by the owner, with the other server's channels, categories and roles in place of the own ones. Whatever the
/// code: nothing changes, and the answer tells nothing of the other server.
pub async fn check_mixed(world: &mut World, row: &Row) -> anyhow::Result<Vec<String>> {
    let (own, mixed) = ((row.items)(&world.ids), (row.items)(&world.ids.mixed()));
    if own == mixed {
        return Ok(Vec::new());
    }
    let mut wrong = Vec::new();
    let before = world.digest().await?;
    let answer = world.send(Standing::Own, row.command, &mixed).await;
    let at = format!("{} {}", row.command, row.what);
    if world.digest().await? != before {
        wrong.push(format!("{at}: {}, and it changed something", answer.code));
        world.restore().await?;
    }
    if row.does == Does::Writes && answer.code == 200 {
        wrong.push(format!("{at}: done"));
    }
    let told = serde_json::to_string(&answer.items)?;
    if told.contains(World::SECRET) {
        wrong.push(format!("{at}: {told}"));
    }
    Ok(wrong)
}

/// The row by the owner, with every item and every tag in turn left out or written wrongly. The code is never one of the
/// server's own failures, and what is refused changes nothing.
pub async fn check_mangled(world: &mut World, row: &Row) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let begun = world.digest().await?;
    let mut before = begun.clone();
    for items in mangled(&(row.items)(&world.ids)) {
        let answer = world.send(Standing::Own, row.command, &items).await;
        let at = format!("{} {} with {}: {}", row.command, row.what, Value::from(items), answer.code);
        if !matches!(answer.code, 200 | 400..500) {
            wrong.push(at.clone());
        }
        let after = world.digest().await?;
        if after != before && answer.code != 200 {
            wrong.push(format!("{at}, but it changed something"));
        }
        before = after;
    }
    // Some of it may be done without what was left out.
    if before != begun {
        world.restore().await?;
    }
    Ok(wrong)
}

/// Each item and each of its tags left out, and written as what no command takes there.
fn mangled(items: &[Value]) -> Vec<Vec<Value>> {
    let bad = [json!(-1), json!("x\u{0}"), json!([{ "1": {} }]), json!(1e300)];
    let mut all = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let with = |value: Value| {
            let mut items = items.to_vec();
            if let Some(item) = items.get_mut(at) {
                *item = value;
            }
            items
        };
        all.push(items.iter().take(at).cloned().collect());
        all.extend(bad.iter().cloned().map(with));
        let Some(tags) = item.as_object() else { continue };
        for tag in tags.keys() {
            let without = tags.iter().filter(|(other, _)| *other != tag);
            all.push(with(without.map(|(tag, value)| (tag.clone(), value.clone())).collect()));
            for value in &bad {
                let mut tags = tags.clone();
                tags.insert(tag.clone(), value.clone());
                all.push(with(tags.into()));
            }
        }
    }
    all
}

fn is_nothing(item: Option<&Value>) -> bool {
    match item {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::String(text)) => text == "[]",
        Some(_) => false,
    }
}
