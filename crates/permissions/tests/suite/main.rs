//! The rules, tested from outside against a slow evaluator written straight from their text.

mod changes;
mod explanation;
mod golden;
mod layers;
mod reference;
mod roles;
mod sync;
mod typed;
mod visibility;
mod world;
