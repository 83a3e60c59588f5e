//! Signatures: the headers AppKey, Nonce, CurTime and CheckSum.

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use axum::http::HeaderMap;
use rotunda_model::Millis;

use super::Refusal;

/// How far CurTime may be from our clock either way, in seconds (the vendor's). Longer keeps more nonces in memory,
/// shorter refuses backends with a bad clock.
pub const WINDOW_S: i64 = 300;

/// Characters of a Nonce (the vendor's limit).
const NONCE_MAX: usize = 128;

/// Digits of a time in seconds. More would be milliseconds, or no time at all.
const CUR_TIME_MAX: usize = 11;

/// The headers of one request, not yet verified.
#[derive(Debug)]
pub struct Signed<'a> {
    pub app_key: &'a str,
    nonce: &'a str,
    /// As it was signed.
    cur_time: &'a str,
    /// Seconds since the epoch.
    pub seconds: i64,
    pub check_sum: &'a str,
}

impl<'a> Signed<'a> {
    /// Errors: 414 a header that is missing, there twice, or unfit.
    pub fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let app_key = one(headers, "appkey").ok_or(Refusal::Signature("AppKey"))?;
        let nonce = one(headers, "nonce").filter(|nonce| nonce.len() <= NONCE_MAX);
        let nonce = nonce.ok_or(Refusal::Signature("Nonce has 1 to 128 characters"))?;
        let cur_time = one(headers, "curtime").filter(|text| text.len() <= CUR_TIME_MAX);
        let cur_time = cur_time.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let cur_time = cur_time.ok_or(Refusal::Signature("CurTime is in seconds"))?;
        let seconds = cur_time.parse().map_err(|_| Refusal::Signature("CurTime is in seconds"))?;
        let check_sum = one(headers, "checksum").ok_or(Refusal::Signature("CheckSum"))?;
        Ok(Self { app_key, nonce, cur_time, seconds, check_sum })
    }

    /// Errors: 414 wrong, or signed more than five minutes ago or ahead. The sum is compared in constant time, and
    /// before the clock: only who knows the secret learns of ours.
    ///
    /// `secrets`: those that sign now; any of them will do.
    pub fn verify<'s>(&self, mut secrets: impl Iterator<Item = &'s str>, now: Millis) -> Result<(), Refusal> {
        let signed = |secret: &str| {
            let expected = check_sum(secret, self.nonce, self.cur_time);
            verify_slices_are_equal(expected.as_bytes(), self.check_sum.as_bytes()).is_ok()
        };
        if !secrets.any(signed) {
            return Err(Refusal::Signature("CheckSum is wrong"));
        }
        let skew = now.get().div_euclid(1_000).saturating_sub(self.seconds);
        if skew.abs() > WINDOW_S {
            // Signed by who knows the secret: no stranger.
            return Err(Refusal::Parameter("CurTime is more than five minutes off"));
        }
        Ok(())
    }
}

/// Lower-case hexadecimal SHA-1 of secret, nonce and time, in callbacks of secret, MD5 and time: the vendor's choice.
pub fn check_sum(secret: &str, nonce: &str, cur_time: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for part in [secret, nonce, cur_time] {
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}

/// A header that is there once and not empty.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    /// `printf %s "$secret$nonce$time" | sha1sum`
    #[test]
    fn check_sums_are_as_sha1sum_makes_them() {
        for (secret, nonce, time, sum) in [
            ("1415926535", "12345", "1443592222", "e62fd6d16458563f4954616b963ef5abb4bf37eb"),
            ("f00dfeed", "4tgggergigwow323t23t", "1443592222", "f26cb37d532dacebeb6761a2f49f86296de5fa49"),
        ] {
            assert_eq!(check_sum(secret, nonce, time), sum);
        }
    }

    #[test]
    fn headers_are_refused_when_missing_doubled_or_unfit() {
        let good = [("appkey", "k"), ("nonce", "n"), ("curtime", "1443592222"), ("checksum", "s")];
        assert!(Signed::read(&headers(&good)).is_ok());
        for missing in 0..good.len() {
            let mut some = good.to_vec();
            some.remove(missing);
            assert!(Signed::read(&headers(&some)).is_err(), "without {}", good[missing].0);
            let mut twice = good.to_vec();
            twice.push(good[missing]);
            assert!(Signed::read(&headers(&twice)).is_err(), "two {}", good[missing].0);
        }
        let long = "n".repeat(129);
        for (name, value) in [
            ("nonce", long.as_str()),
            ("curtime", "-1"),
            ("curtime", "1443592222000"),
            ("curtime", "1e9"),
            ("curtime", ""),
        ] {
            let mut bad = headers(&good);
            bad.insert(name, value.parse().unwrap());
            assert!(Signed::read(&bad).is_err(), "{name}: {value}");
        }
        let mut longest = headers(&good);
        longest.insert("nonce", "n".repeat(128).parse().unwrap());
        assert!(Signed::read(&longest).is_ok());
    }

    #[test]
    fn a_signature_holds_five_minutes_either_way() {
        let sum = check_sum("secret", "n", "1000000");
        let headers = headers(&[("appkey", "k"), ("nonce", "n"), ("curtime", "1000000"), ("checksum", &sum)]);
        let signed = Signed::read(&headers).unwrap();
        for (seconds, good) in
            [(1_000_000, true), (1_000_300, true), (1_000_301, false), (999_700, true), (999_699, false)]
        {
            assert_eq!(
                signed.verify(["secret"].into_iter(), Millis(seconds * 1_000)).is_ok(),
                good,
                "{seconds}"
            );
        }
        assert!(signed.verify(["other"].into_iter(), Millis(1_000_000_000)).is_err());
    }

    #[test]
    fn a_sum_in_capitals_is_another_sum() {
        let sum = check_sum("secret", "n", "1000000").to_uppercase();
        let headers = headers(&[("appkey", "k"), ("nonce", "n"), ("curtime", "1000000"), ("checksum", &sum)]);
        assert!(
            Signed::read(&headers).unwrap().verify(["secret"].into_iter(), Millis(1_000_000_000)).is_err()
        );
    }
}
