//! What the kernel says of processes and of the machine.

use std::fs;

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::{Pid, SysconfVar, sysconf},
};

/// The cores of the server and of the load; None when there is one core only.
pub fn cores() -> Option<[usize; 2]> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let mut cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false));
    Some([cores.next()?, cores.next()?])
}

/// Keeps this thread, and those it starts from now on, on one core.
///
/// # Errors
/// The core is not ours.
pub fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// What the scheduler counts of a process, nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scheduled {
    /// On a core.
    pub ran: u64,
    /// Ready to run while others had the core.
    pub waited: u64,
}

/// Of all living threads of a process.
pub fn scheduled(pid: u32) -> Scheduled {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Scheduled::default() };
    let one = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let mut numbers = text.split_whitespace().map_while(|text| text.parse::<u64>().ok());
        Some(Scheduled { ran: numbers.next()?, waited: numbers.next()? })
    };
    threads.flatten().filter_map(one).fold(Scheduled::default(), |sum, thread| Scheduled {
        ran: sum.ran + thread.ran,
        waited: sum.waited + thread.waited,
    })
}

/// Seconds in user space and in the kernel; in steps of 10 ms.
pub fn user_and_system(pid: u32) -> [f64; 2] {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
    let field = |at: usize| {
        let value = after_name.split_whitespace().nth(at).and_then(|text| text.parse::<f64>().ok());
        value.unwrap_or(0.0) / ticks
    };
    [field(11), field(12)]
}

/// KiB of memory a process has resident.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Load average of the last minute.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

/// Processor, cores and kernel.
pub fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, |count| count.get());
    format!("{}, {cores} cores, Linux {}", model.map_or("?", |(_, model)| model), kernel.trim())
}
