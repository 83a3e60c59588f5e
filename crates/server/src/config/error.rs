//! Why a configuration cannot be used, in words that name the key and its place.

use std::path::PathBuf;

use figment::error::Kind;

/// Below this likeness (0 to 1, Jaro-Winkler) a suggestion would puzzle more than help.
const LIKENESS_MIN: f64 = 0.7;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no configuration file {0}")]
    NoFile(PathBuf),
    #[error("{place}: unknown key \"{key}\"{hint}")]
    UnknownKey { place: String, key: String, hint: String },
    #[error("{place}: {key}: {reason}")]
    Value { place: String, key: String, reason: String },
    #[error("{key}: {reason}")]
    Invalid { key: &'static str, reason: String },
}

/// What is wrong, where it stands, and for an unknown key what was probably meant.
pub(super) fn explain(errors: &figment::Error) -> ConfigError {
    // Figment chains one error per layer; the first is the one of the value that would have counted.
    let error = errors.clone().into_iter().next().unwrap_or_else(|| errors.clone());
    let place = error.metadata.as_ref().map_or_else(
        || "configuration".to_owned(),
        |metadata| match &metadata.source {
            Some(source) => source.to_string(),
            None => metadata.name.to_string(),
        },
    );
    match &error.kind {
        Kind::UnknownField(found, expected) => {
            // Figment's path of an unknown field may end with the field itself.
            let section = match error.path.split_last() {
                Some((last, section)) if last == found => section,
                _ => &error.path,
            };
            let section: String = section.iter().map(|part| format!("{part}.")).collect();
            ConfigError::UnknownKey {
                place,
                key: format!("{section}{found}"),
                hint: nearest(&section, found, expected),
            }
        }
        kind => ConfigError::Value { place, key: error.path.join("."), reason: kind.to_string() },
    }
}

fn nearest(section: &str, found: &str, expected: &[&str]) -> String {
    let best = expected
        .iter()
        .map(|key| (strsim::jaro_winkler(found, key), key))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    match best {
        Some((_, key)) => format!("; did you mean \"{section}{key}\"?"),
        None => format!("; known here: {}", expected.join(", ")),
    }
}
