//! Every kind of complaint, for each kind of field, in both formats.

use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::*;
use crate::values::name::Username;

/// A body with a field of each kind.
#[derive(Debug, PartialEq)]
struct Order {
    user: String,
    password: String,
    note: Option<String>,
    agree: Option<bool>,
    count: Option<i64>,
    colour: Option<char>,
    tags: Option<Vec<String>>,
    place: Option<Place>,
}

#[derive(Debug, PartialEq)]
struct Place {
    street: String,
    sure: bool,
}

impl FromFields for Order {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let user = fields.parsed(&Text::new("user", Field::Username).at_most(20), Username::parse);
        let password = fields.secret(&Text::new("password", Field::Password).at_most(8));
        let note = fields.optional_text(&Text::new("note", Field::DisplayName).at_most(4));
        let agree = fields.flag("agree", Field::Continue);
        let count = fields.number("count", Field::Page, 1..=10);
        let colour = fields.choice("colour", Field::Group, &[("red", 'r'), ("green", 'g')]);
        let tags = fields.texts(&Text::new("tags", Field::Group).at_most(3), 2);
        let place = fields.object("place", Field::Session);
        Some(Self {
            user: user?.as_str().to_owned(),
            password: password?.expose().clone(),
            note,
            agree,
            count,
            colour,
            tags,
            place,
        })
    }
}

impl FromFields for Place {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let street = fields.text(&Text::new("street", Field::Mobile));
        let sure = fields.required(|fields| fields.flag("sure", Field::Token));
        Some(Self { street: street?, sure: sure? })
    }
}

fn of_json(body: &str) -> Result<Order, String> {
    told(json::parse(body.as_bytes()))
}

fn of_form(body: &str) -> Result<Order, String> {
    told(form::parse(body.as_bytes()))
}

/// The order, or all complaints in one line.
fn told(fields: Result<Fields, Fault>) -> Result<Order, String> {
    fields.and_then(Fields::into_shape).map_err(|fault| {
        assert_eq!(fault.reason, Reason::Malformed);
        let flaws: Vec<_> =
            fault.flaws.iter().map(|flaw| format!("{:?} {}", flaw.field, flaw.message)).collect();
        assert!(!flaws.is_empty());
        flaws.join("; ")
    })
}

/// JSON with the two required fields and `more`.
fn with(more: &str) -> Result<Order, String> {
    of_json(&format!(r#"{{"user":"alice","password":"x"{more}}}"#))
}

#[test]
fn what_is_right_arrives_as_sent() {
    let more = r#","note":"a\u00e9","agree":false,"count":10,"colour":"green","tags":["a","b"],"place":{"street":"x","sure":true}"#;
    let order = Order {
        user: "alice".to_owned(),
        password: "x".to_owned(),
        note: Some("a\u{e9}".to_owned()),
        agree: Some(false),
        count: Some(10),
        colour: Some('g'),
        tags: Some(vec!["a".to_owned(), "b".to_owned()]),
        place: Some(Place { street: "x".to_owned(), sure: true }),
    };
    assert_eq!(with(more), Ok(order));
    let plain = with("").unwrap();
    assert_eq!((&plain.note, plain.agree, plain.count), (&None, None, None));
    // What says nothing is as if it were not there.
    assert_eq!(with(r#","note":null,"agree":null,"place":null"#).as_ref(), Ok(&plain));
    assert_eq!(with(r#","note":"""#).as_ref(), Ok(&plain));
    assert_eq!(of_form("user=alice&password=x&note=").as_ref(), Ok(&plain));
    let order = of_form("agree=1&count=7&colour=red&password=+%26&user=alice").unwrap();
    assert_eq!((order.agree, order.count, order.colour), (Some(true), Some(7), Some('r')));
    assert_eq!(order.password, " &");
}

/// Proves: API-7, ENR-3
#[test]
fn every_complaint_names_its_field_and_what_to_do() {
    for (body, complaint) in [
        ("{}", "Username is required; Password is required"),
        (r#"{"user":null,"password":""}"#, "Username is required; Password must not be empty"),
        (r#"{"user":1,"password":["x"]}"#, "Username must be text; Password must be text"),
        (r#"{"user":"alice","password":"123456789"}"#, "Password is longer than 8 bytes"),
        (r#"{"user":"a","user":"b","password":"x"}"#, "Username is there more than once"),
        (
            r#"{"user":"a","user":"a","password":"x","password":1}"#,
            "Username is there more than once; Password is there more than once",
        ),
    ] {
        assert_eq!(of_json(body), Err(complaint.to_owned()), "{body}");
    }
    for (more, complaint) in [
        (r#","note":"12345""#, "DisplayName is longer than 4 bytes"),
        (r#","note":false"#, "DisplayName must be text"),
        (r#","agree":"true""#, "Continue must be true or false"),
        (r#","agree":1"#, "Continue must be true or false"),
        (r#","count":0"#, "Page must be a whole number from 1 to 10"),
        (r#","count":11"#, "Page must be a whole number from 1 to 10"),
        (r#","count":1.0"#, "Page must be a whole number from 1 to 10"),
        (r#","count":9223372036854775808"#, "Page must be a whole number from 1 to 10"),
        (r#","count":"7""#, "Page must be a whole number from 1 to 10"),
        (r#","colour":"Red""#, "Group must be one of red, green"),
        (r#","colour":[]"#, "Group must be one of red, green"),
        (r#","tags":"a""#, "Group must be a list of texts"),
        (r#","tags":["a",1]"#, "Group must be a list of texts"),
        (r#","tags":[""]"#, "Group must not be empty"),
        (r#","tags":["long"]"#, "Group is longer than 3 bytes"),
        (r#","tags":["a","b","c"]"#, "Group must be a list of at most 2 texts"),
        (r#","place":"x""#, "Session must be an object"),
        (r#","place":{}"#, "Mobile is required; Token is required"),
        (r#","place":{"street":"x","sure":"no"}"#, "Token must be true or false"),
        (
            r#","place":{"street":"x","sure":true,"admin":1}"#,
            "Body has a field that is unknown here (admin); it may have street, sure",
        ),
        (r#","place":{"street":"x","sure":true,"street":"y"}"#, "Mobile is there more than once"),
    ] {
        assert_eq!(with(more), Err(complaint.to_owned()), "{more}");
    }
    let known = "it may have user, password, note, agree, count, colour, tags, place";
    let unknown = with(r#","admin":true,"Note":"x","the rest":1"#);
    assert_eq!(unknown, Err(format!("Body has a field that is unknown here (admin, Note); {known}")));
    let unknown = of_form("user=alice&password=x&rest-of-it=1");
    assert_eq!(unknown, Err(format!("Body has a field that is unknown here; {known}")));
    let name = of_json(r#"{"user":"a,b","password":"x"}"#).unwrap_err();
    assert!(name.starts_with("Username "), "the value's own complaint: {name}");
}

/// Proves: API-7
#[test]
fn what_is_no_json_object_is_refused_as_a_whole() {
    let deep = |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let many = |count: usize| {
        let fields: Vec<_> = (0..count).map(|at| format!(r#""f{at}":1"#)).collect();
        format!("{{{}}}", fields.join(","))
    };
    for (body, complaint) in [
        ("", "Body is empty"),
        (" \n", "Body is empty"),
        ("[]", "Body is not a JSON object"),
        ("null", "Body is not a JSON object"),
        ("{", "Body is not valid JSON (line 1, column 1)"),
        ("{} {}", "Body is not valid JSON (line 1, column 4)"),
        (r#"{"user":"\ud800"}"#, "Body is not valid JSON (line 1, column 16)"),
        ("\u{feff}{}", "Body is not a JSON object"),
        (&deep(16), "Body has lists or objects nested too deeply"),
        (&deep(100_000), "Body has lists or objects nested too deeply"),
    ] {
        assert_eq!(of_json(body), Err(complaint.to_owned()), "{}", body.get(..40).unwrap_or(body));
    }
    assert!(of_json(&deep(15)).unwrap_err().contains("unknown here (x)"));
    assert!(of_json(&many(32)).unwrap_err().contains("unknown here (f0, "));
    assert!(of_json(&many(33)).unwrap_err().ends_with("Body has too many fields"));
    let inside = with(&format!(r#","place":{}"#, many(33))).unwrap_err();
    assert!(inside.ends_with("Body has too many fields"), "{inside}");
    assert!(
        json::parse(b"{\"user\":\"\xff\"}").is_err_and(|fault| fault.to_string().contains("is not UTF-8"))
    );
}

fn value(body: &str) -> Option<String> {
    form::parse(body.as_bytes()).ok()?.take_sent("p")
}

/// Proves: PWD-2
#[test]
fn a_forms_value_arrives_exactly_as_typed() {
    assert_eq!(value("p=%20a%2Bb+c%26%3D%25+&q=1").as_deref(), Some(" a+b c&=% "));
    assert_eq!(value("p=Zo%C3%AB").as_deref(), Some("Zo\u{eb}"));
    assert_eq!(value("p=a=b").as_deref(), Some("a=b"));
    assert_eq!(value("p").as_deref(), Some(""));
    assert_eq!(value(""), None);
}

/// Proves: API-7
#[test]
fn a_form_that_no_browser_sends_is_refused_by_the_field() {
    for (body, complaint) in [
        ("user=a&user=b&password=x", "Username is there more than once"),
        ("user=a&%75ser=a&password=x", "Username is there more than once"),
        ("user=alice&password=%", "Password holds a broken percent escape"),
        ("user=alice&password=%4", "Password holds a broken percent escape"),
        ("user=alice&password=%zz", "Password holds a broken percent escape"),
        ("user=alice&password=%C3%28", "Password is not UTF-8"),
        ("%C3=1", "Body has a name that is not UTF-8"),
        ("%=1", "Body has a name that holds a broken percent escape"),
        ("user=alice&password=x&agree=yes", "Continue must be true or false"),
        ("user=alice&password=x&count=07", "Page must be a whole number from 1 to 10"),
        ("user=alice&password=x&count=%2B7", "Page must be a whole number from 1 to 10"),
        ("user=alice&password=x&tags=a", "Group must be a list of texts"),
    ] {
        assert_eq!(of_form(body), Err(complaint.to_owned()), "{body}");
        let whole = form::parse(body.as_bytes()).and_then(|fields| fields.nothing_wrong());
        let wrong = ["than once", "escape", "UTF-8"].iter().any(|what| complaint.contains(what));
        assert_eq!(whole.is_err(), wrong, "{body}");
    }
    assert!(form::parse(b"a=\xff").is_err());
    let many = |count: usize| (0..count).map(|at| format!("f{at}=1")).collect::<Vec<_>>().join("&");
    assert!(form::parse(many(32).as_bytes()).is_ok());
    assert!(form::parse(many(33).as_bytes()).is_err());
}

/// Proves: WEB-2
#[test]
fn the_format_is_what_the_one_content_type_says() {
    let format = |kinds: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for kind in kinds {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Format::of(&headers)
    };
    for kind in ["application/json", "Application/JSON;charset=utf8", "application/json ; x=y"] {
        assert_eq!(format(&[kind]), Some(Format::Json), "{kind}");
    }
    for kind in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=UTF-8"] {
        assert_eq!(format(&[kind]), Some(Format::Form), "{kind}");
    }
    for kinds in [
        &[][..],
        &[""],
        &["text/plain"],
        &["multipart/form-data; boundary=x"],
        &["application/x-www-form-urlencoded-not"],
        &["application/jsonp"],
        &["application/json", "application/json"],
        &["application/x-www-form-urlencoded", "application/json"],
    ] {
        assert_eq!(format(kinds), None, "{kinds:?}");
    }
}

/// A description of a body is what its reader asks for, in order.
#[test]
fn what_is_asked_for_is_known_without_a_body() {
    let asked = Fields::asked_by::<Order>();
    let names: Vec<_> = asked.iter().map(|asked| (asked.name, asked.required)).collect();
    assert_eq!(names[..3], [("user", true), ("password", true), ("note", false)]);
    assert_eq!(asked[1].kind, Kind::Secret(Some(8)));
    assert_eq!(asked[4].kind, Kind::Number(1..=10));
    assert_eq!(asked[5].kind, Kind::Choice(vec!["red", "green"]));
    let Kind::Object(inner) = &asked[7].kind else { panic!("{asked:?}") };
    assert_eq!((inner[1].name, inner[1].required), ("sure", true));
}

proptest! {
    #[test]
    fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = told(form::parse(&body));
        let _ = told(json::parse(&body));
    }

    #[test]
    fn reading_what_is_nearly_json_never_panics(body in r#"[{}\[\]",:a-z0-9.\\ ]{0,60}"#) {
        let _ = of_json(&format!("{{{body}"));
    }

    #[test]
    fn what_a_client_writes_is_read(sent in any::<String>()) {
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("p", &sent).finish();
        prop_assert_eq!(value(&form), Some(sent.clone()));
        let json = serde_json::json!({ "p": sent }).to_string();
        let read = json::parse(json.as_bytes()).ok().and_then(|mut fields| fields.take_sent("p"));
        prop_assert_eq!(read, Some(sent));
    }
}
