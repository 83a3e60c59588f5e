//! One connection: from its first frame to its end.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::BytesMut;
use rotunda_sfu::{Remote, checked_ufrag};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::mpsc::{self, Receiver, error::TrySendError},
    time::timeout,
};

use super::{
    Arrival,
    door::Way,
    framing::{self, HEAD, MAX_PACKET},
};
use crate::sys;

/// Packets that wait for a slow reader: a second of video at 2 Mbit/s, at most half a MiB. More would only be late.
const OUTGOING: usize = 200;
/// Bytes written at once. More saves few system calls, and what is written can no longer be dropped.
const WRITE: usize = 16 << 10;
/// Bytes of kernel buffer each way: 10 Mbit/s over 100 ms. More lets media grow old there instead of being dropped.
const SOCKET_BUFFER: usize = 128 << 10;
/// Frames before the first answer. A browser sends a check every 50 ms or less often, and an answer takes one turn.
const FRAMES_UNANSWERED: usize = 32;

/// Bounds of ICE-TCP connections.
#[derive(Debug, Clone)]
pub struct TcpLimits {
    /// At once. Each may hold half a MiB when its reader is slow; a member over TCP has two.
    pub connections: usize,
    /// The same per address (per /64 of IPv6). An office that blocks UDP shares one address.
    pub connections_per_address: usize,
    /// For the first frame, and then for the first answer. Longer suits bad links, shorter frees places sooner.
    pub patience: Duration,
    /// Without an answer to a check. A browser checks each 2.5 s, a spare path each 25 s.
    pub idle: Duration,
    /// For one write to a reader that does not read. Its media is dropped meanwhile.
    pub stuck: Duration,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            connections: 2_048,
            connections_per_address: 256,
            patience: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            stuck: Duration::from_secs(10),
        }
    }
}

/// Why an ICE-TCP connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpEnd {
    /// The client closed it.
    Closed,
    /// All places are taken.
    Crowded,
    /// It did not begin with a connectivity check in time.
    NoCheck,
    /// A frame is longer than any packet.
    TooLong,
    /// Its checks name no open transport.
    Unanswered,
    /// Nothing has been sent to it for long.
    Idle,
    /// It does not read.
    Stuck,
    /// ICE-TCP is off, or the media thread has stopped.
    Stopped,
}

/// Serves a connection until it ends. The media thread learns of it with its first check and of its end.
pub(super) async fn serve<'a>(
    limits: &TcpLimits,
    way: impl Fn(&str) -> Option<&'a Way>,
    mut stream: TcpStream,
    address: SocketAddr,
    connection: u64,
) -> io::Result<TcpEnd> {
    stream.set_nodelay(true)?;
    sys::set_buffers(&stream, SOCKET_BUFFER)?;
    let mut read = BytesMut::with_capacity(HEAD + MAX_PACKET);
    let Ok(check) = timeout(limits.patience, first_check(&mut stream, &mut read)).await else {
        return Ok(TcpEnd::NoCheck);
    };
    let Some(check) = check? else { return Ok(TcpEnd::NoCheck) };
    let Some(way) = checked_ufrag(&check).and_then(way) else { return Ok(TcpEnd::NoCheck) };

    let from = Remote::Tcp { connection, address };
    let (outgoing, waiting) = mpsc::channel(OUTGOING);
    for arrival in [Arrival::Opened { connection, outgoing }, Arrival::Frame { from, bytes: check }] {
        if pass_on(way, arrival).await.is_err() {
            return Ok(TcpEnd::Stopped);
        }
    }
    way.wake();
    let answered = AtomicBool::new(false);
    let (reader, writer) = stream.split();
    let end = tokio::select! {
        end = read_frames(way, reader, read, from, &answered) => end,
        end = write_frames(limits, writer, waiting, &answered) => end,
    };
    // Without a receiver the worker is gone, and with it the path.
    let _ = pass_on(way, Arrival::Closed(from)).await;
    way.wake();
    end
}

/// The first frame, when it is a check. Nothing but its bytes is kept until it is whole.
async fn first_check(stream: &mut TcpStream, read: &mut BytesMut) -> io::Result<Option<Vec<u8>>> {
    loop {
        match framing::take(read) {
            Ok(Some(packet)) => return Ok(Some(packet).filter(|packet| checked_ufrag(packet).is_some())),
            Err(_) => return Ok(None),
            Ok(None) => {}
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

async fn read_frames(
    way: &Way,
    mut reader: ReadHalf<'_>,
    mut read: BytesMut,
    from: Remote,
    answered: &AtomicBool,
) -> io::Result<TcpEnd> {
    let mut unanswered = 1;
    loop {
        let mut any = false;
        loop {
            let bytes = match framing::take(&mut read) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(_) => return Ok(TcpEnd::TooLong),
            };
            if !answered.load(Ordering::Relaxed) {
                unanswered += 1;
                if unanswered > FRAMES_UNANSWERED {
                    return Ok(TcpEnd::Unanswered);
                }
            }
            if pass_on(way, Arrival::Frame { from, bytes }).await.is_err() {
                return Ok(TcpEnd::Stopped);
            }
            any = true;
        }
        if any {
            way.wake();
        }
        read.reserve(HEAD + MAX_PACKET);
        if reader.read_buf(&mut read).await? == 0 {
            return Ok(TcpEnd::Closed);
        }
    }
}

/// Queues something for the media thread. While the queue is full, this connection is not read.
async fn pass_on(way: &Way, arrival: Arrival) -> Result<(), ()> {
    match way.arrivals.try_send(arrival) {
        Ok(()) => Ok(()),
        Err(TrySendError::Closed(_)) => Err(()),
        Err(TrySendError::Full(arrival)) => {
            way.wake();
            way.arrivals.send(arrival).await.map_err(drop)
        }
    }
}

/// Writes what the media thread sends. That it sends is also the proof that the checks are good: a path that the
/// core does not know gets nothing.
async fn write_frames(
    limits: &TcpLimits,
    mut writer: WriteHalf<'_>,
    mut waiting: Receiver<Vec<u8>>,
    answered: &AtomicBool,
) -> io::Result<TcpEnd> {
    let mut out = Vec::with_capacity(WRITE);
    loop {
        let first = !answered.load(Ordering::Relaxed);
        let patience = if first { limits.patience } else { limits.idle };
        match timeout(patience, waiting.recv()).await {
            Ok(Some(frame)) => out.extend_from_slice(&frame),
            Ok(None) => return Ok(TcpEnd::Stopped),
            Err(_) => return Ok(if first { TcpEnd::Unanswered } else { TcpEnd::Idle }),
        }
        answered.store(true, Ordering::Relaxed);
        while out.len() < WRITE
            && let Ok(frame) = waiting.try_recv()
        {
            out.extend_from_slice(&frame);
        }
        match timeout(limits.stuck, writer.write_all(&out)).await {
            Ok(written) => written?,
            Err(_) => return Ok(TcpEnd::Stuck),
        }
        out.clear();
    }
}
