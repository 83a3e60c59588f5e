//! The demo: six accounts, one community, and the endpoints that let the try-it page use them.

use std::{path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use rotunda_gateway::PublicOrigin;
use serde::{Deserialize, Serialize};

use crate::{private_file, ready::Addresses};

/// What a demo needs to be used, kept in `DATA/demo.json` so that it survives restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demo {
    pub app_key: String,
    pub app_secret: String,
    /// The first owns the server; the second is on the private channel's white list.
    pub accounts: Vec<DemoAccount>,
    pub server_id: String,
    pub channel_id: String,
    pub private_channel_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoAccount {
    pub accid: String,
    pub name: String,
    pub token: String,
}

impl Demo {
    /// `None` when there is no demo yet.
    pub fn load(file: &Path) -> anyhow::Result<Option<Self>> {
        let text = private_file::read(file)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| {
            anyhow::anyhow!("{} is not a demo of ours ({error}); remove it to get a new one", file.display())
        })
    }

    pub fn save(&self, file: &Path) -> anyhow::Result<()> {
        private_file::write(file, &serde_json::to_vec_pretty(self)?)
    }

    #[cfg(test)]
    pub fn sample() -> Self {
        let account = |accid: &str| DemoAccount {
            accid: accid.to_owned(),
            name: accid.to_uppercase(),
            token: format!("token-of-{accid}"),
        };
        Self {
            app_key: "key".into(),
            app_secret: "app-secret".into(),
            accounts: ["alice", "bob"].map(account).into(),
            server_id: "1".into(),
            channel_id: "2".into(),
            private_channel_id: "3".into(),
        }
    }
}

/// What the page learns at its start: addresses and names, no token and no secret.
#[derive(Serialize)]
struct Page<'a> {
    /// So that nobody takes it for more.
    demo: bool,
    #[serde(flatten)]
    addresses: Addresses,
    app_key: &'a str,
    server_id: &'a str,
    channel_id: &'a str,
    private_channel_id: &'a str,
    accounts: Vec<Person<'a>>,
}

#[derive(Serialize)]
struct Person<'a> {
    accid: &'a str,
    name: &'a str,
}

#[derive(Deserialize)]
struct Wanted {
    accid: String,
}

struct Shared {
    demo: Demo,
    origin: PublicOrigin,
}

/// `/try/accounts` and `/try/token`, for the page of our own origin: no CORS.
pub fn routes(demo: Demo, origin: PublicOrigin) -> Router {
    Router::new()
        .route("/try/accounts", get(page))
        .route("/try/token", post(token))
        .with_state(Arc::new(Shared { demo, origin }))
}

async fn page(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let demo = &shared.demo;
    let page = Page {
        demo: true,
        addresses: Addresses::new(&shared.origin.authority(&headers)),
        app_key: &demo.app_key,
        server_id: &demo.server_id,
        channel_id: &demo.channel_id,
        private_channel_id: &demo.private_channel_id,
        accounts: demo
            .accounts
            .iter()
            .map(|account| Person { accid: &account.accid, name: &account.name })
            .collect(),
    };
    private(Json(page).into_response())
}

async fn token(State(shared): State<Arc<Shared>>, Json(wanted): Json<Wanted>) -> Response {
    let found = shared.demo.accounts.iter().find(|account| account.accid == wanted.accid);
    private(match found {
        Some(account) => {
            Json(serde_json::json!({ "accid": account.accid, "token": account.token })).into_response()
        }
        None => (StatusCode::NOT_FOUND, "not an account of the demo\n").into_response(),
    })
}

fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn ask(request: axum::http::request::Builder, body: &str) -> (StatusCode, String) {
        let router = routes(Demo::sample(), PublicOrigin::Fixed("https://127.0.0.1:8443".into()));
        let response = router.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_learns_no_token_and_no_secret() {
        let (status, body) = ask(Request::get("/try/accounts"), "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!body.contains("token-of") && !body.contains("app-secret"), "{body}");
        assert!(body.contains("\"link\":\"127.0.0.1:8443\"") && body.contains("\"accid\":\"bob\""), "{body}");
    }

    #[tokio::test]
    async fn tokens_are_those_of_demo_accounts_only() {
        let post = || Request::post("/try/token").header(header::CONTENT_TYPE, "application/json");
        let (status, body) = ask(post(), r#"{"accid":"alice"}"#).await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::OK, r#"{"accid":"alice","token":"token-of-alice"}"#)
        );
        assert_eq!(ask(post(), r#"{"accid":"root"}"#).await.0, StatusCode::NOT_FOUND);
        assert!(ask(post(), "{").await.0.is_client_error());
    }

    #[test]
    fn credentials_are_kept() {
        let file = crate::scratch::directory("demo").join("demo.json");
        assert_eq!(Demo::load(&file).unwrap(), None);
        Demo::sample().save(&file).unwrap();
        assert_eq!(Demo::load(&file).unwrap(), Some(Demo::sample()));
        std::fs::write(&file, "{}").unwrap();
        assert!(Demo::load(&file).is_err());
    }
}
