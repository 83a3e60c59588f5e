//! The release binary, with a data directory of its own.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rotunda_bench_forward::clock;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::scenario::Options;

/// From its start until it serves; migrations were run before.
const START: Duration = Duration::from_secs(30);

/// What its ready-file says.
#[derive(Debug, Deserialize)]
pub struct Ready {
    /// Host and port of the link, and of everything else.
    pub link: String,
    /// PEM to trust.
    pub certificate: PathBuf,
    /// The private listener.
    pub admin: String,
}

#[derive(Debug)]
pub struct Server {
    child: Child,
    pub ready: Ready,
}

impl Server {
    /// Starts it, on that core if there is one for it, with more settings.
    ///
    /// # Errors
    /// It did not become ready.
    pub async fn start(options: &Options<'_>, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let Options { binary, data, database, .. } = options;
        let ready = data.join("ready.json");
        let mut command = match options.core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        let log = std::fs::File::create(data.join("server.log"))?;
        let mut child = command
            .arg("serve")
            .arg("--ready-file")
            .arg(&ready)
            .env("ROTUNDA_DATA", data)
            .env("ROTUNDA_DATABASE__URL", database)
            .env("ROTUNDA_SERVER__PORT", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        let give_up = clock::now() + START;
        loop {
            // Written whole under another name, then renamed.
            if let Ok(text) = std::fs::read(&ready) {
                let ready = serde_json::from_slice(&text)?;
                return Ok(Self { child, ready });
            }
            if child.try_wait()?.is_some() || clock::now() > give_up {
                let _ = child.kill();
                let log = std::fs::read_to_string(data.join("server.log")).unwrap_or_default();
                bail!("the server did not become ready:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// There is no `kill`.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let told = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        ensure!(told.success(), "the server cannot be told to stop");
        Ok(())
    }

    /// Whether newcomers should be sent elsewhere.
    ///
    /// # Errors
    /// The private listener does not answer.
    pub async fn is_ready(&self) -> anyhow::Result<bool> {
        let address = self.ready.admin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.context("no private listener")?;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has ended; when.
    ///
    /// # Errors
    /// It did not within that time, or failed.
    pub async fn end(&mut self, within: Duration) -> anyhow::Result<Instant> {
        let give_up = clock::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(clock::now());
            }
            ensure!(clock::now() < give_up, "the server does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing in its data outlives the run.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
