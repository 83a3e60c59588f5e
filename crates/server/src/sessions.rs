//! `rotunda sessions`: who was in media channels, as a line each or JSON.

use rotunda_core::media::record::{self, Of, Query, Sessions};
use rotunda_model::MediaSession;
use serde_json::{Value, json};

use crate::{cli, commands, config::Config, database};

/// Reads the database and changes nothing, not even its schema.
pub async fn run(config: &Config, command: cli::Sessions, as_json: bool) -> anyhow::Result<()> {
    let store = database::connect(config).await?;
    let pending = store.pending_migrations().await?;
    anyhow::ensure!(pending.is_empty(), "the schema is not up to date: run `rotunda migrate` first");
    let query = Query {
        of: command.channel.map_or(Of::Server(command.server), Of::Channel),
        account: command.account,
        before: command.before,
        limit: command.limit,
    };
    let mut found = record::list(&store, &query).await?;
    // A channel of another server has no sessions in this one.
    found.items.retain(|session| session.server == command.server);
    found.has_more &= !found.items.is_empty();
    if as_json {
        println!("{}", object(&found));
    } else {
        print!("{}", text(&found));
    }
    Ok(())
}

fn text(found: &Sessions) -> String {
    if found.items.is_empty() {
        return "No sessions.\n".to_owned();
    }
    let mut lines: Vec<String> = found.items.iter().map(line).collect();
    if let Some(last) = found.items.last().filter(|_| found.has_more) {
        lines.push(format!("More: --before {}", last.id));
    }
    lines.join("\n") + "\n"
}

fn line(session: &MediaSession) -> String {
    let end = match &session.end {
        Some(end) => format!("{} s, {}", (end.at.get() - session.entered.get()) / 1_000, end.reason),
        None => "goes on".to_owned(),
    };
    let media = match (&session.protocol, &session.srtp) {
        (Some(protocol), Some(srtp)) => {
            let traffic = &session.traffic;
            format!(
                "{protocol} {srtp}, up {} kB {:.1} % lost, down {} kB {:.1} % lost",
                traffic.bytes_up / 1_000,
                share(traffic.lost_up, traffic.packets_up + traffic.lost_up),
                traffic.bytes_down / 1_000,
                share(traffic.lost_down, traffic.packets_down),
            )
        }
        _ => "no media".to_owned(),
    };
    format!(
        "{}  {}  channel {}  {}  {} on {}  {end}  {media}",
        session.id,
        commands::moment(session.entered),
        session.channel,
        session.user.accid.as_str(),
        session.client,
        session.device.as_str()
    )
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Ids are texts, times ms since 1970.
fn object(found: &Sessions) -> Value {
    let sessions: Vec<Value> = found
        .items
        .iter()
        .map(|session| {
            let traffic = &session.traffic;
            json!({
                "id": session.id,
                "account": session.user.accid,
                "server": session.server,
                "channel": session.channel,
                "device": session.device,
                "link_device": session.link_device,
                "client": session.client,
                "entered": session.entered,
                "seen": session.seen,
                "ended": session.end.as_ref().map(|end| end.at),
                "reason": session.end.as_ref().map(|end| &end.reason),
                "protocol": session.protocol,
                "srtp": session.srtp,
                "up": { "packets": traffic.packets_up, "bytes": traffic.bytes_up, "lost": traffic.lost_up },
                "down": { "packets": traffic.packets_down, "bytes": traffic.bytes_down, "lost": traffic.lost_down },
            })
        })
        .collect();
    json!({ "sessions": sessions, "has_more": found.has_more })
}

#[cfg(test)]
mod tests {
    use rotunda_model::{
        Accid, AppId, ChannelId, DeviceId, Millis, ServerId, SessionEnd, SessionId, Traffic, UserKey,
    };

    use super::*;

    fn session(end: Option<SessionEnd>) -> MediaSession {
        let traffic = Traffic {
            packets_up: 90,
            bytes_up: 12_345,
            lost_up: 10,
            packets_down: 200,
            bytes_down: 0,
            lost_down: 1,
        };
        let user = UserKey { app: AppId::new(1).unwrap(), accid: Accid::new("ann").unwrap() };
        MediaSession {
            id: SessionId::new(7).unwrap(),
            user,
            server: ServerId::new(2).unwrap(),
            channel: ChannelId::new(3).unwrap(),
            device: DeviceId::new("kit").unwrap(),
            link_device: DeviceId::new("link").unwrap(),
            client: "web".into(),
            entered: Millis(1_700_000_000_000),
            seen: Millis(1_700_000_061_000),
            end,
            protocol: Some("udp".into()),
            srtp: Some("AEAD_AES_128_GCM".into()),
            traffic,
        }
    }

    #[test]
    fn a_line_tells_all_that_an_operator_asks() {
        let end = SessionEnd { at: Millis(1_700_000_061_000), reason: "left".into() };
        assert_eq!(
            line(&session(Some(end))),
            "7  2023-11-14 22:13:20Z  channel 3  ann  web on kit  61 s, left  \
             udp AEAD_AES_128_GCM, up 12 kB 10.0 % lost, down 0 kB 0.5 % lost"
        );
        let silent = MediaSession { protocol: None, srtp: None, ..session(None) };
        assert!(line(&silent).ends_with("goes on  no media"), "{}", line(&silent));
    }

    #[test]
    fn the_next_page_is_named() {
        let found = Sessions { items: vec![session(None)], has_more: true };
        assert!(text(&found).ends_with("\nMore: --before 7\n"));
        assert_eq!(text(&Sessions { items: vec![], has_more: false }), "No sessions.\n");
        let object = object(&found);
        assert_eq!(object["sessions"][0]["id"], "7");
        assert_eq!(object["sessions"][0]["ended"], Value::Null);
        assert_eq!(object["sessions"][0]["up"]["lost"], 10);
    }
}
