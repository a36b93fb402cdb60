//! The forms of our pages: from our own origin, each field once, asked for one by one.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};

use crate::{
    domain::fault::{Fault, Field},
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{self, Fields, Format},
            cross_site::same_site_only,
        },
    },
};

/// The fields of a sent form. Not printable: some are passwords.
pub(super) struct Form(Fields);

impl FromRequest<Shared> for Form {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        own_origin(request.headers(), &shared.origin)?;
        let fields = body::read(request, &[Format::Form], &shared.settings).await?;
        // Browsers never send that, so there is no form to show again.
        fields.nothing_wrong()?;
        Ok(Self(fields))
    }
}

impl Form {
    /// Takes a field out; an absent one is empty.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.take_if_sent(name).unwrap_or_default()
    }

    /// Takes a field out, if it was sent.
    pub(super) fn take_if_sent(&mut self, name: &str) -> Option<String> {
        self.0.take_sent(name)
    }

    /// Takes a secret field out.
    pub(super) fn take_secret(&mut self, name: &str) -> Secret<String> {
        Secret::new(self.take(name))
    }

    /// Refuses a form with fields that nobody took (security.md ENR-3).
    pub(super) fn finish(self) -> Result<(), Fault> {
        if self.0.is_used_up() {
            Ok(())
        } else {
            Err(Fault::malformed(Field::Body, "has a field that it should not have"))
        }
    }
}

/// Whether our own page sent this (security.md WEB-1).
///
/// Pages that say `Referrer-Policy: no-referrer`, as ours do, send their forms with `Origin: null` (Fetch standard, "append a
/// request Origin header"), and so do sandboxed foreign frames. So `null` says nothing here; `Sec-Fetch-Site` decides, and where
/// a browser sends none, the form's token alone, which a foreign page can neither read nor make.
pub(super) fn own_origin(headers: &HeaderMap, origin: &str) -> Result<(), Fault> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if origins.next().is_some_and(|given| given == "null") && origins.next().is_none() {
        let mut rest = HeaderMap::new();
        for site in headers.get_all("sec-fetch-site") {
            rest.append("sec-fetch-site", site.clone());
        }
        return same_site_only(&rest, origin);
    }
    same_site_only(headers, origin)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::own_origin;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    /// Proves: WEB-1
    #[test]
    fn a_foreign_page_is_refused_and_our_own_without_referrer_is_not() {
        let allowed = |pairs: &[(&'static str, &'static str)]| {
            own_origin(&headers(pairs), "https://auth.example.com").is_ok()
        };
        assert!(allowed(&[]));
        assert!(allowed(&[("origin", "https://auth.example.com"), ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("origin", "null")]));
        assert!(!allowed(&[("origin", "null"), ("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[("origin", "null"), ("sec-fetch-site", "same-site")]));
        assert!(!allowed(&[("origin", "null"), ("origin", "null")]));
        assert!(!allowed(&[("origin", "https://evil.example")]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site")]));
    }
}
