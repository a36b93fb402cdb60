//! How the one script and we talk: JSON from our own origin, with the page's token; answers and refusals in JSON.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json as object};

use super::prove_first;
use crate::{
    actions::passkeys::{Asked, LONGEST_ANSWER},
    domain::fault::{Fault, Field, Reason},
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{self, Fields, Format, FromFields, Text},
            rescue::{Envelope, status_of},
        },
        pages::{
            catalogue::{Language, Message, waiting},
            fields::complaints,
            form::own_origin,
            trouble::words,
            view::guard,
        },
        simple::slug,
    },
};

/// What the script sends.
pub(super) struct Sent<T>(pub(super) T);

impl<T: FromFields> FromRequest<Shared> for Sent<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        own_origin(request.headers(), &shared.origin)?;
        body::read_as(request, &[Format::Json], &shared.settings).await.map(Self)
    }
}

const TOKEN: Text = Text::new("csrf", Field::Named("csrf"));

/// Begins a ceremony.
pub(super) struct Ask {
    pub(super) token: String,
}

impl FromFields for Ask {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.text(&TOKEN)? })
    }
}

/// Ends one.
pub(super) struct Finish {
    pub(super) token: String,
    pub(super) handle: Secret<String>,
    pub(super) credential: String,
    pub(super) way: String,
    pub(super) name: Option<String>,
    pub(super) remember: bool,
    pub(super) trust: bool,
}

impl FromFields for Finish {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let token = fields.text(&TOKEN);
        let handle = fields.secret(&Text::new("handle", Field::Token).at_most(64));
        let credential = Text::new("credential", Field::Named("credential")).at_most(LONGEST_ANSWER);
        let credential = fields.text(&credential);
        let way = fields.optional_text(&Text::new("way", Field::Continue).at_most(16 * 1024));
        let name = fields.optional_text(&Text::new("name", Field::Named("name")));
        let remember = fields.flag("remember", Field::Named("remember"));
        let trust = fields.flag("trust", Field::Named("trust"));
        Some(Self {
            token: token?,
            handle: handle?,
            credential: credential?,
            way: way.unwrap_or_default(),
            name,
            remember: remember.unwrap_or_default(),
            trust: trust.unwrap_or_default(),
        })
    }
}

/// A ceremony that began.
pub(super) fn asked(shared: &Shared, asked: &Asked) -> Result<Response, Fault> {
    let options: Value = serde_json::from_str(&asked.options).map_err(Fault::broken)?;
    Ok(json(shared, &object!({ "handle": asked.handle.expose(), "options": options })))
}

/// What a page would have answered with a redirect: the script goes there itself. Cookies stay.
pub(super) fn sent_on(response: http::Response<bytes::Bytes>) -> Response {
    let (mut parts, _) = response.into_parts();
    let to = parts.headers.remove(header::LOCATION);
    let to = to.as_ref().and_then(|to| to.to_str().ok()).unwrap_or("/");
    parts.status = StatusCode::OK;
    parts.headers.insert(header::CONTENT_TYPE, JSON);
    Response::from_parts(parts, Body::from(object!({ "success": true, "location": to }).to_string()))
}

/// A value as JSON, with the headers of every answer here.
pub(super) fn json(shared: &Shared, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    guard(&mut response, shared, None);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How the script is refused: in words it can show, and with where to go when more has to be proven.
pub(super) struct ScriptEnvelope;

impl Envelope for ScriptEnvelope {
    fn say(&self, fault: &Fault, _: &str) -> Response {
        let mut said = object!({ "error": true, "reason": slug(fault.reason), "message": message(fault) });
        if let Some(to) = prove_first(fault.reason) {
            said["location"] = to.into();
        }
        let mut response = Response::new(Body::from(said.to_string()));
        *response.status_mut() = status_of(fault.reason);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

fn message(fault: &Fault) -> String {
    let language = Language::default();
    let wait = waiting(language, fault.retry_after.unwrap_or_default());
    let text = match fault.reason {
        Reason::BadCredentials | Reason::SecondFactorWrong => Message::PasskeyWrong,
        Reason::Expired | Reason::InvalidToken => Message::PasskeyLate,
        Reason::Taken => Message::PasskeyTaken,
        Reason::Malformed => return complaints(fault).join(" "),
        reason => words(reason).1,
    };
    text.fill(language, &[("wait", &wait)])
}
