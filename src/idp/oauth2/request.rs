//! Reading an authorization request: in which order it is checked, and which refusals may leave by redirect.
//!
//! Up to and including the redirect address every refusal is a page of ours: an address that is not the client's own must never
//! see a browser that we sent (security.md OAU-2). From there on the client is told by redirect (federation.md section 2.1).

use super::{
    Engine,
    anew::{Wish, refuse_essential_acr},
    parameters::{Parameters, scopes},
    refusal::Refusal,
};
use crate::domain::fault::OAuthCode as Code;
use crate::domain::{
    client::{ClientId, Grant, Registration, redirect},
    token::challenge_of,
};

/// Longest `state` that is carried; it is never cut.
const LONGEST_STATE: usize = 2048;
const LONGEST_NONCE: usize = 1024;
const LONGEST_SCOPE: usize = 2048;
const LONGEST_WORD: usize = 256;

/// What `prompt` may ask for.
const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// A request that may be granted, if its person wants to. It does not change any more (security.md OAU-7).
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// What the client is registered with.
    pub registration: Registration,
    /// Where the answer goes.
    pub way_back: WayBack,
    /// What is asked for and may be had.
    pub scopes: Vec<String>,
    pub(super) redirect_named: bool,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<[u8; 32]>,
    /// What is asked of the sign-in it rests on.
    pub(super) wish: Wish,
    /// No page may be shown (`prompt=none`).
    pub silent: bool,
    /// The person is to be asked, whatever was agreed before (`prompt=consent`).
    pub ask_anyway: bool,
}

/// A checked redirect address, and what goes back with every answer.
#[derive(Clone, Debug)]
pub struct WayBack {
    uri: String,
    state: Option<String>,
    issuer: String,
}

/// Why a request is not granted.
#[derive(Clone, Debug)]
pub struct Objection {
    /// What is wrong.
    pub refusal: Refusal,
    /// Where the client can be told; `None` when that is for a page.
    pub way_back: Option<WayBack>,
}

impl WayBack {
    /// Where the browser goes with a code. `iss` is in every answer (RFC 9207, security.md OAU-13).
    pub fn with_code(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    /// Where the browser goes with a refusal.
    pub fn with_refusal(&self, refusal: &Refusal) -> String {
        self.with(&[("error", refusal.code.as_str()), ("error_description", &refusal.description)])
    }

    /// What a content policy must allow for a form that ends there.
    pub fn form_source(&self) -> Option<String> {
        redirect::form_source(&self.uri)
    }

    /// The address itself.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The client's `state`, unchanged.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    fn with(&self, answer: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let rest = state.into_iter().chain([("iss", self.issuer.as_str())]);
        redirect::with_answer(&self.uri, answer.iter().copied().chain(rest))
    }
}

impl Engine {
    /// Reads a request. The order is that of federation.md section 2.1; the first thing that is wrong wins.
    #[expect(clippy::result_large_err, reason = "an objection knows the way back to the client")]
    pub fn read_request(&self, parameters: &Parameters) -> Result<Request, Objection> {
        let page = |refusal| Objection { refusal, way_back: None };
        let (client, registration) = self.asking_client(parameters).map_err(page)?;
        let (uri, redirect_named) = redirect_uri(parameters, &registration).map_err(page)?;
        let mut way_back = WayBack { uri, state: None, issuer: self.settings().issuer.clone() };
        // A state that came once goes back with whatever else is wrong.
        let state = if parameters.is_repeated("state") {
            Ok(None)
        } else {
            parameters.bounded("state", LONGEST_STATE)
        };
        if let Ok(state) = state {
            way_back.state = state.map(str::to_owned);
        }
        let told = |refusal: Refusal| Objection { refusal, way_back: Some(way_back.clone()) };
        state.map_err(told)?;
        let asked = read_rest(parameters, &registration).map_err(told)?;
        Ok(Request {
            client,
            scopes: asked.scopes,
            nonce: asked.nonce,
            challenge: asked.challenge,
            wish: self.heard(asked.wish, parameters),
            silent: asked.silent,
            ask_anyway: asked.ask_anyway,
            registration,
            redirect_named,
            way_back,
        })
    }

    fn asking_client(&self, parameters: &Parameters) -> Result<(ClientId, Registration), Refusal> {
        if parameters.is_repeated("client_id") {
            return Err(Refusal::about("client_id", "is there more than once"));
        }
        let named = parameters.required("client_id", LONGEST_WORD)?;
        let unknown = || Refusal::new(Code::InvalidClient, "there is no such client");
        let id = ClientId::parse(named).ok_or_else(unknown)?;
        let client = self.client(&id)?.ok_or_else(unknown)?;
        Ok((id, client.registration.clone()))
    }
}

/// The address, and whether the request named it.
fn redirect_uri(parameters: &Parameters, client: &Registration) -> Result<(String, bool), Refusal> {
    if parameters.is_repeated("redirect_uri") {
        return Err(Refusal::about("redirect_uri", "is there more than once"));
    }
    let Some(asked) = parameters.get("redirect_uri") else {
        let openid = parameters.get("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid"));
        return match client.redirect_uris.as_slice() {
            [only] if !openid => Ok((only.clone(), false)),
            _ => Err(Refusal::about("redirect_uri", "is missing")),
        };
    };
    if client.redirect_uris.iter().any(|registered| redirect::matches(registered, asked)) {
        Ok((asked.to_owned(), true))
    } else {
        Err(Refusal::about("redirect_uri", "is not registered for this client"))
    }
}

struct Asked {
    scopes: Vec<String>,
    nonce: Option<String>,
    challenge: Option<[u8; 32]>,
    wish: Wish,
    silent: bool,
    ask_anyway: bool,
}

fn read_rest(parameters: &Parameters, client: &Registration) -> Result<Asked, Refusal> {
    parameters.each_once()?;
    for (name, code) in [
        ("request", Code::RequestNotSupported),
        ("request_uri", Code::RequestUriNotSupported),
        ("registration", Code::RegistrationNotSupported),
    ] {
        if parameters.get(name).is_some() {
            return Err(Refusal::new(code, "this parameter is not taken here"));
        }
    }
    match parameters.required("response_type", LONGEST_WORD)? {
        "code" if client.may(Grant::AuthorizationCode) => {}
        "code" => return Err(Refusal::new(Code::UnauthorizedClient, "the client may not ask for codes")),
        _ => {
            return Err(Refusal::new(Code::UnsupportedResponseType, "only response_type code is known here"));
        }
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::about("response_mode", "must be query"));
    }
    let asked = scopes(parameters.bounded("scope", LONGEST_SCOPE)?.unwrap_or_default())?;
    let permitted = client.permitted(asked.iter().copied());
    if permitted.is_empty() && !asked.is_empty() {
        return Err(Refusal::new(Code::InvalidScope, "the client may have none of these scopes"));
    }
    let challenge = challenge(parameters, client)?;
    let nonce = parameters.bounded("nonce", LONGEST_NONCE)?.map(str::to_owned);
    refuse_essential_acr(parameters)?;
    let prompts = prompts(parameters)?;
    // Whoever may sign in as somebody else has chosen an account.
    let anew = prompts.contains(&"login") || prompts.contains(&"select_account");
    let wish = Wish::read(parameters, anew)?;
    let (silent, ask_anyway) = (prompts.contains(&"none"), prompts.contains(&"consent"));
    Ok(Asked { scopes: permitted, nonce, challenge, wish, silent, ask_anyway })
}

/// What is asked to be shown, or `none`.
fn prompts(parameters: &Parameters) -> Result<Vec<&str>, Refusal> {
    let prompts = parameters.bounded("prompt", LONGEST_WORD)?.unwrap_or_default().split(' ');
    let prompts: Vec<&str> = prompts.filter(|one| !one.is_empty()).collect();
    if prompts.contains(&"none") && prompts.len() > 1 {
        return Err(Refusal::about("prompt", "cannot be none and something else"));
    }
    if prompts.iter().any(|one| !PROMPTS.contains(one)) {
        return Err(Refusal::about("prompt", "asks for something that is not known here"));
    }
    Ok(prompts)
}

/// PKCE (RFC 7636): S256 only, and required of whoever is not exempt (security.md OAU-6).
fn challenge(parameters: &Parameters, client: &Registration) -> Result<Option<[u8; 32]>, Refusal> {
    let method = parameters.bounded("code_challenge_method", LONGEST_WORD)?;
    match (parameters.bounded("code_challenge", LONGEST_WORD)?, method) {
        (Some(challenge), Some("S256")) => match challenge_of(challenge) {
            Some(challenge) => Ok(Some(challenge)),
            None => Err(Refusal::about("code_challenge", "is not base64url of a SHA-256 digest")),
        },
        // No method means plain, which shows the secret to whoever sees the request.
        (Some(_), _) => Err(Refusal::about("code_challenge_method", "must be S256")),
        (None, Some(_)) => Err(Refusal::about("code_challenge", "is missing")),
        (None, None) if client.pkce => {
            Err(Refusal::about("code_challenge", "is missing: this client must use PKCE with S256"))
        }
        (None, None) => Ok(None),
    }
}
