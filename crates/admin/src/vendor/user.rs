//! Accounts (云信 IM 账号): the actions of `/nimserver/user/`. The account itself is `accid`; one that does not exist is
//! 414, as the vendor answers it.

use rotunda_core::{
    Error, account,
    profile::{self, ProfileUpdate},
};
use rotunda_model::{Accid, Gender, UserKey};
use serde_json::{Value, json};

use super::{Call, Refusal, Reply, entity, fields, nothing};

/// Bytes of the text that a block's kick carries to clients.
const KICK_TEXT_MAX: usize = 512;

pub async fn create(call: Call<'_>) -> Reply {
    let accid = call.form.required("accid")?;
    let token = call.form.text("token").filter(|token| !token.is_empty());
    let made = profile::register(call.core, call.app.id, accid, &update_of(call)?, token).await;
    let (account, token) = made.map_err(|error| match error {
        Error::Repeated(_) => Refusal::Parameter("already registered"),
        other => other.into(),
    })?;
    let info = json!({ "accid": account.user.accid, "name": account.name, "token": token });
    Ok(fields([("info", info)]))
}

/// A token chosen by the caller; the old one ends. Without one nothing changes.
pub async fn update(call: Call<'_>) -> Reply {
    let user = user(call)?;
    match call.form.text("token").filter(|token| !token.is_empty()) {
        Some(token) => {
            account::replace_token(call.core, &user, Some(token)).await.map_err(unregistered)?;
        }
        None => drop(registered(call, &user).await?),
    }
    Ok(nothing())
}

pub async fn refresh_token(call: Call<'_>) -> Reply {
    let user = user(call)?;
    let token = account::replace_token(call.core, &user, None).await.map_err(unregistered)?;
    Ok(fields([("info", json!({ "accid": user.accid, "token": token }))]))
}

/// `needkick`: its links end with push 24_5, which carries `kickNotifyExt`, and it is out of every call.
pub async fn block(call: Call<'_>) -> Reply {
    let ext = call.form.text("kickNotifyExt").unwrap_or_default();
    if ext.len() > KICK_TEXT_MAX {
        return Err(Error::TooLong { what: "kickNotifyExt", actual: ext.len(), max: KICK_TEXT_MAX }.into());
    }
    let kick = call.form.flag("needkick")?.unwrap_or(false).then_some(ext);
    account::block(call.core, &user(call)?, kick).await.map_err(unregistered)?;
    Ok(nothing())
}

pub async fn unblock(call: Call<'_>) -> Reply {
    account::unblock(call.core, &user(call)?).await.map_err(unregistered)?;
    Ok(nothing())
}

/// Those of `accids` that exist.
pub async fn profiles(call: Call<'_>) -> Reply {
    let found = profile::of_accounts(call.core, call.app.id, &call.form.asked()?).await?;
    let uinfos: Vec<Value> = found.iter().map(entity::profile).collect();
    Ok(fields([("uinfos", uinfos.into())]))
}

pub async fn update_profile(call: Call<'_>) -> Reply {
    profile::update(call.core, &user(call)?, &update_of(call)?).await.map_err(unregistered)?;
    Ok(nothing())
}

/// Of those of `accids` that exist: whether they have a link.
pub async fn online(call: Call<'_>) -> Reply {
    let found = profile::of_accounts(call.core, call.app.id, &call.form.asked()?).await?;
    let state = |profile: &rotunda_model::Profile| {
        let online = account::is_online(call.core, &call.user(profile.accid.clone()));
        json!({ "accid": profile.accid, "online": online })
    };
    let uinfos: Vec<Value> = found.iter().map(state).collect();
    Ok(fields([("uinfos", uinfos.into())]))
}

fn user(call: Call<'_>) -> Result<UserKey, Refusal> {
    let accid = Accid::new(call.form.required("accid")?).map_err(|_| Refusal::Parameter("accid"))?;
    Ok(call.user(accid))
}

async fn registered(call: Call<'_>, user: &UserKey) -> Result<rotunda_model::Account, Refusal> {
    account::find(call.core, user).await?.ok_or(Refusal::Parameter("not registered"))
}

fn unregistered(error: Error) -> Refusal {
    match error {
        Error::NotFound("account") => Refusal::Parameter("not registered"),
        other => other.into(),
    }
}

fn update_of(call: Call<'_>) -> Result<ProfileUpdate, Refusal> {
    let form = call.form;
    Ok(ProfileUpdate {
        name: form.owned("name"),
        icon: form.owned("icon"),
        sign: form.owned("sign"),
        email: form.owned("email"),
        birth: form.owned("birth"),
        mobile: form.owned("mobile"),
        gender: form.choice("gender", Gender::from_number)?,
        ex: form.owned("ex"),
    })
}
