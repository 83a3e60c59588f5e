//! The session itself, subscriptions, media channels.

use serde_json::json;

use crate::table::{NIL, Row, finds, reads, writes};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                    own  adm  mem  den  vis  ban  lft  out  oth  app
    reads(1, 2, "heartbeat",                             [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![]),
    reads(2, 3, "log in as a push link, again",          [417, 417, 417, 417, 417, 417, 417, 417, 417, 417], |_| vec![json!({})]),
    reads(24, 2, "log in again",                         [417, 417, 417, 417, 417, 417, 417, 417, 417, 417], |_| vec![json!({})]),
    reads(24, 4, "log out",                              [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![]),
    finds(24, 9, "end a device that is not there", 0,    [NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL], |_| vec![json!(["nowhere"])]),
    reads(24, 19, "sync",                                [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![json!({"1": 0})]),
    reads(6, 26, "ask how to upload",                    [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![json!({})]),
    reads(6, 27, "ask where to upload",                  [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![json!({})]),

    // Members hear of what they see; visitors have a subscription of their own.
    finds(24, 15, "subscribe to a channel", 0,           [200, 200, 200, 200, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!({"1": 1, "2": 1}), json!([{"1": w.server, "2": w.channel}])]),
    finds(24, 15, "subscribe to a hidden channel", 0,    [200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!({"1": 1, "2": 1}), json!([{"1": w.server, "2": w.hidden}])]),
    finds(24, 15, "be refused a server", 1,              [NIL, NIL, NIL, NIL, 200, 200, 200, 200, 200, 200], |w| vec![json!({"1": 4, "2": 1}), json!([{"1": w.server}])]),
    reads(24, 15, "end a subscription",                  [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |w| vec![json!({"1": 4, "2": 2}), json!([{"1": w.server}])]),
    finds(24, 27, "count unread messages", 0,            [200, 200, 200, 200, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([{"1": w.server, "2": w.channel}])]),
    finds(24, 27, "count unread messages, hidden", 0,    [200, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!([{"1": w.server, "2": w.hidden}])]),
    finds(25, 8, "read own roles", 0,                    [200, 200, 200, 200, NIL, NIL, NIL, NIL, NIL, NIL], |w| vec![json!({"1": [w.server]})]),

    // A token says who one is; what it opens is asked at the door (entry, 25_3, 25_4).
    reads(25, 1, "get a media token",                    [200, 200, 200, 200, 200, 200, 200, 200, 200, 200], |_| vec![json!({"1": "kit"})]),
    writes(25, 2, "configure media",                     [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel, "3": 7})]),
    writes(25, 2, "configure media, hidden",             [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden, "3": 7})]),
    writes(25, 2, "configure media, window",             [200, 200, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.window, "3": 7})]),
    reads(25, 3, "read a media configuration",           [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel})]),
    reads(25, 3, "read a media configuration, hidden",   [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden})]),
    reads(25, 3, "read a media configuration, window",   [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.window})]),
    reads(25, 4, "read who is in a call",                [200, 200, 200, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.channel})]),
    reads(25, 4, "read who is in a call, hidden",        [200, 403, 403, 403, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.hidden})]),
    reads(25, 4, "read who is in a call, window",        [200, 200, 403, 200, 403, 403, 403, 403, 403, 404], |w| vec![json!({"1": w.server, "2": w.window})]),
];
