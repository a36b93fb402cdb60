//! What handlers read from a request: bodies, query and path, strictly (security.md API-7, WEB-2; DESIGN.md ruling 6).
//!
//! A body and a query never fill the same field: each handler says which of them it reads. Query parameters that an endpoint
//! does not have are passed over, because old clients and caches add some; body fields are not.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{HeaderMap, header, request::Parts};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        RefOr,
        path::{Parameter, ParameterIn},
        schema::Schema,
    },
};

use super::{
    signature::{Described, Media, Shape, Signature},
    text::Texts,
};
use crate::{
    domain::fault::{Fault, Field, Reason},
    serve::{BodyError, limited},
    web::Shared,
};

/// A JSON object.
pub struct JsonBody<T>(pub T);

/// A JSON object or a form.
pub struct FormOrJson<T>(pub T);

/// No body; if there is one all the same, it is JSON and not read, so that no form of a foreign page gets this far.
pub struct NoBody;

/// The query.
pub struct Query<T>(pub T);

/// The variable parts of the path.
pub struct Path<T>(pub T);

impl<T: ToSchema> Described for JsonBody<T> {
    fn describe(signature: &mut Signature) {
        signature.body = Some((Media::Json, Shape::of::<T>()));
    }
}

impl<T: ToSchema> Described for FormOrJson<T> {
    fn describe(signature: &mut Signature) {
        signature.body = Some((Media::JsonOrForm, Shape::of::<T>()));
    }
}

impl Described for NoBody {
    fn describe(signature: &mut Signature) {
        signature.refuses_types = true;
    }
}

impl<T: IntoParams> Described for Query<T> {
    fn describe(signature: &mut Signature) {
        signature.parameters.extend(T::into_params(|| Some(ParameterIn::Query)));
    }
}

impl<T: IntoParams> Described for Path<T> {
    fn describe(signature: &mut Signature) {
        signature.parameters.extend(T::into_params(|| Some(ParameterIn::Path)));
    }
}

impl<T: DeserializeOwned + ToSchema> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        if !is(request.headers(), b"application/json") {
            return Err(Fault::new(Reason::UnsupportedMediaType));
        }
        let bytes = whole(request, shared).await?;
        object(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + ToSchema> FromRequest<Shared> for FormOrJson<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        if is(request.headers(), b"application/x-www-form-urlencoded") {
            let bytes = whole(request, shared).await?;
            let fields = pairs(&bytes, Field::Body)?;
            if let Some(name) = repeated(&fields) {
                return Err(Fault::malformed(Field::Body, said::<T>(name, "is there more than once")));
            }
            let texts = Texts(&fields);
            return serde_path_to_error::deserialize(texts).map(Self).map_err(|error| {
                let name = error.path().to_string();
                Fault::malformed(Field::Body, said::<T>(&name, "is missing or not as described"))
            });
        }
        JsonBody::from_request(request, shared).await.map(|JsonBody(body)| Self(body))
    }
}

impl FromRequest<Shared> for NoBody {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Fault> {
        let is_empty = http_body::Body::is_end_stream(request.body());
        if is_empty || is(request.headers(), b"application/json") {
            return Ok(Self);
        }
        Err(Fault::new(Reason::UnsupportedMediaType))
    }
}

impl<T: DeserializeOwned + IntoParams> FromRequestParts<Shared> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        let known = names(&T::into_params(|| Some(ParameterIn::Query)));
        let query = parts.uri.query().unwrap_or_default();
        let mut fields = pairs(query.as_bytes(), Field::Named("query"))?;
        fields.retain(|(name, _)| known.iter().any(|known| known == name));
        if let Some(name) = repeated(&fields) {
            return Err(Fault::malformed(Field::Named("query"), format!("{name} is there more than once")));
        }
        serde_path_to_error::deserialize(Texts(&fields)).map(Self).map_err(|error| {
            let path = error.path().to_string();
            let message = match known.iter().find(|name| **name == path) {
                Some(name) => format!("{name} is not as described"),
                None => "a parameter is missing".to_owned(),
            };
            Fault::malformed(Field::Named("query"), message)
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> FromRequestParts<Shared> for Path<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Fault> {
        axum::extract::Path::from_request_parts(parts, shared)
            .await
            .map(|axum::extract::Path(inner)| Self(inner))
            .map_err(|_| Fault::malformed(Field::Named("path"), "is not as described"))
    }
}

/// Whether the body is said to be of this type, with whatever parameters.
fn is(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let kind = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(wanted)
}

async fn whole(request: Request, shared: &Shared) -> Result<bytes::Bytes, Fault> {
    let settings = &shared.settings;
    let body = limited(request.into_body(), settings.largest_body, settings.body_deadline);
    body.collect().await.map_err(|error| match error {
        BodyError::TooLarge => Fault::new(Reason::TooLarge),
        BodyError::TooSlow | BodyError::Broken(_) => {
            Fault::malformed(Field::Body, "could not be read").because(error)
        }
    })
}

/// One JSON object with each name once and none but the known ones.
fn object<T: DeserializeOwned + ToSchema>(bytes: &[u8]) -> Result<T, Fault> {
    // A list of the values in order would do for the derived readers, but no published shape is a list.
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Fault::malformed(Field::Body, "is not a JSON object"));
    }
    // serde_json limits nesting to 128; these shapes are flat, so a deep value fails at its first level.
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let name = error.path().to_string();
        (name, error.into_inner())
    });
    let read = read.and_then(|read: T| reader.end().map(|()| read).map_err(|error| (String::new(), error)));
    read.map_err(|(name, error)| {
        if bytes.is_empty() {
            return Fault::malformed(Field::Body, "is empty");
        }
        // The parser's own words can repeat what was sent, so only the place is told (OPS-18).
        let place = format!(
            "is not the JSON object expected here (line {}, column {})",
            error.line(),
            error.column()
        );
        Fault::malformed(Field::Body, said::<T>(&name, &place))
    })
}

/// A complaint about one field of a body, by its name when that is one of ours: what else was sent is not repeated.
fn said<T: ToSchema>(name: &str, what: &str) -> String {
    let RefOr::T(Schema::Object(object)) = T::schema() else { return what.to_owned() };
    if object.properties.contains_key(name) { format!("{what}: see {name}") } else { what.to_owned() }
}

fn names(parameters: &[Parameter]) -> Vec<String> {
    parameters.iter().map(|parameter| parameter.name.clone()).collect()
}

/// Names and values of a form or a query. What is no UTF-8 after decoding is refused, not patched.
fn pairs(text: &[u8], field: Field) -> Result<Vec<(String, String)>, Fault> {
    let decode = |text: &[u8]| {
        let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let decoded = percent_decode(&spaced).decode_utf8().map(std::borrow::Cow::into_owned);
        decoded.map_err(|_| Fault::malformed(field, "is not UTF-8"))
    };
    text.split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let end = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(end);
            Ok((decode(name)?, decode(value.get(1..).unwrap_or_default())?))
        })
        .collect()
}

fn repeated(fields: &[(String, String)]) -> Option<&str> {
    let mut names = fields.iter().enumerate();
    names.find_map(|(at, (name, _))| {
        let again = fields.get(at + 1..).unwrap_or_default().iter().any(|(other, _)| other == name);
        again.then_some(name.as_str())
    })
}
