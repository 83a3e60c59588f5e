//! The vendor's REST API (服务端 API): `POST /nimserver/user/….action` and `/nimserver/qchat/….action`.
//!
//! The HTTP status is always 200; the result is `code` in the JSON answer, with `desc` beside it when it is not 200. A
//! request is checked in this order, each step before anything of the next is read or kept: address, headers, signature,
//! replay, name, rate, body.

mod actions;
mod apps;
pub mod entity;
pub mod form;
mod rate;
mod replay;
pub mod sign;

mod ban;
mod category;
mod channel;
mod custom_right;
mod layer_role;
mod list;
mod member;
mod member_role;
mod role;
mod server;
mod user;

use std::{fmt, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::post,
};
use rotunda_core::{Actor, Core, Error, account};
use rotunda_model::{Accid, App, ClientType, Code, DeviceId, Millis, ServerId, UserKey};
use serde_json::{Map, Value};

pub use actions::{Action, BUILT, UNBUILT};
pub use rate::RateLimit;

use apps::Apps;
use entity::Shape;
use form::Form;
use rate::Rates;
use replay::Replays;
use sign::Signed;

/// Longest body, bytes. The longest action names 100 accounts and carries a few KiB of text, percent-encoded three times
/// as long; more only helps to fill memory.
pub const BODY_MAX: usize = 64 * 1024;

/// The device of who acts through REST, as notifications name it.
const DEVICE: &str = "rest";

/// What the actions are told at the start.
#[derive(Debug, Clone)]
pub struct VendorConfig {
    /// Host and port of the QChat link, as clients reach it: the answer of `requestAddr`.
    pub link: String,
    /// Ids in answers as decimal strings. They exceed 2^53, where the numbers of JavaScript end; the documented
    /// examples have numbers.
    pub ids_as_text: bool,
    pub rate: RateLimit,
}

/// Who is not listened to, because too many signatures of its address were wrong.
pub trait Strangers: Send + Sync {
    /// False: the next one is not looked at, good or not.
    fn may_sign(&self, peer: SocketAddr) -> bool;
    fn signature_failed(&self, peer: SocketAddr);
}

/// Everything an action needs. Cheap to clone.
#[derive(Clone)]
pub struct Vendor {
    inner: Arc<Inner>,
}

struct Inner {
    core: Core,
    config: VendorConfig,
    apps: Apps,
    replays: Replays,
    rates: Rates,
    strangers: Option<Arc<dyn Strangers>>,
}

impl Vendor {
    /// Everybody may try signatures as often as they like.
    pub fn new(core: Core, config: VendorConfig) -> Self {
        Self::with(core, config, None)
    }

    /// Where strangers come to; the listener provides `ConnectInfo<SocketAddr>`.
    pub fn guarded(core: Core, config: VendorConfig, strangers: Arc<dyn Strangers>) -> Self {
        Self::with(core, config, Some(strangers))
    }

    fn with(core: Core, config: VendorConfig, strangers: Option<Arc<dyn Strangers>>) -> Self {
        let rates = Rates::new(config.rate);
        let (apps, replays) = (Apps::default(), Replays::default());
        Self { inner: Arc::new(Inner { core, config, apps, replays, rates, strangers }) }
    }

    /// From now on another rate.
    pub fn set_rate(&self, rate: RateLimit) {
        self.inner.rates.replace(rate);
    }
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vendor").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

/// Both groups of actions.
pub fn routes(vendor: Vendor) -> Router {
    let routes = Router::new()
        .route("/nimserver/user/{action}", post(user))
        .route("/nimserver/qchat/{action}", post(qchat))
        .with_state(vendor);
    crate::http::finish(routes)
}

/// Whoever asks, where the listener says so.
type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

async fn user(
    vendor: State<Vendor>,
    action: Path<String>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    serve(&vendor, Group::User, &action, peer, &headers, body).await
}

async fn qchat(
    vendor: State<Vendor>,
    action: Path<String>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    serve(&vendor, Group::Qchat, &action, peer, &headers, body).await
}

/// Which of the two paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    User,
    Qchat,
}

impl Group {
    /// As paths write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Qchat => "qchat",
        }
    }
}

/// One action being done.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    core: &'a Core,
    app: &'a App,
    form: &'a Form,
    shape: Shape,
    config: &'a VendorConfig,
}

/// The fields of the answer beside `code`, or why there are none.
pub type Reply = Result<Map<String, Value>, Refusal>;

/// Why an action is not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Core(#[from] Error),
    #[error("{0}")]
    Parameter(&'static str),
    #[error("{0}")]
    Signature(&'static str),
    #[error("no account {0}")]
    Missing(&'static str),
    #[error("this action is not opened")]
    NotOpened,
    #[error("there is no such action")]
    Unknown,
    #[error("this Nonce and CurTime were used")]
    Replayed,
    #[error("called too often")]
    TooOften,
    #[error(
        "too many wrong signatures came from this address; check AppKey and secret, and ask again in ten seconds"
    )]
    Unheard,
    #[error("too many calls within five minutes")]
    Crowded,
}

/// 重复请求: the vendor's code of a request that comes twice. REST only.
const REPLAYED: Code = Code(431);

impl Refusal {
    pub fn code(&self) -> Code {
        match self {
            Self::Core(error) => error.code(),
            Self::Parameter(_) | Self::Signature(_) => Code::PARAMETER,
            Self::NotOpened => Code::FORBIDDEN,
            Self::Unknown | Self::Missing(_) => Code::NOT_FOUND,
            Self::Replayed => REPLAYED,
            Self::TooOften | Self::Unheard => Code::TOO_OFTEN,
            Self::Crowded => Code::BUSY,
        }
    }

    /// For the app's developer. What went wrong inside is for the operator's log.
    fn description(&self) -> String {
        if self.code().0 >= Code::INTERNAL.0 && self.code() != Code::EXPIRED {
            return "internal error".to_owned();
        }
        self.to_string()
    }
}

async fn serve(
    vendor: &Vendor,
    group: Group,
    path: &str,
    peer: Peer,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let name = path.strip_suffix(".action").and_then(|name| actions::known(group, name));
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    let reply = answer(&vendor.inner, group, name, peer, headers, body).await;
    let code = reply.as_ref().map_or_else(Refusal::code, |_| Code::OK);
    // Label values are names of the vendor's table and its codes: a few hundred series at most.
    let label = name.unwrap_or("other");
    metrics::counter!("rotunda_rest_actions_total", "action" => label, "code" => code.to_string())
        .increment(1);
    let mut fields = match reply {
        Ok(fields) => fields,
        Err(refusal) => {
            note(label, &refusal, code);
            Map::from_iter([("desc".to_owned(), refusal.description().into())])
        }
    };
    fields.insert("code".to_owned(), code.0.into());
    let content_type = [(header::CONTENT_TYPE, "application/json;charset=utf-8")];
    (content_type, Value::Object(fields).to_string()).into_response()
}

fn note(action: &'static str, refusal: &Refusal, code: Code) {
    match refusal {
        Refusal::NotOpened | Refusal::Unknown => {
            metrics::counter!("rotunda_rest_actions_unbuilt_total", "action" => action).increment(1);
            tracing::debug!(action, %code, "an action that is not built");
        }
        Refusal::Core(error) if code == Code::INTERNAL => tracing::error!(action, %error, "an action failed"),
        refusal => tracing::debug!(action, %code, reason = %refusal, "an action was refused"),
    }
}

async fn answer(
    rest: &Inner,
    group: Group,
    name: Option<&'static str>,
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    body: Body,
) -> Reply {
    let now = rest.core.env().now();
    let guard = rest.strangers.as_ref().zip(peer);
    if guard.as_ref().is_some_and(|(strangers, peer)| !strangers.may_sign(*peer)) {
        return Err(Refusal::Unheard);
    }
    let verified = verified(rest, headers, now).await;
    if let (Err(Refusal::Signature(_)), Some((strangers, peer))) = (&verified, guard) {
        strangers.signature_failed(peer);
    }
    let (app, signed) = verified?;
    if !rest.replays.first(app.id, &signed, now)? {
        return Err(Refusal::Replayed);
    }
    let name = name.ok_or(Refusal::Unknown)?;
    if !rest.rates.allow(app.id, name, now) {
        return Err(Refusal::TooOften);
    }
    let form = Form::parse(&read(headers, body).await?)?;
    let shape = Shape { ids_as_text: rest.config.ids_as_text };
    let call = Call { core: &rest.core, app: &app, form: &form, shape, config: &rest.config };
    actions::dispatch(group, name, call).await
}

/// The app that signed. Errors: 414.
async fn verified<'a>(
    rest: &Inner,
    headers: &'a HeaderMap,
    now: Millis,
) -> Result<(App, Signed<'a>), Refusal> {
    let signed = Signed::read(headers)?;
    let known = rest.apps.find(&rest.core, signed.app_key).await?;
    let (app, secrets) = known.ok_or(Refusal::Signature("unknown AppKey"))?;
    signed.verify(secrets.iter().map(|secret| secret.as_str()), now)?;
    Ok((app, signed))
}

/// The body of a form. A type that is not named is taken for one, another is refused.
async fn read(headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, Refusal> {
    let named = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let kind = named.map(|value| value.split(';').next().unwrap_or_default().trim());
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Err(Refusal::Parameter("Content-Type is not application/x-www-form-urlencoded"));
    }
    to_bytes(body, BODY_MAX).await.map_err(|_| Refusal::Parameter("the body is too long or was cut short"))
}

impl Call<'_> {
    fn user(&self, accid: Accid) -> UserKey {
        UserKey { app: self.app.id, accid }
    }

    /// The account named by `accid`, which the action is done as. Errors: 414 not named or not registered; 422 blocked:
    /// it could not do it over the link either.
    async fn operator(&self) -> Result<Actor, Refusal> {
        let accid = Accid::new(self.form.required("accid")?).map_err(|_| Refusal::Parameter("accid"))?;
        let found = account::find(self.core, &self.user(accid)).await?;
        let account = found.ok_or(Refusal::Parameter("accid is not registered"))?;
        if account.disabled {
            return Err(Error::AccountDisabled.into());
        }
        actor(account.user, account.name)
    }

    /// Who reads what is of a server: the operator, or when none is named its owner, from whom nothing is hidden. The
    /// vendor checks no right then either.
    async fn reader(&self, server: ServerId) -> Result<Actor, Refusal> {
        if self.form.text("accid").is_some_and(|accid| !accid.is_empty()) {
            return self.operator().await;
        }
        let found = rotunda_core::server::of_app(self.core, self.app.id, &[server]).await?;
        let server = found.into_iter().next().ok_or(Error::NotFound("server"))?;
        actor(self.user(server.owner), String::new())
    }

    /// Whether an operator is named at all.
    fn has_operator(&self) -> bool {
        self.form.text("accid").is_some_and(|accid| !accid.is_empty())
    }
}

fn actor(user: UserKey, nick: String) -> Result<Actor, Refusal> {
    let device = DeviceId::new(DEVICE).ok_or(Error::Internal("a device id"))?;
    Ok(Actor { user, device, client_type: ClientType::SERVER.0, nick })
}

/// No fields beside `code`.
fn nothing() -> Map<String, Value> {
    Map::new()
}

fn fields<const N: usize>(named: [(&str, Value); N]) -> Map<String, Value> {
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
