//! `rotunda webhook …`: where an app's events are sent, and what became of them.

use anyhow::{Context, ensure};
use rotunda_admin::webhook::NAMES;
use rotunda_core::{account, webhook};
use rotunda_model::{
    AppId,
    webhook::{Delivery, DeliveryState, Webhook},
};
use serde_json::{Value, json};

use crate::{cli, commands, config::Config};

/// Runs one command; a running server sees the change at its next look, within a second.
pub async fn run(config: &Config, command: cli::Webhook, as_json: bool) -> anyhow::Result<()> {
    let core = commands::open_core(config).await?;
    let app = async |key: &str| -> anyhow::Result<AppId> {
        Ok(account::app_by_key(&core, key).await?.context("no app has this key")?.id)
    };
    let (told, text) = match command {
        cli::Webhook::Create { app: key, url, events } => {
            rotunda_outbound::parse(&url)?;
            for event in &events {
                ensure!(
                    NAMES.contains(&event.as_str()),
                    "no event is called {event}; there are {}",
                    NAMES.join(", ")
                );
            }
            let made = webhook::create(&core, app(&key).await?, &url, &events).await?;
            (object(&made), line(&made))
        }
        cli::Webhook::List { app: key } => {
            let all = webhook::list(&core, app(&key).await?).await?;
            let items: Vec<Value> = all.iter().map(object).collect();
            (json!({ "webhooks": items }), lines(&all, line, "No webhooks."))
        }
        cli::Webhook::Remove { app: key, id } => {
            webhook::remove(&core, app(&key).await?, id).await?;
            (json!({ "id": id, "removed": true }), format!("{id} removed\n"))
        }
        cli::Webhook::Deliveries { app: key, id, state, before, limit } => {
            let state = state.map(cli::Delivery::model);
            let found = webhook::deliveries(&core, app(&key).await?, id, state, before, limit).await?;
            let items: Vec<Value> = found.iter().map(delivery_object).collect();
            (json!({ "deliveries": items }), lines(&found, delivery_line, "No deliveries."))
        }
        cli::Webhook::Redeliver { app: key, id, event } => {
            webhook::redeliver(&core, app(&key).await?, id, event).await?;
            (json!({ "id": id, "event": event, "state": "waiting" }), format!("{event} is sent again\n"))
        }
    };
    if as_json {
        println!("{told}");
    } else {
        print!("{text}");
    }
    Ok(())
}

fn object(webhook: &Webhook) -> Value {
    json!({ "id": webhook.id, "url": webhook.url, "events": webhook.kinds, "created": webhook.created })
}

fn line(webhook: &Webhook) -> String {
    let events = if webhook.kinds.is_empty() { "all events".to_owned() } else { webhook.kinds.join(",") };
    format!("{}  {}  {events}\n", webhook.id, webhook.url)
}

fn delivery_object(delivery: &Delivery) -> Value {
    json!({
        "event": delivery.event,
        "state": delivery.state.name(),
        "attempts": delivery.attempts,
        "at": delivery.at,
        "status": delivery.status,
        "failure": delivery.failure,
    })
}

fn delivery_line(delivery: &Delivery) -> String {
    let came = match (delivery.status, &delivery.failure) {
        (Some(status), _) => format!("HTTP {status}"),
        (None, Some(failure)) => failure.clone(),
        (None, None) => "not tried yet".to_owned(),
    };
    let verb = match delivery.state {
        DeliveryState::Waiting => "next try",
        DeliveryState::Delivered | DeliveryState::GivenUp => "done",
    };
    let (event, state, attempts) = (delivery.event, delivery.state.name(), delivery.attempts);
    format!("{event}  {state}  {attempts} attempts  {came}  {verb} {}\n", commands::moment(delivery.at))
}

fn lines<T>(items: &[T], line: impl Fn(&T) -> String, none: &str) -> String {
    if items.is_empty() { format!("{none}\n") } else { items.iter().map(line).collect() }
}
