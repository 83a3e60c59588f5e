//! The push link: the IM connection of room kits, over the same socket and framing as the QChat link.
//!
//! Bodies travel as service 22 command 2. A push link is no login: it is in no list of clients and is kicked by
//! nobody. (neroom-web-sdk 1.4 to 1.20)

use std::time::Duration;

use axum::extract::ws::close_code;
use rotunda_core::{login, media};
use rotunda_model::{DeviceId, Millis, UserKey};
use rotunda_wire::{Answer, CommandId, Request, Tags};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::push_hub::ToPush;
use crate::{
    Gateway,
    link::{
        LinkSocket,
        socket::{Gone, Rhythm},
    },
};

/// Signs of life asked of a client, over the push link and over signalling. A connection counts as silent since its
/// last one, which is at most one beat old when the network dies: what is left of the 15 s of grace is for the cut and
/// the way back. 5 bytes each. Dead after 30 s, because one that comes back is cheaper than a new one.
pub(crate) const RHYTHM: Rhythm = Rhythm { every: Duration::from_secs(3), silent_beats: 10 };

/// So many unanswered beats say nothing yet: one may be on its way, another be what a stall of this process left.
pub(crate) const PATIENCE_BEATS: u8 = 2;

/// From the end of the device's last seat to the end of its push link: the kit logs out by itself before.
const AFTER_SEAT: Duration = Duration::from_secs(10);

const LOGIN: CommandId = CommandId { sid: 2, cid: 3 };
const LOGOUT: CommandId = CommandId { sid: 2, cid: 6 };
/// Heartbeat, and what a kit asks after its login; empty answers are enough.
const EMPTY: [CommandId; 5] = [
    CommandId { sid: 1, cid: 2 },
    CommandId { sid: 5, cid: 1 },
    CommandId { sid: 6, cid: 23 },
    CommandId { sid: 6, cid: 26 },
    CommandId { sid: 6, cid: 27 },
];

/// Tags of 2_3.
const TAG_APP_KEY: u16 = 18;
const TAG_ACCOUNT: u16 = 19;
const TAG_DEVICE: u16 = 38;
const TAG_TOKEN: u16 = 1000;

/// Room REST's code for a bad token, on a link.
const REFUSED: u16 = 302;

/// Serves a socket whose first packet is `login`, until it ends.
pub async fn serve(gateway: Gateway, mut socket: LinkSocket, login: Request) {
    let Some(key) = authenticate(&gateway, &login).await else {
        metrics::counter!("rotunda_push_logins_total", "result" => "refused").increment(1);
        if socket.send(Answer::refusal(&login, REFUSED).frame()).await.is_ok() {
            socket.linger().await;
        }
        return;
    };
    metrics::counter!("rotunda_push_logins_total", "result" => "ok").increment(1);
    socket.admit();
    socket.beat_every(RHYTHM);
    let id = gateway.rooms.next_id();
    let queue = gateway.rooms.pushes.arrive(key.clone(), id);
    let last_sign = gateway.core.env().now();
    let link = Link { gateway, key, id, last_sign, silent: false };
    let info = json!({ "102": format!("push-{id}"), "103": socket.peer().ip().to_string(), "104": "0" });
    let answer = Answer::ok(&login, vec![info, json!([]), json!({})]).frame();
    link.run(socket, queue, answer).await;
}

/// Account and room device of a 2_3, by the account's own token or by a 25_1 token of that device.
async fn authenticate(gateway: &Gateway, login: &Request) -> Option<(UserKey, DeviceId)> {
    let tags: Tags = login.items.required(0).ok()?;
    let text = |tag: u16| tags.optional::<String>(tag).ok().flatten().filter(|text| !text.is_empty());
    let (app_key, accid, token) = (text(TAG_APP_KEY)?, text(TAG_ACCOUNT)?, text(TAG_TOKEN)?);
    let device = DeviceId::new(&text(TAG_DEVICE)?)?;
    if let Ok(identity) = media::verify_token(&gateway.core, &app_key, &accid, device.as_str(), &token).await
    {
        return Some((identity.user, device));
    }
    let known = login::account_of(&gateway.core, &app_key, &accid, &token).await.ok()?;
    Some((known.user, device))
}

/// A push link that is up. Dropping it takes it off the list, however its task ends.
struct Link {
    gateway: Gateway,
    key: (UserKey, DeviceId),
    id: u64,
    /// When the client last showed a sign of life.
    last_sign: Millis,
    /// Whether the rooms were told that it is silent.
    silent: bool,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(since) = self.gateway.rooms.pushes.leave(&self.key, self.id, self.last_sign) {
            self.gateway.rooms.push_link(&self.key.0, &self.key.1, Some(since));
        }
    }
}

/// What ended a turn of the loop.
enum Turn {
    Request(Request),
    /// A frame that is no request, or a beat.
    Sign,
    Pushed(ToPush),
    SeatGone,
    End(Gone),
}

impl Link {
    async fn run(mut self, mut socket: LinkSocket, mut queue: mpsc::Receiver<ToPush>, answer: String) {
        self.gateway.rooms.push_link(&self.key.0, &self.key.1, None);
        if let Err(gone) = socket.send(answer).await {
            return socket.end(gone).await;
        }
        let mut seat_ended: Option<Instant> = None;
        let gone = loop {
            let turn = tokio::select! {
                step = socket.step() => match step {
                    Ok(request) => request.map_or(Turn::Sign, Turn::Request),
                    Err(gone) => Turn::End(gone),
                },
                pushed = queue.recv() => pushed.map_or(Turn::End(Gone::Slow), Turn::Pushed),
                () = until(seat_ended) => Turn::SeatGone,
            };
            let result = match turn {
                Turn::Request(request) => {
                    self.signs(socket.unanswered());
                    if request.command == LOGOUT {
                        let _ = socket.send(Answer::ok(&request, vec![]).frame()).await;
                        return socket.linger().await;
                    }
                    socket.send(answer_to(&request).frame()).await
                }
                Turn::Pushed(ToPush::Frame(frame)) => socket.send(frame).await,
                Turn::Pushed(ToPush::Flush(done)) => {
                    let _ = done.send(());
                    Ok(())
                }
                Turn::Pushed(ToPush::SeatEnded) => {
                    seat_ended = Some(Instant::now() + AFTER_SEAT);
                    Ok(())
                }
                Turn::Sign => {
                    self.signs(socket.unanswered());
                    Ok(())
                }
                Turn::SeatGone => {
                    seat_ended = None;
                    if !self.gateway.rooms.has_seat(&self.key.0, &self.key.1) {
                        return socket.close(close_code::NORMAL).await;
                    }
                    Ok(())
                }
                Turn::End(gone) => {
                    if gone == Gone::Left {
                        self.signs(0);
                    }
                    Err(gone)
                }
            };
            if let Err(gone) = result {
                break gone;
            }
        };
        tracing::debug!(reason = gone.reason(), "push link ended");
        drop(self);
        socket.end(gone).await;
    }
}

impl Link {
    /// The client was heard, or so many beats went unanswered since. Rooms hear of a change at once, and of silence
    /// with every beat: a seat may have been taken in between.
    fn signs(&mut self, unanswered: u8) {
        let (user, device) = &self.key;
        if unanswered == 0 {
            self.last_sign = self.gateway.core.env().now();
            if std::mem::take(&mut self.silent) {
                self.gateway.rooms.push_link(user, device, None);
            }
        } else if unanswered > PATIENCE_BEATS {
            let pushes = &self.gateway.rooms.pushes;
            if let Some(since) = pushes.silent_since(&self.key, self.id, self.last_sign) {
                self.silent = true;
                self.gateway.rooms.push_link(user, device, Some(since));
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn answer_to(request: &Request) -> Answer {
    if EMPTY.contains(&request.command) || request.command == LOGIN {
        return Answer::ok(request, Vec::<Value>::new());
    }
    metrics::counter!("rotunda_push_unknown_total").increment(1);
    Answer::refusal(request, 404)
}
