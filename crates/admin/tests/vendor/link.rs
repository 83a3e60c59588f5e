//! A QChat link as the SDK has it, as far as these tests listen to it.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// Longest wait for anything; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Link {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pushes: VecDeque<Value>,
}

impl Link {
    pub async fn open(address: SocketAddr, key: &str, accid: &str, token: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /socket.io/1/?t=1 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let sid = answer.split_once("\r\n\r\n").unwrap().1.split(':').next().unwrap().to_owned();
        let url = format!("ws://{address}/socket.io/1/websocket/{sid}");
        let (ws, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut link = Self { ws, pushes: VecDeque::new() };
        let login = json!([{"t": "Property", "v": {
            "1": key, "2": accid, "4": token, "6": 16, "7": "client-session", "8": format!("device-{accid}"),
            "9": 100_801, "10": 0
        }}]);
        let packet = json!({"SER": 1, "SID": 24, "CID": 2, "Q": login});
        link.ws.send(Message::text(format!("3:::{packet}"))).await.unwrap();
        loop {
            let packet = link.packet().await;
            if packet["ser"] == 1 {
                assert_eq!(packet["code"], 200, "{packet}");
                return link;
            }
            link.pushes.push_back(packet);
        }
    }

    async fn packet(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.ws.next()).await.expect("a message in time");
            let Some(Ok(Message::Text(text))) = message else { continue };
            if text.as_str() == "2::" {
                self.ws.send(Message::text("2::")).await.unwrap();
            } else if let Some(json) = text.as_str().strip_prefix("3:::") {
                return serde_json::from_str(json).unwrap();
            }
        }
    }

    /// The items of the next push of this kind; others are passed over.
    pub async fn push(&mut self, sid: u16, cid: u16) -> Value {
        loop {
            let packet = match self.pushes.pop_front() {
                Some(packet) => packet,
                None => self.packet().await,
            };
            if packet["sid"] == sid && packet["cid"] == cid {
                return packet["r"].clone();
            }
        }
    }

    /// The next 24_14 of a type: the notification, and its attachment.
    pub async fn notification(&mut self, kind: u16) -> (Value, Value) {
        loop {
            let items = self.push(24, 14).await;
            if items[0]["11"].as_str() == Some(kind.to_string().as_str()) {
                let attach = serde_json::from_str(items[0]["15"].as_str().unwrap()).unwrap();
                return (items[0].clone(), attach);
            }
        }
    }
}
