//! Roles and overrides in channels and categories.
//!
//! In a category manageRole counts from the server too, so `den` manages there what its override does not deny it to
//! grant.

use serde_json::json;

use crate::table::{Row, finds, writes};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                    own  adm  mem  den  vis  ban  lft  out  oth  app
    writes(24, 65, "add a role to a channel",            [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": w.listed, "4": w.channel})]),
    writes(24, 65, "add a role to a hidden channel",     [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": w.listed, "4": w.hidden})]),
    writes(24, 65, "add a role to a channel again",      [417, 417, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": w.low, "4": w.channel})]),
    writes(24, 65, "add @everyone to a channel",         [403, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": w.everyone, "4": w.channel})]),
    writes(24, 66, "remove a role from a channel",       [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.channel), json!(w.in_channel)]),
    writes(24, 66, "remove a role from the wrong channel",[404, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.hidden), json!(w.in_channel)]),
    writes(24, 67, "update a channel's role",            [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.in_channel, "3": w.channel, "4": "{\"4\": -1}"})]),
    writes(24, 67, "set a server's right in a channel",  [414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.in_channel, "3": w.channel, "4": "{\"7\": 1}"})]),
    finds(24, 68, "page a channel's roles", 0,           [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 0})]),
    finds(24, 68, "page a hidden channel's roles", 0,    [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden, "3": 0})]),
    finds(24, 78, "find a role in a channel", 0,         [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.channel), json!([w.low])]),
    finds(24, 78, "find @everyone in a hidden channel", 0,[200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.hidden), json!([w.everyone])]),
    writes(24, 69, "add an override to a channel",       [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "mem", "4": w.channel})]),
    writes(24, 69, "add an override to a hidden channel",[200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "mem", "4": w.hidden})]),
    writes(24, 69, "add an override for an outsider",    [404, 404, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "apl", "4": w.channel})]),
    writes(24, 69, "add an override again",              [417, 417, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "tom", "4": w.channel})]),
    writes(24, 70, "remove an override from a channel",  [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "tom", "4": w.channel})]),
    writes(24, 71, "update an override in a channel",    [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": "tom", "3": w.channel, "4": "{\"4\": -1}"})]),
    writes(24, 71, "lift one's own denial",              [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": "den", "3": w.channel, "4": "{\"4\": 1}"})]),
    finds(24, 72, "page a channel's overrides", 0,       [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 0})]),
    finds(24, 79, "find an override in a channel", 0,    [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.channel), json!("[\"tom\"]")]),

    writes(24, 83, "add a role to a category",           [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"3": w.category, "4": w.server, "5": w.listed})]),
    writes(24, 83, "add a role to the cellar",           [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"3": w.cellar, "4": w.server, "5": w.listed})]),
    writes(24, 83, "add @everyone to a category",        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"3": w.category, "4": w.server, "5": w.everyone})]),
    writes(24, 84, "remove a role from a category",      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.category), json!(w.in_category)]),
    writes(24, 85, "update a category's role",           [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.in_category, "3": w.category, "4": w.server, "10": "{\"4\": -1}"})]),
    writes(24, 85, "set a server's right in a category", [414, 414, 403, 414, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.in_category, "3": w.category, "4": w.server, "10": "{\"7\": 1}"})]),
    finds(24, 86, "page a category's roles", 0,          [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 0})]),
    finds(24, 86, "page the cellar's roles", 0,          [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.cellar, "3": 0})]),
    writes(24, 87, "add an override to a category",      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"3": "mem", "4": w.category, "5": w.server})]),
    writes(24, 87, "add an override to the cellar",      [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"3": "mem", "4": w.cellar, "5": w.server})]),
    writes(24, 88, "remove an override from a category", [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.category), json!("tom")]),
    writes(24, 89, "update an override in a category",   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"3": "tom", "4": w.category, "5": w.server, "9": "{\"4\": -1}"})]),
    finds(24, 90, "page a category's overrides", 0,      [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 0})]),
];
