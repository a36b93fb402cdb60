//! What binds a form to the browser it was shown to: before sign-in a cookie, afterwards the session (security.md WEB-1).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};

use crate::{
    domain::{
        fault::{Fault, Reason},
        keyring::FormBinding,
    },
    web::{Shared, edge::cookies::Own},
};

/// The field that carries the token.
pub(super) const TOKEN: &str = "csrf";

/// How long the cookie lives after a form was shown: a page left open over night still works.
const LIFETIME: Duration = Duration::from_hours(24);

/// The browser's flow cookie.
pub(super) struct Flow(String);

impl Flow {
    /// The one the browser has, or a new one.
    pub(super) fn of(shared: &Shared, headers: &HeaderMap) -> Self {
        Self::sent(shared, headers)
            .unwrap_or_else(|| Self(URL_SAFE_NO_PAD.encode(shared.actions.world().random::<16>().bytes())))
    }

    /// The one the browser sent. What does not look like ours is not taken up (security.md SES-2).
    pub(super) fn sent(shared: &Shared, headers: &HeaderMap) -> Option<Self> {
        let value = shared.jar.own(headers, Own::Flow)?;
        is_ours(value).then(|| Self(value.to_owned()))
    }

    /// The cookie, for as long as the form just shown may take.
    pub(super) fn cookie(&self, shared: &Shared) -> Option<HeaderValue> {
        shared.jar.set_own(Own::Flow, &self.0, LIFETIME)
    }

    /// Deletes the cookie: after sign-in the forms of before are worth nothing.
    pub(super) fn end(shared: &Shared) -> Option<HeaderValue> {
        shared.jar.set_own(Own::Flow, "", Duration::ZERO)
    }

    /// The cookie's value.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// What the form is bound to.
    pub(super) fn binding(&self) -> FormBinding<'_> {
        FormBinding::Flow(&self.0)
    }
}

fn is_ours(value: &str) -> bool {
    URL_SAFE_NO_PAD.decode(value).is_ok_and(|bytes| bytes.len() == 16)
}

/// Refuses a form whose token does not belong to this browser.
pub(super) fn prove(shared: &Shared, binding: FormBinding<'_>, given: &str) -> Result<(), Fault> {
    if shared.keyring.form_token_matches(binding, given) {
        Ok(())
    } else {
        Err(Fault::new(Reason::CrossSite).because("the form's token does not belong to this browser"))
    }
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    /// Proves: SES-2
    #[test]
    fn only_what_we_could_have_set_is_taken_up() {
        assert!(is_ours("AAAAAAAAAAAAAAAAAAAAAA"));
        for value in
            ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA!", "AAAAAAAAAAAAAAAAAAAAAB"]
        {
            assert!(!is_ours(value), "{value}");
        }
    }
}
