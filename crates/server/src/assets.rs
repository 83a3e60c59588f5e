//! What npm built: the room kit under `/roomkit/`, the try-it page under `/try/`.
//!
//! A release build carries the files; a debug build reads them from the tree at each request. Either builds
//! without them: the paths then answer 404, with the command that builds them.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../roomkit/dist"]
#[allow_missing = true]
struct RoomKit;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct TryPage;

/// Only our own origin, no inline code. `connect-src 'self'` covers the WebSockets of the same origin.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; \
    worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// File names with a content hash never change; a year is the longest that caches honour.
const CACHE_HASHED: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for again, and answered with 304 while it is the same.
const CACHE_REVALIDATE: &str = "no-cache";

/// `/roomkit/*`, for any origin: pages of other origins load the kit by a script tag.
pub fn roomkit() -> Router {
    Router::new().route(
        "/roomkit/{*path}",
        get(|Path(path): Path<String>, headers: HeaderMap| async move { kit(&path, &headers) }),
    )
}

/// `/try/*`, in demo mode only; `/` and `/try` lead there.
pub fn try_page() -> Router {
    let to_page = || async { axum::response::Redirect::temporary("/try/") };
    Router::new()
        .route("/", get(to_page))
        .route("/try", get(to_page))
        .route("/try/", get(|headers: HeaderMap| async move { page("index.html", &headers) }))
        .route(
            "/try/{*path}",
            get(|Path(path): Path<String>, headers: HeaderMap| async move { page(&path, &headers) }),
        )
}

/// A file as npm built it.
struct Asset {
    data: Bytes,
    sha256: [u8; 32],
    mime: String,
}

impl From<EmbeddedFile> for Asset {
    fn from(file: EmbeddedFile) -> Self {
        Self {
            sha256: file.metadata.sha256_hash(),
            mime: file.metadata.mimetype().to_owned(),
            data: Bytes::from(file.data.into_owned()),
        }
    }
}

fn kit(path: &str, asked: &HeaderMap) -> Response {
    let mut response = file(RoomKit::get(path).map(Asset::from), path, asked);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

fn page(path: &str, asked: &HeaderMap) -> Response {
    let mut response = file(TryPage::get(path).map(Asset::from), path, asked);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("permissions-policy", HeaderValue::from_static("camera=(self), microphone=(self)"));
    response
}

fn file(found: Option<Asset>, path: &str, asked: &HeaderMap) -> Response {
    let Some(file) = found else {
        return (StatusCode::NOT_FOUND, "no such file; `./run` builds the room kit and the try-it page\n")
            .into_response();
    };
    let tag = format!("\"{}\"", hex::encode(file.sha256));
    let cache = if path.starts_with("assets/") { CACHE_HASHED } else { CACHE_REVALIDATE };
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(file.data).into_response() };
    let headers = response.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    headers.insert(header::CONTENT_TYPE, value(&file.mime));
    headers.insert(header::ETAG, value(&tag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    fn asset() -> Asset {
        Asset { data: Bytes::from_static(b"let a;"), sha256: [7; 32], mime: "text/javascript".into() }
    }

    async fn status(router: Router, path: &str) -> (StatusCode, HeaderMap) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        (response.status(), response.headers().clone())
    }

    #[tokio::test]
    async fn root_leads_to_the_page_and_the_page_is_fenced() {
        let (code, headers) = status(try_page(), "/").await;
        assert_eq!(
            (code, &headers[header::LOCATION]),
            (StatusCode::TEMPORARY_REDIRECT, &"/try/".parse().unwrap())
        );
        let (_, headers) = status(try_page(), "/try/").await;
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'"));
    }

    #[tokio::test]
    async fn files_above_the_bundle_are_out_of_reach() {
        for path in ["/roomkit/../package.json", "/roomkit/%2e%2e/package.json", "/roomkit/..%2fpackage.json"]
        {
            assert_eq!(status(roomkit(), path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        let first = file(Some(asset()), "roomkit.umd.js", &HeaderMap::new());
        assert_eq!(first.headers()[header::CONTENT_TYPE], "text/javascript");
        assert_eq!(first.headers()[header::CACHE_CONTROL], CACHE_REVALIDATE);
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())]);
        assert_eq!(file(Some(asset()), "roomkit.umd.js", &asked).status(), StatusCode::NOT_MODIFIED);
        let hashed = file(Some(asset()), "assets/index-abc.js", &HeaderMap::new());
        assert_eq!(hashed.headers()[header::CACHE_CONTROL], CACHE_HASHED);
    }
}
