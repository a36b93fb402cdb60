//! The way back: where a browser came from, carried through the pages and checked again at every step (security.md URL-5).

use http::{HeaderValue, Response, StatusCode, header};

use super::{consent, form::Form};
use crate::{
    domain::{
        call::Call,
        policy::{
            RuleSet,
            returns::{ReturnError, ReturnTo},
        },
    },
    web::Shared,
};

/// The parameters that say where to: the slip's five, and the one of the Simple Auth API.
const PARAMETERS: [&str; 6] = ["rd", "rm", "ra", "re", "rs", "continue"];

/// Where the browser came from, as far as it can be believed.
#[derive(Default)]
pub(super) struct Way {
    /// Where it shall go afterwards.
    pub(super) to: Option<ReturnTo>,
    /// An address was given and refused.
    pub(super) refused: bool,
    /// What it sent there last was a form, which is lost.
    pub(super) lost_form: bool,
    carried: Vec<(&'static str, String)>,
}

impl Way {
    /// From the query of a request.
    pub(super) fn of_query(shared: &Shared, call: &Call, query: &str) -> Self {
        let mac = |message: &[u8]| shared.keyring.return_mac(message);
        match read(&shared.gate.rules(), query, call.now, &mac) {
            Ok(way) => way,
            Err(error) => {
                // Anybody can send any number of these, so they are told of to those only who want to know.
                tracing::debug!(request = %call.request, %error, "a return address was refused");
                Self { refused: true, ..Self::default() }
            }
        }
    }

    /// From the hidden fields of a form, which are taken out of it.
    pub(super) fn of_form(shared: &Shared, call: &Call, form: &mut Form) -> Self {
        let sent = PARAMETERS.iter().filter_map(|name| Some((*name, form.take_if_sent(name)?)));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(sent).finish();
        Self::of_query(shared, call, &query)
    }

    /// To a page of ours, given as path and query. It is checked like any other when it comes back.
    pub(super) fn to_own(page: &str) -> Self {
        Self { carried: vec![("rd", page.to_owned())], ..Self::default() }
    }

    /// What a form carries on.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.carried.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Our page with this way and perhaps a flag as its query.
    pub(super) fn through(&self, page: Own, flag: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(flag) = flag {
            query.append_pair(flag, "1");
        }
        let query = query.extend_pairs(self.fields()).finish();
        if query.is_empty() { page.path().to_owned() } else { format!("{}?{query}", page.path()) }
    }

    /// As the query of an address.
    pub(super) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.fields()).finish()
    }

    /// Where it leads in the end, the portal's own page when it leads nowhere.
    pub(super) fn end(&self, shared: &Shared) -> End {
        if self.refused {
            return End::Own("/me?refused=1");
        }
        let home =
            || shared.settings.home.as_deref().and_then(|home| shared.gate.rules().return_to(home).ok());
        let Some(to) = self.to.clone().or_else(home) else { return End::Own(Own::Me.path()) };
        match consent::leads_to(shared, to.location()) {
            Some(source) => End::Onward(to, source),
            None => End::Checked(to),
        }
    }
}

fn read(
    rules: &RuleSet,
    query: &str,
    now: crate::values::time::Timestamp,
    mac: &dyn Fn(&[u8]) -> [u8; 16],
) -> Result<Way, ReturnError> {
    let mut carried: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(known) = PARAMETERS.iter().find(|known| **known == name) else { continue };
        if carried.iter().any(|(other, _)| other == known) {
            return Err(ReturnError::Parameters);
        }
        carried.push((known, value.into_owned()));
    }
    let asked = carried.iter().find(|(name, _)| *name == "continue").map(|(_, value)| value.clone());
    match (rules.receive(query, now, mac)?, asked) {
        // Two answers to one question: neither is believed.
        (Some(_), Some(_)) => Err(ReturnError::Parameters),
        (Some(slip), None) => {
            // Of an unsigned slip the method is hearsay.
            let lost_form = slip.is_ours() && !matches!(slip.method.as_str(), "GET" | "HEAD");
            Ok(Way { to: Some(slip.to), refused: false, lost_form, carried })
        }
        (None, Some(asked)) => {
            let to = rules.return_to(&asked)?;
            Ok(Way { to: Some(to), refused: false, lost_form: false, carried: vec![("continue", asked)] })
        }
        (None, None) => Ok(Way::default()),
    }
}

/// Our own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Login,
    SecondFactor,
    Logout,
    Password,
    Me,
    Apps,
    Factors,
    Passkeys,
    Terms,
    Profile,
}

impl Own {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Login => "/login",
            Self::SecondFactor => "/login/second-factor",
            Self::Logout => "/logout",
            Self::Password => "/password",
            Self::Me => "/me",
            Self::Apps => "/me/apps",
            Self::Factors => "/me/factors",
            Self::Passkeys => "/me/passkeys",
            Self::Terms => "/terms",
            Self::Profile => "/me/profile",
        }
    }
}

/// Where a browser is sent in the end.
pub(super) enum End {
    /// A checked place.
    Checked(ReturnTo),
    /// A page of ours that sends the browser on to a client of ours, whose address a content policy names so.
    Onward(ReturnTo, String),
    /// A page of ours.
    Own(&'static str),
}

impl End {
    pub(super) fn location(&self) -> &str {
        match self {
            Self::Checked(to) | Self::Onward(to, _) => to.location(),
            Self::Own(path) => path,
        }
    }

    /// Its origin when it is not ours.
    pub(super) fn origin(&self) -> Option<&str> {
        match self {
            Self::Checked(to) => to.origin(),
            Self::Onward(_, source) => Some(source),
            Self::Own(_) => None,
        }
    }
}

/// A redirect that makes the browser come with GET, whatever it sent (DESIGN.md ruling 2), with cookies.
pub(super) fn see_other(
    shared: &Shared,
    location: &str,
    cookies: impl IntoIterator<Item = Option<HeaderValue>>,
) -> Response<bytes::Bytes> {
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    super::view::guard(&mut response, shared, None);
    // A checked place and our own paths are printable ASCII.
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
