//! Channels and categories.

use serde_json::json;

use crate::table::{NIL, Row, finds, reads, writes};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                    own  adm  mem  den  vis  ban  lft  out  oth  app
    writes(24, 48, "create a channel",                   [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"2": w.server, "4": "new", "7": 0})]),
    writes(24, 48, "create a channel in a category",     [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"2": w.server, "4": "new", "7": 0, "13": w.category})]),
    writes(24, 48, "create a channel in the cellar",     [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"2": w.server, "4": "new", "7": 0, "13": w.cellar})]),
    writes(24, 49, "delete a channel",                   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.channel)]),
    writes(24, 49, "delete a synced channel",            [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.synced)]),
    writes(24, 49, "delete a hidden channel",            [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.hidden)]),
    writes(24, 49, "delete the window",                  [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.window)]),
    writes(24, 50, "update a channel",                   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.channel, "4": "new"})]),
    writes(24, 50, "update a synced channel",            [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.synced, "4": "new"})]),
    writes(24, 50, "make a synced channel private",      [414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.synced, "12": 1})]),
    writes(24, 50, "update a hidden channel",            [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.hidden, "4": "new"})]),
    finds(24, 51, "read a channel", 0,                   [200, 200, 200, 200, 200, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([w.channel])]),
    finds(24, 51, "read a hidden channel", 0,            [200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([w.hidden])]),
    finds(24, 51, "read the window", 0,                  [200, 200, NIL, 200, 200, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([w.window])]),
    finds(24, 52, "page channels", 1,                    [200, 200, 200, 200, 200, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 0})]),
    finds(24, 53, "page a channel's members", 1,         [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 0})]),
    finds(24, 53, "page a hidden channel's members", 1,  [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden, "3": 0})]),
    writes(24, 60, "move a channel into a category",     [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.channel, "13": w.category, "14": 1})]),
    writes(24, 60, "move a channel into the cellar",     [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.channel, "13": w.cellar})]),
    writes(24, 60, "move a channel out of its category", [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.synced, "13": "0"})]),
    writes(24, 60, "end a channel's sync",               [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.synced, "14": 0})]),
    writes(24, 60, "move a hidden channel",              [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.hidden, "13": w.category})]),

    writes(24, 109, "create a category",                 [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"2": w.server, "4": "new"})]),
    writes(24, 110, "delete a category",                 [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.category)]),
    writes(24, 110, "delete the cellar",                 [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.cellar)]),
    writes(24, 111, "update a category",                 [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.category, "4": "new"})]),
    writes(24, 111, "open the cellar",                   [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.cellar, "7": 0})]),
    finds(24, 112, "read a category", 0,                 [200, 200, 200, 200, 200, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([w.category])]),
    finds(24, 112, "read the cellar", 0,                 [200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([w.cellar])]),
    finds(24, 119, "page categories", 1,                 [200, 200, 200, 200, 200, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 0})]),
    finds(24, 120, "page a category's channels", 1,      [200, 200, 200, 200, 200, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 0})]),
    finds(24, 120, "page the cellar's channels", 1,      [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.cellar, "3": 0})]),
    reads(24, 120, "page an unknown category",           [404, 404, 404, 404, 404, 404, 404, 404, 404, 404], |w| vec![json!({"1": w.server, "2": "9", "3": 0})]),
];
