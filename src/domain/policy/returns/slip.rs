//! The way back, carried through the portal as query parameters.
//!
//! | name | value |
//! | --- | --- |
//! | `rd` | the return address, percent-encoded once |
//! | `rm` | the method of the request that was refused |
//! | `ra` | the adapter that refused it (`request`, `forward`, `gateway` …) |
//! | `re` | when the MAC ends to count, in seconds since 1970 |
//! | `rs` | the MAC over the four, base64url without padding |
//!
//! ingress-nginx and hand-written configurations send `rd` alone.

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

use super::{ReturnError, ReturnTo};
use crate::{
    domain::policy::RuleSet,
    values::{method::Method, time::Timestamp},
};

/// A keyed hash, sixteen bytes of it, with a key that is used for nothing else.
pub type Mac<'a> = &'a dyn Fn(&[u8]) -> [u8; 16];

/// What the portal is given to lead back to where the browser came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Where to.
    pub to: ReturnTo,
    /// The method of the refused request. After other than GET and HEAD the portal says that the form
    /// was not sent.
    pub method: Method,
    /// The adapter that refused it: letters, digits and `-`.
    pub adapter: &'static str,
    /// When the MAC ends to count.
    pub expires: Timestamp,
}

/// What the portal was given, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where to.
    pub to: ReturnTo,
    /// The method of the refused request; GET when nobody said.
    pub method: Method,
    /// The adapter, when the slip is ours and in time.
    pub adapter: Option<String>,
}

impl Received {
    /// Whether we wrote it ourselves and it is in time. If not, `method` is hearsay.
    pub const fn is_ours(&self) -> bool {
        self.adapter.is_some()
    }
}

impl Slip {
    /// The query, without `?`.
    pub fn to_query(&self, mac: Mac<'_>) -> String {
        let rd = self.to.location();
        let rm = self.method.as_str();
        let re = self.expires.secs().to_string();
        let rs = URL_SAFE_NO_PAD.encode(mac(&message(rd, rm, self.adapter, &re)));
        let mut query = String::with_capacity(rd.len() * 3 / 2 + 96);
        for (name, value) in [("rd", rd), ("rm", rm), ("ra", self.adapter), ("re", &re), ("rs", &rs)] {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            encode(value, &mut query);
        }
        query
    }
}

impl RuleSet {
    /// Reads the way back from a query. `Ok(None)`: there is none.
    ///
    /// Each parameter may stand once only. A wrong MAC refuses the whole; one that is merely too old, or
    /// missing, leaves the address to the same checks and the rest unproven.
    pub fn receive(
        &self,
        query: &str,
        now: Timestamp,
        mac: Mac<'_>,
    ) -> Result<Option<Received>, ReturnError> {
        let [rd, rm, ra, re, rs] = parameters(query)?;
        let Some(rd) = rd else { return Ok(None) };
        let mut adapter = None;
        if let Some(rs) = rs {
            let (Some(rm), Some(ra), Some(re)) = (&rm, &ra, &re) else {
                return Err(ReturnError::Parameters);
            };
            let given: [u8; 16] = URL_SAFE_NO_PAD
                .decode(rs.as_bytes())
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or(ReturnError::Signature)?;
            if !bool::from(mac(&message(&rd, rm, ra, re)).ct_eq(&given)) {
                return Err(ReturnError::Signature);
            }
            let expires = re.parse().map(Timestamp::from_secs).map_err(|_| ReturnError::Parameters)?;
            if now < expires {
                adapter = Some(ra.clone().into_owned());
            }
        }
        let method =
            rm.map_or(Ok(Method::Get), |rm| Method::parse(&rm)).map_err(|_| ReturnError::Parameters)?;
        let to = self.return_to(&rd)?;
        Ok(Some(Received { to, method, adapter }))
    }
}

/// What the MAC covers: a label, then each field behind its length, so that no two slips share a message.
fn message(rd: &str, rm: &str, ra: &str, re: &str) -> Vec<u8> {
    let mut message = b"vouchsafe return slip 1".to_vec();
    for field in [rd, rm, ra, re] {
        message.extend_from_slice(&(field.len() as u64).to_be_bytes());
        message.extend_from_slice(field.as_bytes());
    }
    message
}

/// Our parameters out of a query, each at most once.
fn parameters(query: &str) -> Result<[Option<Cow<'_, str>>; 5], ReturnError> {
    let mut found = [const { None }; 5];
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let at = match &*name {
            "rd" => 0,
            "rm" => 1,
            "ra" => 2,
            "re" => 3,
            "rs" => 4,
            _ => continue,
        };
        if let Some(slot) = found.get_mut(at)
            && slot.replace(value).is_some()
        {
            return Err(ReturnError::Parameters);
        }
    }
    Ok(found)
}

/// Percent-encoding with the unreserved set only (RFC 3986 section 2.3), one pass.
fn encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
