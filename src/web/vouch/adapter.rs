//! What each family of proxies says of the original request, and where.

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::identity::IdentityHeaders;
use crate::{
    values::target::{Target, TargetError},
    web::edge::peer::{HeaderFault, single},
};

/// The path a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adapter {
    /// `/auth/vouch/request`: nginx and its family.
    Request,
    /// `/auth/vouch/forward`: Traefik, Caddy, HAProxy.
    Forward,
    /// `/auth/vouch`: whichever one set of headers is there, else the session alone.
    Bare,
}

/// How the asking proxy wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Dialect {
    /// nginx: 200, 401, 403 and no body; everything else becomes 500 there.
    Request,
    /// Proxies that hand our answer to the browser as it is.
    Forward,
    /// A client of the Simple Auth API.
    Session,
    /// Our own gateway: there is no proxy, the browser gets the answer from us.
    Gateway,
}

impl Dialect {
    /// The name that return slips carry.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Forward => "forward",
            Self::Session => "session",
            Self::Gateway => "gateway",
        }
    }
}

/// What is being asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// Is there a live session at all?
    Session,
    /// May this target be had?
    Target {
        /// How to answer.
        dialect: Dialect,
        /// The original request.
        target: Target,
        /// Whether the path of the check named no adapter. Then the client may have written the headers that chose the
        /// target (a proxy that sets none of them hands its own through), so nobody passes without a session.
        bare: bool,
    },
}

impl Asked {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Session => Dialect::Session,
            Self::Target { dialect, .. } => *dialect,
        }
    }
}

/// Why a check is not even judged. For the log; the proxy learns the status only.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) dialect: Dialect,
    what: What,
}

#[derive(Debug)]
enum What {
    UntrustedPeer,
    BothSets,
    Header(HeaderName, HeaderFault),
    Target(TargetError),
    Disguised(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::UntrustedPeer => {
                f.write_str("the peer sends forwarding headers but is no trusted proxy (proxies.trusted)")
            }
            What::BothSets => {
                f.write_str("X-Original-* and X-Forwarded-* both describe the request; use an adapter path")
            }
            What::Header(name, HeaderFault::Missing) => write!(f, "{name} is missing"),
            What::Header(name, HeaderFault::Repeated) => write!(f, "{name} occurs more than once"),
            What::Header(name, HeaderFault::NotText) => write!(f, "{name} is not UTF-8"),
            What::Target(error) => error.fmt(f),
            What::Disguised(name) => {
                write!(f, "the header {name:?} imitates a forwarding or identity header; drop it at the edge")
            }
        }
    }
}

impl Adapter {
    /// Which adapter a path names, if any. No other spelling counts.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        match path.strip_prefix("/auth/vouch")? {
            "" => Some(Self::Bare),
            "/request" => Some(Self::Request),
            "/forward" => Some(Self::Forward),
            _ => None,
        }
    }

    /// Reads the original request from the headers of a believed peer.
    pub(super) fn read(
        self,
        headers: &HeaderMap,
        believed: bool,
        identity: &IdentityHeaders,
    ) -> Result<Asked, Complaint> {
        let dialect = match self {
            Self::Request => Dialect::Request,
            Self::Forward => Dialect::Forward,
            Self::Bare => match (says_original(headers), says_forwarded(headers)) {
                (false, false) => return Ok(Asked::Session),
                (true, false) => Dialect::Request,
                (false, true) => Dialect::Forward,
                (true, true) => return Err(Complaint { dialect: Dialect::Request, what: What::BothSets }),
            },
        };
        let complain = |what| Complaint { dialect, what };
        if !believed {
            return Err(complain(What::UntrustedPeer));
        }
        if let Some(name) = identity.disguised(headers) {
            return Err(complain(What::Disguised(name.to_owned())));
        }
        let one = |name: HeaderName| {
            single(headers, &name).map_err(|fault| complain(What::Header(name.clone(), fault)))
        };
        let target = match dialect {
            Dialect::Request => Target::parse_url(one(ORIGINAL_METHOD)?, one(ORIGINAL_URL)?),
            Dialect::Forward | Dialect::Session | Dialect::Gateway => Target::from_parts(
                one(FORWARDED_METHOD)?,
                one(FORWARDED_PROTO)?,
                one(FORWARDED_HOST)?,
                one(FORWARDED_URI)?,
            ),
        };
        let target = target.map_err(|error| complain(What::Target(error)))?;
        Ok(Asked::Target { dialect, target, bare: self == Self::Bare })
    }
}

const ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// Half a set is a proxy that was set up wrongly: it is refused for what is missing, not taken for a client that asks about
/// its session.
fn says_original(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGINAL_URL) || headers.contains_key(ORIGINAL_METHOD)
}

/// `X-Forwarded-For` and `-Proto` alone come from any proxy in front of a plain API client; these come only with a check.
fn says_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_URI) || headers.contains_key(FORWARDED_METHOD)
}
