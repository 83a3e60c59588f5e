//! One signalling WebSocket: envelopes in and out, limits, close codes.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use axum::{
    body::Bytes,
    extract::{
        ConnectInfo, Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rotunda_model::Millis;
use rotunda_room::{SeatId, SocketId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tracing::{Instrument, field};

use super::{
    envelope::{self, Incoming},
    join::{self, Joined},
};
use crate::{
    Gateway,
    link::doors::Permit,
    room::{PATIENCE_BEATS, RHYTHM, RoomHandle, SOCKET_QUEUE, SocketHandle, ToSocket},
};

/// Longest message before `Join`, bytes; more only helps to fill memory.
const BEFORE_JOIN_MAX: usize = 64 * 1024;

/// Longest message after it, bytes. `Consume` carries a browser's whole capabilities, about 20 KiB.
const AFTER_JOIN_MAX: usize = 256 * 1024;

/// How long a socket may stay without an accepted `Join`.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// Longest wait for one write to leave. A reader this slow is better off joining again.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// From the last word to the end of the socket: enough to read it, too short to do anything else.
const LINGER: Duration = Duration::from_millis(500);

/// The address has `?&cid=<cid>&uid=<uid>&deviceid=<id>`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Address {
    pub cid: String,
    pub uid: String,
    pub deviceid: String,
}

pub(super) async fn upgrade(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    address: Result<Query<Address>, QueryRejection>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Until its Join is accepted it takes the place of a stranger, like a link before its login.
    let Some(permit) = gateway.doors.admit(peer) else {
        metrics::counter!("rotunda_signal_turned_away_total").increment(1);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let address = address.ok().map(|Query(address)| address);
    upgrade
        .protocols(["protoo"])
        .max_message_size(AFTER_JOIN_MAX)
        .max_frame_size(AFTER_JOIN_MAX)
        .on_upgrade(async move |socket| serve(gateway, address, socket, permit).await)
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client left or reset the connection: its last sign of life.
    Gone,
    /// The connection is of no use, and not by the client's doing.
    Broken,
    /// Nothing was heard for many beats.
    Silent,
    /// Close with this code.
    Close(u16),
}

/// A member on this socket.
pub(super) struct Member {
    pub room: RoomHandle,
    pub seat: SeatId,
}

pub(super) struct Session {
    pub gateway: Gateway,
    pub address: Option<Address>,
    pub handle: SocketHandle,
    pub member: Option<Member>,
    socket: WebSocket,
    /// Held until `Join`.
    permit: Option<Permit>,
    notified: u64,
    last_heard: Millis,
    /// Beats since then.
    unanswered: u8,
}

async fn serve(gateway: Gateway, address: Option<Address>, socket: WebSocket, permit: Permit) {
    let (queue, mut waiting) = mpsc::channel(SOCKET_QUEUE);
    let id = SocketId(gateway.rooms.next_id());
    let last_heard = gateway.core.env().now();
    let handle = SocketHandle { id, queue };
    let session = Session {
        gateway,
        address,
        handle,
        member: None,
        socket,
        permit: Some(permit),
        notified: 0,
        last_heard,
        unanswered: 0,
    };
    // However its task ends, the owner hears of it.
    let mut session = Attached(session);
    let end = session.0.run(&mut waiting).await;
    tracing::debug!(?end, joined = session.0.member.is_some(), "signalling socket ended");
    session.0.detach();
    session.0.finish(end).await;
}

struct Attached(Session);

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.detach();
    }
}

impl Session {
    /// Tells the owner, once, that the socket is over.
    fn detach(&mut self) {
        if let Some(member) = self.member.take() {
            let (socket, since) = (self.handle.id, self.last_heard);
            member.room.control(move |owner| owner.socket_closed(member.seat, socket, since));
        }
    }

    async fn run(&mut self, waiting: &mut mpsc::Receiver<ToSocket>) -> End {
        let join_by = Instant::now() + JOIN_WITHIN;
        let mut beat = tokio::time::interval_at(Instant::now() + RHYTHM.every, RHYTHM.every);
        // After a stall of this process the client gets a whole beat to answer.
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Set when the owner has ended the session: then a last word, and the close.
        let mut close: Option<(Instant, Option<u8>)> = None;
        loop {
            let deadline = match close {
                Some((at, _)) => Some(at),
                None => self.member.is_none().then_some(join_by),
            };
            let result = tokio::select! {
                message = self.socket.recv() => {
                    let result = self.take(message).await;
                    if result != Err(End::Broken) {
                        self.heard();
                    }
                    result
                }
                notice = waiting.recv(), if close.is_none() => match notice {
                    Some(ToSocket::Notify { method, data }) => self.notify(method, &data).await,
                    Some(ToSocket::Close { kick, after_ms }) => {
                        close = Some((Instant::now() + Duration::from_millis(after_ms.into()), kick));
                        Ok(())
                    }
                    // The owner gave the queue up: too slow.
                    None => Err(End::Close(close_code::AGAIN)),
                },
                _ = beat.tick(), if close.is_none() && self.member.is_some() => self.beat().await,
                () = until(deadline) => match close {
                    Some((_, Some(reason))) => {
                        close = Some((Instant::now() + LINGER, None));
                        self.notify("OnKickOff", &json!({ "externData": { "reason": reason } })).await
                    }
                    Some((_, None)) => Err(End::Close(close_code::NORMAL)),
                    None => Err(End::Close(close_code::POLICY)),
                },
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    /// The client showed a sign of life. The owner hears of it when it was told of silence.
    fn heard(&mut self) {
        self.last_heard = self.gateway.core.env().now();
        if std::mem::take(&mut self.unanswered) > PATIENCE_BEATS {
            self.tell(None);
        }
    }

    /// Asks for a sign of life. A browser answers a ping by itself, whatever its page is busy with.
    async fn beat(&mut self) -> Result<(), End> {
        if self.unanswered >= RHYTHM.silent_beats {
            return Err(End::Silent);
        }
        self.unanswered += 1;
        if self.unanswered > PATIENCE_BEATS {
            self.tell(Some(self.last_heard));
        }
        self.write(Message::Ping(Bytes::new())).await
    }

    /// Tells the owner whether this socket is heard, or since when it is not.
    fn tell(&self, silent_since: Option<Millis>) {
        if let Some(Member { room, seat }) = &self.member {
            let (seat, socket) = (*seat, self.handle.id);
            room.control(move |owner| owner.room.signalling_link(seat, socket, silent_since));
        }
    }

    async fn take(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Err(error)) => return Err(fault(error)),
            Some(Ok(Message::Binary(_))) => return Err(End::Close(close_code::UNSUPPORTED)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Text(text))) => text,
        };
        if self.member.is_none() && text.len() > BEFORE_JOIN_MAX {
            return Err(End::Close(close_code::SIZE));
        }
        match Incoming::parse(&text) {
            Err(_) => Err(End::Close(close_code::INVALID)),
            Ok(Incoming::Response) => Ok(()),
            Ok(Incoming::Notification { method }) => {
                if method == "Leave" {
                    self.leave().await;
                    return Err(End::Close(close_code::NORMAL));
                }
                Ok(())
            }
            Ok(Incoming::Request { id, method, data }) => {
                let answer =
                    if method == "Join" { self.join(&data).await } else { self.request(&method, data).await };
                self.send(envelope::response(&id, &answer)).await
            }
        }
    }

    async fn join(&mut self, data: &serde_json::Map<String, Value>) -> Value {
        let span = tracing::debug_span!("signal", command = "Join", code = field::Empty);
        let result = match &self.address {
            Some(address) if self.member.is_none() => {
                let joined = join::join(&self.gateway, address, self.handle.clone(), data);
                joined.instrument(span.clone()).await
            }
            _ => Err(rotunda_model::Code(400)),
        };
        let code = result.as_ref().map_or_else(|code| code.0, |_| 200);
        span.record("code", i64::from(code));
        drop(span);
        metrics::counter!("rotunda_joins_total", "code" => code.to_string()).increment(1);
        match result {
            Ok(Joined { room, seat, answer }) => {
                self.member = Some(Member { room, seat });
                self.permit = None;
                answer
            }
            Err(code) => json!({ "code": code.0, "errMsg": join::text(code) }),
        }
    }

    async fn leave(&mut self) {
        if let Some(Member { room, seat }) = self.member.take() {
            let socket = self.handle.id;
            let _ = room
                .call(move |owner| {
                    // A socket that was replaced says nothing about its seat any more.
                    if owner.room.socket_of(seat) == Some(socket) {
                        let _ = owner.room.leave_rtc(owner.now(), seat);
                    }
                })
                .await;
        }
    }

    async fn notify(&mut self, method: &str, data: &Value) -> Result<(), End> {
        self.notified += 1;
        self.send(envelope::notification(self.notified, method, data)).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        self.write(Message::Text(text.into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        let sending = self.socket.send(message);
        match tokio::time::timeout(WRITE_TIMEOUT, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Broken),
            Err(_) => Err(End::Close(close_code::AGAIN)),
        }
    }

    async fn finish(&mut self, end: End) {
        let code = match end {
            End::Gone | End::Broken => return,
            End::Silent => close_code::NORMAL,
            End::Close(code) => code,
        };
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        let farewell = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                // Read on for a moment, so that the peer gets the close frame and not a reset.
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = tokio::time::timeout(LINGER * 2, farewell).await;
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What broke in the WebSocket layer: the length limit, the encoding, or just the connection.
fn fault(error: axum::Error) -> End {
    use tungstenite::{Error, error::ProtocolError};
    match error.into_inner().downcast::<Error>().as_deref() {
        Ok(Error::Capacity(_)) => End::Close(close_code::SIZE),
        Ok(Error::Utf8(_)) => End::Close(close_code::INVALID),
        Ok(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Ok(Error::Io(error)) if error.kind() == ErrorKind::ConnectionReset => End::Gone,
        _ => End::Broken,
    }
}
