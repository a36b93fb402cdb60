//! A person with a browser: cookies kept as RFC 6265 has it, redirects followed one by one, forms filled in.

use super::{Answer, Ask, forms::Form};
use http::{Method, header};
use std::io;
use url::Url;

/// Redirects followed before we call it a loop; browsers give up at 20.
const FEW: usize = 12;

/// A cookie as the browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    pub value: String,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    /// The attributes as they were sent, for tests about them.
    pub line: String,
}

/// One browser profile.
#[derive(Clone, Default)]
pub struct Browser {
    jar: Vec<Kept>,
    /// Every address the last `visit` or `submit` went through, with its status.
    pub trail: Vec<(u16, String)>,
}

impl Browser {
    pub fn new() -> Self {
        Self::default()
    }

    /// One request with this browser's cookies; what the answer sets is kept. No redirect is followed.
    pub async fn ask(&mut self, ask: Ask) -> Answer {
        let url = ask.url.clone();
        self.try_ask(ask).await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The same for moments when nobody may be listening.
    pub async fn try_ask(&mut self, ask: Ask) -> io::Result<Answer> {
        let answer = self.with_cookies(ask).try_send().await?;
        self.keep(&answer);
        Ok(answer)
    }

    /// Puts the cookies for its address on a request, without sending it.
    pub fn with_cookies(&self, mut ask: Ask) -> Ask {
        let url = Url::parse(&ask.url).expect("an absolute URL");
        let line: Vec<String> = self.jar.iter().filter(|kept| kept.fits(&url)).map(Kept::pair).collect();
        if !line.is_empty() {
            ask.headers.insert(header::COOKIE, line.join("; ").parse().expect("cookies fit a header"));
        }
        ask
    }

    /// Types an address: a navigation, followed to where it comes to rest.
    pub async fn visit(&mut self, url: &str) -> Answer {
        self.trail.clear();
        let answer = self.ask(Ask::get(url).navigation().header("sec-fetch-site", "none")).await;
        self.follow(answer).await
    }

    /// Sends a form found on `page`, and follows to where that comes to rest.
    pub async fn submit(&mut self, page: &Answer, form: &Form) -> Answer {
        self.trail.clear();
        let ask = Self::filled(page, form);
        let answer = self.ask(ask).await;
        self.follow(answer).await
    }

    /// The request that sending this form makes.
    pub fn filled(page: &Answer, form: &Form) -> Ask {
        let here = Url::parse(&page.url).expect("an absolute URL");
        let mut to = here.join(&form.action).expect("a form has a usable action");
        if form.method == "post" {
            Ask::post(to.as_str(), "application/x-www-form-urlencoded", form.encoded())
                .navigation()
                .header("origin", &here.origin().ascii_serialization())
                .header("referer", here.as_str())
                .header("sec-fetch-site", "same-origin")
        } else {
            to.set_query(Some(&form.encoded()));
            Ask::get(to.as_str()).navigation().header("sec-fetch-site", "same-origin")
        }
    }

    /// Signs in on the page it is given, which must ask for a password.
    pub async fn sign_in(&mut self, page: &Answer, name: &str, password: &str) -> Answer {
        let form = Form::with_password(&page.text())
            .unwrap_or_else(|| panic!("no sign-in form on {} after {:?}:\n{page}", page.url, self.trail));
        self.submit(page, &form.fill("username", name).fill("password", password)).await
    }

    /// The kept cookie of that name, whatever host it is for.
    pub fn cookie(&self, name: &str) -> Option<&Kept> {
        self.jar.iter().find(|kept| kept.name == name)
    }

    /// Plants a cookie, as a hostile sibling site could.
    pub fn plant(&mut self, url: &str, line: &str) {
        let url = Url::parse(url).expect("an absolute URL");
        self.set(&url, line);
    }

    async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..FEW {
            self.trail.push((answer.status.as_u16(), answer.url.clone()));
            let Some(to) = answer.location().filter(|_| answer.status.is_redirection()) else {
                return answer;
            };
            assert!(
                matches!(answer.status.as_u16(), 302 | 303),
                "a redirect must be 302 or 303, and {} from {} is neither",
                answer.status,
                answer.url
            );
            answer =
                self.ask(Ask::new(Method::GET, &to).navigation().header("sec-fetch-site", "same-site")).await;
        }
        panic!("a redirect loop: {:#?}", self.trail);
    }

    fn keep(&mut self, answer: &Answer) {
        let url = Url::parse(&answer.url).expect("we asked for it");
        for line in answer.headers.get_all(header::SET_COOKIE) {
            self.set(&url, line.to_str().expect("cookies are ASCII"));
        }
    }

    fn set(&mut self, url: &Url, line: &str) {
        let kept = Kept::read(url, line);
        self.jar.retain(|old| (&old.name, &old.domain, &old.path) != (&kept.name, &kept.domain, &kept.path));
        let gone = cookie::Cookie::parse(line).is_ok_and(|cookie| {
            cookie.max_age().is_some_and(|age| age.whole_seconds() <= 0)
                || cookie.expires_datetime().is_some_and(|at| at.unix_timestamp() <= 0)
        });
        if !gone {
            self.jar.push(kept);
        }
    }
}

impl Kept {
    /// What a browser makes of one `Set-Cookie` line, with the rules of the `__Host-` and `__Secure-` prefixes enforced.
    fn read(url: &Url, line: &str) -> Self {
        let cookie = cookie::Cookie::parse(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let host = url.host_str().expect("http has a host");
        let domain = cookie.domain().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
        let secure = cookie.secure() == Some(true);
        if let Some(domain) = &domain {
            assert!(host == domain || host.ends_with(&format!(".{domain}")), "{host} may not set {line}");
        }
        if cookie.name().starts_with("__Host-") {
            assert!(secure && domain.is_none() && cookie.path() == Some("/"), "a browser refuses {line}");
        }
        if cookie.name().starts_with("__Secure-") {
            assert!(secure && url.scheme() == "https", "a browser refuses {line}");
        }
        Self {
            name: cookie.name().to_owned(),
            value: cookie.value().to_owned(),
            host_only: domain.is_none(),
            domain: domain.unwrap_or_else(|| host.to_owned()),
            path: cookie.path().unwrap_or("/").to_owned(),
            secure,
            line: line.to_owned(),
        }
    }

    fn fits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let host_fits =
            host == self.domain || !self.host_only && host.ends_with(&format!(".{}", self.domain));
        host_fits
            && url.path().starts_with(&self.path)
            && (!self.secure || url.scheme() == "https" || host == "127.0.0.1")
    }

    fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}
