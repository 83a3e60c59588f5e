//! One QChat link from its first packet to its end.
//!
//! Commands of a session run one at a time, and pushes are written between them: so a client sees the answer to a
//! command before the pushes that command caused.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::OnceLock, time::Duration};

use axum::extract::ws::{Utf8Bytes, close_code};
use futures_util::FutureExt;
use parking_lot::Mutex;
use rotunda_core::{Actor, notify};
use rotunda_model::{Code, DeviceId, UserKey};
use rotunda_wire::{
    Answer, CommandId, Push, Request, ToWire,
    entity::{Kicked, LoginInfo},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field};

use super::{
    commands::{self, Call, Refusal},
    login,
    socket::{Gone, LinkSocket, Pulse},
};
use crate::{Gateway, room};

/// Pushes that may wait for one session. More lets a slow reader cost memory (a push has about 1 KiB), fewer makes a
/// burst of notifications end a healthy link.
pub const QUEUE_MAX: usize = 512;

/// Stored notifications a session is remembered to have; ids rise, so the oldest is forgotten first. More than an account
/// keeps (1,000) is of no use, fewer lets some come twice.
const GIVEN_MAX: usize = 1_000;

/// From the open socket to the login packet.
pub const LOGIN_WITHIN: Duration = Duration::from_secs(10);

const QCHAT_LOGIN: CommandId = CommandId::new(24, 2);
const PUSH_LOGIN: CommandId = CommandId::new(2, 3);
const LOGOUT: CommandId = CommandId::new(24, 4);
const KICKED: CommandId = CommandId::new(24, 5);

/// A session as others see it: who, and ways to reach or end it.
#[derive(Debug)]
pub struct Session {
    actor: Actor,
    info: LoginInfo,
    pulse: Pulse,
    queue: mpsc::Sender<Outbound>,
    /// Stored notifications it was given: one that is stored and told at the same moment must not come twice.
    given: Mutex<BTreeSet<i64>>,
    end: OnceLock<End>,
    ended: CancellationToken,
}

/// What waits to be written.
#[derive(Debug)]
pub enum Outbound {
    Frame(Utf8Bytes),
    /// Stored notifications; up to this id they are forgotten once written.
    Stored {
        frame: Utf8Bytes,
        up_to: i64,
    },
}

/// Why a session is ended from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Push 24_5; the client does not come back.
    Kicked(Kick),
    /// The same device logged in anew.
    Replaced,
    /// Its queue is full: close 1013, the client logs in again.
    Slow,
    /// The process stops: the client logs in again.
    Restart,
}

/// The contents of 24_5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kick {
    /// Of the session that kicks.
    pub client_type: u8,
    /// 1 same platform, 2 by the server, 3 by another client of the account, 4 silently.
    pub reason: u8,
    /// The app's word to its client.
    pub ext: String,
    pub custom_client_type: Option<i64>,
}

impl Kick {
    /// By an administrator, or because an eleventh device came.
    pub fn by_server() -> Self {
        Self {
            client_type: rotunda_model::ClientType::SERVER.0,
            reason: 2,
            ext: String::new(),
            custom_client_type: None,
        }
    }

    /// By command 24_9 of another session.
    pub fn by_other_client(by: &Session) -> Self {
        Self { reason: 3, ..Self::from(by) }
    }

    /// By a session that claims to be the same device.
    pub fn silently(by: &Session) -> Self {
        Self { reason: 4, ..Self::from(by) }
    }

    fn from(by: &Session) -> Self {
        Self {
            client_type: by.actor.client_type,
            reason: 0,
            ext: String::new(),
            custom_client_type: by.info.custom_client_type,
        }
    }

    fn frame(&self) -> String {
        let kicked = Kicked {
            client_type: self.client_type.into(),
            reason: self.reason.into(),
            ext: Some(self.ext.clone()),
            custom_client_type: self.custom_client_type,
        };
        Push { command: KICKED, items: vec![kicked.to_wire().unwrap_or_default()] }.frame()
    }
}

impl Session {
    /// A session and the queue its task reads.
    pub fn new(actor: Actor, info: LoginInfo, pulse: Pulse) -> (Self, mpsc::Receiver<Outbound>) {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let (given, end, ended) = (Mutex::default(), OnceLock::new(), CancellationToken::new());
        (Self { actor, info, pulse, queue, given, end, ended }, waiting)
    }

    pub fn user(&self) -> &UserKey {
        &self.actor.user
    }

    pub fn device(&self) -> &DeviceId {
        &self.actor.device
    }

    /// As the client states it.
    pub fn client_type(&self) -> u8 {
        self.actor.client_type
    }

    /// As the account's other sessions are shown it.
    pub fn info(&self) -> &LoginInfo {
        &self.info
    }

    /// Whether the client answered the last heartbeat.
    pub fn is_alive(&self) -> bool {
        self.pulse.answered()
    }

    /// Queues; false when the session is ending, which a full queue makes it do.
    pub fn push(&self, outbound: Outbound) -> bool {
        if self.ended.is_cancelled() {
            return false;
        }
        match self.queue.try_send(outbound) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.end(End::Slow);
                false
            }
        }
    }

    /// Whether a stored notification is new to this session, which it is once. One that is not stored (0) always is.
    pub fn is_new(&self, stored_id: i64) -> bool {
        if stored_id == 0 {
            return true;
        }
        let mut given = self.given.lock();
        let new = given.insert(stored_id);
        if given.len() > GIVEN_MAX {
            given.pop_first();
        }
        new
    }

    /// Ends the session after its current command; false when it was ending already.
    pub fn end(&self, end: End) -> bool {
        let first = self.end.set(end).is_ok();
        self.ended.cancel();
        first
    }

    fn how_it_ends(&self) -> End {
        self.end.get().cloned().unwrap_or(End::Restart)
    }
}

/// How a session's loop came to its end.
#[derive(Debug)]
enum Finish {
    Gone(Gone),
    LoggedOut,
    Ended(End),
}

impl Finish {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Gone(gone) => gone.reason(),
            Self::LoggedOut => "logged out",
            Self::Ended(End::Kicked(_)) => "kicked",
            Self::Ended(End::Replaced) => "replaced",
            Self::Ended(End::Slow) => "queue full",
            Self::Ended(End::Restart) => "restart",
        }
    }

    /// Says good-bye on the wire.
    async fn farewell(self, mut socket: LinkSocket) {
        match self {
            Self::Gone(gone) => socket.end(gone).await,
            // The client closes by itself after these; closing first could hide what it was told.
            Self::LoggedOut => socket.linger().await,
            Self::Ended(End::Kicked(kick)) => {
                if socket.send(kick.frame()).await.is_ok() {
                    socket.linger().await;
                }
            }
            Self::Ended(End::Replaced) => socket.close(close_code::NORMAL).await,
            Self::Ended(End::Slow) => socket.close(close_code::AGAIN).await,
            Self::Ended(End::Restart) => socket.close(close_code::AWAY).await,
        }
    }
}

/// Serves a socket that has been greeted: the first packet decides what it is.
pub async fn serve(gateway: Gateway, mut socket: LinkSocket) {
    let first = tokio::time::timeout(LOGIN_WITHIN, socket.recv()).await;
    match first {
        Err(_) => {
            tracing::debug!("a socket did not log in in time");
            socket.close(close_code::POLICY).await;
        }
        Ok(Err(gone)) => {
            tracing::debug!(reason = gone.reason(), "a socket ended before login");
            socket.end(gone).await;
        }
        Ok(Ok(request)) if request.command == QCHAT_LOGIN => log_in(gateway, socket, request).await,
        Ok(Ok(request)) if request.command == PUSH_LOGIN => room::push::serve(gateway, socket, request).await,
        Ok(Ok(request)) => {
            tracing::debug!(command = %request.command, "a socket did not log in with its first packet");
            socket.close(close_code::POLICY).await;
        }
    }
}

async fn log_in(gateway: Gateway, mut socket: LinkSocket, request: Request) {
    let span = tracing::debug_span!("login", code = field::Empty);
    let entered = login::log_in(&gateway, socket.peer(), socket.pulse(), &request);
    let entered = entered.instrument(span.clone()).await;
    span.record("code", i64::from(entered.as_ref().map_or_else(Refusal::code, |_| Code::OK).0));
    drop(span);
    let entered = match entered {
        Ok(entered) => {
            count_login(Code::OK);
            entered
        }
        Err(refusal) => {
            count_login(refusal.code());
            let answer = commands::refuse(&request, &refusal);
            if socket.send(answer.frame()).await.is_ok() {
                // The SDK closes by itself once it has read the code; closing first could hide it.
                socket.linger().await;
            }
            return;
        }
    };
    socket.admit();
    let session = entered.registered.session();
    let name = session.info.consid.clone();
    let client_type = session.actor.client_type;
    tracing::info!(session = name, client_type, sdk_version = entered.sdk_version, "link session opened");
    let mut waiting = entered.waiting;
    let answer = Answer::ok(&request, entered.answer).frame();
    let finish = match begin(&mut socket, answer).await {
        Ok(()) => run(&gateway, &mut socket, session, &mut waiting).await,
        Err(gone) => Finish::Gone(gone),
    };
    // Out of the hub before the socket says good-bye: the seat's grace counts from now.
    drop(entered.registered);
    let reason = finish.reason();
    tracing::info!(session = name, reason, "link session ended");
    metrics::counter!("rotunda_link_sessions_ended_total", "reason" => reason).increment(1);
    finish.farewell(socket).await;
}

/// Codes are the vendor's: a handful of series.
fn count_login(code: Code) {
    metrics::counter!("rotunda_link_logins_total", "code" => code.to_string()).increment(1);
}

/// The answer, and a first heartbeat: whether this link lives must be known before the next tick.
async fn begin(socket: &mut LinkSocket, answer: String) -> Result<(), Gone> {
    socket.send(answer).await?;
    socket.beat()
}

async fn run(
    gateway: &Gateway,
    socket: &mut LinkSocket,
    session: &Session,
    waiting: &mut mpsc::Receiver<Outbound>,
) -> Finish {
    let bucket = gateway.limits.commands();
    loop {
        let step = tokio::select! {
            biased;
            () = session.ended.cancelled() => return Finish::Ended(session.how_it_ends()),
            step = step(gateway, socket, session, waiting) => step,
        };
        let request = match step {
            Ok(Some(request)) => request,
            Ok(None) => continue,
            Err(gone) => return Finish::Gone(gone),
        };
        // Outside of the select: a command once begun is finished, whatever happens to its session.
        let answer = if bucket.allow() {
            command(gateway, session, &request).await
        } else {
            commands::refuse(&request, &Refusal::Code(Code::TOO_OFTEN))
        };
        let written = tokio::select! {
            () = session.ended.cancelled() => return Finish::Ended(session.how_it_ends()),
            written = socket.send(answer.frame()) => written,
        };
        if let Err(gone) = written {
            return Finish::Gone(gone);
        }
        if request.command == LOGOUT {
            return Finish::LoggedOut;
        }
    }
}

/// Writes one push, or reads one request. Cancelled, it loses neither.
async fn step(
    gateway: &Gateway,
    socket: &mut LinkSocket,
    session: &Session,
    waiting: &mut mpsc::Receiver<Outbound>,
) -> Result<Option<Request>, Gone> {
    let outbound = tokio::select! {
        request = socket.recv() => return request.map(Some),
        Some(outbound) = waiting.recv() => outbound,
    };
    match outbound {
        Outbound::Frame(frame) => socket.send(frame).await?,
        Outbound::Stored { frame, up_to } => {
            socket.send(frame).await?;
            if let Err(error) = notify::acknowledge(&gateway.core, session.user(), up_to).await {
                // Still stored: the client gets them once more at its next login.
                tracing::warn!(%error, "stored notifications were not marked as delivered");
            }
        }
    }
    Ok(None)
}

/// One command, whose panic ends only itself.
async fn command(gateway: &Gateway, session: &Session, request: &Request) -> Answer {
    let limits = &gateway.limits;
    let call =
        Call { core: &gateway.core, actor: &session.actor, hub: &gateway.hub, limits, session, request };
    match AssertUnwindSafe(commands::handle(call)).catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => {
            metrics::counter!("rotunda_panics_total", "at" => "link command").increment(1);
            tracing::error!(command = %request.command, "a command panicked");
            Answer::refusal(request, Code::INTERNAL.0)
        }
    }
}
