//! The shapes of these endpoints. Their names are those of the original's own document.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::client::Registration,
    idp::oauth2::{Active, TokenLine, Tokens},
    values::secret::Secret,
};

/// A refusal in OAuth's words (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = auth::oauth2Error)]
pub(super) struct ErrorView {
    pub(super) error: &'static str,
    /// For the developer who reads it.
    pub(super) error_description: String,
}

/// Who a client is.
#[derive(Serialize, ToSchema)]
#[schema(as = auth::oauth2ClientResponse)]
pub(super) struct ClientView {
    name: String,
    author: String,
    author_url: String,
}

impl From<Registration> for ClientView {
    fn from(client: Registration) -> Self {
        Self { name: client.name, author: client.author, author_url: client.author_url.unwrap_or_default() }
    }
}

/// A code, for the redirect address.
#[derive(Serialize, ToSchema)]
#[schema(as = auth::authorizedGrantResponse)]
pub(super) struct GrantView {
    pub(super) code: String,
    /// As it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) state: Option<String>,
    /// Who issued it; goes to the redirect address as well (RFC 9207).
    pub(super) iss: String,
}

/// What was granted.
#[derive(Serialize, ToSchema)]
#[schema(as = auth::oauth2GetTokensResponse)]
pub(super) struct TokensView {
    tokens: Vec<TokenView>,
    /// Only there when true: something was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    success: Option<bool>,
}

impl TokensView {
    pub(super) fn new(lines: Vec<TokenLine>, revoked: bool) -> Self {
        Self { tokens: lines.into_iter().map(TokenView::from).collect(), success: revoked.then_some(true) }
    }
}

/// A code or token.
#[derive(Serialize, ToSchema)]
#[schema(as = auth::oauth2GetTokenResponseToken)]
struct TokenView {
    client_id: String,
    client_name: String,
    /// A short/obfuscated version of the full token for identification purposes
    short_token: String,
    /// `access_token`, `refresh_token` or `code`.
    #[serde(rename = "type")]
    kind: &'static str,
    created: String,
    expires: String,
}

impl From<TokenLine> for TokenView {
    fn from(line: TokenLine) -> Self {
        Self {
            client_id: line.client.to_string(),
            client_name: line.name,
            short_token: line.short,
            kind: line.kind.as_str(),
            created: line.created.rfc3339(),
            expires: line.expires.rfc3339(),
        }
    }
}

/// Tokens for a client.
#[derive(Serialize, ToSchema)]
#[schema(as = auth::grantTokenResponse)]
pub(super) struct IssuedView {
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds access token expires in
    expires_in: u64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id_token: Option<String>,
}

impl From<Tokens> for IssuedView {
    fn from(tokens: Tokens) -> Self {
        let shown = |token: &Secret<String>| token.expose().clone();
        Self {
            access_token: shown(&tokens.access),
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            scope: tokens.scopes.join(" "),
            refresh_token: tokens.refresh.as_ref().map(shown),
            id_token: tokens.id_token.as_ref().map(shown),
        }
    }
}

/// What a token is good for. Of one that is not, nothing but `active`.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = auth::oauth2TokenIntrospectResponse)]
pub(super) struct IntrospectionView {
    /// `OAuth2` fields
    active: bool,
    /// `access_token` or `refresh_token`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<String>,
    /// The account, or the client when it acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    iss: Option<String>,
    /// JWT extension fields
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    iat: Option<u64>,
    /// Unix timestamp expiration
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    exp: Option<u64>,
    /// Username, if has 'username' scope
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    username: Option<String>,
    /// Custom fields
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
}

impl IntrospectionView {
    pub(super) fn active(active: Active, issuer: &str) -> Self {
        let client_id = active.client.to_string();
        Self {
            active: true,
            token_type: Some(active.token_type),
            scope: Some(active.scopes.join(" ")),
            sub: Some(active.subject),
            aud: Some(client_id.clone()),
            client_id: Some(client_id),
            iss: Some(issuer.to_owned()),
            iat: Some(active.issued.secs()),
            exp: Some(active.expires.secs()),
            username: active.username,
            email: active.email,
        }
    }
}
