//! The servers under test: child processes of the bench, the same binary.

pub mod baseline;
pub mod rotunda;

use std::{
    io::{BufReader, BufWriter, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, TryRecvError, channel},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use rotunda_bench_forward::wire::{self, Ask, Tell};
use rotunda_sfu::ortc::Fingerprint;
use serde::Serialize;

/// What runs in a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The product's media worker
    Rotunda,
    /// A forwarder on str0m in RTP mode: the baseline
    Str0m,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Rotunda, Self::Str0m];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Rotunda => "rotunda",
            Self::Str0m => "str0m",
        }
    }
}

/// A running server.
pub struct Server {
    child: Child,
    asks: Option<BufWriter<ChildStdin>>,
    tells: Receiver<Tell>,
    pub address: SocketAddr,
    pub fingerprint: Fingerprint,
}

/// How long a server may take to start. It makes a certificate.
const START: Duration = Duration::from_secs(20);

impl Server {
    /// Starts one, on that core if the machine has several.
    ///
    /// # Errors
    /// It did not become ready.
    pub fn start(kind: Kind, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", kind.name()]);
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asks = child.stdin.take().map(BufWriter::new);
        let mut output = BufReader::new(child.stdout.take().context("the child has no output")?);
        let (sender, tells) = channel();
        std::thread::spawn(move || {
            while let Some(tell) = wire::read(&mut output).transpose() {
                let tell = tell.unwrap_or_else(|error| Tell::Failed { what: format!("{error:#}") });
                let last = matches!(tell, Tell::Failed { .. });
                if sender.send(tell).is_err() || last {
                    return;
                }
            }
        });
        let mut server = Self {
            child,
            asks,
            tells,
            address: SocketAddr::from(([0; 4], 0)),
            fingerprint: Fingerprint { algorithm: String::new(), value: String::new() },
        };
        match server.tells.recv_timeout(START) {
            Ok(Tell::Ready { address, fingerprint }) => {
                (server.address, server.fingerprint) = (address, fingerprint);
                Ok(server)
            }
            Ok(tell) => bail!("{} said {tell:?} instead of being ready", kind.name()),
            Err(error) => bail!("{} did not become ready: {error}", kind.name()),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line that may wait for the next [`Self::ask`].
    pub fn ask_later(&mut self, ask: &Ask) -> anyhow::Result<()> {
        let asks = self.asks.as_mut().context("the server is stopping")?;
        serde_json::to_writer(&mut *asks, ask)?;
        Ok(asks.write_all(b"\n")?)
    }

    pub fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.asks.as_mut().context("the server is stopping")?.flush()?)
    }

    pub fn ask(&mut self, ask: &Ask) -> anyhow::Result<()> {
        wire::write(self.asks.as_mut().context("the server is stopping")?, ask)
    }

    /// What it said, if anything.
    ///
    /// # Errors
    /// It has ended.
    pub fn told(&mut self) -> anyhow::Result<Option<Tell>> {
        match self.tells.try_recv() {
            Ok(Tell::Failed { what }) => bail!("the server: {what}"),
            Ok(tell) => Ok(Some(tell)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => bail!("the server has ended"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends it; a hung one is not waited for.
        self.asks = None;
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
