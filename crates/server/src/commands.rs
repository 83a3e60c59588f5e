//! What the command line does besides serving.

use anyhow::Context;
use rotunda_core::{Core, CoreConfig, Env, account, admin, custom_right, login};
use rotunda_model::{AppId, LoginType, LoginTypes, Millis};
use serde_json::{Value, json};

use crate::{ambient, cli, config::Config, database, keys};

/// The wall clock of the machine.
struct SystemClock;

impl rotunda_core::Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis(ambient::now_ms())
    }
}

/// Connects, brings the schema up to date and opens the core.
pub async fn open_core(config: &Config) -> anyhow::Result<Core> {
    let keys = keys::load(config)?;
    for file in &keys.made {
        tracing::info!(file = %file.display(), "made a key; keep it, apart from the database's backups");
    }
    let store = database::connect(config).await?;
    database::migrate(&store).await?;
    let made = rotunda_core::Keys::new(&keys.server, &keys.signing);
    let keys = match keys.previous_signing {
        Some(previous) => made.and_then(|keys| keys.with_previous(&previous)),
        None => made,
    };
    let keys = keys.context("keys of the wrong length")?;
    let core = CoreConfig {
        limits: config.limits.quotas(),
        open_queries: config.compat.open_queries,
        media_token_secs: config.media.token_secs,
        ..CoreConfig::new(keys)
    };
    Ok(Core::open(store, environment()?, core).await?)
}

/// The real clock and the kernel's randomness, for the core.
pub fn environment() -> anyhow::Result<Env> {
    Ok(Env::new(std::sync::Arc::new(SystemClock), ambient::secret_rng()?))
}

/// `rotunda app …`
pub async fn app(config: &Config, command: cli::App) -> anyhow::Result<Answer> {
    let core = open_core(config).await?;
    match command {
        cli::App::Create { name, key, secret } => {
            let made = account::create_app(&core, &name, key.as_deref(), secret.as_deref()).await?;
            Ok(Answer(json!({ "app_key": made.app.key, "app_secret": made.secret, "name": made.app.name })))
        }
        cli::App::Login(change) => {
            let mut settings = login::settings(&core, &change.app).await?;
            if let Some(types) = &change.types {
                settings.types = types.iter().fold(LoginTypes::NONE, |all, way| all.with(way.model()));
            }
            if let Some(url) = change.callback_url {
                if !url.is_empty() {
                    rotunda_outbound::parse(&url)?;
                }
                settings.callback = url;
            }
            if let Some(verdict) = change.callback_default {
                settings.callback_allows = verdict == cli::Verdict::Allow;
            }
            login::set_settings(&core, &change.app, &settings).await?;
            let open = [LoginType::Static, LoginType::Dynamic, LoginType::Callback];
            let names = ["static", "dynamic", "callback"].into_iter().zip(open);
            let open: Vec<&str> = names.filter(|(_, way)| settings.types.has(*way)).map(|(n, _)| n).collect();
            Ok(Answer(json!({
                "app_key": change.app,
                "types": open.join(","),
                "callback_url": settings.callback,
                "callback_default": if settings.callback_allows { "allow" } else { "deny" },
            })))
        }
    }
}

/// `rotunda admin-token …`
pub async fn admin_token(config: &Config, command: cli::AdminToken) -> anyhow::Result<Answer> {
    const DAY_MS: i64 = 24 * 3_600 * 1_000;
    let core = open_core(config).await?;
    match command {
        cli::AdminToken::Create { name, scopes, days } => {
            let scopes: Vec<admin::Scope> = scopes.into_iter().map(cli::AdminScope::core).collect();
            let end = days.map(|days| core.env().now().plus(i64::from(days) * DAY_MS));
            let (id, token) = admin::create(&core, &name, &scopes, end).await?;
            Ok(Answer(json!({ "id": id, "name": name, "token": token })))
        }
        cli::AdminToken::List => {
            let tokens = admin::list(&core).await?.into_iter().map(|token| {
                let scopes = admin::scopes(&token).into_iter().map(admin::Scope::name).collect::<Vec<_>>();
                let about = json!({
                    "name": token.name,
                    "scopes": scopes,
                    "created": token.created,
                    "expires": token.expires,
                    "revoked": token.revoked,
                });
                (token.id.to_string(), about)
            });
            Ok(Answer(Value::Object(tokens.collect())))
        }
        cli::AdminToken::Revoke { id } => {
            admin::revoke(&core, id).await?;
            Ok(Answer(json!({ "id": id, "revoked": true })))
        }
    }
}

/// `rotunda account …`
pub async fn account(config: &Config, command: cli::Account) -> anyhow::Result<Answer> {
    let core = open_core(config).await?;
    match command {
        cli::Account::Create { which, name, token } => {
            let name = name.as_deref().unwrap_or(&which.accid);
            let (account, token) =
                account::create_account(&core, &which.app, &which.accid, name, token.as_deref()).await?;
            Ok(Answer(json!({ "accid": account.user.accid, "token": token })))
        }
        cli::Account::Token(which) => {
            let token = account::issue_token(&core, &which.app, &which.accid).await?;
            Ok(Answer(json!({ "accid": which.accid, "token": token })))
        }
        cli::Account::Disable(which) => set_disabled(&core, which, true).await,
        cli::Account::Enable(which) => set_disabled(&core, which, false).await,
    }
}

async fn set_disabled(core: &Core, which: cli::Which, disabled: bool) -> anyhow::Result<Answer> {
    account::set_disabled(core, &which.app, &which.accid, disabled).await?;
    Ok(Answer(json!({ "accid": which.accid, "disabled": disabled })))
}

/// `rotunda right …`
pub async fn right(config: &Config, command: cli::CustomRight) -> anyhow::Result<Answer> {
    let core = open_core(config).await?;
    match command {
        cli::CustomRight::Define { which, name } => {
            let app = app_id(&core, &which.app).await?;
            let defined = custom_right::define(&core, app, which.id, &name).await?;
            Ok(Answer(json!({ "id": defined.right.id(), "name": defined.name })))
        }
        cli::CustomRight::Remove(which) => {
            let app = app_id(&core, &which.app).await?;
            custom_right::remove(&core, app, which.id).await?;
            Ok(Answer(json!({ "id": which.id, "removed": true })))
        }
        cli::CustomRight::List { app } => {
            let rights = custom_right::list(&core, app_id(&core, &app).await?).await?;
            let names =
                rights.into_iter().map(|known| (known.right.id().to_string(), Value::from(known.name)));
            Ok(Answer(Value::Object(names.collect())))
        }
    }
}

async fn app_id(core: &Core, key: &str) -> anyhow::Result<AppId> {
    Ok(account::app_by_key(core, key).await?.context("no app has this key")?.id)
}

/// What a command tells: one object, as JSON or a line per field.
#[derive(Debug)]
pub struct Answer(Value);

impl Answer {
    pub fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", self.0);
            return;
        }
        for (key, value) in self.0.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            println!("{:<12} {text}", key.replace('_', " "));
        }
    }
}

/// UTC, to the second.
pub fn moment(at: Millis) -> String {
    let Ok(time) = time::OffsetDateTime::from_unix_timestamp(at.get().div_euclid(1_000)) else {
        return at.get().to_string();
    };
    let (hour, minute, second) = time.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}Z", time.date())
}
