//! Cookies: the only place that writes `Set-Cookie`, and the only reader of `Cookie`.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

/// How our cookies are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// The configured name, without prefix.
    pub name: String,
    /// The parent domain that shares the session cookie; `None` for a host-only cookie.
    pub domain: Option<String>,
    /// Whether the browser talks https to the portal.
    pub secure: bool,
    /// Whether the name carries `__Host-` or `__Secure-` over https.
    pub prefix: bool,
}

/// Names and writes our cookies (security.md SES-4, DESIGN.md ruling 4).
#[derive(Clone, Debug)]
pub struct Jar {
    settings: CookieSettings,
    session: String,
    flow: String,
    device: String,
    loops: String,
    login: String,
    trust: String,
}

/// The cookies that never leave the portal's own host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Binds forms before sign-in to the browser.
    Flow,
    /// Lets a device that signed in before have its own failure counter.
    Device,
    /// Counts redirects between app and portal.
    Loops,
    /// The login transaction: a first factor was proven, more is asked (security.md SES-3).
    Login,
    /// A device that stands for the second factor.
    Trust,
}

impl Jar {
    /// The names follow from the settings.
    pub fn new(settings: CookieSettings) -> Self {
        let guarded = settings.secure && settings.prefix;
        let session = match (guarded, &settings.domain) {
            (false, _) => settings.name.clone(),
            (true, None) => format!("__Host-{}", settings.name),
            (true, Some(_)) => format!("__Secure-{}", settings.name),
        };
        let own = |kind: &str| format!("{}{}-{kind}", if guarded { "__Host-" } else { "" }, settings.name);
        let (flow, device, loops) = (own("flow"), own("device"), own("loop"));
        let (login, trust) = (own("login"), own("trust"));
        Self { settings, session, flow, device, loops, login, trust }
    }

    /// The session cookie's full name.
    pub fn session_name(&self) -> &str {
        &self.session
    }

    /// All values of the session cookie that a request brings, in order.
    pub fn sessions<'h, 'j>(
        &'j self,
        headers: &'h HeaderMap,
    ) -> impl Iterator<Item = &'h [u8]> + use<'h, 'j> {
        values(headers, &self.session)
    }

    /// The value of one of the portal's own cookies; `None` when absent or doubtful.
    pub fn own<'h>(&self, headers: &'h HeaderMap, which: Own) -> Option<&'h str> {
        let mut found = values(headers, self.own_name(which));
        let value = found.next()?;
        if found.next().is_some() {
            return None;
        }
        std::str::from_utf8(value).ok()
    }

    /// Sets the session cookie. It lives as long as the session at most; without `lifetime` until the browser closes.
    pub fn begin(&self, value: &str, lifetime: Option<Duration>) -> Option<HeaderValue> {
        self.write(&self.session, value, self.settings.domain.as_deref(), lifetime)
    }

    /// Deletes the session cookie: with its domain and, in case an older setting left one, without.
    pub fn end(&self) -> Vec<HeaderValue> {
        let domain = self.settings.domain.as_deref();
        let mut gone = vec![self.write(&self.session, "", domain, Some(Duration::ZERO))];
        if domain.is_some() {
            gone.push(self.write(&self.session, "", None, Some(Duration::ZERO)));
        }
        gone.into_iter().flatten().collect()
    }

    /// Sets one of the portal's own cookies; an empty value with no time deletes it.
    pub fn set_own(&self, which: Own, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        self.write(self.own_name(which), value, None, Some(lifetime))
    }

    /// Takes our session cookie out of a `Cookie` header that goes on to an app.
    pub fn without_ours(&self, line: &[u8]) -> Option<HeaderValue> {
        let names = [&self.session, &self.flow, &self.device, &self.loops, &self.login, &self.trust];
        let kept: Vec<&[u8]> = pairs(line)
            .filter(|(name, _)| !names.iter().any(|ours| ours.as_bytes() == *name))
            .map(|(_, pair)| pair)
            .collect();
        if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept.join(b"; ".as_slice())).ok() }
    }

    fn own_name(&self, which: Own) -> &str {
        match which {
            Own::Flow => &self.flow,
            Own::Device => &self.device,
            Own::Loops => &self.loops,
            Own::Login => &self.login,
            Own::Trust => &self.trust,
        }
    }

    /// `None` only when a value could not stand in a header, which ours always can.
    fn write(
        &self,
        name: &str,
        value: &str,
        domain: Option<&str>,
        lifetime: Option<Duration>,
    ) -> Option<HeaderValue> {
        let mut cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(self.settings.secure)
            .same_site(SameSite::Lax);
        if let Some(domain) = domain {
            cookie = cookie.domain(domain);
        }
        if let Some(lifetime) = lifetime {
            cookie = cookie.max_age(lifetime.try_into().unwrap_or(time::Duration::MAX));
        }
        HeaderValue::from_str(&cookie.build().to_string()).ok()
    }
}

/// Every value sent under a name. Quotes around a value are taken off, as browsers' own parsers do not add any but some clients do.
fn values<'h, 'n>(headers: &'h HeaderMap, name: &'n str) -> impl Iterator<Item = &'h [u8]> + use<'h, 'n> {
    headers.get_all(header::COOKIE).iter().flat_map(move |line| {
        pairs(line.as_bytes()).filter_map(move |(found, pair)| {
            let value = pair.get(found.len() + 1..)?.trim_ascii();
            (found == name.as_bytes()).then_some(unquoted(value))
        })
    })
}

/// Names with the whole `name=value` they begin.
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter_map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair.get(..end)?, pair))
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};
    use proptest::prelude::*;

    use super::{CookieSettings, Jar, Own};

    fn jar(domain: Option<&str>, secure: bool) -> Jar {
        let domain = domain.map(str::to_owned);
        Jar::new(CookieSettings { name: "auth".to_owned(), domain, secure, prefix: true })
    }

    /// simple-auth.md 9.A13
    ///
    /// Proves: SES-4, SES-6
    #[test]
    fn the_session_cookie_is_as_narrow_as_its_setting() {
        let written = |jar: Jar| jar.begin("v", Some(Duration::from_mins(1))).unwrap();
        assert_eq!(
            written(jar(None, true)),
            "__Host-auth=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        assert_eq!(
            written(jar(Some("example.com"), true)),
            "__Secure-auth=v; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=60"
        );
        assert_eq!(written(jar(None, false)), "auth=v; HttpOnly; SameSite=Lax; Path=/; Max-Age=60");
    }

    /// Proves: SES-4
    #[test]
    fn only_the_session_cookie_ever_carries_a_domain() {
        let set = jar(Some("example.com"), true).set_own(Own::Flow, "v", Duration::from_secs(1)).unwrap();
        assert_eq!(set, "__Host-auth-flow=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1");
    }

    #[test]
    fn all_values_of_our_name_are_found_and_no_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; auth=x;auth=\"y\"; xauth=z; auth"));
        headers.append(header::COOKIE, HeaderValue::from_static("AUTH=n; auth=; auth=a=b"));
        let jar = jar(None, false);
        let found: Vec<_> = jar.sessions(&headers).collect();
        assert_eq!(found, [b"x".as_slice(), b"y", b"", b"a=b"]);
    }

    #[test]
    fn an_app_does_not_see_our_cookies() {
        let jar = jar(None, false);
        assert_eq!(jar.without_ours(b"a=1; auth=x; b=2; auth-flow=q").unwrap(), "a=1; b=2");
        assert_eq!(jar.without_ours(b"auth=x"), None);
    }

    proptest! {
        /// Proves: VCH-3
        #[test]
        fn reading_never_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                headers.append(header::COOKIE, value);
            }
            let jar = jar(None, true);
            prop_assert!(jar.sessions(&headers).count() <= 200);
            let _ = jar.without_ours(&line);
        }
    }
}
