//! The one place that asks the operating system for the time and for random bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::{
    SeedableRng, TryRng,
    rngs::{StdRng, SysRng},
};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the edge: everything inside takes its time from here")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is a machine without a clock: zero, and certificates will say so.
    since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

/// `N` bytes from the kernel's generator.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}

/// A generator for secrets, seeded by the kernel.
pub fn secret_rng() -> anyhow::Result<StdRng> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))
}
