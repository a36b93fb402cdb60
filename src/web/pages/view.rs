//! From a template and its values to a response: rendering, and the headers that every page carries.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value, context, value::Kwargs,
};

use super::catalogue::{Language, Message};
use crate::{
    values::{host::Scheme, time::Timestamp},
    web::Shared,
};

/// The digest of the one style sheet, for `style-src`. A test compares it with the pages.
const STYLE_HASH: &str = "sha256-4OEGWN/SGYCK5YlvyJvO7jMtwK56NoblgGpkWoK6D/g=";

/// The digest of the one script, for `script-src` of the pages that have it. A test compares it with them.
const SCRIPT_HASH: &str = "sha256-DkszH5Jtp13V9dpyCkR1ELZAkyC2rc5cfg1PC/TPIL4=";

/// Every template. They are part of the program; nothing is read at run time.
const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("templates/base.html")),
    ("style.css", include_str!("templates/style.css")),
    ("passkeys.js", include_str!("templates/passkeys.js")),
    ("passkeys.html", include_str!("templates/passkeys.html")),
    ("passkey.html", include_str!("templates/passkey.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("login.html", include_str!("templates/login.html")),
    ("second-factor.html", include_str!("templates/second-factor.html")),
    ("factors.html", include_str!("templates/factors.html")),
    ("enrol.html", include_str!("templates/enrol.html")),
    ("enrol-code.html", include_str!("templates/enrol-code.html")),
    ("recovery-codes.html", include_str!("templates/recovery-codes.html")),
    ("setup.html", include_str!("templates/setup.html")),
    ("password.html", include_str!("templates/password.html")),
    ("logout.html", include_str!("templates/logout.html")),
    ("me.html", include_str!("templates/me.html")),
    ("loop.html", include_str!("templates/loop.html")),
    ("consent.html", include_str!("templates/consent.html")),
    ("apps.html", include_str!("templates/apps.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("form.html", include_str!("templates/form.html")),
    ("profile.html", include_str!("templates/profile.html")),
    ("documents.html", include_str!("templates/documents.html")),
    ("document.html", include_str!("templates/document.html")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Everything but the one constant style sheet and the one constant script is HTML.
    environment.set_auto_escape_callback(|name| {
        if matches!(name, "style.css" | "passkeys.js") { AutoEscape::None } else { AutoEscape::Html }
    });
    environment.add_function("say", say);
    for (name, source) in TEMPLATES {
        #[expect(clippy::expect_used, reason = "the templates are constants, and a test compiles each")]
        environment.add_template(name, source).expect("a template is well formed");
    }
    environment
});

/// `say("key", name=value)`: a text of the catalogue in the page's language. The result is text, escaped where it is put.
fn say(state: &State<'_, '_>, key: &str, values: Kwargs) -> Result<String, Error> {
    let unknown =
        |what: &str| Error::new(ErrorKind::InvalidOperation, format!("{what} of the message {key:?}"));
    let message = Message::of_key(key).ok_or_else(|| unknown("no text"))?;
    let language = match state.lookup("lang").as_ref().and_then(|lang| lang.as_str()) {
        Some(tag) if tag == Language::English.tag() => Language::English,
        _ => return Err(unknown("no language")),
    };
    let names = message.placeholders(language);
    let given = names.iter().map(|name| Ok((*name, values.get::<String>(name)?)));
    let given = given.collect::<Result<Vec<_>, Error>>()?;
    values.assert_all_used()?;
    let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(message.fill(language, &given))
}

/// A page before it is written.
pub(super) struct View {
    template: &'static str,
    status: StatusCode,
    values: Value,
    /// The origin a form of this page may end up at, besides our own (DESIGN.md ruling 7).
    leads_to: Option<String>,
    /// The page has the one script.
    script: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl View {
    /// A page that shows these values.
    pub(super) const fn new(template: &'static str, values: Value) -> Self {
        Self { template, status: StatusCode::OK, values, leads_to: None, script: false, headers: Vec::new() }
    }

    /// A heading, a text, and where to go from there.
    pub(super) fn notice(status: StatusCode, title: &str, text: &str, links: Vec<(String, String)>) -> Self {
        let links: Vec<Value> =
            links.into_iter().map(|(href, label)| context! { href => href, label => label }).collect();
        let values = context! { title => title, text => text, links => links, request => Value::from(()) };
        Self::new("notice.html", values).with_status(status)
    }

    pub(super) const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds or replaces values.
    pub(super) fn with(mut self, values: Value) -> Self {
        self.values = context! { ..values, ..self.values };
        self
    }

    /// Lets the page's forms end at this origin.
    pub(super) fn leading_to(mut self, origin: Option<&str>) -> Self {
        self.leads_to = origin.map(str::to_owned);
        self
    }

    /// Lets the one script run.
    pub(super) const fn with_script(mut self, script: bool) -> Self {
        self.script = script;
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets cookies; `None` is a cookie that could not be written, which ours always can.
    pub(super) fn with_cookies(mut self, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Self {
        self.headers.extend(cookies.into_iter().flatten().map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }

    /// The response.
    pub(super) fn render(self, shared: &Shared) -> Response<Bytes> {
        let language = Language::default();
        let values =
            context! { lang => language.tag(), site => shared.settings.title.as_str(), ..self.values };
        let rendered = ENVIRONMENT.get_template(self.template).and_then(|template| template.render(values));
        let mut response = match rendered {
            Ok(html) => Response::new(Bytes::from(html)),
            Err(error) => {
                tracing::error!(template = self.template, error = %error.kind(), "a page could not be rendered");
                let mut response = Response::new(Message::FaultBroken.pattern(language).to_owned().into());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                guard(&mut response, shared, None);
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
                return response;
            }
        };
        *response.status_mut() = self.status;
        guard(&mut response, shared, self.leads_to.as_deref());
        if self.script {
            allow_script(&mut response);
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The headers of every answer of this surface (security.md WEB-4, URL-8).
pub(super) fn guard<B>(response: &mut Response<B>, shared: &Shared, leads_to: Option<&str>) {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(&content_policy(leads_to));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    );
    if shared.settings.portal.scheme() == Scheme::Https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// Adds the one script, and that it may talk to us, to the policy of a page.
fn allow_script<B>(response: &mut Response<B>) {
    let policy =
        response.headers().get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let policy =
        format!("{}; script-src '{SCRIPT_HASH}'; connect-src 'self'", policy.unwrap_or("default-src 'none'"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

const FIXED: &[(&str, &str)] = &[
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), \
         payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)",
    ),
    ("cache-control", "no-store"),
];

/// The policy: our one style sheet, forms to ourselves and, through a redirect, to where the form leads. An origin is
/// spelled by the URL parser, so it holds neither `;` nor space; were it otherwise it would be left out.
fn content_policy(leads_to: Option<&str>) -> String {
    let to = leads_to.filter(|origin| !origin.contains([';', ',', ' ', '\'']));
    let to = to.map_or_else(String::new, |origin| format!(" {origin}"));
    format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; object-src 'none'; form-action 'self'{to}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// A moment for people: minute precision, in UTC.
pub(super) fn moment(language: Language, at: Timestamp) -> String {
    let text = at.rfc3339();
    let parts = text.split_once('T').and_then(|(date, time)| Some((date, time.get(..5)?)));
    match parts {
        Some((date, clock)) => Message::Moment.fill(language, &[("date", date), ("clock", clock)]),
        None => text,
    }
}

#[cfg(test)]
pub(super) mod tests;
