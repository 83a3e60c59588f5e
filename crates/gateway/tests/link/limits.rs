//! Bad input ends with a clear code, and only the connection that sent it.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::json;
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{App, Client};

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_no_frame_closes_with_1007(pool: PgPool) {
    let app = App::start(pool).await;
    for text in ["hello", "", "3::", "3:::", "3:::{}", "3:::[1]", r#"3:::{"SID":24,"CID":2,"Q":[]}"#] {
        let mut stranger = app.socket().await;
        stranger.send(text).await;
        assert_eq!(stranger.closed().await, Some(1007), "{text:?}");
    }
    let mut client = app.login("ann", "a").await;
    client.send("3:::{").await;
    assert_eq!(client.closed().await, Some(1007));
}

#[sqlx::test(migrations = "../../migrations")]
async fn binary_closes_with_1003(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.socket().await;
    client.send_message(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(client.closed().await, Some(1003));
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_byte_too_many_closes_with_1009(pool: PgPool) {
    let app = App::start(pool).await;
    let padded = |bytes: usize| {
        let empty = r#"3:::{"SER":1,"SID":1,"CID":2,"Q":[],"pad":""}"#;
        empty.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "x".repeat(bytes - empty.len())))
    };
    let mut stranger = app.socket().await;
    stranger.send(&padded(64 * 1024 + 1)).await;
    assert_eq!(stranger.closed().await, Some(1009));
    let mut stranger = app.socket().await;
    stranger.send(&padded(64 * 1024)).await;
    assert_eq!(stranger.closed().await, Some(1008), "short enough, but no login");

    let mut client = app.login("ann", "a").await;
    client.send(&padded(1024 * 1024)).await;
    assert_eq!(client.packet().await["code"], 200);
    client.send(&padded(1024 * 1024 + 1)).await;
    assert_eq!(client.closed().await, Some(1009));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_packet_with_a_ser_is_answered_998(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    for packet in
        [r#"{"SER":77}"#, r#"{"SER":77,"SID":24,"CID":31,"Q":{}}"#, r#"{"SER":77,"SID":-1,"CID":[]}"#]
    {
        client.send(&format!("3:::{packet}")).await;
        let answer = client.packet().await;
        assert_eq!((&answer["ser"], &answer["code"]), (&json!(77), &json!(998)), "{packet}");
    }
    client.ok(1, 2, json!([])).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn frames_that_carry_nothing_are_read_over(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    for frame in ["1::", "2::", "4:::x", "7:::1", "8::"] {
        client.send(frame).await;
    }
    client.send_message(Message::Ping(vec![1].into())).await;
    client.ok(1, 2, json!([])).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_silent_stranger_is_closed_in_ten_seconds(pool: PgPool) {
    let app = App::start(pool).await;
    let started = tokio::time::Instant::now();
    let mut client = app.socket().await;
    assert_eq!(client.closed().await, Some(1008));
    let waited = started.elapsed().as_secs_f32();
    assert!((9.5..12.0).contains(&waited), "{waited} s");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_session_that_answers_nothing_is_closed_after_three_heartbeats(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let mut heartbeats = 0;
    let code = loop {
        match client.message_untimed().await {
            Some(Message::Text(text)) if text.as_str() == "2::" => heartbeats += 1,
            Some(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((heartbeats, code), (3, Some(1000)));
    let waited = started.elapsed().as_secs();
    assert!((75..=125).contains(&waited), "{waited} s");
}

/// After any text: an answer, or a close; and the server lives.
#[sqlx::test(migrations = "../../migrations")]
async fn any_text_gives_an_answer_or_a_close(pool: PgPool) {
    let app = App::start(pool).await;
    let mut runner = TestRunner::deterministic();
    let text = prop_oneof![
        ".{0,40}",
        "[0-8]:{0,3}.{0,30}",
        r#"3:::\{"SER":[0-9]{1,3},"SID":(1|6|24|25),"CID":[0-9]{1,3},"Q":\[(\{"t":"[A-Za-z]{0,5}","v":(1|"x"|\{\}|\[\]|null|\{"1":"2"\})\},?){0,3}\]\}"#,
        r#"3:::\{"SER":[0-9]{1,3},"SID":24,"CID":[0-9]{2},"Q":\[\{"t":"Property","v":\{"1":"[0-9]{0,20}","2":[0-9]{1,19},"6":"[\[\]{}:0-9,]{0,5}"\}\}\]\}"#,
    ];
    let mut client = app.login("ann", "a").await;
    for _ in 0..300 {
        let text = text.new_tree(&mut runner).unwrap().current();
        client.send(&text).await;
        if !answers_or_closes(&mut client).await {
            client = app.login("ann", "a").await;
        }
    }
}

/// Whether the session still answers a heartbeat.
async fn answers_or_closes(client: &mut Client) -> bool {
    client.send_message(Message::text(r#"3:::{"SER":1000000,"SID":1,"CID":2,"Q":[]}"#)).await;
    loop {
        match client.message().await {
            Some(Message::Text(text)) if text.contains("1000000") => return true,
            Some(Message::Text(text)) => assert!(!text.contains("\"code\":500"), "{text}"),
            Some(Message::Close(_)) | None => return false,
            Some(_) => {}
        }
    }
}
