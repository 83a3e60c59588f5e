//! The certificate: whether it is for the name that clients use, and for how long.

use rustls_pki_types::{CertificateDer, ServerName};

use super::Finding;
use crate::{
    acme, ambient, certificate,
    config::{Config, TlsMode},
};

const CHECK: &str = "certificate";

const DAY_S: i64 = 86_400;

/// Days before the end from which a renewal is late: ACME clients renew with thirty left.
const LATE_DAYS: i64 = 14;

pub fn look(config: &Config) -> Vec<Finding> {
    let finding = match config.tls_mode() {
        TlsMode::Off => Finding::ok(CHECK, "a proxy in front has the certificate; `https` below looks at it"),
        TlsMode::Acme => Finding::ok(
            CHECK,
            format!(
                "it comes from an ACME service, for {}; `https` below looks at it",
                acme::domains(config).join(", ")
            ),
        ),
        TlsMode::Development if !config.data.join("tls").exists() => {
            Finding::warn(CHECK, "the first start makes a development one, which browsers ask about")
        }
        mode => match certificate::leaf(config) {
            Ok(leaf) => {
                let host = config.authority().map(|authority| certificate::host(authority).to_owned());
                judge(&leaf, host.as_deref(), ambient::now_ms() / 1_000, mode == TlsMode::Development)
            }
            Err(error) => Finding::fail(CHECK, format!("{error:#}"))
                .fix("Set tls.certificate and tls.key to files that the user of this process can read."),
        },
    };
    vec![finding]
}

/// Looks at a certificate as a client at `host` would, apart from who signed it.
pub fn judge(leaf: &CertificateDer<'_>, host: Option<&str>, now_s: i64, development: bool) -> Finding {
    let ends = match certificate::expires(leaf) {
        Ok(ends) => ends,
        Err(error) => return Finding::fail(CHECK, format!("it cannot be read: {error:#}")),
    };
    if let Some(host) = host
        && !names(leaf, host)
    {
        return Finding::fail(CHECK, format!("it is not for {host}, the host of server.public_url"))
            .fix("Get one for that name, or correct server.public_url; browsers refuse this one.");
    }
    let days = (ends - now_s).div_euclid(DAY_S);
    match days {
        ..0 => Finding::fail(CHECK, format!("it ended {} days ago", -days))
            .fix("Renew it; Rotunda reads the files again by itself within a minute."),
        0..LATE_DAYS => Finding::warn(CHECK, format!("it ends in {days} days"))
            .fix("Renew it now: whatever should do so by itself does not work."),
        _ if development => Finding::warn(
            CHECK,
            format!("it is a development one, for {days} days more; browsers ask about it"),
        )
        .fix("For others than yourself: tls.mode = \"acme\", or files from a certificate authority."),
        _ => Finding::ok(CHECK, format!("it is valid for {days} days more")),
    }
}

fn names(leaf: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(name), Ok(certificate)) = (ServerName::try_from(host), webpki::EndEntityCert::try_from(leaf))
    else {
        return false;
    };
    certificate.verify_is_valid_for_subject_name(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::doctor::State;

    const NOW: i64 = 1_790_000_000;

    fn leaf(name: &str, ends_s: i64) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(ends_s).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn name_and_end_are_looked_at() {
        let good = leaf("chat.example.org", NOW + 60 * DAY_S);
        for (found, state) in [
            (judge(&good, Some("chat.example.org"), NOW, false), State::Ok),
            (judge(&good, None, NOW, false), State::Ok),
            (judge(&good, Some("other.example.org"), NOW, false), State::Fail),
            (judge(&good, Some("chat.example.org"), NOW, true), State::Warn),
            (judge(&good, Some("chat.example.org"), NOW + 50 * DAY_S, false), State::Warn),
            (judge(&good, Some("chat.example.org"), NOW + 61 * DAY_S, false), State::Fail),
            (judge(&leaf("192.0.2.7", NOW + 60 * DAY_S), Some("192.0.2.7"), NOW, false), State::Ok),
            (judge(&CertificateDer::from(vec![1, 2, 3]), None, NOW, false), State::Fail),
        ] {
            assert_eq!(found.state, state, "{found:?}");
        }
    }

    #[test]
    fn a_missing_file_fails() {
        let mut config = Config::default();
        config.tls.certificate = "/nowhere/chain.pem".into();
        config.tls.key = "/nowhere/key.pem".into();
        assert_eq!(look(&config)[0].state, State::Fail);
    }
}
