//! `/auth/oauth2/…`: what clients ask, and what the people who let them in do.
//!
//! The endpoints that speak OAuth (`client/{client_id}`, `grant`, `POST token`, `token_info`) refuse in OAuth's own words
//! ([`voice`]); the two that a person asks (the list, `DELETE token`) in the family's.

mod bodies;
mod client;
mod grant;
mod token;
mod views;
mod voice;

use super::super::family::{Access, Route, Verb, handler};
use crate::domain::{
    apikey::Scope,
    fault::{OAuthCode, Reason},
};

pub(super) use self::voice::OAuthVoice;

/// What a person asks.
pub(super) const OWN: &[Route] = &[
    Route {
        method: Verb::Get,
        path: "/auth/oauth2/client",
        access: Access::Private(Scope::Read),
        id: "listTokens",
        summary: "Get tokens associated with account",
        about: "Live ones only, each by its first characters: of the tokens themselves only digests are kept.",
        refusals: &[],
        handler: handler!(grant::list),
    },
    Route {
        method: Verb::Get,
        path: "/auth/oauth2",
        access: Access::Private(Scope::Read),
        id: "listTokensAsOriginal",
        summary: "Get tokens associated with account, where the original has them",
        about: "The original answers here, although its own document has the path with `/client`.",
        refusals: &[],
        handler: handler!(grant::list),
    },
    Route {
        method: Verb::Delete,
        path: "/auth/oauth2/token",
        access: Access::Private(Scope::Write),
        id: "revokeToken",
        summary: "Revoke tokens for a given client_id",
        about: "One token, or everything the client was granted, the consent included. A refresh token goes with all that came of it. What \
                is unknown is left alone, and that is no error. The answer is what is left, as published, and the original's `success`.",
        refusals: &[],
        handler: handler!(grant::revoke),
    },
];

/// What speaks OAuth.
pub(super) const PROTOCOL: &[Route] = &[
    Route {
        method: Verb::Get,
        path: "/auth/oauth2/client/{client_id}",
        access: Access::Open,
        id: "getClient",
        summary: "Gets information about oauth2 client",
        about: "",
        refusals: &[Reason::NotFound],
        handler: handler!(client::show),
    },
    Route {
        method: Verb::Post,
        path: "/auth/oauth2/grant",
        access: Access::Private(Scope::Grant),
        id: "grantCode",
        summary: "Called by UI to authorize a grant token",
        about: "The person has just agreed, which is remembered; with `auto`, only what was agreed to before counts. Clients use PKCE \
                (`code_challenge`) unless the operator exempts them. The redirect address is compared letter by letter. \
                With `max_age` or `prompt`, a sign-in that is too old is `login_required`. For a program with a key nothing is \
                remembered, because its person has not been asked.",
        refusals: &[
            Reason::OAuth(OAuthCode::InvalidClient),
            Reason::OAuth(OAuthCode::InvalidGrant),
            Reason::OAuth(OAuthCode::InvalidScope),
            Reason::OAuth(OAuthCode::LoginRequired),
            Reason::OAuth(OAuthCode::UnauthorizedClient),
            Reason::OAuth(OAuthCode::UnsupportedResponseType),
        ],
        handler: handler!(grant::grant),
    },
    Route {
        method: Verb::Post,
        path: "/auth/oauth2/token",
        access: Access::Client,
        id: "grantToken",
        summary: "Grants a token given a various grant_type",
        about: "Form or JSON; nothing in the address. The client proves itself by `Authorization: Basic` or in the body, not both. A code \
                is good once, for a minute, for its client, address and verifier; if it comes again, all that came of it ends. Refresh \
                tokens rotate, and one that was replaced ends its family. `password` only for clients that are allowed it.",
        refusals: &[
            Reason::WrongClient,
            Reason::Throttled,
            Reason::OAuth(OAuthCode::InvalidGrant),
            Reason::OAuth(OAuthCode::InvalidScope),
            Reason::OAuth(OAuthCode::UnauthorizedClient),
            Reason::OAuth(OAuthCode::UnsupportedGrantType),
        ],
        handler: handler!(token::issue),
    },
    Route {
        method: Verb::Post,
        path: "/auth/oauth2/token_info",
        access: Access::Client,
        id: "introspectToken",
        summary: "Get information about an OAuth2 token",
        about: "For clients that prove themselves, about their own tokens; never about codes. `active` is false for everything else, a token \
                of a closed account included. The operator can open it to everybody, as the original is.",
        refusals: &[Reason::WrongClient, Reason::Throttled],
        handler: handler!(token::introspect),
    },
];

#[cfg(test)]
pub(in crate::web::simple) mod tests;
