//! Reading forms strictly: our own origin, the one content type, bounded, each field once.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use crate::{
    domain::fault::{Fault, Field, Reason},
    serve::{BodyError, limited},
    values::secret::Secret,
    web::{Shared, edge::cross_site::same_site_only},
};

/// More fields than this has none of our forms.
const MOST_FIELDS: usize = 32;

/// The fields of a sent form. Not printable: some are passwords.
pub(super) struct Form(Vec<(String, String)>);

impl FromRequest<Shared> for Form {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        own_origin(request.headers(), &shared.origin)?;
        if !is_form(request.headers()) {
            return Err(Fault::new(Reason::UnsupportedMediaType));
        }
        let settings = &shared.settings;
        let bytes = limited(request.into_body(), settings.largest_body, settings.body_deadline)
            .collect()
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => Fault::new(Reason::TooLarge),
                BodyError::TooSlow | BodyError::Broken(_) => {
                    Fault::malformed(Field::Body, "could not be read").because(error)
                }
            })?;
        Self::parse(&bytes)
    }
}

impl Form {
    /// Reads `application/x-www-form-urlencoded` as the URL standard has it, but refuses what browsers never send: broken
    /// escapes, text that is not UTF-8, a field twice. A password is taken exactly as sent (security.md PWD-2).
    pub(super) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let flaw = |what: &str| Fault::malformed(Field::Body, what);
        let text = std::str::from_utf8(body).map_err(|_| flaw("is not UTF-8"))?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| flaw("holds a broken escape"))?;
            let value = decode(value).ok_or_else(|| flaw("holds a broken escape"))?;
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(flaw("holds a field twice"));
            }
            if fields.len() == MOST_FIELDS {
                return Err(flaw("has too many fields"));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// Takes a field out; an absent one is empty.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.take_if_sent(name).unwrap_or_default()
    }

    /// Takes a field out, if it was sent.
    pub(super) fn take_if_sent(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a secret field out.
    pub(super) fn take_secret(&mut self, name: &str) -> Secret<String> {
        Secret::new(self.take(name))
    }

    /// Refuses a form with fields that nobody took (security.md ENR-3).
    pub(super) fn finish(self) -> Result<(), Fault> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Fault::malformed(Field::Body, "has a field that it should not have"))
        }
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

/// Whether our own page sent this (security.md WEB-1).
///
/// Pages that say `Referrer-Policy: no-referrer`, as ours do, send their forms with `Origin: null` (Fetch standard, "append a
/// request Origin header"), and so do sandboxed foreign frames. So `null` says nothing here; `Sec-Fetch-Site` decides, and where
/// a browser sends none, the form's token alone, which a foreign page can neither read nor make.
fn own_origin(headers: &HeaderMap, origin: &str) -> Result<(), Fault> {
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

fn is_form(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let mut escapes = spaced.split('%').skip(1);
    let whole = |escape: &str| {
        escape.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(whole) {
        return None;
    }
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::{Form, is_form, own_origin};

    fn field(body: &str, name: &str) -> Option<String> {
        Form::parse(body.as_bytes()).ok()?.take_if_sent(name)
    }

    /// Proves: PWD-2
    #[test]
    fn a_value_arrives_exactly_as_typed() {
        assert_eq!(field("p=%20a%2Bb+c%26%3D%25+&q=1", "p").as_deref(), Some(" a+b c&=% "));
        assert_eq!(field("p=Zo%C3%AB", "p").as_deref(), Some("Zo\u{eb}"));
        assert_eq!(field("p=a=b", "p").as_deref(), Some("a=b"));
        assert_eq!(field("p", "p").as_deref(), Some(""));
        assert_eq!(field("", "p"), None);
    }

    #[test]
    fn what_browsers_never_send_is_refused() {
        for body in ["a=1&a=2", "a=1&%61=2", "a=%", "a=%4", "a=%zz", "a=%ff", "%C3=1", "a=%C3%28"] {
            assert!(Form::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Form::parse(b"a=\xff").is_err());
        let many = |count: usize| (0..count).map(|at| format!("f{at}=1")).collect::<Vec<_>>().join("&");
        assert!(Form::parse(many(32).as_bytes()).is_ok());
        assert!(Form::parse(many(33).as_bytes()).is_err());
    }

    /// Proves: ENR-3
    #[test]
    fn a_field_that_nobody_asked_for_is_refused() {
        let mut form = Form::parse(b"username=a&groups=admins").unwrap();
        form.take("username");
        assert!(form.finish().is_err());
        let mut form = Form::parse(b"username=a").unwrap();
        form.take("username");
        assert!(form.finish().is_ok());
    }

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

    /// Proves: WEB-2
    #[test]
    fn only_one_content_type_is_a_form() {
        let form = |kinds: &[&'static str]| {
            is_form(&headers(&kinds.iter().map(|kind| ("content-type", *kind)).collect::<Vec<_>>()))
        };
        assert!(form(&["application/x-www-form-urlencoded"]));
        assert!(form(&["Application/X-WWW-Form-URLencoded; charset=UTF-8"]));
        for kinds in [
            &[][..],
            &["text/plain"],
            &["application/json"],
            &["multipart/form-data; boundary=x"],
            &["application/x-www-form-urlencoded-not"],
            &["application/x-www-form-urlencoded", "application/x-www-form-urlencoded"],
        ] {
            assert!(!form(kinds), "{kinds:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&body);
        }

        #[test]
        fn what_a_browser_writes_is_read(value in any::<String>()) {
            let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("v", &value).finish();
            prop_assert_eq!(field(&body, "v"), Some(value));
        }
    }
}
