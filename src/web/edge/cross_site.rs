//! Did our own page, or a client that is no browser, send this? (security.md WEB-1, WEB-2; DESIGN.md ruling 6)

use http::{HeaderMap, header};

use crate::domain::fault::{Fault, Reason};

/// Refuses a state-changing request that a foreign page made the browser send. `origin` is the portal's own.
///
/// Browsers send `Origin` with every unsafe request; when they do not, `Sec-Fetch-Site` decides; when neither
/// is there it is no browser, and a form's token decides alone.
pub fn same_site_only(headers: &HeaderMap, origin: &str) -> Result<(), Fault> {
    let foreign = || Fault::new(Reason::CrossSite).because("the request's origin is not the portal's");
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(given), None) if given.as_bytes().eq_ignore_ascii_case(origin.as_bytes()) => {}
        (None, _) => {}
        // `null` is what sandboxed frames and redirects across origins send: foreign.
        _ => return Err(foreign()),
    }
    match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        // A sibling under the same parent domain is not us.
        Some(_) => Err(foreign()),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::same_site_only;

    fn allowed(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        same_site_only(&headers, "https://auth.example.com").is_ok()
    }

    /// simple-auth.md 9.B2
    ///
    /// Proves: WEB-1, WEB-2
    #[test]
    fn foreign_pages_are_refused_and_plain_clients_are_not() {
        assert!(allowed(&[]));
        assert!(allowed(&[("origin", "https://auth.example.com")]));
        assert!(allowed(&[("origin", "https://auth.example.com"), ("sec-fetch-site", "same-origin")]));
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "http://auth.example.com",
            "https://auth.example.com:8443",
            "https://auth.example.com.evil.example",
            "https://auth.example.com, https://evil.example",
        ] {
            assert!(!allowed(&[("origin", foreign)]), "{foreign}");
        }
        assert!(!allowed(&[("origin", "https://auth.example.com"), ("origin", "https://auth.example.com")]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[("sec-fetch-site", "same-site")]));
        assert!(!allowed(&[("origin", "https://auth.example.com"), ("sec-fetch-site", "cross-site")]));
    }
}
