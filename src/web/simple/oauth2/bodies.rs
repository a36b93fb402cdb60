//! What comes in: each name once, and from clients nothing in the address (RFC 6749, section 3.2).

use axum::extract::FromRequestParts;
use http::{header, request::Parts};

use crate::{
    domain::{
        client::ClientId,
        fault::{Fault, Field},
    },
    idp::oauth2::{Parameters, Presentation},
    values::secret::Secret,
    web::{
        Shared,
        edge::body::{Fields, FromFields, Text},
        family::{Described, RequestBody},
    },
};

/// Longest names of grants, methods and the like.
const WORD: usize = 256;
const ADDRESS: usize = 2048;
const SCOPE: usize = 2048;

const fn named(name: &'static str, most: usize) -> Text {
    Text::new(name, Field::Named(name)).at_most(most)
}

/// Asks for these texts and puts what came together as parameters.
fn texts(fields: &mut Fields, names: &[Text], secrets: &[Text]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for name in names {
        pairs.extend(fields.optional_text(name).map(|value| (name.name.to_owned(), value)));
    }
    for name in secrets {
        let secret = fields.optional_secret(name);
        pairs.extend(secret.map(|value| (name.name.to_owned(), value.expose().clone())));
    }
    pairs
}

/// What a client sends for tokens.
pub(super) struct TokenBody(pub(super) Parameters);

impl FromFields for TokenBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let names = [
            named("client_id", WORD).about("The client, unless the Authorization header names it."),
            named("grant_type", WORD)
                .about("authorization_code, refresh_token, client_credentials or password."),
            named("redirect_uri", ADDRESS),
            named("scope", SCOPE),
            named("username", 320).about("grantType == \"password\""),
            named("client_assertion_type", WORD).about("Assertions are not taken."),
        ];
        let secrets = [
            named("client_secret", 1024),
            named("code", WORD).about("grantType == authorization_code"),
            named("code_verifier", WORD).about("PKCE (RFC 7636)."),
            named("refresh_token", WORD).about("grantType == \"refresh_token\""),
            named("password", 1024),
            named("totp", 64),
            named("client_assertion", 8192).about("Assertions are not taken."),
        ];
        Some(Self(Parameters::new(texts(fields, &names, &secrets)).ok()?))
    }
}

impl RequestBody for TokenBody {
    const NAME: &'static str = "auth.grantTokenRequest";
}

/// What a client sends to learn about a token.
pub(super) struct IntrospectBody(pub(super) Parameters);

impl FromFields for IntrospectBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let names = [
            named("client_id", WORD).about("The client, unless the Authorization header names it."),
            named("token_type_hint", WORD).about("Not needed."),
            named("client_assertion_type", WORD).about("Assertions are not taken."),
        ];
        let secrets = [
            named("token", 2048),
            named("client_secret", 1024),
            named("client_assertion", 8192).about("Assertions are not taken."),
        ];
        Some(Self(Parameters::new(texts(fields, &names, &secrets)).ok()?))
    }
}

impl RequestBody for IntrospectBody {
    const NAME: &'static str = "auth.oauth2TokenIntrospectRequest";
}

/// What the consent page of Simple Auth sends.
pub(super) struct GrantBody {
    pub(super) parameters: Parameters,
    pub(super) auto: bool,
}

impl FromFields for GrantBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let names = [
            named("client_id", WORD),
            named("response_type", WORD).about("code"),
            named("redirect_uri", ADDRESS),
            named("scope", SCOPE),
            named("state", 4096),
            named("code_challenge", WORD).about("PKCE (RFC 7636)."),
            named("code_challenge_method", WORD).about("S256"),
            named("nonce", 2048).about("For the ID token."),
            named("response_mode", WORD).about("query"),
            named("prompt", WORD),
            named("max_age", WORD).about("How many seconds ago the person may have signed in."),
            named("claims", 4096),
        ];
        let pairs = texts(fields, &names, &[]);
        let auto =
            fields.about("If it's an auto-grant request", |fields| fields.flag("auto", Field::Named("auto")));
        Some(Self { parameters: Parameters::new(pairs).ok()?, auto: auto.unwrap_or(false) })
    }
}

impl RequestBody for GrantBody {
    const NAME: &'static str = "auth.authorizedGrantRequest";
}

/// The client in a path. What cannot be one is simply unknown.
pub(super) struct ClientPath(pub(super) Option<ClientId>);

impl FromFields for ClientPath {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let id = fields
            .text(&Text::new("client_id", Field::Client).about("OAuth2 Client ID").judged_elsewhere())?;
        Some(Self(ClientId::parse(&id)))
    }
}

/// What is to be revoked.
pub(super) struct RevokeQuery {
    pub(super) client: String,
    pub(super) token: Option<Secret<String>>,
}

impl FromFields for RevokeQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let client = fields.text(&Text::new("client_id", Field::Client).about("Client ID to revoke"));
        let token = Text::new("token", Field::Token).about("Optional specific token to revoke");
        let token = fields.optional_secret(&token);
        Some(Self { client: client?, token })
    }
}

/// How a client presents itself beside the body; and that it wrote nothing into the address, which ends up in logs
/// (security.md OAU-12).
pub(super) struct Presented(pub(super) Presentation);

impl Described for Presented {}

impl FromRequestParts<Shared> for Presented {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            return Err(Fault::malformed(Field::Body, "must hold the parameters, not the address"));
        }
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        let line = lines.next();
        let text = line.and_then(|line| line.to_str().ok());
        Ok(Self(Presentation {
            doubtful: lines.next().is_some() || (line.is_some() && text.is_none()),
            authorization: text.map(Secret::from),
        }))
    }
}
