//! Server roles, and who may do what.

use serde_json::json;

use crate::table::{NIL, Row, finds, reads, writes};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                    own  adm  mem  den  vis  ban  lft  out  oth  app
    writes(24, 61, "create a role",                      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "new", "7": 2, "9": 5})]),
    writes(24, 61, "create a role of the highest rank",  [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "new", "7": 2, "9": 1})]),
    writes(24, 62, "delete a role",                      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.low)]),
    writes(24, 62, "delete a role of one's own rank",    [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.admins)]),
    writes(24, 62, "delete @everyone",                   [403, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.everyone)]),
    writes(24, 62, "delete an unknown role",             [404, 404, 403, 404, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!("9")]),
    writes(24, 63, "update a role",                      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.low, "6": "{\"4\": 1}"})]),
    writes(24, 63, "update a role of one's own rank",    [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.admins, "3": "new"})]),
    writes(24, 63, "update @everyone",                   [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.everyone, "6": "{\"4\": 1}"})]),
    finds(24, 64, "page roles", 0,                       [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "4": 0})]),
    writes(24, 73, "give a role",                        [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.low), json!("[\"mem\"]")]),
    writes(24, 73, "give a role of one's own rank",      [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.admins), json!("[\"mem\"]")]),
    writes(24, 73, "give @everyone",                     [403, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.everyone), json!("[\"mem\"]")]),
    writes(24, 74, "take a role",                        [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.low), json!("[\"tom\"]")]),
    writes(24, 74, "take a role of one's own rank",      [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.admins), json!("[\"den\", \"adm\"]")]),
    finds(24, 75, "page a role's members", 0,            [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.low, "3": 0})]),
    finds(24, 76, "page a member's roles", 0,            [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": "tom", "3": 0})]),
    finds(24, 77, "find members' roles", 0,              [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!("[\"tom\"]")]),
    finds(24, 81, "find members of a role", 0,           [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(w.low), json!("[\"tom\"]")]),
    writes(24, 80, "rank roles",                         [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!([{"2": w.low, "7": 8}])]),
    writes(24, 80, "rank a role above oneself",          [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!([{"2": w.low, "7": 1}])]),
    writes(24, 80, "rank one's own role too",            [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!([{"2": w.low, "7": 8}, {"2": w.admins, "7": 2}])]),
    finds(24, 82, "hold a right in the server", 0,       [200, 200, NIL, 200, NIL, NIL, NIL, NIL, NIL, 404], |w| vec![json!({"1": w.server, "3": 3})]),
    finds(24, 82, "hold a right in a channel", 0,        [200, 200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 3})]),
    finds(24, 82, "hold a right in a synced channel", 0, [200, 200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, 404], |w| vec![json!({"1": w.server, "2": w.synced, "3": 3})]),
    finds(24, 82, "hold a right in a hidden channel", 0, [200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, 404], |w| vec![json!({"1": w.server, "2": w.hidden, "3": 3})]),
    reads(24, 126, "ask for several rights",             [200, 200, 200, 200, 200, 200, 200, 200, 200, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": "[3, 4]"})]),
];
