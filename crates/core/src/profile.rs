//! Profiles of accounts (用户名片): what an app's backend says about them.

use rotunda_model::{Accid, Account, AppId, Gender, Profile, UserKey};
use rotunda_store::{StoreError, account as store};

use crate::{Core, Error, account::fit_token, text};

/// Characters of each field (the vendor's REST limits).
const SIGN_MAX: usize = 256;
const EMAIL_MAX: usize = 64;
const BIRTH_MAX: usize = 16;
const MOBILE_MAX: usize = 32;
const EX_MAX: usize = 1_024;

/// Profiles in one question (the vendor's limit).
const ASKED_MAX: usize = 200;

/// What an update names; `None` stays as it is.
#[derive(Clone, Default)]
pub struct ProfileUpdate {
    pub name: Option<String>,
    pub icon: Option<String>,
    pub sign: Option<String>,
    pub email: Option<String>,
    pub birth: Option<String>,
    pub mobile: Option<String>,
    pub gender: Option<Gender>,
    pub ex: Option<String>,
}

impl std::fmt::Debug for ProfileUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProfileUpdate").finish_non_exhaustive()
    }
}

impl ProfileUpdate {
    /// Errors: 405 too long; 414 a NUL.
    fn fit(&self) -> Result<(), Error> {
        text::name("name", self.name.as_deref().unwrap_or_default())?;
        text::bytes("icon", self.icon.as_deref().unwrap_or_default(), text::ICON_MAX)?;
        for (what, text, max) in [
            ("sign", &self.sign, SIGN_MAX),
            ("email", &self.email, EMAIL_MAX),
            ("birth", &self.birth, BIRTH_MAX),
            ("mobile", &self.mobile, MOBILE_MAX),
            ("ex", &self.ex, EX_MAX),
        ] {
            text::characters(what, text.as_deref().unwrap_or_default(), max)?;
        }
        Ok(())
    }

    fn stored(&self) -> store::NewProfile<'_> {
        store::NewProfile {
            name: self.name.as_deref(),
            icon: self.icon.as_deref(),
            sign: self.sign.as_deref(),
            email: self.email.as_deref(),
            birth: self.birth.as_deref(),
            mobile: self.mobile.as_deref(),
            gender: self.gender,
            ex: self.ex.as_deref(),
        }
    }
}

/// A new account with its profile. `token`: made when not given. Answers the account and its token.
///
/// Errors: 414 unfit accid or token; 417 the accid exists; 405 unfit texts.
pub async fn register(
    core: &Core,
    app: AppId,
    accid: &str,
    profile: &ProfileUpdate,
    token: Option<&str>,
) -> Result<(Account, String), Error> {
    let accid = Accid::new(accid).map_err(|_| Error::Parameter("accid"))?;
    profile.fit()?;
    let token = fit_token(core, token)?;
    let hash = core.config().keys.token_hash(app.get(), accid.as_str(), &token);
    let now = core.env().now();
    let account = Account {
        user: UserKey { app, accid },
        name: profile.name.clone().unwrap_or_default(),
        icon: profile.icon.clone().unwrap_or_default(),
        disabled: false,
        created: now,
    };
    let mut tx = core.store().begin().await?;
    match store::insert(&mut *tx, &account, &hash).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => return Err(Error::Repeated("the accid exists")),
        Err(error) => return Err(error.into()),
    }
    store::set_profile(&mut *tx, &account.user, profile.stored(), now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((account, token))
}

/// Clients see a new name or icon when they next ask; a session keeps the nick it logged in with.
///
/// Errors: 404; 405, 414 unfit texts.
pub async fn update(core: &Core, user: &UserKey, update: &ProfileUpdate) -> Result<(), Error> {
    update.fit()?;
    match store::set_profile(core.store().pool(), user, update.stored(), core.env().now()).await? {
        true => Ok(()),
        false => Err(Error::NotFound("account")),
    }
}

/// Those of `accids` that exist, in the order asked. Errors: 414 none or more than 200.
pub async fn of_accounts(core: &Core, app: AppId, accids: &[Accid]) -> Result<Vec<Profile>, Error> {
    if !(1..=ASKED_MAX).contains(&accids.len()) {
        return Err(Error::Parameter("1 to 200 accounts in one question"));
    }
    let mut found = store::profiles(core.store().pool(), app, accids).await?;
    found.sort_by_key(|profile| accids.iter().position(|accid| *accid == profile.accid));
    Ok(found)
}
