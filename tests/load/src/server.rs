//! The release binary, with a data directory of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rotunda_bench_forward::clock;
use serde::Deserialize;

/// From its start until it serves; migrations were run before.
const START: Duration = Duration::from_secs(30);

/// What its ready-file says.
#[derive(Debug, Deserialize)]
pub struct Ready {
    /// Host and port of the link, and of everything else.
    pub link: String,
    /// PEM to trust.
    pub certificate: PathBuf,
}

#[derive(Debug)]
pub struct Server {
    child: Child,
    pub ready: Ready,
}

impl Server {
    /// Starts it, on that core if there is one for it.
    ///
    /// # Errors
    /// It did not become ready.
    pub async fn start(binary: &Path, data: &Path, url: &str, core: Option<usize>) -> anyhow::Result<Self> {
        let ready = data.join("ready.json");
        let mut command = match core {
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
            .env("ROTUNDA_DATABASE__URL", url)
            .env("ROTUNDA_SERVER__PORT", "0")
            .env("ROTUNDA_LOG__LEVEL", "warn")
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
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing in its data outlives the run.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
