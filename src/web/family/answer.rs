//! Good answers: a view as JSON with its status and cookies. The one place in the families that writes such a response.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::signature::{Answered, Described, Shape, Signature};

/// A view, said as JSON. It is for whoever asked and for nobody's cache.
#[derive(Debug)]
pub struct Answer<T, const STATUS: u16 = 200> {
    view: T,
    cookies: Vec<HeaderValue>,
    sealed: bool,
}

/// The answer to a request that made something.
pub type Created<T> = Answer<T, 201>;

impl<T, const STATUS: u16> Answer<T, STATUS> {
    /// This view.
    pub const fn new(view: T) -> Self {
        Self { view, cookies: Vec::new(), sealed: false }
    }

    /// It holds credentials, so even a cache of HTTP/1.0 is told (RFC 6749, section 5.1).
    #[must_use]
    pub fn sealed(self) -> Self {
        Self { sealed: true, ..self }
    }

    /// Sets cookies; `None` is a cookie that could not be written, which ours always can.
    #[must_use]
    pub fn with_cookies(mut self, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Self {
        self.cookies.extend(cookies.into_iter().flatten());
        self
    }
}

impl<T: Serialize, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        let mut response = Json(self.view).into_response();
        if response.status().is_success() {
            *response.status_mut() = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK);
        }
        for cookie in self.cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        private(&mut response);
        if self.sealed {
            response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        }
        response
    }
}

impl<T: ToSchema, const STATUS: u16> Described for Answer<T, STATUS> {
    fn describe(signature: &mut Signature) {
        signature.answers.push(Answered {
            status: STATUS,
            what: if STATUS == 201 { "Created" } else { "Done" },
            media: Some("application/json"),
            shape: Some(Shape::of::<T>()),
            headers: &[],
        });
    }
}

/// The browser goes on to a page of ours, with cookies: the one answer of a family that is not for programs.
#[derive(Debug)]
pub struct GoOn {
    location: HeaderValue,
    cookies: Vec<HeaderValue>,
}

impl GoOn {
    /// Where one of our pages sends a browser, with the cookies it sets.
    pub fn like<B>(page: &http::Response<B>) -> Self {
        let location = page.headers().get(header::LOCATION).cloned();
        let cookies = page.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
        Self { location: location.unwrap_or(HeaderValue::from_static("/")), cookies }
    }
}

impl IntoResponse for GoOn {
    fn into_response(self) -> Response {
        let mut response = StatusCode::FOUND.into_response();
        response.headers_mut().insert(header::LOCATION, self.location);
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        for cookie in self.cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        private(&mut response);
        response
    }
}

impl Described for GoOn {
    fn describe(signature: &mut Signature) {
        signature.answers.push(Answered {
            status: 302,
            what: "Go on",
            media: None,
            shape: None,
            headers: &[("Location", "The page to go on with.")],
        });
    }
}

/// A picture.
#[derive(Debug)]
pub struct Png(pub Vec<u8>);

impl IntoResponse for Png {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
        private(&mut response);
        response
    }
}

impl Described for Png {
    fn describe(signature: &mut Signature) {
        signature.answers.push(Answered {
            status: 200,
            what: "The picture",
            media: Some("image/png"),
            shape: None,
            headers: &[],
        });
    }
}

/// No cache keeps it, and nobody guesses at its type (security.md WEB-4, VCH-15).
pub(in crate::web) fn private(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
