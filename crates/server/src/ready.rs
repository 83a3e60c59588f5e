//! What people and scripts are told once everything serves.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{demo::Demo, private_file};

/// Every address a client may need, for one authority (`host:port`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Addresses {
    pub link: String,
    pub origin: String,
    pub roomkit_url: String,
    pub room_server: String,
    pub lbs: String,
    pub channel_server: String,
    pub statistics_server: String,
    pub statistics_websocket_server: String,
}

impl Addresses {
    /// The fixed paths of the one public origin.
    pub fn new(authority: &str) -> Self {
        let origin = format!("https://{authority}");
        // The link is given as host and port; 443 is what a bare https origin means.
        let bare = authority.ends_with(']') || !authority.contains(':');
        Self {
            link: if bare { format!("{authority}:443") } else { authority.to_owned() },
            roomkit_url: format!("{origin}/roomkit/roomkit.umd.js"),
            room_server: origin.clone(),
            lbs: format!("{origin}/lbs"),
            channel_server: format!("{origin}/rtc/info"),
            statistics_server: format!("{origin}/rtc/stat"),
            statistics_websocket_server: format!("wss://{authority}/rtc/statws"),
            origin,
        }
    }
}

/// Content of the ready-file. It holds secrets of the demo, so the file is private.
#[derive(Debug, Serialize)]
pub struct Ready<'a> {
    #[serde(flatten)]
    pub addresses: &'a Addresses,
    #[serde(flatten)]
    pub demo: Option<&'a Demo>,
    pub udp_port: u16,
    /// Where clients are told to send media.
    pub media: Vec<SocketAddr>,
    /// The private listener: `/livez`, `/readyz`, `/metrics`.
    pub admin: String,
    /// The process whose SIGTERM ends everything.
    pub pid: u32,
    pub data: PathBuf,
    /// PEM to trust, of a development certificate.
    pub certificate: Option<PathBuf>,
}

/// The ready-file; removed when dropped, so that it never names a server that is gone.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    pub fn write(path: &Path, ready: &Ready<'_>) -> anyhow::Result<Self> {
        let mut text = serde_json::to_vec(ready)?;
        text.push(b'\n');
        private_file::write(path, &text)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Removes what a killed server left. Gone already is as good.
    pub fn clear(path: &Path) {
        let _ = std::fs::remove_file(path);
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        Self::clear(&self.path);
    }
}

/// A short text for a person at a terminal.
pub fn banner(ready: &Ready<'_>) -> String {
    let Addresses { origin, link, roomkit_url, .. } = ready.addresses;
    let media: Vec<String> = ready.media.iter().map(SocketAddr::to_string).collect();
    let mut text = format!(
        "\nRotunda serves.\n\n  link address   {link}\n  media (UDP)    {}\n  room kit       {roomkit_url}\n",
        media.join(", ")
    );
    if let Some(demo) = ready.demo {
        text += &format!("  app key        {}\n\n  accounts (id, token)\n", demo.app_key);
        for account in &demo.accounts {
            text += &format!("    {:<8} {}\n", account.accid, account.token);
        }
        text += "\n  This is a demo: anyone who reaches the page below can log in as these accounts.\n";
    }
    if let Some(certificate) = &ready.certificate {
        text += &format!(
            "\n  The certificate is for development. Browsers ask once at the address below; to trust it for good,\n  \
             import {}\n  (Node: NODE_EXTRA_CA_CERTS=that file).\n",
            certificate.display()
        );
    }
    text +=
        "\n  Report problems to this project, never to the SDK's vendor, who does not know this server.\n";
    if ready.demo.is_some() {
        text += &format!("\n  Try it: {origin}/try/\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn ready_file_is_private_complete_and_removed() {
        let path = crate::scratch::directory("ready").join("ready.json");
        let (addresses, demo) = (Addresses::new("127.0.0.1:8443"), Demo::sample());
        let ready = Ready {
            addresses: &addresses,
            demo: Some(&demo),
            udp_port: 8443,
            media: vec!["127.0.0.1:8443".parse().unwrap()],
            admin: "http://127.0.0.1:8444".into(),
            pid: 123,
            data: "data".into(),
            certificate: None,
        };
        let file = ReadyFile::write(&path, &ready).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let keys = "link origin app_key app_secret accounts server_id channel_id private_channel_id roomkit_url \
                    room_server lbs channel_server statistics_server udp_port admin pid";
        for key in keys.split_whitespace() {
            assert!(read.get(key).is_some(), "{key} is missing in {read}");
        }
        assert_eq!(read["link"], "127.0.0.1:8443");
        assert_eq!(read["roomkit_url"], "https://127.0.0.1:8443/roomkit/roomkit.umd.js");
        assert!(read["accounts"][0]["token"].is_string());
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_link_address_always_has_a_port() {
        assert_eq!(Addresses::new("chat.example.org").link, "chat.example.org:443");
        assert_eq!(Addresses::new("[2001:db8::1]").link, "[2001:db8::1]:443");
        assert_eq!(Addresses::new("[2001:db8::1]:9").link, "[2001:db8::1]:9");
    }
}
