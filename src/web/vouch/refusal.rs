//! How a refusal is said: each dialect has its own statuses and bodies (forward-auth.md section 1.1).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::adapter::Dialect;
use crate::{domain::fault::Reason, serve::Body, web::edge::navigation::accepts};

/// Where a script finds the login page when it gets a 401 (forward-auth.md 12.2).
const LOGIN_HEADER: HeaderName = HeaderName::from_static("x-vouch-login");

/// A refusal before it is written.
pub(super) struct Refusal {
    status: StatusCode,
    dialect: Dialect,
    location: Option<String>,
    login: Option<String>,
    reason: &'static str,
    message: &'static str,
    html: bool,
}

impl Refusal {
    const fn new(dialect: Dialect, status: StatusCode, reason: &'static str, message: &'static str) -> Self {
        Self { status, dialect, location: None, login: None, reason, message, html: false }
    }

    /// No path of ours. Never 404: nginx would make it a 500.
    pub(super) const fn unknown() -> Self {
        Self::new(Dialect::Request, StatusCode::FORBIDDEN, "forbidden", "There is no such adapter.")
    }

    /// The peer, or what it says, cannot be believed.
    pub(super) const fn untrusted(dialect: Dialect) -> Self {
        let message = "The request could not be verified; the log of the sign-in server says why.";
        Self::new(dialect, StatusCode::FORBIDDEN, "untrusted-request", message)
    }

    /// Our own fault. nginx knows 403 only.
    pub(super) const fn broken(dialect: Dialect) -> Self {
        let status = match dialect {
            Dialect::Request => StatusCode::FORBIDDEN,
            Dialect::Forward | Dialect::Gateway | Dialect::Session => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(dialect, status, "unavailable", "The sign-in server cannot answer at the moment.")
    }

    /// Signed in or not: no.
    pub(super) const fn denied(dialect: Dialect) -> Self {
        Self::new(dialect, StatusCode::FORBIDDEN, "forbidden", "You may not see this.")
    }

    /// The Simple Auth form: no live session.
    pub(super) fn session(login: Option<String>, redirect: bool, method: &Method) -> Self {
        let mut refusal =
            Self::new(Dialect::Session, StatusCode::UNAUTHORIZED, "unauthorized", "You are not signed in.");
        if redirect && login.is_some() {
            // DESIGN.md ruling 2: the seed's 307, but never for what a browser would send to the portal a second time
            // (security.md VCH-13). Without proxy headers the method of the check is the original one.
            let repeats = matches!(*method, Method::GET | Method::HEAD);
            refusal.status = if repeats { StatusCode::TEMPORARY_REDIRECT } else { StatusCode::SEE_OTHER };
            refusal.location.clone_from(&login);
        }
        refusal.login = login;
        refusal
    }

    /// Sign in first, or go one level up.
    pub(super) fn sign_in(
        dialect: Dialect,
        reason: Reason,
        login: Option<String>,
        navigation: bool,
        method: &str,
    ) -> Self {
        let (word, message) = match reason {
            Reason::SecondFactorNeeded => ("second-factor-needed", "A second factor is needed for this."),
            _ => ("login-required", "You are not signed in."),
        };
        let mut refusal = Self::new(dialect, StatusCode::UNAUTHORIZED, word, message);
        if navigation {
            refusal.location.clone_from(&login);
            if matches!(dialect, Dialect::Forward | Dialect::Gateway) && login.is_some() {
                // 303, so that a POST is not replayed to the portal (security.md VCH-13).
                let repeats = matches!(method, "GET" | "HEAD");
                refusal.status = if repeats { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
            }
        }
        refusal.login = login;
        refusal
    }

    /// Lets the browser's `Accept` choose between JSON and HTML.
    pub(super) fn answering(mut self, headers: &HeaderMap) -> Self {
        // nginx gets no body of either kind.
        self.html = self.dialect != Dialect::Request && accepts(headers, b"text/html");
        self
    }

    /// The response.
    pub(super) fn into_response(self, method: &Method) -> Response<Body> {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        mark_private(headers);
        if let Some(location) = self.location.as_deref().and_then(|url| HeaderValue::from_str(url).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if let Some(login) = self.login.as_deref().and_then(|url| HeaderValue::from_str(url).ok()) {
            headers.insert(LOGIN_HEADER, login);
        }
        match self.dialect {
            // A body would cost nginx its connection to us, and nobody would see it.
            Dialect::Request => {}
            Dialect::Forward | Dialect::Gateway if self.html => html(&mut response, self.page(), method),
            Dialect::Forward | Dialect::Gateway | Dialect::Session => {
                json(&mut response, self.object(), method);
            }
        }
        response
    }

    /// DESIGN.md ruling 3.
    fn object(&self) -> Bytes {
        let mut object = serde_json::json!({ "error": true, "message": self.message, "reason": self.reason });
        if let (Some(login), Some(object)) = (&self.login, object.as_object_mut()) {
            object.insert("login_url".to_owned(), login.as_str().into());
        }
        object.to_string().into()
    }

    /// Static but for one address of ours, escaped. It stands under the app's origin, so it holds no script.
    fn page(&self) -> Bytes {
        let link = self.login.as_deref().map_or_else(String::new, |login| {
            format!("<p><a href=\"{}\" target=\"_top\">Sign in</a></p>", escape(login))
        });
        let message = escape(self.message);
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{message}</title><h1>{message}</h1>{link}</html>"
        )
        .into()
    }
}

/// What the query of the Simple Auth form may ask: the form of a refusal, nothing else.
pub(super) struct SessionForm {
    pub(super) redirect: bool,
    pub(super) asked: Option<String>,
}

impl SessionForm {
    pub(super) fn of(query: &str) -> Self {
        let mut form = Self { redirect: false, asked: None };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "forward" => form.redirect = !value.is_empty() && value != "false" && value != "0",
                "continue" if form.asked.is_none() => form.asked = Some(value.into_owned()),
                // Twice: neither is believed.
                "continue" => form.asked = Some(String::new()),
                _ => {}
            }
        }
        form
    }
}

/// Security.md VCH-15: nobody keeps an answer, and it depends on the credentials.
pub(super) fn mark_private(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Cookie, Authorization"));
}

/// Gives a response a JSON body; HEAD gets its headers only (forward-auth.md 1.2.5).
pub(super) fn json(response: &mut Response<Body>, body: Bytes, method: &Method) {
    set_body(response, body, method, HeaderValue::from_static("application/json"));
}

fn html(response: &mut Response<Body>, body: Bytes, method: &Method) {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set_body(response, body, method, HeaderValue::from_static("text/html; charset=utf-8"));
}

fn set_body(response: &mut Response<Body>, body: Bytes, method: &Method, kind: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if method == Method::HEAD {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    } else {
        *response.body_mut() = Body::from(body);
    }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}
