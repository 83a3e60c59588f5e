//! A connection that breaks at COMMIT: nobody knows whether it happened, until Postgres is asked.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use rotunda_core::{media, role, server};
use rotunda_model::{AuthValue, Code, Right, ViewMode};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    sync::Notify,
};

use crate::support::{self, code, join};

/// What becomes of the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It happens, and the answer is lost.
    AnswerLost,
    /// It never reaches Postgres.
    NeverSent,
    /// It reaches Postgres long after the client gave up.
    Late,
}

/// Between the pool and Postgres.
struct Wire {
    next: AtomicU8,
    release: Notify,
    /// Where its socket is.
    place: PathBuf,
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

impl Wire {
    fn arm(&self, fault: Fault) {
        self.next.store(fault as u8, Ordering::SeqCst);
    }

    fn take(&self) -> Fault {
        let all = [Fault::None, Fault::AnswerLost, Fault::NeverSent, Fault::Late];
        all[usize::from(self.next.swap(Fault::None as u8, Ordering::SeqCst))]
    }

    /// Copies both ways until a side closes or a fault comes due.
    async fn carry(
        &self,
        mut client: UnixStream,
        mut postgres: impl AsyncRead + AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let packet = &asked[..read?];
                    if packet.is_empty() {
                        return Ok(());
                    }
                    let fault = if packet == b"Q\0\0\0\x0bCOMMIT\0" { self.take() } else { Fault::None };
                    match fault {
                        Fault::None => {}
                        Fault::NeverSent => return Ok(()),
                        Fault::AnswerLost => {
                            postgres.write_all(packet).await?;
                            postgres.read_u8().await?;
                            return Ok(());
                        }
                        Fault::Late => {
                            drop(client);
                            self.release.notified().await;
                            postgres.write_all(packet).await?;
                            postgres.read_u8().await?;
                            return Ok(());
                        }
                    }
                    postgres.write_all(packet).await?;
                }
                read = postgres.read(&mut answered) => {
                    let packet = &answered[..read?];
                    if packet.is_empty() {
                        return Ok(());
                    }
                    client.write_all(packet).await?;
                }
            }
        }
    }
}

/// A pool whose connections go through the wire, and one whose do not.
async fn wired(
    pools: PgPoolOptions,
    connect: PgConnectOptions,
) -> anyhow::Result<(Arc<Wire>, PgPool, PgPool)> {
    // A directory of sockets works for every kind of address, because it counts before a host.
    let name = format!("rotunda-wire-{}", connect.get_database().unwrap_or_default());
    let place = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&place)?;
    let name = format!(".s.PGSQL.{}", connect.get_port());
    let _ = std::fs::remove_file(place.join(&name));
    let listener = UnixListener::bind(place.join(&name))?;
    let wire = Arc::new(Wire { next: AtomicU8::new(0), release: Notify::new(), place: place.clone() });
    let (carrier, target) = (Arc::clone(&wire), connect.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (carrier, target, name) = (Arc::clone(&carrier), target.clone(), name.clone());
            tokio::spawn(async move {
                match target.get_socket() {
                    Some(place) => carrier.carry(client, UnixStream::connect(place.join(name)).await?).await,
                    None => {
                        let address = (target.get_host(), target.get_port());
                        carrier.carry(client, TcpStream::connect(address).await?).await
                    }
                }
            });
        }
    });
    let direct = pools.clone().connect_with(connect.clone()).await?;
    let through = pools.connect_with(connect.socket(&place)).await?;
    Ok((wire, through, direct))
}

/// Takes the right to be in the channel from everybody seated there, over a COMMIT with that fault. `happens`: whether
/// storage has it in the end.
async fn revoke(
    fault: Fault,
    happens: bool,
    pools: PgPoolOptions,
    connect: PgConnectOptions,
) -> anyhow::Result<()> {
    let (wire, through, direct) = wired(pools, connect).await?;
    let app = TestApp::new(through).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let talk = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    let (_, before) = server::rights(&app.core, &bob, made.id).await?;
    app.quiet().await?;
    app.rooms.seat(made.id, talk.id, &bob.user.accid);

    wire.arm(fault);
    let auths = vec![(Right::RTC_CONNECT, AuthValue::Deny)];
    let update = role::RoleUpdate { auths, ..role::RoleUpdate::default() };
    let refused = role::update(&app.core, &ann, made.id, everyone, update).await;
    assert!(refused.is_err(), "the caller is not told that it was done");
    if fault == Fault::Late {
        // Whoever judges waits for the commit that is still to come.
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&direct)
            .await?;
            if waiting > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(app.rooms.take().is_empty(), "nothing is known yet");
        wire.release.notify_one();
    }
    let calls = loop {
        let calls = app.rooms.take();
        if !calls.is_empty() {
            break calls;
        }
        tokio::task::yield_now().await;
    };
    let [RoomCall::Rights { verdict, .. }] = calls.as_slice() else { anyhow::bail!("{calls:?}") };
    assert_eq!(verdict.is_none(), happens, "who sits there keeps what storage says");

    let verdict = media::verdict(&app.core, &bob.user, talk.id).await;
    assert_eq!(code(verdict), if happens { Code::FORBIDDEN } else { Code::OK });
    assert!(server::rules_agree(&app.core, made.id).await?);
    let (rights, version) = server::rights(&app.core, &bob, made.id).await?;
    assert_eq!((rights.has(Right::RTC_CONNECT), version), (!happens, before + i64::from(happens)));
    // Memory is trusted again.
    let asked = app.core.membership_stats();
    for _ in 0..5 {
        server::rights(&app.core, &bob, made.id).await?;
    }
    assert_eq!(app.core.membership_stats().misses, asked.misses);
    support::set_everyone(&app, &ann, made.id, &[(Right::RTC_CONNECT, AuthValue::Allow)]).await?;
    let (rights, next) = server::rights(&app.core, &bob, made.id).await?;
    assert_eq!((rights.has(Right::RTC_CONNECT), next), (true, version + 1));
    Ok(())
}

/// What never comes is a failure, not a test without end.
async fn within(test: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::time::timeout(std::time::Duration::from_secs(60), test).await?
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_commit_whose_answer_is_lost_holds(
    pools: PgPoolOptions,
    connect: PgConnectOptions,
) -> anyhow::Result<()> {
    within(revoke(Fault::AnswerLost, true, pools, connect)).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_commit_that_was_never_sent_changes_nothing(
    pools: PgPoolOptions,
    connect: PgConnectOptions,
) -> anyhow::Result<()> {
    within(revoke(Fault::NeverSent, false, pools, connect)).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_commit_that_comes_late_is_waited_for(
    pools: PgPoolOptions,
    connect: PgConnectOptions,
) -> anyhow::Result<()> {
    within(revoke(Fault::Late, true, pools, connect)).await
}
