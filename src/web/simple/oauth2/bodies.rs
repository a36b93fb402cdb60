//! What comes in: JSON or a form, each known name once, unknown ones ignored (RFC 6749, section 3.2), nothing in the query.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};

use super::answer::Refused;
use crate::{
    domain::{
        call::Call,
        fault::Field,
    },
    idp::oauth2::{Code, Parameters, Presentation, Refusal},
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{self, Fields, Format, FromFields, Text},
            cross_site,
        },
    },
};

/// A body by the names it may have.
pub(in crate::web::simple) trait Names {
    /// The names, each with the most bytes of its value.
    const NAMES: &'static [(&'static str, usize)];
}

/// `auth.grantTokenRequest`, and what OAuth adds to it.
pub(in crate::web::simple) struct TokenNames;

impl Names for TokenNames {
    const NAMES: &'static [(&'static str, usize)] = &[
        ("client_id", 256),
        ("client_secret", 1024),
        ("client_assertion", 8192),
        ("client_assertion_type", 256),
        ("grant_type", 256),
        ("code", 512),
        ("redirect_uri", 2048),
        ("code_verifier", 256),
        ("refresh_token", 512),
        ("scope", 2048),
        ("username", 320),
        ("password", 1024),
        ("totp", 64),
    ];
}

/// `auth.oauth2TokenIntrospectRequest`, and what the client proves itself with.
pub(in crate::web::simple) struct IntrospectNames;

impl Names for IntrospectNames {
    const NAMES: &'static [(&'static str, usize)] = &[
        ("token", 2048),
        ("token_type_hint", 256),
        ("client_id", 256),
        ("client_secret", 1024),
        ("client_assertion", 8192),
        ("client_assertion_type", 256),
    ];
}

/// What a client asks, and how it presents itself.
pub(in crate::web::simple) struct ClientBody<N> {
    pub(super) parameters: Parameters,
    pub(super) presentation: Presentation,
    names: std::marker::PhantomData<fn() -> N>,
}

struct Named<N>(Vec<(String, String)>, std::marker::PhantomData<fn() -> N>);

impl<N: Names> FromFields for Named<N> {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let mut pairs = Vec::new();
        for (name, most) in N::NAMES {
            if let Some(value) = fields.optional_text(&Text::new(name, Field::Named(name)).at_most(*most)) {
                pairs.push(((*name).to_owned(), value));
            }
        }
        Some(Self(pairs, std::marker::PhantomData))
    }
}

impl<N: Names> FromRequest<Shared> for ClientBody<N> {
    type Rejection = Refused;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Refused> {
        let call = call(&request);
        let presentation = presentation(request.headers());
        let parameters = read::<N>(request, shared).await.map_err(|refusal| Refused::new(&call, refusal))?;
        Ok(Self { parameters, presentation, names: std::marker::PhantomData })
    }
}

async fn read<N: Names>(request: Request, shared: &Shared) -> Result<Parameters, Refusal> {
    // What stands in an address ends up in logs (security.md OAU-12).
    if request.uri().query().is_some_and(|query| !query.is_empty()) {
        return Err(Refusal::new(Code::InvalidRequest, "parameters belong in the body, not in the address"));
    }
    let fields = body::read(request, &[Format::Form, Format::Json], &shared.settings).await?;
    let Named::<N>(pairs, _) = fields.into_open_shape()?;
    Parameters::new(pairs)
}

/// How the client presents itself beside the body.
fn presentation(headers: &HeaderMap) -> Presentation {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next();
    let text = line.and_then(|line| line.to_str().ok());
    Presentation {
        doubtful: lines.next().is_some() || (line.is_some() && text.is_none()),
        authorization: text.map(Secret::from),
    }
}

/// `auth.authorizedGrantRequest`, with PKCE and `nonce` added.
pub(in crate::web::simple) struct GrantBody {
    pub(super) parameters: Parameters,
    pub(super) auto: bool,
}

/// Names of the grant and the most bytes of their values.
const GRANT: &[(&str, usize)] = &[
    ("client_id", 256),
    ("response_type", 256),
    ("redirect_uri", 2048),
    ("scope", 2048),
    ("state", 4096),
    ("code_challenge", 256),
    ("code_challenge_method", 256),
    ("nonce", 2048),
    ("response_mode", 256),
    ("prompt", 256),
];

struct GrantFields(Vec<(String, String)>, bool);

impl FromFields for GrantFields {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let mut pairs = Vec::new();
        for (name, most) in GRANT {
            if let Some(value) = fields.optional_text(&Text::new(name, Field::Named(name)).at_most(*most)) {
                pairs.push(((*name).to_owned(), value));
            }
        }
        let auto = fields.flag("auto", Field::Named("auto"));
        Some(Self(pairs, auto.unwrap_or(false)))
    }
}

impl FromRequest<Shared> for GrantBody {
    type Rejection = Refused;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Refused> {
        let call = call(&request);
        let read = async {
            cross_site::same_site_only(request.headers(), &shared.origin)?;
            let GrantFields(pairs, auto) =
                body::read(request, &[Format::Json], &shared.settings).await?.into_open_shape()?;
            Ok::<_, Refusal>(Self { parameters: Parameters::new(pairs)?, auto })
        };
        read.await.map_err(|refusal| Refused::new(&call, refusal))
    }
}

/// For the log of a refusal; every request that comes here has one.
fn call(request: &Request) -> Call {
    let found = request.extensions().get::<Call>().cloned();
    found.unwrap_or_else(|| {
        use crate::{domain::call::RequestId, values::time::Timestamp};
        Call::inside(Timestamp::default(), RequestId::new("unknown"))
    })
}
