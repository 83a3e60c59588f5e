//! Which SRTP profiles to offer to which browser.

use crate::SrtpOffer;

/// Chromium has had AES-GCM for SRTP by default since before this version (seen in 156). Too low a number costs
/// an old client one failed transport; too high a number costs the server four times the cipher work.
const CHROMIUM_WITH_GCM: u32 = 120;

/// The offer for a `Join` with `browser {name, version}`.
///
/// GCM-128 alone for browsers known to have it: Chromium 156 takes CM whenever CM is offered, and GCM-256
/// before GCM-128. Everything else gets all three profiles.
pub fn srtp_offer(browser: &str, version: &str) -> SrtpOffer {
    let name = browser.to_ascii_lowercase();
    let chromium = ["chrome", "chromium", "edge", "edg"].iter().any(|known| name.contains(known));
    let major: u32 = version.split('.').next().and_then(|major| major.trim().parse().ok()).unwrap_or(0);
    if chromium && major >= CHROMIUM_WITH_GCM { SrtpOffer::Gcm128Only } else { SrtpOffer::All }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_browsers_known_to_have_gcm_are_offered_it_alone() {
        for (name, version, offer) in [
            ("Chrome", "156.0.0.0", SrtpOffer::Gcm128Only),
            ("HeadlessChrome", "156", SrtpOffer::Gcm128Only),
            ("Edge", "120.0.1", SrtpOffer::Gcm128Only),
            ("Chrome", "85.0", SrtpOffer::All),
            ("Firefox", "150", SrtpOffer::All),
            ("Safari", "18.1", SrtpOffer::All),
            ("Chrome", "", SrtpOffer::All),
            ("", "156", SrtpOffer::All),
        ] {
            assert_eq!(srtp_offer(name, version), offer, "{name} {version}");
        }
    }
}
