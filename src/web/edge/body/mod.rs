//! Bodies of requests, JSON or form, read once and strictly into [`Fields`] (security.md WEB-2, API-7, ENR-3).
//!
//! **Responsibility.** Content type, size and time; then every field once, by name, each with its own complaint: missing, empty, too
//! long, of another type, repeated, unknown, wrongly encoded.
//!
//! **Invariants.** All complaints of a body are said at once. No complaint repeats a value that was sent (OPS-18). What an endpoint asks for is
//! what it documents: both come from its [`FromFields`].
//!
//! **Not here.** Who may send a body from where (`cross_site`, each family), and what a value means (`values`, `domain`).
//!
//! **Start reading at** [`FromFields`], then [`Fields`].

mod fields;
mod form;
mod json;
mod shape;
mod value;

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, header};

pub use self::{
    fields::Fields,
    shape::{Asked, FromFields, Kind, Text},
    value::Value,
};
use crate::{
    domain::fault::{Fault, Field, Reason},
    serve::{BodyError, limited},
    web::Settings,
};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

impl Format {
    /// What the one `Content-Type` says; parameters such as `charset` say nothing (both are UTF-8).
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let essence = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else {
            None
        }
    }
}

/// Reads the body of a request whose format is one of `accepted`.
///
/// # Errors
/// [`Reason::UnsupportedMediaType`], [`Reason::TooLarge`], and [`Reason::Malformed`] for what is neither.
pub async fn read(request: Request, accepted: &[Format], settings: &Settings) -> Result<Fields, Fault> {
    let format = Format::of(request.headers()).filter(|format| accepted.contains(format));
    let Some(format) = format else { return Err(Fault::new(Reason::UnsupportedMediaType)) };
    let bytes = collect(request, settings).await?;
    match format {
        Format::Json => json::parse(&bytes),
        Format::Form => form::parse(&bytes),
    }
}

/// The same, as what the endpoint asks for.
///
/// # Errors
/// See [`read`]; with every flaw of every field.
pub async fn read_as<T: FromFields>(
    request: Request,
    accepted: &[Format],
    settings: &Settings,
) -> Result<T, Fault> {
    read(request, accepted, settings).await?.into_shape()
}

/// Reads a query: what is asked for as strictly as a form, and no word about the rest.
///
/// # Errors
/// [`Reason::Malformed`] with every flaw of every field.
pub fn read_query<T: FromFields>(query: &str) -> Result<T, Fault> {
    form::parse(query.as_bytes())?.into_open_shape()
}

/// Reads names with their texts, each once.
///
/// # Errors
/// [`Reason::Malformed`] with every flaw of every field.
pub fn read_pairs<T: FromFields>(pairs: impl IntoIterator<Item = (String, String)>) -> Result<T, Fault> {
    form::of_pairs(pairs).into_shape()
}

async fn collect(request: Request, settings: &Settings) -> Result<Bytes, Fault> {
    let body = limited(request.into_body(), settings.largest_body, settings.body_deadline);
    body.collect().await.map_err(|error| match error {
        BodyError::TooLarge => Fault::new(Reason::TooLarge),
        BodyError::TooSlow | BodyError::Broken(_) => {
            Fault::malformed(Field::Body, "could not be read").because(error)
        }
    })
}

#[cfg(test)]
mod tests;
