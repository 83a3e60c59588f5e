//! A socket of the link: frames in, frames out, heartbeats, limits, close codes.
//!
//! The QChat link and the push link share it; the first packet decides which one a socket is.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
};
use futures_util::SinkExt;
use rotunda_wire::{Answer, Frame, Request, frame, packet::PacketError};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::doors::Permit;

/// Longest text message before login, bytes. A login packet has under 4 KiB; more only helps to fill memory.
pub const BEFORE_LOGIN_MAX: usize = 64 * 1024;

/// Longest text message after login, bytes.
pub const AFTER_LOGIN_MAX: usize = 1024 * 1024;

/// Bytes above [`AFTER_LOGIN_MAX`] that are still read, so that a message a little too long is answered with a clean
/// close instead of a reset.
const SLACK: usize = 64 * 1024;

/// What the WebSocket layer itself refuses to hold, bytes.
pub const HARD_MAX: usize = AFTER_LOGIN_MAX + SLACK;

/// How often a heartbeat goes out. Well inside the 60 s of silence after which nim-web-sdk-ng 0.17.2 reconnects; more
/// often would wake sleeping phones.
pub const HEARTBEAT: Duration = Duration::from_secs(25);

/// Heartbeats without any frame in between after which the peer counts as gone: three are 75 s.
const SILENT_BEATS: u8 = 3;

/// A heartbeat at this rhythm, and after so many unanswered ones the peer is gone.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    pub every: Duration,
    pub silent_beats: u8,
}

/// Longest wait for one write to leave. A reader this slow is better off logging in again.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a closed socket is still read, so that the peer gets the close frame and not a reset.
const LINGER: Duration = Duration::from_secs(2);

/// Why a socket gives no more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The peer said `0::`, closed, or reset the connection: its last sign of life.
    Left,
    /// The connection is of no use, and not by the peer's doing.
    Broken,
    /// No frame for so many heartbeats.
    Silent,
    /// A write did not leave in time.
    Slow,
    /// The peer broke the protocol; close with this code.
    Refused(u16),
}

impl Gone {
    /// A word for logs and counters.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Broken => "broken",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Refused(close_code::INVALID) => "not a frame",
            Self::Refused(close_code::UNSUPPORTED) => "binary",
            Self::Refused(close_code::SIZE) => "too long",
            Self::Refused(_) => "refused",
        }
    }
}

/// Whether the peer answered the last heartbeat; shared with whoever must judge if a link is alive.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicBool>);

impl Pulse {
    pub fn answered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, answered: bool) {
        self.0.store(answered, Ordering::Relaxed);
    }
}

/// One WebSocket of a client. All methods may be cancelled between frames without losing one.
#[derive(Debug)]
pub struct LinkSocket {
    ws: WebSocket,
    peer: SocketAddr,
    /// Held until login.
    permit: Option<Permit>,
    heartbeat: Interval,
    pulse: Pulse,
    unanswered: u8,
    silent_beats: u8,
    /// Frames that reading caused: heartbeats, and answers to unreadable packets.
    due: VecDeque<Utf8Bytes>,
}

impl LinkSocket {
    /// Greets. The caller has counted the socket: `permit`.
    pub async fn open(ws: WebSocket, peer: SocketAddr, permit: Permit) -> Result<Self, Gone> {
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut socket = Self {
            ws,
            peer,
            permit: Some(permit),
            heartbeat,
            pulse: Pulse::default(),
            unanswered: 0,
            silent_beats: SILENT_BEATS,
            due: VecDeque::new(),
        };
        socket.send(Utf8Bytes::from_static(frame::CONNECTED)).await?;
        Ok(socket)
    }

    /// The client's address. Never for a log line at info or above.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// The peer has proved who it is: gives the stranger's place back and takes longer messages.
    pub fn admit(&mut self) {
        self.permit = None;
    }

    /// Heartbeats at another rhythm from now on.
    pub fn beat_every(&mut self, rhythm: Rhythm) {
        self.heartbeat = tokio::time::interval_at(Instant::now() + rhythm.every, rhythm.every);
        // After a stall of this process a peer gets a whole beat to answer.
        self.heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.silent_beats = rhythm.silent_beats;
    }

    /// Heartbeats since the peer was last heard.
    pub fn unanswered(&self) -> u8 {
        self.unanswered
    }

    /// The next request. Heartbeats, and packets that can be answered but not read, are dealt with inside.
    pub async fn recv(&mut self) -> Result<Request, Gone> {
        loop {
            if let Some(request) = self.step().await? {
                return Ok(request);
            }
        }
    }

    /// What comes next; `None` for what is dealt with inside, after which [`Self::unanswered`] may have changed.
    pub async fn step(&mut self) -> Result<Option<Request>, Gone> {
        self.flush_due().await?;
        tokio::select! {
            message = self.ws.recv() => self.take(message),
            _ = self.heartbeat.tick() => self.beat().map(|()| None),
        }
    }

    /// Writes one frame.
    pub async fn send(&mut self, frame: impl Into<Utf8Bytes>) -> Result<(), Gone> {
        self.due.push_back(frame.into());
        self.flush_due().await
    }

    /// Asks the peer for a sign of life now, rather than at the next tick.
    pub fn beat(&mut self) -> Result<(), Gone> {
        if self.unanswered >= self.silent_beats {
            return Err(Gone::Silent);
        }
        self.unanswered += 1;
        self.pulse.set(false);
        self.due.push_back(Utf8Bytes::from_static(frame::HEARTBEAT));
        Ok(())
    }

    /// Closes as the end demands, and gives the peer a moment to take note.
    pub async fn end(self, gone: Gone) {
        let code = match gone {
            Gone::Left | Gone::Broken => return,
            Gone::Silent => close_code::NORMAL,
            Gone::Slow => close_code::AGAIN,
            Gone::Refused(code) => code,
        };
        self.close(code).await;
    }

    /// Closes with a WebSocket code, and reads on for a moment.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        let farewell = async {
            if self.ws.send(Message::Close(Some(frame))).await.is_ok() {
                self.drain().await;
            }
        };
        let _ = tokio::time::timeout(LINGER, farewell).await;
    }

    /// Lets the peer close, as the SDK does after a refused login, a logout or a kick; closes itself when it does not.
    pub async fn linger(mut self) {
        let _ = tokio::time::timeout(LINGER, self.drain()).await;
        self.close(close_code::NORMAL).await;
    }

    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.ws.recv().await {}
    }

    async fn flush_due(&mut self) -> Result<(), Gone> {
        let writing = async {
            while let Some(frame) = self.due.front() {
                // `feed` ends in the poll that hands the message over: cancelled earlier, it is still in `due`.
                self.ws.feed(Message::Text(frame.clone())).await.map_err(|_| Gone::Broken)?;
                self.due.pop_front();
            }
            self.ws.flush().await.map_err(|_| Gone::Broken)
        };
        tokio::time::timeout(WRITE_TIMEOUT, writing).await.unwrap_or(Err(Gone::Slow))
    }

    fn take(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<Option<Request>, Gone> {
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return Err(Gone::Left),
            Some(Err(error)) => return Err(fault(error)),
            Some(Ok(Message::Binary(_))) => return Err(Gone::Refused(close_code::UNSUPPORTED)),
            Some(Ok(Message::Ping(Bytes { .. }) | Message::Pong(_))) => {
                self.unanswered = 0;
                return Ok(None);
            }
            Some(Ok(Message::Text(text))) => text,
        };
        self.unanswered = 0;
        let max = if self.permit.is_some() { BEFORE_LOGIN_MAX } else { AFTER_LOGIN_MAX };
        if text.len() > max {
            return Err(Gone::Refused(close_code::SIZE));
        }
        match Frame::parse(&text) {
            Err(_) => Err(Gone::Refused(close_code::INVALID)),
            Ok(Frame::Disconnect) => Err(Gone::Left),
            Ok(Frame::Heartbeat) => {
                self.pulse.set(true);
                Ok(None)
            }
            Ok(Frame::Connected | Frame::Other(_)) => Ok(None),
            Ok(Frame::Packet(json)) => match Request::parse(json) {
                Ok(request) => Ok(Some(request)),
                Err(PacketError::Unanswerable) => Err(Gone::Refused(close_code::INVALID)),
                Err(PacketError::Unreadable { ser, sid, cid }) => {
                    metrics::counter!("rotunda_link_unreadable_total").increment(1);
                    self.due.push_back(Answer::unreadable(ser, sid, cid).frame().into());
                    Ok(None)
                }
            },
        }
    }
}

/// What broke in the WebSocket layer: a limit, the encoding, or just the connection.
fn fault(error: axum::Error) -> Gone {
    use tungstenite::{Error, error::ProtocolError};
    match error.into_inner().downcast::<Error>().as_deref() {
        Ok(Error::Capacity(_)) => Gone::Refused(close_code::SIZE),
        Ok(Error::Utf8(_)) => Gone::Refused(close_code::INVALID),
        Ok(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Gone::Left,
        Ok(Error::Protocol(_)) => Gone::Refused(close_code::PROTOCOL),
        Ok(Error::Io(error)) if error.kind() == ErrorKind::ConnectionReset => Gone::Left,
        _ => Gone::Broken,
    }
}
