//! What a handler's signature says of its endpoint: what it reads from a request and what it answers with.
//!
//! The document of a family is made from this, so that it cannot say something else than the code does.

use std::marker::PhantomData;

use axum::extract::{Request, State};
use http::{HeaderMap, Method};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::{
    domain::{call::Call, fault::Fault},
    serve::Promise,
    web::{Shared, edge::caller::Present},
};

/// A type's JSON shape, by name.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Its name in the document.
    pub name: fn() -> std::borrow::Cow<'static, str>,
    /// Itself, as JSON Schema.
    pub schema: fn() -> Value,
    /// Those it is made of.
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T: ToSchema>() -> Self {
        Self { name: T::name, schema: || serde_json::json!(T::schema()), parts: T::schemas }
    }
}

/// The kinds of body a handler reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/json` or `application/x-www-form-urlencoded`.
    JsonOrForm,
    /// `application/x-www-form-urlencoded`.
    Form,
}

impl Media {
    /// The content types.
    pub const fn types(self) -> &'static [&'static str] {
        const JSON: &str = "application/json";
        const FORM: &str = "application/x-www-form-urlencoded";
        match self {
            Self::Json => &[JSON],
            Self::JsonOrForm => &[JSON, FORM],
            Self::Form => &[FORM],
        }
    }
}

/// One answer that a handler gives when all is well.
#[derive(Clone)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// What it means.
    pub what: &'static str,
    /// The content type; none when there is no body.
    pub media: Option<&'static str>,
    /// The body's shape, when it is JSON.
    pub shape: Option<Shape>,
    /// Headers that matter to a client, and what they say.
    pub headers: &'static [(&'static str, &'static str)],
}

/// The whole of it.
#[derive(Clone, Default)]
pub struct Signature {
    /// Parameters in path and query.
    pub parameters: Vec<Value>,
    /// The body that is read.
    pub body: Option<(Media, Shape)>,
    /// It reads no body, but refuses one of another type than JSON.
    pub refuses_types: bool,
    /// Whoever proves nothing gets a good answer, too.
    pub answers_anybody: bool,
    /// The good answers.
    pub answers: Vec<Answered>,
    /// It is handed whoever acts, so the row must let nobody else in.
    pub needs_somebody: bool,
    /// It is handed the program that asks, so the row must be for programs.
    pub needs_service: bool,
}

/// A part of a signature that says something about the endpoint. Most say nothing.
pub trait Described {
    /// Writes it down.
    fn describe(_: &mut Signature) {}
}

impl Described for State<Shared> {}
impl Described for Call {}
impl Described for Present {}
impl Described for HeaderMap {}
impl Described for Method {}

/// Its reasons stand in the row.
impl Described for Fault {}

/// What refuses in other ways than by a fault describes those itself.
impl<T: Described, E: Described> Described for Result<T, E> {
    fn describe(signature: &mut Signature) {
        T::describe(signature);
        E::describe(signature);
    }
}

/// A handler's function, with its arguments still to be taken out of the request.
pub(super) type Called = fn(Request, Shared) -> Promise<axum::body::Body>;

/// A handler, as a row of the table holds it. The macro `handler!` makes one.
#[derive(Clone, Copy)]
pub struct Handler {
    /// The function; none for what is answered before the router.
    called: Option<Called>,
    /// Its signature.
    pub(super) describe: fn(&mut Signature),
}

impl Handler {
    /// Both halves, made from one function.
    pub const fn new(called: Called, describe: fn(&mut Signature)) -> Self {
        Self { called: Some(called), describe }
    }

    /// An endpoint that is answered elsewhere and only documented here.
    pub const fn elsewhere(describe: fn(&mut Signature)) -> Self {
        Self { called: None, describe }
    }

    /// The function; none for what is answered elsewhere.
    pub(super) const fn called(&self) -> Option<Called> {
        self.called
    }

    /// Whether the family's router answers it.
    pub const fn is_routed(&self) -> bool {
        self.called.is_some()
    }

    /// What it says of itself.
    pub fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        (self.describe)(&mut signature);
        signature
    }
}

/// Functions whose arguments and result are all [`Described`].
pub trait Describes<Arguments> {
    /// Writes the whole signature down.
    fn describe(&self, signature: &mut Signature);
}

macro_rules! describes {
    ($($argument:ident),*) => {
        impl<F, Fut, R, $($argument),*> Describes<PhantomData<($($argument,)*)>> for F
        where
            F: Fn($($argument),*) -> Fut,
            Fut: Future<Output = R>,
            R: Described,
            $($argument: Described,)*
        {
            fn describe(&self, signature: &mut Signature) {
                $($argument::describe(signature);)*
                R::describe(signature);
            }
        }
    };
}

describes!();
describes!(A);
describes!(A, B);
describes!(A, B, C);
describes!(A, B, C, D);
describes!(A, B, C, D, E);
describes!(A, B, C, D, E, G);
describes!(A, B, C, D, E, G, H);
describes!(A, B, C, D, E, G, H, I);

/// Makes a [`Handler`] of a function: it is routed and described by what it takes and gives.
macro_rules! handler {
    ($function:expr) => {
        $crate::web::family::Handler::new(
            |request, shared| axum::handler::Handler::call($function, request, shared),
            |signature| $crate::web::family::Describes::describe(&$function, signature),
        )
    };
}
pub(in crate::web) use handler;
