//! Servers, members, the ways in and out.

use serde_json::json;

use crate::table::{NIL, Row, finds, reads, writes};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                    own  adm  mem  den  vis  ban  lft  out  oth  app
    writes(24, 31, "create a server",                    [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![json!({"3": "new"}), json!({})]),
    writes(24, 32, "delete the server",                  [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server)]),
    // Whoever knows the id may look at the sign of a server: that is how one finds what to join.
    finds(24, 34, "read the server", 0,                  [200, 200, 200, 200, 200, 200, 200, 200, 200, NIL], |w| vec![json!([w.server])]),
    finds(24, 35, "page own servers", 1,                 [200, 200, 200, 200, NIL, NIL, NIL, NIL, 200, NIL], |_| vec![json!({"1": 0})]),

    writes(24, 36, "invite",                             [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(["apl"]), json!("")]),
    writes(24, 37, "accept an invitation",               [404, 404, 404, 404, 200, 404, 200, 200, 200, 404], |w| vec![json!(w.server), json!("own"), json!({"1": w.invitation})]),
    writes(24, 39, "apply",                              [417, 417, 417, 417, 200, 403, 200, 200, 200, 404], |w| vec![json!(w.server), json!("")]),
    writes(24, 40, "accept an application",              [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!("apl"), json!({"1": w.application})]),

    writes(24, 42, "kick a member",                      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(["tom"])]),
    writes(24, 42, "kick the owner too",                 [403, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(["tom", "own"])]),
    writes(24, 42, "kick an outsider too",               [404, 404, 403, 404, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server), json!(["tom", "apl"])]),
    writes(24, 43, "leave",                              [403, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!(w.server)]),
    writes(24, 44, "edit own member info",               [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "4": "nick"})]),
    writes(24, 45, "edit a member's info",               [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "tom", "4": "nick"})]),
    writes(24, 45, "edit an outsider's info",            [404, 404, 403, 404, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "3": "apl", "4": "nick"})]),
    finds(24, 46, "read a member", 0,                    [200, 200, 200, 200, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([format!("{}|tom", w.server)])]),
    reads(24, 47, "page members",                        [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 0})]),

    writes(24, 104, "ban a member",                      [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 1, "3": "tom"})]),
    writes(24, 104, "ban the owner",                     [403, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 1, "3": "own"})]),
    writes(24, 104, "ban an outsider",                   [404, 404, 403, 404, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 1, "3": "apl"})]),
    writes(24, 104, "ban again",                         [417, 417, 403, 417, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 1, "3": "ban"})]),
    writes(24, 104, "unban",                             [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 2, "3": "ban"})]),
    writes(24, 104, "unban who is not banned",           [404, 404, 403, 404, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 2, "3": "tom"})]),
    finds(24, 105, "page bans", 1,                       [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": 0})]),
];
