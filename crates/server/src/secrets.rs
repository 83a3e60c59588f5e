//! Secrets in files, and secrets that are none because they stand in an example.

use std::{fs, net::IpAddr, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, bail};

use crate::private_file;

/// Passwords of our own examples and of everybody else's.
const SAMPLES: [&str; 8] =
    ["rotunda", "postgres", "password", "changeme", "change-me", "secret", "example", "s3cret"];

/// Permission bits of everyone.
const EVERYONE: u32 = 0o007;

/// The content of a file that holds a secret.
///
/// # Errors
/// It is missing, or everyone on the machine may read or write it.
pub fn read(path: &Path) -> anyhow::Result<String> {
    check(path)?;
    private_file::read(path)?.with_context(|| format!("there is no file {}", path.display()))
}

/// Refuses a file that everyone may read or write; a missing one is somebody else's error.
pub fn check(path: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let mode = metadata.permissions().mode();
    if mode & EVERYONE != 0 {
        bail!(
            "{} holds a secret and everyone may use it (mode {:03o}); run: chmod o= {}",
            path.display(),
            mode & 0o777,
            path.display()
        );
    }
    Ok(())
}

/// Refuses a database URL with a password that everybody knows, unless only neighbours reach that database: a Unix
/// socket, loopback, a private address, or a name without a domain, as the services of a compose file have.
pub fn check_database(url: &str) -> anyhow::Result<()> {
    let Ok(url) = url::Url::parse(url) else { return Ok(()) };
    let password = url.password().unwrap_or_default();
    if !SAMPLES.contains(&password) || is_private(&url) {
        return Ok(());
    }
    bail!(
        "database.url: the password is one of an example, and the database is not on a private network; choose another \
         (ALTER ROLE … PASSWORD …)"
    )
}

fn is_private(url: &url::Url) -> bool {
    let named = url.query_pairs().find(|(key, _)| key == "host").map(|(_, host)| host.into_owned());
    let host = named.or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => host.starts_with('/') || !host.contains('.') || host.ends_with(".internal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_everyone_may_read_is_refused() {
        let path = crate::scratch::directory("secrets").join("url");
        fs::write(&path, "postgres://…").unwrap();
        for (mode, good) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).is_ok(), good, "{mode:o}");
        }
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("chmod o="), "{message}");
        assert!(read(Path::new("/nowhere/secret")).is_err());
    }

    #[test]
    fn an_example_password_is_for_private_databases_only() {
        for (url, good) in [
            ("postgres://rotunda:rotunda@postgres/rotunda", true),
            ("postgres://rotunda:rotunda@127.0.0.1:5432/rotunda", true),
            ("postgres://rotunda:rotunda@[::1]/rotunda", true),
            ("postgres://rotunda:rotunda@192.168.1.4/rotunda", true),
            ("postgres://rotunda:rotunda@db.internal/rotunda", true),
            ("postgres://rotunda:rotunda@localhost/rotunda?host=/run/postgresql", true),
            ("postgres://rotunda@db.example.org/rotunda", true),
            ("postgres://rotunda:k3Jq9xW2@db.example.org/rotunda", true),
            ("postgres://rotunda:rotunda@db.example.org/rotunda", false),
            ("postgres://rotunda:changeme@203.0.113.4/rotunda", false),
            ("postgres://rotunda:rotunda@postgres/rotunda?host=db.example.org", false),
            ("postgres://rotunda:rotunda@[2001:db8::1]/rotunda", false),
        ] {
            assert_eq!(check_database(url).is_ok(), good, "{url}");
        }
    }
}
