//! Sends an app's events to its backend, in the vendor's copying (消息抄送) envelope.
//!
//! `POST` with the headers AppKey, CurTime, MD5 and CheckSum of the vendor's callbacks, and beside them
//! `Rotunda-Signature: t=MS,v1=HEX`, the HMAC-SHA-256 of `MS.BODY` under the app secret: SHA-1 over an MD5 is not what
//! one should rely on. Any status from 200 to 299 takes it; anything else, and no answer in time, does not.

pub mod body;

use std::{collections::HashSet, future::Future, pin::pin, time::Duration};

use aws_lc_rs::hmac;
use futures_util::future::join_all;
use rotunda_core::{
    Core, Error, account,
    event::Entry,
    webhook::{self, Attempt, Head},
};
use rotunda_model::webhook::{DeliveryState, Webhook};
use rotunda_outbound::{Outbound, OutboundError, Post};
use tokio::task::JoinSet;

pub use body::NAMES;

use crate::{callback::sign, vendor::entity::Shape};

/// How long an answer may take. Longer waits for slow backends, shorter moves on to the next lane sooner.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read, bytes; nothing in it counts.
const ANSWER_MAX: usize = 64 * 1024;

/// Requests to one webhook at a time: one for each server that has something to tell.
const AT_ONCE: u32 = 8;

/// Between two looks for what is due again. Shorter repeats sooner, longer asks Postgres less often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is sent, and through what.
#[derive(Debug, Clone)]
pub struct Sender {
    core: Core,
    outbound: Outbound,
    shape: Shape,
}

impl Sender {
    /// `ids_as_text` as for the vendor's REST actions: both write the same entities.
    pub const fn new(core: Core, outbound: Outbound, ids_as_text: bool) -> Self {
        Self { core, outbound, shape: Shape { ids_as_text } }
    }

    /// Sends until `shutdown`; what is under way then is sent again by the next process. One task per process.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let (mut sending, mut busy) = (JoinSet::new(), HashSet::new());
        loop {
            match self.due().await {
                Ok(due) => {
                    for id in due.into_iter().filter(|id| busy.insert(*id)).collect::<Vec<_>>() {
                        let sender = self.clone();
                        sending.spawn(async move {
                            sender.send_due(id).await;
                            id
                        });
                    }
                }
                Err(error) => tracing::warn!(code = %error.code(), "webhooks wait for Postgres"),
            }
            tokio::select! {
                () = &mut shutdown => return,
                Some(ended) = sending.join_next() => match ended {
                    Ok(id) => drop(busy.remove(&id)),
                    Err(error) => {
                        // Whose it was is not known; all are looked at again once the others end.
                        tracing::error!(%error, "a task that sends webhooks failed");
                        metrics::counter!("rotunda_panics_total", "at" => "webhook").increment(1);
                        sending.shutdown().await;
                        busy.clear();
                    }
                },
                () = webhook::woken(&self.core) => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn due(&self) -> Result<Vec<i64>, Error> {
        webhook::spread(&self.core, |entry: &Entry| Some(body::name(entry.event.as_ref().ok()?))).await?;
        webhook::due(&self.core).await
    }

    /// Everything of one webhook that is due, lane by lane.
    async fn send_due(&self, id: i64) {
        loop {
            let (webhook, heads) = match webhook::heads(&self.core, id, AT_ONCE).await {
                Ok(Some((webhook, heads))) if !heads.is_empty() => (webhook, heads),
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(code = %error.code(), "webhooks wait for Postgres");
                    return;
                }
            };
            let sent = join_all(heads.iter().map(|head| self.send(&webhook, head))).await;
            if sent.iter().any(Result::is_err) {
                // Their state could not be written: sending them again at once would send them twice for nothing.
                return;
            }
        }
    }

    async fn send(&self, webhook: &Webhook, head: &Head) -> Result<(), Error> {
        let attempt = self.attempt(webhook, head).await?;
        let state = webhook::attempted(&self.core, webhook.id, head, attempt).await?;
        let result = match state {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Waiting => "failed",
            DeliveryState::GivenUp => {
                tracing::warn!(webhook = webhook.id, event = head.event, "a webhook's event was given up");
                "given_up"
            }
        };
        metrics::counter!("rotunda_webhook_attempts_total", "result" => result).increment(1);
        Ok(())
    }

    async fn attempt(&self, webhook: &Webhook, head: &Head) -> Result<Attempt, Error> {
        let event = match &head.body {
            Some(Ok(event)) => event,
            Some(Err(_)) => return Ok(Attempt::Hopeless("written by another release".to_owned())),
            None => return Ok(Attempt::Hopeless("the event is no longer kept".to_owned())),
        };
        let app = account::app_with_secrets(&self.core, &webhook.app_key).await?;
        // The present one comes first.
        let Some(secret) = app.and_then(|(_, secrets)| secrets.into_iter().next()) else {
            return Ok(Attempt::Hopeless("the app is gone".to_owned()));
        };
        let body = body::write(self.shape, head.event, event).to_string().into_bytes();
        let now = self.core.env().now().get();
        let mut headers = sign(&webhook.app_key, &secret, &body, now).to_vec();
        headers.push(("Rotunda-Signature", signature(secret.as_bytes(), now, &body)));
        headers.push(("Rotunda-Event", head.event.to_string()));
        let post =
            Post { url: &webhook.url, headers: &headers, body, timeout: TIMEOUT, answer_max: ANSWER_MAX };
        Ok(match self.outbound.post(post).await {
            Ok(answer) => Attempt::Answered(answer.status),
            Err(error @ OutboundError::Url) => Attempt::Hopeless(error.to_string()),
            Err(error) => Attempt::Failed(error.to_string()),
        })
    }
}

/// `t=` the time in milliseconds, `,v1=` the hexadecimal HMAC-SHA-256 of time, a dot, and the body.
pub fn signature(secret: &[u8], now_ms: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(format!("{now_ms}.").as_bytes());
    context.update(body);
    format!("t={now_ms},v1={}", hex::encode(context.sign()))
}
