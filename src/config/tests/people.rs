//! Joining and coming back: what is complained about, and what arrives.

use super::*;

const MAIL: &str = "[mail]\ndelivery = \"file\"\nfrom = \"Example <login@example.com>\"\n";

#[test]
fn joining_is_checked() {
    insta::assert_snapshot!(said_about(&[
        "[registration]\nenabled = true",
        "[registration]\nenabled = true\nconfirm_email = false",
        "[registration]\nemail_domains = [\"*.example.com\", \"a@b\", \"\", \"example.com\"]\nlapses_after = \"1h\"",
        "[terms]\nversion = \"1\"",
        "[terms]\nurl = \"https://example.com/terms\"",
        "[terms]\nversion = \"a b\"\nurl = \"javascript:alert(1)\"",
        "[password]\nexpire_after = \"1h\"",
    ]));
}

#[test]
fn good_settings_arrive_as_they_were_meant() {
    let desk = Desk::new(format!(
        "{MAIL}[registration]\nenabled = true\nemail_domains = [\"B\u{fc}cher.Example\"]\n\
         [recovery]\nforgot_password = false\n[terms]\nversion = \"2\"\nurl = \"https://example.com/terms?lang=en\"\n\
         [password]\nexpire_after = \"90d\"\n"
    ));
    let settings = desk.load().expect("no faults").actions;
    let people = settings.people;
    assert!(people.registration.open && people.registration.confirm_email);
    assert_eq!(people.registration.email_domains, ["xn--bcher-kva.example"]);
    assert!(!people.recovery.forgot_password && people.recovery.sign_in_links);
    assert_eq!(people.terms.map(|terms| terms.url), Some("https://example.com/terms?lang=en".to_owned()));
    assert_eq!(settings.passwords.expire_after, Some(std::time::Duration::from_hours(90 * 24)));
    let plain = Desk::new("").load().expect("no faults").actions;
    assert!(!plain.people.registration.open && plain.people.terms.is_none());
    assert_eq!(plain.passwords.expire_after, None);
}
