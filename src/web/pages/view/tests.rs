//! Every template with the worst values, and the fixed parts.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, header};
use minijinja::{Value, context};

use super::{
    ENVIRONMENT, Language, Message, SCRIPT_HASH, STYLE_HASH, TEMPLATES, Timestamp, allow_script,
    content_policy, moment,
};
use crate::crypto::digest::sha256;

/// The one script, as pages have it. What it does shows itself only where it runs.
const SCRIPT: &str = "<script>{% include \"passkeys.js\" %}</script>";

const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=y>\r\nSet-Cookie: a=b\u{202e}&amp;{{ 77*77 }}{% raw %}";

/// Values for every page: all texts hostile, all lists filled, all switches as asked.
fn values(on: bool) -> Value {
    let hidden = vec![context! { name => HOSTILE, value => HOSTILE }];
    let session = |here: bool| {
        context! {
            id => HOSTILE, here => here, agent => HOSTILE, started => HOSTILE, seen => HOSTILE,
            address => if on { Value::from(HOSTILE) } else { Value::from(()) },
        }
    };
    let text = if on { Value::from(HOSTILE) } else { Value::from(()) };
    let list = if on { vec![HOSTILE, HOSTILE] } else { Vec::new() };
    context! {
        lang => "en", site => HOSTILE, title => HOSTILE, text => HOSTILE, request => text.clone(),
        links => if on { vec![context! { href => HOSTILE, label => HOSTILE }; 2] } else { Vec::new() },
        complaint => text.clone(), complaints => list.clone(), remarks => list.clone(), place => text_or(HOSTILE, on),
        fields => hidden, name => if on { HOSTILE } else { "" }, offers_remembering => on,
        username => HOSTILE, display_name => if on { HOSTILE } else { "" }, email => if on { HOSTILE } else { "" },
        least => "15", forced => on, groups => list.clone(), second_factor => on,
        sessions => if on { vec![session(true), session(false)] } else { vec![session(true)] },
        likely => text, causes => list, retry => HOSTILE,
        prompt => HOSTILE, numeric => on, send => if on { Some(HOSTILE) } else { None }, factor => HOSTILE, offers_trust => on, back => HOSTILE,
        others => if on { vec![context! { href => HOSTILE, label => HOSTILE }; 2] } else { Vec::new() },
        passkeys => if on { vec![passkey_values(true), passkey_values(false)] } else { Vec::new() },
        passkey => passkey_box(on),
        ..context! { ..factor_values(on), ..context! { ..client_values(on), ..people_values(on) } }
    }
}

/// What the pages about other programs show.
fn client_values(on: bool) -> Value {
    let text = if on { HOSTILE } else { "" };
    let app = context! {
        name => HOSTILE, author => text, author_url => text, since => HOSTILE, active => on, scopes => vec![HOSTILE],
        client => HOSTILE,
    };
    context! {
        client => HOSTILE, account => HOSTILE, scopes => if on { vec![HOSTILE; 2] } else { Vec::new() }, offline => on,
        lasts => HOSTILE, author => text, author_url => text, apps => if on { vec![app; 2] } else { Vec::new() },
    }
}

/// What the pages of second factors show.
fn factor_values(on: bool) -> Value {
    let text = if on { Value::from(HOSTILE) } else { Value::from(()) };
    context! {
        onward => text.clone(), totp => text.clone(), sms => text.clone(), made => text, left => HOSTILE,
        required => on, review => on, add_totp => true, add_email => on, add_sms => on, trusts => on, fresh => true, again => HOSTILE,
        width => HOSTILE, path => HOSTILE, key => HOSTILE, codes => vec![HOSTILE; 2],
    }
}

/// What the pages about joining and coming back show.
fn people_values(on: bool) -> Value {
    let input = |kind: &str| {
        context! {
            kind => kind, name => "field", label => HOSTILE, value => if kind == "password" { "" } else { HOSTILE },
            autocomplete => if kind == "password" { "new-password" } else { "name" }, most => 64, hint => text_or(HOSTILE, on),
            href => text_or(HOSTILE, on), required => on, readonly => !on, plain => on, first => on,
        }
    };
    context! {
        texts => vec![HOSTILE], action => HOSTILE, button => HOSTILE, old => on,
        inputs => vec![input("text"), input("password"), input("checkbox")],
        email_open => on, mobile => text_or(HOSTILE, on), awaited => text_or(HOSTILE, !on), managed => false,
        missing => if on { Value::from(()) } else { context! { second => true, path => HOSTILE } },
        by_mail => on, by_sms => on, awaited_email => text_or(HOSTILE, on),
        ..document_values(on)
    }
}

fn passkey_values(used: bool) -> Value {
    let moment = if used { Value::from(HOSTILE) } else { Value::from(()) };
    context! { key => HOSTILE, name => HOSTILE, created => HOSTILE, used => moment, backed_up => used, alone => !used }
}

/// What the script finds.
fn passkey_box(on: bool) -> Value {
    context! {
        options => HOSTILE, finish => HOSTILE, token => HOSTILE, way => HOSTILE, make => HOSTILE,
        autofill => if on { "1" } else { "" }, failed => HOSTILE,
    }
}

/// What the pages of the API documents show.
fn document_values(on: bool) -> Value {
    let thing = context! {
        name => HOSTILE, title => HOSTILE, about => if on { HOSTILE } else { "" }, id => HOSTILE, method => HOSTILE,
        path => HOSTILE, summary => HOSTILE, paragraphs => vec![HOSTILE], access => if on { vec![HOSTILE; 2] } else { Vec::new() },
        place => HOSTILE, kind => HOSTILE, needed => on, shape => HOSTILE, status => HOSTILE, shapes => vec![HOSTILE], whole => HOSTILE,
    };
    let things = vec![thing.clone(); 2];
    let operation = context! {
        parameters => things.clone(), bodies => things.clone(), answers => things.clone(), ..thing.clone()
    };
    let group = context! { operations => vec![operation], ..thing.clone() };
    let shape = context! { fields => if on { things.clone() } else { Vec::new() }, ..thing };
    context! {
        documents => things.clone(), heading => HOSTILE, about => HOSTILE, servers => vec![HOSTILE], schemes => things,
        chapters => vec![group], shapes => vec![shape],
    }
}

fn text_or(text: &str, on: bool) -> Value {
    if on { Value::from(text) } else { Value::from("") }
}

fn pages() -> impl Iterator<Item = &'static str> {
    TEMPLATES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !matches!(*name, "style.css" | "passkeys.js" | "base.html" | "parts.html"))
}

fn rendered(name: &str, on: bool) -> String {
    ENVIRONMENT
        .get_template(name)
        .unwrap()
        .render(values(on))
        .unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// A page without the one script, which holds no value.
fn without_script(html: &str) -> String {
    let script = ENVIRONMENT.get_template("passkeys.js").unwrap().render(()).unwrap();
    html.replace(&format!("<script>{script}</script>"), "")
}

/// Proves: WEB-6
#[test]
fn no_value_becomes_markup_on_any_page() {
    for name in pages() {
        for on in [false, true] {
            let html = without_script(&rendered(name, on));
            assert!(
                !html.contains("<script") && !html.contains("<img") && !html.contains("5929"),
                "{name}: {html}"
            );
            assert!(html.contains("&lt;script&gt;"), "{name} shows nothing of it");
            // Inside an attribute neither quote ends it.
            assert!(!html.contains("script>\"") && !html.contains("\"'>"), "{name}: {html}");
        }
    }
}

/// Proves: WEB-8, WEB-10
#[test]
fn password_fields_help_password_managers_and_no_page_needs_a_script() {
    for name in pages() {
        let html = rendered(name, true);
        for field in html.split("<input").skip(1).filter(|field| field.contains("type=\"password\"")) {
            let field = field.split('>').next().unwrap();
            let token = if field.contains("old_password") || name == "login.html" {
                "current-password"
            } else {
                "new-password"
            };
            assert!(field.contains(&format!("autocomplete=\"{token}\"")), "{name}: {field}");
            assert!(!field.contains("value=") && !field.contains("onpaste"), "{name}: {field}");
        }
        for field in html.split("<input").skip(1).filter(|field| field.contains("name=\"username\"")) {
            let token = if name == "login.html" { "username webauthn" } else { "username" };
            assert!(field.contains(&format!("autocomplete=\"{token}\"")), "{name}: {field}");
        }
        for (_, source) in TEMPLATES {
            let lower = source.to_ascii_lowercase().replace(SCRIPT, "");
            for never in [
                "<script",
                "javascript:",
                " style=",
                "|safe",
                "| safe",
                "autoescape",
                "http:",
                "https:",
                "//",
            ] {
                assert!(!lower.contains(never), "{never} in a template");
            }
            assert!(!lower.contains(" on") || !lower.contains("onclick="), "no event attributes");
        }
    }
}

/// Every label belongs to a field, every page says its language and title, and its main part has one heading.
#[test]
fn pages_can_be_read_aloud() {
    for name in pages() {
        let html = rendered(name, true);
        assert!(html.contains("<html lang=\"en\">") && html.contains("<title>"), "{name}");
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
        for label in html.split("<label for=\"").skip(1) {
            let id = label.split('"').next().unwrap();
            assert!(html.contains(&format!("id=\"{id}\"")), "{name}: {id}");
        }
    }
}

/// Proves: WEB-4
#[test]
fn the_policy_knows_the_style_sheet_by_its_digest() {
    for name in pages() {
        let html = rendered(name, true);
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let digest = format!("sha256-{}", STANDARD.encode(sha256(style.as_bytes())));
        assert_eq!(STYLE_HASH, digest, "after a change of style.css this is its new digest");
    }
}

/// Proves: WEB-4, WEB-10
#[test]
fn the_one_script_is_known_by_its_digest_and_only_where_it_runs() {
    let script = ENVIRONMENT.get_template("passkeys.js").unwrap().render(()).unwrap();
    let digest = format!("sha256-{}", STANDARD.encode(sha256(script.as_bytes())));
    assert_eq!(SCRIPT_HASH, digest, "after a change of passkeys.js this is its new digest");
    assert!(!script.contains("</") && !script.contains("<!--"), "nothing in it ends it");
    for name in pages() {
        let html = rendered(name, true);
        let has_one = matches!(name, "login.html" | "passkey.html" | "passkeys.html");
        assert_eq!(html.matches("<script>").count(), usize::from(has_one), "{name}");
    }
    let mut response = Response::new(());
    let policy = HeaderValue::from_str(&content_policy(None)).unwrap();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    allow_script(&mut response);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    let own = format!("; script-src '{SCRIPT_HASH}'; connect-src 'self'");
    assert_eq!(policy, format!("{}{own}", content_policy(None)));
    assert!(!content_policy(None).contains("script-src"));
}

/// Proves: WEB-4
#[test]
fn the_policy_names_one_destination_at_most() {
    assert!(content_policy(None).contains("form-action 'self'; base-uri"));
    let to = content_policy(Some("https://app.example.com:8443"));
    assert!(to.contains("form-action 'self' https://app.example.com:8443; base-uri"));
    for hostile in ["https://a; script-src *", "https://a 'unsafe-inline'", "https://a, *"] {
        assert_eq!(content_policy(Some(hostile)), content_policy(None));
    }
}

/// Every text is used, and every key that a template uses exists.
#[test]
fn the_catalogue_is_complete_and_has_nothing_over() {
    let mut keys = HashSet::new();
    for (_, source) in TEMPLATES {
        for use_ in source.split("say(\"").skip(1) {
            let key = use_.split('"').next().unwrap();
            assert!(Message::of_key(key).is_some(), "no text for {key}");
            keys.insert(key);
        }
    }
    let code = [
        include_str!("../agent.rs"),
        include_str!("../catalogue.rs"),
        include_str!("../document.rs"),
        include_str!("../fields.rs"),
        include_str!("../links.rs"),
        include_str!("../apps.rs"),
        include_str!("../consent.rs"),
        include_str!("../login.rs"),
        include_str!("../logout.rs"),
        include_str!("../loops.rs"),
        include_str!("../me.rs"),
        include_str!("../passkeys/mod.rs"),
        include_str!("../passkeys/script.rs"),
        include_str!("../password.rs"),
        include_str!("../profile.rs"),
        include_str!("../recover.rs"),
        include_str!("../register.rs"),
        include_str!("../second.rs"),
        include_str!("../setup.rs"),
        include_str!("../sheet.rs"),
        include_str!("../terms.rs"),
        include_str!("../factors.rs"),
        include_str!("../trouble.rs"),
        include_str!("../view.rs"),
    ]
    .concat();
    for message in Message::ALL {
        let used = keys.contains(message.key()) || {
            let name = format!("Message::{message:?}");
            code.match_indices(&name)
                .any(|(at, _)| !code[at + name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        assert!(used, "{message:?} is used nowhere");
    }
}

#[test]
fn a_text_without_its_value_or_with_one_too_many_fails() {
    let render = |source: &str| ENVIRONMENT.render_named_str("x.html", source, context! { lang => "en" });
    assert!(render("{{ say('sign-in') }}").is_ok());
    assert!(render("{{ say('sign-in-to') }}").is_err());
    assert!(render("{{ say('sign-in', place='x') }}").is_err());
    assert!(render("{{ say('no-such-text') }}").is_err());
    assert!(render("{{ not_given }}").is_err());
    assert_eq!(
        render("{{ say('sign-in-to', place='<b>{place}') }}").unwrap(),
        "Sign in to continue to &lt;b&gt;{place}."
    );
}

#[test]
fn a_moment_reads_well() {
    assert_eq!(moment(Language::English, Timestamp::from_secs(1_800_000_000)), "2027-01-15, 08:00 UTC");
}
