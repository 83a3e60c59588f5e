//! The machine: socket buffers and file descriptors.

use std::fs;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::Finding;
use crate::metrics;

/// Bytes of socket buffer that a media thread asks for, each way.
const BUFFER: u64 = 4 << 20;

/// File descriptors below which a few hundred members fill them: each has two or three connections.
const FILES_FEW: u64 = 4_096;
/// Below this not even the listeners and the pool are sure of one.
const FILES_MIN: u64 = 256;

/// At a start: as many files as the system lets this process have, and a word about what it will lack under load.
pub fn prepare() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
    }
    for Finding { says, fix, .. } in look() {
        if let Some(fix) = fix {
            tracing::warn!(fix, "{says}");
        }
    }
}

pub fn look() -> Vec<Finding> {
    let read = |name: &str| -> Option<u64> {
        fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse().ok()
    };
    vec![buffers(read("rmem_max"), read("wmem_max")), files(metrics::max_fds())]
}

fn buffers(receive: Option<u64>, send: Option<u64>) -> Finding {
    let (Some(receive), Some(send)) = (receive, send) else {
        return Finding::warn("buffers", "the kernel does not say how large socket buffers may be");
    };
    let small: Vec<&str> = [("net.core.rmem_max", receive), ("net.core.wmem_max", send)]
        .into_iter()
        .filter_map(|(name, size)| (size < BUFFER).then_some(name))
        .collect();
    if small.is_empty() {
        return Finding::ok("buffers", "socket buffers may be as large as media wants them");
    }
    let lines: Vec<String> = small.iter().map(|name| format!("{name} = {BUFFER}")).collect();
    Finding::warn(
        "buffers",
        format!(
            "socket buffers are limited to {} kB in and {} kB out; bursts of media will be lost under load",
            receive / 1024,
            send / 1024
        ),
    )
    .fix(format!("Put into /etc/sysctl.d/rotunda.conf, then run sysctl --system:\n{}", lines.join("\n")))
}

fn files(limit: Option<u64>) -> Finding {
    const FIX: &str =
        "systemd: LimitNOFILE=65536; compose: ulimits: { nofile: 65536 }; shell: ulimit -n 65536";
    match limit {
        None => Finding::warn("files", "the kernel does not say how many files may be open"),
        Some(limit) if limit < FILES_MIN => {
            Finding::fail("files", format!("only {limit} files may be open: too few to serve at all"))
                .fix(FIX)
        }
        Some(limit) if limit < FILES_FEW => Finding::warn(
            "files",
            format!("{limit} files may be open: enough for some {} members", limit / 3),
        )
        .fix(FIX),
        Some(limit) => Finding::ok("files", format!("{limit} files may be open")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn small_socket_buffers_get_exact_sysctl_lines() {
        let found = buffers(Some(212_992), Some(BUFFER));
        assert_eq!(found.state, State::Warn);
        let fix = found.fix.unwrap();
        assert!(fix.contains("net.core.rmem_max = 4194304") && !fix.contains("wmem"), "{fix}");
        assert_eq!(buffers(Some(BUFFER), Some(BUFFER)).state, State::Ok);
        assert_eq!(buffers(None, Some(1)).state, State::Warn);
    }

    #[test]
    fn few_file_descriptors_are_told() {
        assert_eq!(files(Some(100)).state, State::Fail);
        assert_eq!(files(Some(1_024)).state, State::Warn);
        assert_eq!(files(Some(65_536)).state, State::Ok);
        assert_eq!(files(None).state, State::Warn);
    }
}
