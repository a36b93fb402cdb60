//! What handlers read from a request: bodies, query and path, strictly (security.md API-7, WEB-2; DESIGN.md ruling 6).
//!
//! A body and a query never fill the same field: each handler says which of them it reads. What is read says itself what it is made of
//! ([`FromFields`]), and the document is made from that. Query parameters that an endpoint does not have are passed over,
//! because old clients and caches add some; body fields are not.

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;

use super::{
    asked,
    signature::{Described, Media, Signature},
};
use crate::{
    domain::fault::{Fault, Field, Reason},
    web::{
        Shared,
        edge::body::{self, Fields, Format, FromFields},
    },
};

/// A body that a document can name.
pub trait RequestBody: FromFields {
    /// What the document calls it.
    const NAME: &'static str;
}

/// A JSON object.
pub struct JsonBody<T>(pub T);

/// A JSON object or a form.
pub struct FormOrJson<T>(pub T);

/// The same, and what is not asked for is passed over, as OAuth wants it (RFC 6749, section 3.2).
pub struct OpenFormOrJson<T>(pub T);

/// No body; if there is one all the same, it is JSON and not read, so that no form of a foreign page gets this far.
pub struct NoBody;

/// The query.
pub struct Query<T>(pub T);

/// The variable parts of the path.
pub struct Path<T>(pub T);

impl<T: RequestBody> Described for JsonBody<T> {
    fn describe(signature: &mut Signature) {
        signature.body = Some((Media::Json, asked::shape::<T>()));
    }
}

impl<T: RequestBody> Described for FormOrJson<T> {
    fn describe(signature: &mut Signature) {
        signature.body = Some((Media::JsonOrForm, asked::shape::<T>()));
    }
}

impl<T: RequestBody> Described for OpenFormOrJson<T> {
    fn describe(signature: &mut Signature) {
        signature.body = Some((Media::JsonOrForm, asked::open_shape::<T>()));
    }
}

impl Described for NoBody {
    fn describe(signature: &mut Signature) {
        signature.refuses_types = true;
    }
}

impl<T: FromFields> Described for Query<T> {
    fn describe(signature: &mut Signature) {
        signature.parameters.extend(asked::parameters(&Fields::asked_by::<T>(), "query"));
    }
}

impl<T: FromFields> Described for Path<T> {
    fn describe(signature: &mut Signature) {
        signature.parameters.extend(asked::parameters(&Fields::asked_by::<T>(), "path"));
    }
}

impl<T: FromFields> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        body::read_as(request, &[Format::Json], &shared.settings).await.map(Self)
    }
}

impl<T: FromFields> FromRequest<Shared> for FormOrJson<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        body::read_as(request, &[Format::Json, Format::Form], &shared.settings).await.map(Self)
    }
}

impl<T: FromFields> FromRequest<Shared> for OpenFormOrJson<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        let accepted = [Format::Json, Format::Form];
        body::read(request, &accepted, &shared.settings).await?.into_open_shape().map(Self)
    }
}

impl FromRequest<Shared> for NoBody {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Fault> {
        let has_body = !http_body::Body::is_end_stream(request.body());
        if has_body && Format::of(request.headers()) != Some(Format::Json) {
            return Err(Fault::new(Reason::UnsupportedMediaType));
        }
        Ok(Self)
    }
}

impl<T: FromFields> FromRequestParts<Shared> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        body::read_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

impl<T: FromFields> FromRequestParts<Shared> for Path<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Fault> {
        let params = RawPathParams::from_request_parts(parts, shared)
            .await
            .map_err(|_| Fault::malformed(Field::Named("path"), "is not UTF-8"))?;
        body::read_pairs(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned()))).map(Self)
    }
}
