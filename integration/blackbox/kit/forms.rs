//! Reading HTML the way a browser without scripts does, as far as a sign-in needs it: forms, their hidden fields, their links.

use regex::Regex;
use std::sync::LazyLock;

static FORM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?is)<form\b([^>]*)>(.*?)</form>").unwrap());
static FIELD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?is)<(?:input|button)\b([^>]*)>").unwrap());
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?"#).unwrap()
});

/// A form as found on a page.
#[derive(Clone, Debug)]
pub struct Form {
    /// Relative or absolute; empty means the page itself.
    pub action: String,
    /// Lower case; `get` unless the page says otherwise.
    pub method: String,
    /// Named fields with the values the page gave them.
    pub fields: Vec<(String, String)>,
    password: bool,
}

impl Form {
    /// All forms of a page.
    pub fn all(html: &str) -> Vec<Self> {
        FORM.captures_iter(html)
            .map(|form| {
                let inputs: Vec<&str> = FIELD
                    .captures_iter(&form[2])
                    .map(|field| field.get(1).map_or("", |m| m.as_str()))
                    .collect();
                Self {
                    action: attribute(&form[1], "action").unwrap_or_default(),
                    method: attribute(&form[1], "method")
                        .unwrap_or_else(|| "get".into())
                        .to_ascii_lowercase(),
                    fields: inputs.iter().filter_map(|input| named(input)).collect(),
                    password: inputs
                        .iter()
                        .any(|input| attribute(input, "type").as_deref() == Some("password")),
                }
            })
            .collect()
    }

    /// The form that asks for a password, if the page has one.
    pub fn with_password(html: &str) -> Option<Self> {
        Self::all(html).into_iter().find(|form| form.password)
    }

    /// The same form with a field filled in. The page must have that field.
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        let field = field.unwrap_or_else(|| panic!("the form has no field {name:?}"));
        value.clone_into(&mut field.1);
        self
    }

    /// `a=1&b=2`, as `application/x-www-form-urlencoded` has it.
    pub fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

fn named(input: &str) -> Option<(String, String)> {
    let kind = attribute(input, "type").unwrap_or_default();
    // An unticked box is not sent; a button is sent only when it has a name and is pressed, and we press the first.
    if kind == "checkbox" && attribute(input, "checked").is_none() {
        return None;
    }
    Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    ATTRIBUTE.captures_iter(tag).find(|found| found[1].eq_ignore_ascii_case(name)).map(|found| {
        let value = found.get(2).or(found.get(3)).or(found.get(4)).map_or("", |m| m.as_str());
        unescape(value)
    })
}

fn unescape(text: &str) -> String {
    [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&#x2F;", "/"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}
