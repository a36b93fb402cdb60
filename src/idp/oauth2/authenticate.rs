//! Who is this client? (federation.md section 3, security.md OAU-8)

use crate::domain::fault::OAuthCode as Code;
use std::{borrow::Cow, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;

use super::{Engine, guard::Looked, parameters::Parameters, refusal::Refusal};
use crate::{
    domain::{
        call::Call,
        client::{AuthMethod, ClientId, ClientKind, ClientRecord},
        fault::{Fault, Reason},
    },
    values::secret::Secret,
};

/// The longest secret that is looked at.
const LONGEST_SECRET: usize = 1024;
/// The longest client id that is counted under its own name.
const LONGEST_ID: usize = 256;

/// How a client presents itself beside the parameters.
#[derive(Clone, Default)]
pub struct Presentation {
    /// The value of its `Authorization` header.
    pub authorization: Option<Secret<String>>,
    /// There was more than one such header, or one that is no text.
    pub doubtful: bool,
}

/// What a client says it is.
struct Claim {
    id: String,
    secret: Option<Secret<String>>,
    method: AuthMethod,
}

impl Engine {
    /// The client that asks, proven as it is registered. A failure uses up nothing.
    pub(super) async fn authenticate(
        &self,
        call: &Call,
        presentation: &Presentation,
        parameters: &Parameters,
    ) -> Result<(ClientId, Arc<ClientRecord>), Refusal> {
        let basic = presentation.authorization.is_some() || presentation.doubtful;
        let refused = |description| Refusal { basic, ..Refusal::new(Code::InvalidClient, description) };
        let claim = read(presentation, parameters)?;
        if parameters.get("client_assertion").is_some() || parameters.get("client_assertion_type").is_some() {
            return Err(refused("client assertions are not taken here"));
        }
        let id = ClientId::parse(&claim.id);
        let client = match &id {
            Some(id) => self.client(id)?,
            None => None,
        };
        if let (Some(id), Some(client)) = (&id, &client)
            && client.registration.kind == ClientKind::Public
        {
            // A public client has nothing to prove; whoever thinks it has is mistaken about it.
            return match claim.secret {
                None => Ok((id.clone(), client.clone())),
                Some(_) => Err(refused("this client has no secret")),
            };
        }
        let Some(secret) = claim.secret else {
            return Err(refused("the client did not prove itself"));
        };
        let right = client.as_ref().is_some_and(|client| {
            client.knows(&secret) && client.registration.auth_methods.contains(&claim.method)
        });
        match self.look(call, &claim.id, right).await? {
            Looked::Right => {
                id.zip(client).ok_or_else(|| refused("the client is unknown or its secret is wrong"))
            }
            Looked::Wrong => Err(refused("the client is unknown or its secret is wrong")),
            Looked::Blocked(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait).into()),
        }
    }
}

/// Exactly one way of presenting itself.
fn read(presentation: &Presentation, parameters: &Parameters) -> Result<Claim, Refusal> {
    let refused = |description| Refusal { basic: true, ..Refusal::new(Code::InvalidClient, description) };
    if presentation.doubtful {
        return Err(refused("the Authorization header is doubtful"));
    }
    let in_body = (
        parameters.bounded("client_id", LONGEST_ID)?,
        parameters.bounded("client_secret", LONGEST_SECRET)?.map(Secret::from),
    );
    let Some(header) = &presentation.authorization else {
        return match in_body {
            (Some(id), secret) => Ok(Claim { id: id.to_owned(), secret, method: AuthMethod::Post }),
            (None, _) => Err(Refusal::new(Code::InvalidClient, "the client did not say who it is")),
        };
    };
    if in_body.1.is_some() {
        return Err(Refusal::new(Code::InvalidRequest, "the client proves itself in more than one way"));
    }
    let (id, secret) =
        basic(header.expose()).ok_or_else(|| refused("the Authorization header cannot be read"))?;
    if in_body.0.is_some_and(|other| other != id) {
        return Err(Refusal::new(Code::InvalidRequest, "client_id is not that of the Authorization header"));
    }
    let secret = (!secret.expose().is_empty()).then_some(secret);
    Ok(Claim { id, secret, method: AuthMethod::Basic })
}

/// `Basic` with both halves form-encoded (RFC 6749, section 2.3.1). Ids and secrets of ours need no encoding, so clients that
/// forget it are understood, too.
fn basic(header: &str) -> Option<(String, Secret<String>)> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || value.len() > 4 * (LONGEST_ID + LONGEST_SECRET) {
        return None;
    }
    let decoded = Secret::new(String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?);
    let (id, secret) = decoded.expose().split_once(':')?;
    let (id, secret) = (form_decoded(id)?, form_decoded(secret)?);
    let fits = !id.is_empty() && id.len() <= LONGEST_ID && secret.len() <= LONGEST_SECRET;
    fits.then(|| (id.into_owned(), Secret::new(secret.into_owned())))
}

fn form_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()))
}
