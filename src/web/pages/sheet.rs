//! One plain form: a heading, some words, a few inputs and a button. Most of what people fill in before and around an account is that.

use minijinja::{Value, context};

use super::{
    catalogue::{Language, Message},
    hidden,
    view::View,
};

/// A text of the catalogue in the page's language.
pub(super) fn say(message: Message) -> String {
    message.fill(Language::default(), &[])
}

/// One input of a form.
pub(super) struct Input<'i> {
    name: &'static str,
    label: String,
    kind: &'static str,
    value: &'i str,
    autocomplete: &'static str,
    most: u32,
    hint: Option<String>,
    href: Option<&'i str>,
    required: bool,
    readonly: bool,
}

impl<'i> Input<'i> {
    const fn new(name: &'static str, label: String, kind: &'static str, value: &'i str) -> Self {
        Self {
            name,
            label,
            kind,
            value,
            autocomplete: "off",
            most: 320,
            hint: None,
            href: None,
            required: true,
            readonly: false,
        }
    }

    /// A line of text. `autocomplete` says to the browser what it is (security.md WEB-8).
    pub(super) fn text(
        name: &'static str,
        label: Message,
        value: &'i str,
        autocomplete: &'static str,
        most: u32,
    ) -> Self {
        Self { autocomplete, most, ..Self::new(name, say(label), "text", value) }
    }

    /// An e-mail address.
    pub(super) fn email(name: &'static str, value: &'i str) -> Self {
        let autocomplete = "email";
        Self { autocomplete, most: 254, ..Self::new(name, say(Message::FieldEmail), "email", value) }
    }

    /// A password that is to be. `least` is how many characters it has at least.
    pub(super) fn new_password(name: &'static str, label: Message, least: Option<&str>) -> Self {
        let hint = least.map(|least| Message::PasswordHint.fill(Language::default(), &[("least", least)]));
        let autocomplete = "new-password";
        Self { autocomplete, most: 1024, hint, ..Self::new(name, say(label), "password", "") }
    }

    /// A box to tick, about something that can be read elsewhere.
    pub(super) fn tick(name: &'static str, label: String, value: &'i str, href: Option<&'i str>) -> Self {
        Self { href, ..Self::new(name, label, "checkbox", value) }
    }

    pub(super) const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Shown, but not to be changed; it is not believed when it comes back either.
    pub(super) const fn fixed(mut self) -> Self {
        self.readonly = true;
        self
    }
}

/// The form.
pub(super) struct Sheet<'s> {
    /// The heading.
    pub(super) title: Message,
    /// What stands above the form.
    pub(super) texts: Vec<String>,
    /// Where it goes.
    pub(super) action: &'static str,
    /// What it carries along.
    pub(super) carried: Vec<(&'s str, &'s str)>,
    /// What is asked.
    pub(super) inputs: Vec<Input<'s>>,
    /// What the button says.
    pub(super) button: Message,
    /// Where one can go instead.
    pub(super) links: Vec<(String, Message)>,
}

impl Sheet<'_> {
    /// The page, without remarks and complaints.
    pub(super) fn view(self) -> View {
        let first = self.inputs.iter().position(|input| !input.readonly && input.kind != "checkbox");
        let inputs = self.inputs.iter().enumerate().map(|(at, input)| {
            context! {
                name => input.name,
                label => input.label.as_str(),
                kind => input.kind,
                value => input.value,
                autocomplete => input.autocomplete,
                most => input.most,
                hint => input.hint.as_deref(),
                href => input.href,
                required => input.required,
                readonly => input.readonly,
                plain => input.autocomplete == "username",
                first => Some(at) == first,
            }
        });
        let links = self.links.iter().map(|(href, label)| context! { href => href, label => say(*label) });
        let values = context! {
            title => say(self.title),
            texts => self.texts,
            remarks => Vec::<String>::new(),
            complaints => Vec::<String>::new(),
            action => self.action,
            fields => hidden(self.carried.iter().copied()),
            inputs => inputs.collect::<Vec<Value>>(),
            button => say(self.button),
            links => links.collect::<Vec<Value>>(),
        };
        View::new("form.html", values)
    }
}
