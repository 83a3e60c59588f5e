//! Directories for tests: new and empty, under the system's temporary directory.

use std::path::PathBuf;

/// A directory of this test alone, emptied when an earlier run left it.
pub fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("rotunda-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}
