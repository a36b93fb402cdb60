//! Where a browser may be sent: the only maker of `Location` values.
//!
//! **Responsibility.** [`ReturnTo`] is a place that passed every check of security.md section 5;
//! [`Slip`] carries one through the portal as query parameters.
//!
//! **Invariants.** A [`ReturnTo`] leads to a declared app, to our own portal, or to an allowed continue URL.
//! It is spelled exactly as browsers would spell it, so nobody can read another host out of it (URL-1).
//! A valid MAC replaces none of the checks: rules may have changed since it was made (URL-5).
//!
//! **Not here.** Redirect addresses of OAuth, SAML and CAS, which have their own exact rules (URL-7).
//!
//! **Start reading at** [`RuleSet::return_to`].

mod places;
mod slip;

use std::fmt;

pub(super) use places::Places;
pub use slip::{Mac, Received, Slip};

use super::compile::RuleSet;
use crate::values::{
    host::{Host, Scheme},
    path::Path,
    target::Target,
};

/// Longest return address, in bytes (URL-2).
pub const MAX_LENGTH: usize = 2048;

/// A checked place to send a browser to. There is no other way to make one than the checks here.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

/// Why a browser is not sent there. It goes to the portal's home instead, is told so, and the refused
/// address is not shown as a link (URL-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnError {
    /// Nothing there.
    #[error("the return address is empty")]
    Empty,
    /// Longer than [`MAX_LENGTH`].
    #[error("the return address is longer than 2048 bytes")]
    TooLong,
    /// White space, a control character, a backslash, or anything outside ASCII.
    #[error("the return address holds a character that does not belong in a URL")]
    Character,
    /// Neither `http://…`, `https://…` nor a path of ours.
    #[error("the return address is neither http nor https")]
    Scheme,
    /// A relative one that does not begin with exactly one slash, in every reading.
    #[error("the return address begins with more than one slash, or with something that may count as one")]
    Relative,
    /// `user@` before the host.
    #[error("the return address names a user")]
    UserInfo,
    /// A browser would spell it differently, or its path can be read as malformed.
    #[error("the return address is not written as browsers write it")]
    NotCanonical,
    /// Not a declared app, host, port, scheme or continue URL.
    #[error("the return address leads to no declared place")]
    Undeclared,
    /// A parameter stands twice, or one of them cannot be read.
    #[error("the return parameters are malformed")]
    Parameters,
    /// The MAC does not belong to these parameters.
    #[error("the return parameters were changed on the way")]
    Signature,
}

/// Our own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Page {
    /// The portal's first page.
    Home,
    /// The sign-in form.
    Login,
    /// The sign-out page.
    Logout,
    /// First-run setup.
    Setup,
}

impl Page {
    /// Its path below the portal's public address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Login => "/login",
            Self::Logout => "/logout",
            Self::Setup => "/setup",
        }
    }
}

impl ReturnTo {
    /// One of our own pages, relative to the host we are on.
    pub fn own(page: Page) -> Self {
        Self(page.path().to_owned())
    }

    /// The value for `Location`: an absolute URL, or for our own pages a path. Printable ASCII.
    pub fn location(&self) -> &str {
        &self.0
    }

    /// Its origin (`https://host[:port]`), for `form-action`; `None` for a path of ours, which `'self'`
    /// covers.
    pub fn origin(&self) -> Option<&str> {
        let (scheme, rest) = self.0.split_once("://").filter(|_| !self.0.starts_with('/'))?;
        let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        self.0.get(..scheme.len() + 3 + authority)
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Prints no query: return addresses carry secrets of applications.
impl fmt::Debug for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split(['?', '#']).next().unwrap_or_default();
        write!(f, "ReturnTo({shown})")
    }
}

impl RuleSet {
    /// Checks a return address that came from outside (URL-2 to URL-6).
    pub fn return_to(&self, text: &str) -> Result<ReturnTo, ReturnError> {
        if text.is_empty() {
            return Err(ReturnError::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(ReturnError::TooLong);
        }
        if !text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'\\') {
            return Err(ReturnError::Character);
        }
        if text.starts_with('/') { self.relative(text) } else { self.absolute(text) }
    }

    /// The way back to a guarded request. What a browser would spell differently is brought to the
    /// browser's spelling first, then checked like any other address.
    pub fn return_to_target(&self, target: &Target) -> Result<ReturnTo, ReturnError> {
        let url = url::Url::parse(&target.url()).map_err(|_| ReturnError::NotCanonical)?;
        self.return_to(url.as_str())
    }

    /// The login page's public address without a way back. `None` without portal.
    pub fn login_page(&self) -> Option<&str> {
        self.places.login()
    }

    /// A page of our own by its public address, with what it needs to lead back. `None` without portal.
    pub fn page(&self, page: Page, slip: Option<&Slip>, mac: Mac<'_>) -> Option<ReturnTo> {
        let mut location = self.portal()?.join_path(page.path());
        if let Some(slip) = slip {
            location.push('?');
            location.push_str(&slip.to_query(mac));
        }
        Some(ReturnTo(location))
    }

    fn relative(&self, text: &str) -> Result<ReturnTo, ReturnError> {
        let portal = self.portal().ok_or(ReturnError::Undeclared)?;
        let end = text.find(['?', '#']).unwrap_or(text.len());
        let path = Path::parse(text.get(..end).unwrap_or_default()).map_err(|_| ReturnError::NotCanonical)?;
        // URL-3: in every reading, also unescaped ones, exactly one slash at the start, and no space behind it
        // that a careless reader would trim.
        let strays = |reading: &str| reading.starts_with("//") || reading.starts_with("/%20");
        if strays(path.raw()) || path.readings().any(strays) {
            return Err(ReturnError::Relative);
        }
        let origin = portal.origin();
        let whole = format!("{origin}{text}");
        let parsed = url::Url::parse(&whole).map_err(|_| ReturnError::NotCanonical)?;
        if parsed.as_str() != whole {
            return Err(ReturnError::NotCanonical);
        }
        Ok(ReturnTo(text.to_owned()))
    }

    fn absolute(&self, text: &str) -> Result<ReturnTo, ReturnError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(ReturnError::Scheme);
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        if authority.contains('@') {
            return Err(ReturnError::UserInfo);
        }
        let parsed = url::Url::parse(text).map_err(|_| ReturnError::NotCanonical)?;
        // A bare origin gets its slash; nothing else may change. What is sent is the serialization (URL-1).
        let same =
            parsed.as_str() == text || (after.is_empty() && parsed.as_str().strip_suffix('/') == Some(text));
        if !same {
            return Err(ReturnError::NotCanonical);
        }
        let host = parsed.host_str().ok_or(ReturnError::NotCanonical)?;
        let canonical = Host::parse(host).map_err(|_| ReturnError::NotCanonical)?;
        if canonical.as_str() != host {
            return Err(ReturnError::NotCanonical);
        }
        let path = Path::parse(parsed.path()).map_err(|_| ReturnError::NotCanonical)?;
        let port = parsed.port_or_known_default().ok_or(ReturnError::NotCanonical)?;
        let to_app = self.app_for(&canonical, port, scheme).is_some_and(|app| app.scheme.allow(scheme));
        if to_app || self.places.covers(scheme, &canonical, port, &path, parsed.as_str()) {
            Ok(ReturnTo(parsed.into()))
        } else {
            Err(ReturnError::Undeclared)
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
