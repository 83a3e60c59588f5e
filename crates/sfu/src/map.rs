//! The maps a packet passes through.

use std::collections::HashMap;

/// Hashed with a seed of this process in a few instructions, where SipHash takes a tenth of what a packet costs. Keys
/// that a stranger could choose do not get in: addresses passed an authenticated check, SSRCs are bounded by what was
/// announced.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
