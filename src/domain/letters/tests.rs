//! Every message in every language: its words, its escaping, and the operator's own words.

use super::*;

fn brand() -> Brand {
    Brand {
        service: "Example & Sons".to_owned(),
        portal: WebUrl::parse("https://login.example.com").unwrap(),
        language: Language::English,
    }
}

fn letters() -> Letters {
    Letters::new(brand())
}

fn values(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const LINK: &str = "https://login.example.com/password/reset?token=AAAA-_bb&x=1";
const CODE: &str = "83920175";

/// Everything any template can be given.
fn everything() -> Vec<(String, String)> {
    values(&[
        ("name", "Ann <b>O'Hara</b>"),
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("minutes", "30"),
        ("device", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        ("address", "192.0.2.7"),
        ("time", "2027-01-15T08:00:00.123Z"),
        ("factor", "totp"),
        ("link", LINK),
        ("code", CODE),
        ("inviter", "Carol"),
        ("left", "7"),
        ("count", "12"),
    ])
}

fn each(mut look: impl FnMut(Template, Language, &Written)) {
    for template in Template::ALL.iter().copied() {
        for language in Language::ALL {
            look(template, language, &letters().write(template, Some(language), &everything()).unwrap());
        }
    }
}

#[test]
fn the_words_as_they_are_read() {
    for language in Language::ALL {
        let mut all = String::new();
        for template in Template::ALL.iter().copied() {
            let written = letters().write(template, Some(language), &everything()).unwrap();
            all.push_str(
                &["==== ", template.as_str(), "\nSubject: ", &written.subject, "\n\n", &written.text, "\n"]
                    .concat(),
            );
        }
        insta::assert_snapshot!(format!("words_{}", language.as_str()), all);
        let written = letters().write(Template::ResetPassword, Some(language), &everything()).unwrap();
        insta::assert_snapshot!(format!("form_{}", language.as_str()), written.html);
    }
}

/// Every message says whose it is; no subject tells a code or a link.
///
/// Proves: OTP-7
#[test]
fn texts_name_the_service_and_subjects_tell_no_secret() {
    each(|template, language, written| {
        let which = format!("{} {}", template.as_str(), language.as_str());
        assert!(written.text.contains("Example & Sons"), "{which}");
        assert!(!written.subject.contains(CODE) && !written.subject.contains("token"), "{which}");
        if template.channel() == Channel::Mail {
            assert!(!written.subject.is_empty() && written.html.contains("Example &amp; Sons"), "{which}");
        }
        let tells = |name: &str, value: &str| {
            if template.needs().contains(&name) {
                assert!(written.text.contains(value), "{which} lacks its {name}");
                assert!(
                    written.html.is_empty() || written.html.contains(&phrase::escape(value)),
                    "{which} lacks its {name}"
                );
            } else {
                assert!(
                    name != "code" || !written.text.contains(value),
                    "{which} tells a code nobody meant for it"
                );
            }
        };
        tells("link", LINK);
        tells("code", CODE);
    });
}

#[test]
fn what_is_filled_in_stays_text() {
    each(|template, language, written| {
        let which = format!("{} {}", template.as_str(), language.as_str());
        assert!(!written.html.contains("<b>"), "{which}");
        assert!(!written.text.contains("&lt;") && !written.text.contains("&amp;"), "{which}");
        // Our own texts hold no markup either, so that they can be put between tags as they are.
        for form in Form::of(template.channel()) {
            let source = copy::source(template, language, *form);
            assert!(!source.contains('&'), "{which}");
            assert!(*form == Form::Html || !source.contains('<'), "{which}");
        }
    });
}

/// Whoever types a stranger's address into a form must not be able to have that stranger read a text of theirs.
#[test]
fn nobody_is_greeted_by_a_name_that_a_stranger_typed() {
    let to_strangers =
        [Template::Welcome, Template::ConfirmEmail, Template::ChangeEmailConfirm, Template::AccountExists];
    for template in to_strangers {
        for language in Language::ALL {
            let written = letters().write(template, Some(language), &everything()).unwrap();
            assert!(
                !written.text.contains("O'Hara") && !written.html.contains("Hara"),
                "{}",
                template.as_str()
            );
        }
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    for template in Template::ALL.iter().copied() {
        for language in Language::ALL {
            let needed: Vec<_> = everything()
                .into_iter()
                .filter(|(name, _)| template.needs().contains(&name.as_str()))
                .collect();
            let written = letters().write(template, Some(language), &needed).unwrap();
            let which = format!("{} {}:\n{}", template.as_str(), language.as_str(), written.text);
            assert!(!written.text.replace("\n    ", "\n").contains("  "), "{which}");
            assert!(!written.text.contains(": \n") && !written.text.contains("\n\n\n"), "{which}");
            assert!(!written.html.contains("<table"), "{which}");
            assert!(template.needs().contains(&"link") || !written.html.contains("<a "), "{which}");
        }
    }
}

#[test]
fn what_is_needed_must_be_there() {
    let missing = letters().write(Template::ConfirmEmail, None, &values(&[("minutes", "30")]));
    assert_eq!(missing, Err(LetterError::Missing("link")));
    let empty = letters().write(Template::EmailCode, None, &values(&[("minutes", "30"), ("code", "")]));
    assert_eq!(empty, Err(LetterError::Missing("code")));
}

#[test]
fn times_and_spans_are_written_as_people_write_them() {
    let (english, chinese) = (Language::English, Language::Chinese);
    assert_eq!(phrase::span(english, "1"), "1 minute");
    assert_eq!(phrase::span(english, "90"), "90 minutes");
    assert_eq!(phrase::span(english, "1440"), "24 hours");
    assert_eq!(phrase::span(chinese, "1440"), "24 小时");
    assert_eq!(phrase::span(english, "soon"), "soon");
    assert_eq!(phrase::moment(english, "2027-01-15T09:05:00+01:00"), "15 January 2027, 08:05 UTC");
    assert_eq!(phrase::moment(chinese, "2027-01-05T08:05:00Z"), "2027年1月5日 08:05 UTC");
    assert_eq!(phrase::moment(english, "yesterday"), "yesterday");
    assert_eq!(phrase::factor(chinese, "totp"), "身份验证器应用");
    assert_eq!(phrase::factor(english, "My blue key"), "My blue key");
}

/// A `User-Agent` is written by whoever signs in, perhaps with somebody else's password.
#[test]
fn nobody_writes_into_a_letter_by_the_name_of_their_browser() {
    let agent = "Firefox/1 (Linux) SECURITY ALERT: call +1 555 0100";
    assert_eq!(phrase::device(Language::English, agent), "Firefox on Linux");
    assert_eq!(phrase::device(Language::Chinese, agent), "Linux 上的 Firefox");
    assert_eq!(phrase::device(Language::English, "call +1 555 0100"), "");
    let values = values(&[("device", agent)]);
    let written = letters().write(Template::NewDevice, None, &values).unwrap();
    assert!(written.text.contains("Device: Firefox on Linux"), "{}", written.text);
    assert!(!written.text.contains("ALERT") && !written.html.contains("ALERT"));
}

fn own(files: &[(&str, &str)]) -> Result<Letters, Vec<Flaw>> {
    Letters::with(brand(), &OwnWords::new(values(files)))
}

#[test]
fn the_operators_words_stand_in_place_of_ours() {
    let letters = own(&[
        (
            "en/welcome.txt",
            "Subject: Ahoy from {{ service }}\n\nAhoy {{ username }}, welcome to {{ service }}.\n",
        ),
        ("layout.html", "<main>{% block body %}{% endblock %}</main>{% block closing %}{% endblock %}"),
        ("zh/sms-code.txt", "{{ service }} {{ code }}"),
    ])
    .unwrap();
    let written = letters.write(Template::Welcome, None, &everything()).unwrap();
    assert_eq!(written.subject, "Ahoy from Example & Sons");
    assert_eq!(written.text, "Ahoy ann, welcome to Example & Sons.\n");
    assert!(written.html.starts_with("<main>\n<p>Your account ann"), "{}", written.html);
    let sms = letters.write(Template::SmsCode, Some(Language::Chinese), &everything()).unwrap();
    assert_eq!(sms.text, "Example & Sons 83920175");
}

/// Proves: OTP-7
#[test]
fn words_that_cannot_work_are_refused_all_at_once() {
    let flaws = own(&[
        ("en/welcome.txt", "Subject: x\n\n{{ secret }} {{ code }}"),
        ("en/email-code.txt", "Subject: {{ code }} is your code\n\n{{ code }}"),
        ("en/reset-password.txt", "{{ link }}"),
        ("en/test.html", "{{ lang"),
        ("fr/test.html", "bonjour"),
        ("en/nothing.txt", "x"),
        ("en/sms-code.html", "x"),
        ("README.md", "x"),
        ("layout.html", "{{ name }}"),
    ])
    .unwrap_err();
    let told: Vec<_> = flaws.iter().map(|flaw| format!("{}: {}", flaw.file, flaw.what)).collect();
    insta::assert_snapshot!(told.join("\n"));
    let fails = own(&[("en/test.html", "{{ service|nofilter }}")]).unwrap_err();
    assert_eq!(fails.len(), 1, "{fails:?}");
    let lines = own(&[("zh/test.txt", "Subject: {{ service }}{{ '\\n' }}Bcc: eve\n\nx")]).unwrap_err();
    assert_eq!(lines[0].what, LetterError::Subject.to_string());
}

/// Proves: OPS-18
#[test]
fn nothing_that_was_filled_in_is_printed() {
    let written = letters().write(Template::EmailCode, None, &everything()).unwrap();
    assert!(!format!("{written:?}").contains(CODE));
    let failing = own(&[("en/email-code.html", "{{ code + 1 + service.x.y }}")]);
    assert!(!format!("{failing:?}").contains(CODE));
}
