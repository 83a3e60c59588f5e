//! The commands of a logged-in session: one file per family, each a thin glue between wire and `core`.
//!
//! This is the map: which command lives in which family. What is in no family answers a vendor code at once, so that
//! the caller does not wait 8 s, and is counted under the SDK's name for it.

mod args;
pub mod ban;
pub mod category;
pub mod channel;
pub mod layer;
pub mod list;
pub mod media;
pub mod member;
pub mod role;
pub mod server;
pub mod session;
pub mod subscription;

use std::collections::BTreeSet;

use parking_lot::Mutex;
use rotunda_core::{Actor, Core, Error};
use rotunda_model::Code;
use rotunda_wire::{Answer, CommandId, ItemError, Request, command};
use serde_json::Value;
use tracing::{Instrument, field};

use crate::{
    limits::Limits,
    link::{hub::Hub, session::Session},
};

/// One command being handled.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub core: &'a Core,
    pub actor: &'a Actor,
    pub hub: &'a Hub,
    pub limits: &'a Limits,
    pub session: &'a Session,
    pub request: &'a Request,
}

/// The items of the answer, or why there are none.
pub type Reply = Result<Vec<Value>, Refusal>;

/// Why a command is not done; the client gets only the code.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Core(#[from] Error),
    #[error("bad parameter: {0}")]
    Item(#[from] ItemError),
    #[error("refused with code {0}")]
    Code(Code),
    #[error("no server does this command yet")]
    Unbuilt,
    #[error("only a server sends this command")]
    ServerOnly,
    #[error("no SDK knows this command")]
    Unknown,
}

impl Refusal {
    pub fn code(&self) -> Code {
        match self {
            Self::Core(error) => error.code(),
            Self::Item(_) | Self::ServerOnly => Code::PARAMETER,
            Self::Code(code) => *code,
            Self::Unbuilt | Self::Unknown => Code::NOT_FOUND,
        }
    }
}

impl Call<'_> {
    /// The typed items of the request.
    pub fn read<C: command::Command>(&self) -> Result<C, Refusal> {
        Ok(C::read(&self.request.items)?)
    }
}

/// Does one command. Refusals are logged and counted here, once.
pub async fn handle(call: Call<'_>) -> Answer {
    let command = label(call.request.command);
    let span = tracing::debug_span!("command", command, code = field::Empty);
    let done = dispatch(call).instrument(span.clone()).await;
    span.record("code", i64::from(done.as_ref().map_or_else(Refusal::code, |_| Code::OK).0));
    match done {
        Ok(items) => {
            count(call.request.command, Code::OK);
            Answer::ok(call.request, items)
        }
        Err(refusal) => refuse(call.request, &refusal),
    }
}

/// The answer to a request that is not done.
pub fn refuse(request: &Request, refusal: &Refusal) -> Answer {
    let code = refusal.code();
    count(request.command, code);
    note(request.command, refusal, code);
    Answer::refusal(request, code.0)
}

/// Makes [`BUILT`] and the dispatch of one list, so that neither can miss what the other has.
macro_rules! families {
    ($($family:ident: $($sid:literal [$($cid:literal)*])*;)*) => {
        /// Every command that is built. Each needs rows in `tests/matrix`: who may do it?
        pub const BUILT: &[CommandId] = &[$($($(CommandId::new($sid, $cid),)*)*)*];

        #[expect(clippy::manual_range_patterns, reason = "the list names every command by itself")]
        async fn dispatch(call: Call<'_>) -> Reply {
            let CommandId { sid, cid } = call.request.command;
            match (sid, cid) {
                $($(($sid, $($cid)|*))|* => $family::handle(call).await,)*
                _ => Err(not_built(call.request.command)),
            }
        }
    };
}

families! {
    session: 1 [2] 2 [3] 6 [26 27] 24 [2 4 9 19];
    server: 24 [31 32 34 35];
    member: 24 [36 37 39 40 42 43 44 45 46 47];
    ban: 24 [104 105];
    channel: 24 [48 49 50 51 52 53 60];
    category: 24 [109 110 111 112 119 120];
    list: 24 [54 55 56 57 58 59 113 114 115 116 117 118];
    role: 24 [61 62 63 64 73 74 75 76 77 80 81 82 126];
    layer: 24 [65 66 67 68 69 70 71 72 78 79 83 84 85 86 87 88 89 90];
    subscription: 24 [15 27] 25 [8];
    media: 25 [1 2 3 4];
}

/// The refusal of a command that is in no family.
pub fn not_built(command: CommandId) -> Refusal {
    match command::name_of(command) {
        None => Refusal::Unknown,
        Some(_) if command::is_push(command) => Refusal::ServerOnly,
        Some(_) => Refusal::Unbuilt,
    }
}

/// Label values are names of the SDK's table and codes of the vendor's: a few hundred series at most.
fn count(command: CommandId, code: Code) {
    let code = code.to_string();
    metrics::counter!("rotunda_link_commands_total", "command" => label(command), "code" => code)
        .increment(1);
}

fn note(command: CommandId, refusal: &Refusal, code: Code) {
    let name = label(command);
    match refusal {
        Refusal::Unbuilt | Refusal::Unknown | Refusal::ServerOnly => {
            metrics::counter!("rotunda_link_commands_unbuilt_total", "command" => name).increment(1);
            if first_time(name) {
                tracing::warn!(%command, name, %code, "clients send a command that is not built");
            } else {
                tracing::debug!(%command, name, %code, "a client sent a command that is not built");
            }
        }
        _ if matches!(code, Code::INTERNAL | Code::BUSY) => {
            tracing::error!(%command, name, %code, error = %refusal, "a command failed");
        }
        _ => tracing::debug!(%command, name, %code, reason = %refusal, "a command was refused"),
    }
}

/// Whether this name is asked for the first time in this process: clients must not fill the log. The set holds names
/// of the SDK's table, so it is bounded.
fn first_time(name: &'static str) -> bool {
    static ASKED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    ASKED.lock().insert(name)
}

fn label(command: CommandId) -> &'static str {
    command::name_of(command).unwrap_or("unknown")
}
