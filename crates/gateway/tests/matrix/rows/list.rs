//! Black and white lists.

use serde_json::json;

use crate::table::{Row, finds, writes};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                    own  adm  mem  den  vis  ban  lft  out  oth  app
    writes(24, 54, "put a role on a channel's list",     [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 1, "5": w.low})]),
    writes(24, 54, "take a role off a channel's list",   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 2, "5": w.listed})]),
    writes(24, 54, "put a role on the list not in force",[414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 1, "4": 1, "5": w.low})]),
    writes(24, 54, "put a role on a hidden channel's list",[200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden, "3": 1, "4": 1, "5": w.low})]),
    writes(24, 54, "put an unknown role on a list",      [404, 404, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 1, "5": "9"})]),
    finds(24, 55, "page roles on a channel's list", 1,   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 0})]),
    finds(24, 58, "find a role on a channel's list", 0,  [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": [w.listed]})]),
    writes(24, 56, "put a member on a channel's list",   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 1, "5": "[\"tom\"]"})]),
    writes(24, 56, "take a member off a channel's list", [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 2, "5": "[\"una\"]"})]),
    writes(24, 56, "put a member on the list not in force",[414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 1, "4": 1, "5": "[\"tom\"]"})]),
    writes(24, 56, "put a member on a hidden channel's list",[200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden, "3": 1, "4": 1, "5": "[\"tom\"]"})]),
    writes(24, 56, "put an outsider on a channel's list",[404, 404, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 1, "5": "[\"apl\"]"})]),
    finds(24, 57, "page members on a channel's list", 1, [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": 0})]),
    finds(24, 59, "find a member on a channel's list", 0,[200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 2, "4": "[\"una\"]"})]),
    writes(24, 54, "put a role on a synced channel's list",[414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.synced, "3": 2, "4": 1, "5": w.low})]),

    writes(24, 113, "put a role on a category's list",   [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 1, "5": w.low})]),
    writes(24, 113, "take a role off a category's list", [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 2, "5": w.listed})]),
    writes(24, 113, "put a role on the list not in force",[414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 1, "4": 1, "5": w.low})]),
    writes(24, 113, "put a role on a hidden category's list",[200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.cellar, "3": 1, "4": 1, "5": w.low})]),
    writes(24, 113, "put an unknown role on a list",     [404, 404, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 1, "5": "9"})]),
    finds(24, 114, "page roles on a category's list", 1, [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 0})]),
    finds(24, 117, "find a role on a category's list", 0,[200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": [w.listed]})]),
    writes(24, 115, "put a member on a category's list", [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 1, "5": "[\"tom\"]"})]),
    writes(24, 115, "take a member off a category's list",[200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 2, "5": "[\"una\"]"})]),
    writes(24, 115, "put a member on the list not in force",[414, 414, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 1, "4": 1, "5": "[\"tom\"]"})]),
    writes(24, 115, "put a member on a hidden category's list",[200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.cellar, "3": 1, "4": 1, "5": "[\"tom\"]"})]),
    writes(24, 115, "put an outsider on a category's list",[404, 404, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 1, "5": "[\"apl\"]"})]),
    finds(24, 116, "page members on a category's list", 1,[200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": 0})]),
    finds(24, 118, "find a member on a category's list", 0,[200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.category, "3": 2, "4": "[\"una\"]"})]),
];
