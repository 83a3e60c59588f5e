//! An app's backend: it signs requests and reads answers.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rotunda_admin::{Vendor, VendorConfig, vendor, vendor::sign::check_sum};
use rotunda_core::{Core, account};
use serde_json::Value;
use tower::ServiceExt;

pub const LINK: &str = "chat.example:8443";

pub fn config() -> VendorConfig {
    VendorConfig { link: LINK.into(), ids_as_text: false, rate: vendor::RateLimit::default() }
}

/// Makes every request of this process another one.
static NONCE: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub struct Backend {
    pub core: Core,
    pub router: Router,
    pub key: String,
    pub secret: String,
}

impl Backend {
    pub async fn new(core: &Core, key: &str, config: VendorConfig) -> anyhow::Result<Self> {
        let router = vendor::routes(Vendor::new(core.clone(), config));
        Ok(Self {
            core: core.clone(),
            router,
            key: key.to_owned(),
            secret: account::app_secret(core, key).await?,
        })
    }

    pub fn seconds(&self) -> i64 {
        self.core.env().now().get() / 1_000
    }

    /// The four headers of a fresh request.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let nonce = format!("nonce-{}", NONCE.fetch_add(1, Ordering::Relaxed));
        self.signed(&nonce, self.seconds())
    }

    pub fn signed(&self, nonce: &str, seconds: i64) -> Vec<(&'static str, String)> {
        let time = seconds.to_string();
        let sum = check_sum(&self.secret, nonce, &time);
        vec![("AppKey", self.key.clone()), ("Nonce", nonce.to_owned()), ("CurTime", time), ("CheckSum", sum)]
    }

    /// `path` without `/nimserver/` and `.action`; `fields` as `name=value;name=value`, not encoded.
    pub async fn call(&self, path: &str, fields: &str) -> Value {
        self.send(path, &self.headers(), form(fields)).await
    }

    /// The code alone.
    pub async fn code(&self, path: &str, fields: &str) -> u64 {
        code(&self.call(path, fields).await)
    }

    pub async fn send(&self, path: &str, headers: &[(&'static str, String)], body: impl Into<Body>) -> Value {
        let mut request = Request::post(format!("/nimserver/{path}.action"));
        let form = "application/x-www-form-urlencoded;charset=utf-8";
        if headers.iter().all(|(name, _)| *name != "Content-Type") {
            request = request.header(header::CONTENT_TYPE, form);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json;charset=utf-8");
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
    }
}

pub fn code(answer: &Value) -> u64 {
    answer["code"].as_u64().unwrap()
}

pub fn form(fields: &str) -> String {
    let pairs = fields.split(';').filter(|field| !field.is_empty()).map(|field| {
        let (name, value) = field.split_once('=').unwrap();
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    });
    pairs.collect::<Vec<_>>().join("&")
}
