//! Return addresses: accepted, refused, carried in a slip.

use super::{Mac, Page, ReturnError, Slip};
use crate::{
    domain::policy::{App, ContinueUrl, Declared, RuleSet, Schemes},
    values::{method::Method, pattern::HostPattern, target::Target, time::Timestamp, url::WebUrl},
};

pub(in super::super) fn rules() -> RuleSet {
    let pattern = |text: &str| HostPattern::parse(text).expect("pattern");
    RuleSet::compile(Declared {
        apps: vec![
            App { hosts: vec![pattern("good.com"), pattern("*.apps.good.com")], ..App::new("good") },
            App {
                hosts: vec![pattern("127.0.0.1:8080"), pattern("[::1]:8080")],
                scheme: Schemes::Any,
                ..App::new("local")
            },
        ],
        portal: Some(WebUrl::parse("https://auth.good.com").expect("portal")),
        continue_urls: vec![
            ContinueUrl::Prefix("https://docs.example/manual/".into()),
            ContinueUrl::Regex("https://[a-z]+\\.wiki\\.example/.*".into()),
        ],
    })
    .expect("rules")
}

fn mac(message: &[u8]) -> [u8; 16] {
    // Stands for a keyed hash; good enough to see every byte of the message.
    let mut sum = [7_u8; 16];
    for (at, byte) in message.iter().enumerate() {
        let slot = at % 16;
        sum[slot] =
            sum[slot].wrapping_mul(31).wrapping_add(*byte).wrapping_add(u8::try_from(at % 251).unwrap());
    }
    sum
}

const MAC: Mac<'static> = &mac;
const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn slip(rules: &RuleSet) -> Slip {
    Slip {
        to: rules.return_to("https://good.com/a?b=c&d=%26#x+y").expect("return"),
        method: Method::Post,
        adapter: "request",
        expires: Timestamp::from_secs(1_000_600),
    }
}

#[test]
fn a_slip_comes_back_as_it_went() {
    let rules = rules();
    let slip = slip(&rules);
    let got = rules.receive(&slip.to_query(MAC), NOW, MAC).expect("slip").expect("present");
    assert_eq!((&got.to, &got.method, got.adapter.as_deref()), (&slip.to, &Method::Post, Some("request")));
    let late = rules.receive(&slip.to_query(MAC), slip.expires, MAC).expect("slip").expect("present");
    assert_eq!((&late.to, late.is_ours()), (&slip.to, false));
    assert_eq!(rules.receive("x=1", NOW, MAC), Ok(None));
    assert_eq!(rules.receive("", NOW, MAC), Ok(None));
    let page = rules.page(Page::Login, Some(&slip), MAC).expect("portal");
    assert!(
        page.location().starts_with("https://auth.good.com/login?rd=https%3A%2F%2Fgood.com%2Fa%3Fb%3Dc%26")
    );
    assert_eq!(page.origin(), Some("https://auth.good.com"));
}

/// Proves: URL-5, VCH-13
#[test]
fn a_changed_slip_is_refused() {
    let rules = rules();
    let query = slip(&rules).to_query(MAC);
    for (from, to) in [
        ("rm=POST", "rm=GET"),
        ("ra=request", "ra=forward"),
        ("re=1000600", "re=9000600"),
        ("good.com%2Fa", "good.com%2Fb"),
        ("ra=request", ""),
        ("rs=", "rs=A"),
    ] {
        assert!(query.contains(from), "{query}");
        assert!(rules.receive(&query.replace(from, to), NOW, MAC).is_err(), "{from}");
    }
    assert_eq!(
        rules.receive(&format!("{query}&rd=https%3A%2F%2Fgood.com%2F"), NOW, MAC),
        Err(ReturnError::Parameters)
    );
    assert_eq!(rules.receive("rd=/a&rm=G%20T", NOW, MAC), Err(ReturnError::Parameters));
    // A right MAC over what is no longer declared helps nothing.
    let other = RuleSet::compile(Vec::new()).expect("rules");
    assert_eq!(other.receive(&query, NOW, MAC), Err(ReturnError::Undeclared));
}

#[test]
fn an_unsigned_address_gets_the_same_checks() {
    let rules = rules();
    let got = rules.receive("rd=https://good.com/a%3Fb", NOW, MAC).expect("slip").expect("present");
    assert_eq!((got.to.location(), got.is_ours(), got.method), ("https://good.com/a?b", false, Method::Get));
    assert_eq!(rules.receive("rd=https://evil.com/", NOW, MAC), Err(ReturnError::Undeclared));
    assert_eq!(rules.receive("rd=", NOW, MAC), Err(ReturnError::Empty));
}

#[test]
fn a_request_leads_back_to_itself() {
    let rules = rules();
    let back = |url: &str| {
        let target = Target::parse_url("GET", url).expect("target");
        rules.return_to_target(&target).map(|to| to.location().to_owned())
    };
    assert_eq!(back("https://GOOD.com:443/a?x='1'").as_deref(), Ok("https://good.com/a?x=%271%27"));
    assert_eq!(back("https://good.com/a/../b//c%2Fd").as_deref(), Ok("https://good.com/b//c%2Fd"));
    assert_eq!(back("wss://good.com/live").as_deref(), Ok("https://good.com/live"));
    assert_eq!(back("https://evil.com/"), Err(ReturnError::Undeclared));
}

#[test]
fn our_own_pages_need_no_check() {
    assert_eq!(super::ReturnTo::own(Page::Home).location(), "/");
    assert_eq!(super::ReturnTo::own(Page::Login).origin(), None);
    let rules = RuleSet::compile(Vec::new()).expect("rules");
    assert_eq!(rules.page(Page::Login, None, MAC), None);
    assert_eq!(rules.return_to("/"), Err(ReturnError::Undeclared));
}
