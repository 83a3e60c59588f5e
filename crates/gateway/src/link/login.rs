//! Login (24_2): from the packet to a registered session.

use std::{net::SocketAddr, sync::Arc};

use rotunda_core::{
    Actor, Core, Error, account, event,
    login::{self, Client},
};
use rotunda_model::{Accid, ClientType, Code, DeviceId, UserKey, event::Link};
use rotunda_wire::{
    Request, ToWire,
    command::{Command, session::LogIn},
    entity::{Login, LoginInfo},
    value::list,
};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    commands::Refusal,
    hub::Hub,
    session::{Outbound, Session},
    socket::Pulse,
};
use crate::Gateway;

/// A session that is in the hub; dropping it takes it out again, however its task ends.
#[derive(Debug)]
pub struct Registered {
    core: Core,
    hub: Arc<Hub>,
    session: Arc<Session>,
}

impl Registered {
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if self.hub.leave(&self.session) {
            account::offline(&self.core, self.session.user());
        }
        event::logged_out(&self.core, self.session.user().app, link(&self.session));
    }
}

/// The session as the log of events has it.
fn link(session: &Session) -> Link {
    Link {
        id: session.info().consid.clone(),
        accid: session.user().accid.clone(),
        device: session.device().clone(),
        client_type: session.client_type(),
    }
}

/// A successful login.
#[derive(Debug)]
pub struct Entered {
    pub registered: Registered,
    /// Pushes for the session, some perhaps already there.
    pub waiting: mpsc::Receiver<Outbound>,
    /// Items of the answer: this session, and an array of the account's others.
    pub answer: Vec<Value>,
    /// As the client states it; for logs.
    pub sdk_version: i64,
}

/// Checks the account and registers the session. Errors: 302 wrong account or token, 422 disabled, 403 a login type
/// that is not enabled, 416 too many logins of this account or address, 414 a packet without the fields that are always there.
pub async fn log_in(
    gateway: &Gateway,
    peer: SocketAddr,
    pulse: Pulse,
    request: &Request,
) -> Result<Entered, Refusal> {
    let LogIn { login } = LogIn::read(&request.items)?;
    let device = DeviceId::new(&login.device_id).ok_or(Refusal::Code(Code::PARAMETER))?;
    let client_type =
        login.client_type.and_then(|number| u8::try_from(number).ok()).unwrap_or(ClientType::WEB.0);
    let ip = peer.ip().to_canonical().to_string();
    let asked = login::Login {
        app_key: &login.app_key,
        accid: &login.account,
        token: &login.token,
        auth_type: login.auth_type.unwrap_or(0),
        client: Client {
            ip: &ip,
            port: peer.port(),
            client_type,
            device: device.as_str(),
            custom_tag: login.custom_tag.as_deref().unwrap_or_default(),
        },
    };
    // From here on the hub notes joins, leaves and kicks of the account, so that none falls between the judgement and
    // the arrival. Whoever claims to be it causes this; it costs one entry until the judgement.
    let user = claimed(gateway, &login).await?;
    if !gateway.limits.may_log_in(peer, &user) {
        return Err(Refusal::Code(Code::TOO_OFTEN));
    }
    let expected = gateway.hub.expect(&user);
    let known = login::login(&gateway.core, asked).await?;
    let actor = Actor { user: known.account.user, device, client_type, nick: known.account.name };
    let info = info(gateway, peer, &login, &actor);
    let (session, waiting) = Session::new(actor, info, pulse);
    let session = Arc::new(session);
    let others = gateway.hub.arrive(&session, expected, known.servers);
    let registered = Registered { core: gateway.core.clone(), hub: Arc::clone(&gateway.hub), session };
    event::logged_in(&gateway.core, registered.session.user().app, link(&registered.session));
    let own = registered.session.info().to_wire().unwrap_or_default();
    let sdk_version = login.sdk_version.unwrap_or(0);
    Ok(Entered { registered, waiting, answer: vec![own, list(&others)], sdk_version })
}

/// Who the client says it is.
async fn claimed(gateway: &Gateway, login: &Login) -> Result<UserKey, Refusal> {
    let app = account::app_by_key(&gateway.core, &login.app_key).await?.ok_or(Error::WrongCredentials)?;
    let accid = Accid::new(&login.account).map_err(|_| Error::WrongCredentials)?;
    Ok(UserKey { app: app.id, accid })
}

/// How the session is shown to itself and to the account's other sessions.
fn info(gateway: &Gateway, peer: SocketAddr, login: &Login, actor: &Actor) -> LoginInfo {
    let env = gateway.core.env();
    LoginInfo {
        app_key: login.app_key.clone(),
        account: actor.user.accid.as_str().into(),
        client_type: actor.client_type.into(),
        device_id: actor.device.as_str().into(),
        custom_tag: login.custom_tag.clone(),
        custom_client_type: login.custom_client_type,
        os: login.os.clone(),
        consid: format!("{:032x}", u128::from_be_bytes(env.bytes())),
        client_ip: peer.ip().to_canonical().to_string(),
        client_port: peer.port().into(),
        login_time: env.now().get(),
    }
}
