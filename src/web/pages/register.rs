//! `/register`: making one's own account; `/invite`: making the account one was invited to.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use minijinja::context;

use super::{
    Here, answer,
    catalogue::{Language, Message},
    fields::complaints,
    flow::{self, Flow, TOKEN},
    form::Form,
    least_length,
    links::{dead, is_dead, retry, token_of},
    login, loops,
    sheet::{Input, Sheet, say},
    view::View,
    way::{Own, Way, see_other},
};
use crate::{
    actions::{
        invitations::{Guest, Invited},
        registration::{Newcomer, Registered},
    },
    domain::{
        call::Call,
        fault::{Fault, Field, Flaw, Reason},
    },
    values::{
        email::EmailAddress,
        name::{DisplayName, Username},
        secret::Secret,
    },
    web::{
        Shared,
        edge::{caller::Present, rescue},
    },
};

/// `GET /register`
pub(super) async fn show(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Fault> {
    if !shared.actions.offers_registration() {
        return Err(Fault::new(Reason::SwitchedOff));
    }
    let flow = Flow::of(&shared, &headers);
    Ok(answer(ask(&shared, &flow, &Typed::default()).render(&shared)))
}

/// `POST /register`
pub(super) async fn create(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let Some(flow) = Flow::sent(&shared, &headers) else {
        return Ok(answer(login::no_cookie(&shared, "/register")));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let typed = Typed::of(&mut form);
    let email = form.take("email");
    let typed = Typed { email: email.trim().to_owned(), ..typed };
    let chosen = Chosen::of(&mut form);
    form.finish()?;
    let outcome = match typed.newcomer(chosen, &shared) {
        Ok(newcomer) => {
            let replaces = Here::of(&presence).map(|here| here.hash);
            shared.actions.register(&call, Newcomer { session: true, replaces, ..newcomer }).await
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(registered) => Ok(answer(done(&shared, &call, registered))),
        Err(fault) if is_about_the_form(&fault) => Ok(again(ask(&shared, &flow, &typed), &shared, &fault)),
        Err(fault) => Err(fault),
    }
}

/// The account is there: into it, or what is to be done first. Whether somebody had the address before shows nowhere (THR-8).
fn done(shared: &Shared, call: &Call, registered: Registered) -> http::Response<bytes::Bytes> {
    if let Some((key, session)) = registered.session {
        let cookie = shared.jar.begin(&key.text(), Some(session.ends.since(call.now)));
        let cookies = [cookie, Flow::end(shared), loops::forget(shared)];
        let next = if session.restricted { Own::Password.path() } else { "" };
        let end = Way::default().end(shared);
        return see_other(shared, if next.is_empty() { end.location() } else { next }, cookies);
    }
    let rules = &shared.actions.settings().people.registration;
    let text = match (rules.confirm_email, rules.approval) {
        (true, false) => Message::RegisteredConfirm,
        (true, true) => Message::RegisteredConfirmApprove,
        (false, true) => Message::RegisteredApprove,
        (false, false) => Message::RegisteredSignIn,
    };
    let mut links = vec![(Own::Login.path().to_owned(), say(Message::SignIn))];
    if rules.confirm_email {
        links.push(("/confirm".to_owned(), say(Message::ConfirmAgain)));
    }
    View::notice(StatusCode::OK, &say(Message::RegisteredTitle), &say(text), links)
        .with_cookies([Flow::end(shared)])
        .render(shared)
}

/// `GET /invite`. Looks at the token, and consumes nothing.
pub(super) async fn show_invitation(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(token) = token_of(&query.unwrap_or_default()) else {
        return Ok(answer(dead(&shared, Message::InviteDeadText)));
    };
    match shared.actions.check_invitation(&call, &token) {
        Ok(invited) => {
            let flow = Flow::of(&shared, &headers);
            Ok(answer(welcome(&shared, &flow, &token, &invited, &Typed::default()).render(&shared)))
        }
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::InviteDeadText))),
        Err(fault) => Err(fault),
    }
}

/// `POST /invite`
pub(super) async fn accept_invitation(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let token = form.take_secret("token");
    let Some(flow) = Flow::sent(&shared, &headers) else {
        return Ok(answer(login::no_cookie(&shared, &retry("/invite", &token))));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let typed = Typed::of(&mut form);
    // Shown for the person and for password managers; the invitation's own address counts (security.md ENR-8).
    form.take("email");
    let chosen = Chosen::of(&mut form);
    form.finish()?;
    let outcome = match typed.guest(chosen, &shared) {
        Ok(guest) => {
            let guest = Guest { replaces: Here::of(&presence).map(|here| here.hash), ..guest };
            shared.actions.accept_invitation(&call, token.clone(), guest).await
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(registered) => Ok(answer(done(&shared, &call, registered))),
        Err(fault) if is_about_the_form(&fault) => match shared.actions.check_invitation(&call, &token) {
            Ok(invited) => Ok(again(welcome(&shared, &flow, &token, &invited, &typed), &shared, &fault)),
            Err(_) => Ok(answer(dead(&shared, Message::InviteDeadText))),
        },
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::InviteDeadText))),
        Err(fault) => Err(fault),
    }
}

/// What was typed, for the form to show again.
#[derive(Default)]
struct Typed {
    username: String,
    display_name: String,
    email: String,
}

/// What is not shown again.
struct Chosen {
    password: Secret<String>,
    again: Secret<String>,
    terms: Option<String>,
}

impl Chosen {
    fn of(form: &mut Form) -> Self {
        Self {
            password: form.take_secret("password"),
            again: form.take_secret("password_again"),
            terms: form.take_if_sent("terms"),
        }
    }
}

impl Typed {
    fn of(form: &mut Form) -> Self {
        Self {
            username: form.take("username"),
            display_name: form.take("display_name"),
            email: String::new(),
        }
    }

    /// Who wants an account, or everything that is wrong with the form.
    fn newcomer(&self, chosen: Chosen, shared: &Shared) -> Result<Newcomer, Fault> {
        let mut flaws = Vec::new();
        let email = parsed(&mut flaws, Field::Email, EmailAddress::parse(&self.email));
        let guest = self.checked(&mut flaws, &chosen, shared);
        match (guest, email) {
            (Some((username, display_name)), Some(email)) if flaws.is_empty() => Ok(Newcomer {
                username,
                display_name,
                email,
                password: chosen.password,
                accepts: chosen.terms,
                session: true,
                replaces: None,
            }),
            _ => Err(Fault { flaws, ..Fault::new(Reason::Malformed) }),
        }
    }

    /// The same for somebody who was invited.
    fn guest(&self, chosen: Chosen, shared: &Shared) -> Result<Guest, Fault> {
        let mut flaws = Vec::new();
        match self.checked(&mut flaws, &chosen, shared) {
            Some((username, display_name)) if flaws.is_empty() => Ok(Guest {
                username,
                display_name,
                password: chosen.password,
                accepts: chosen.terms,
                replaces: None,
            }),
            _ => Err(Fault { flaws, ..Fault::new(Reason::Malformed) }),
        }
    }

    fn checked(
        &self,
        flaws: &mut Vec<Flaw>,
        chosen: &Chosen,
        shared: &Shared,
    ) -> Option<(Username, Option<DisplayName>)> {
        let username = parsed(flaws, Field::Username, Username::parse(&self.username));
        let display_name = match self.display_name.trim() {
            "" => None,
            name => parsed(flaws, Field::DisplayName, DisplayName::parse(name)),
        };
        if !chosen.password.matches(chosen.again.expose()) {
            flaws.push(Flaw { field: Field::NewPassword, message: say(Message::PasswordsDiffer) });
        }
        let terms = shared.actions.settings().people.terms.clone();
        if terms.is_some_and(|terms| chosen.terms.as_ref() != Some(&terms.version)) {
            flaws.push(Flaw { field: Field::Named("terms"), message: say(Message::TermsNeeded) });
        }
        Some((username?, display_name))
    }
}

fn parsed<T, E: std::fmt::Display>(flaws: &mut Vec<Flaw>, field: Field, result: Result<T, E>) -> Option<T> {
    result.map_err(|error| flaws.push(Flaw { field, message: error.to_string() })).ok()
}

fn is_about_the_form(fault: &Fault) -> bool {
    matches!(fault.reason, Reason::Malformed | Reason::WeakPassword | Reason::Taken | Reason::EmailTaken)
}

fn again(view: View, shared: &Shared, fault: &Fault) -> Response {
    let view = view.with(context! { complaints => complaints(fault) });
    answer(view.with_status(rescue::status_of(fault.reason)).render(shared))
}

fn ask(shared: &Shared, flow: &Flow, typed: &Typed) -> View {
    let csrf = shared.keyring.form_token(flow.binding());
    let people = shared.actions.settings().people.clone();
    let text =
        if people.registration.confirm_email { Message::RegisterTextConfirm } else { Message::RegisterText };
    let sheet = Sheet {
        title: Message::RegisterTitle,
        texts: vec![say(text)],
        action: "/register",
        carried: vec![(TOKEN, csrf.as_str())],
        inputs: Vec::new(),
        button: Message::SetupDo,
        links: vec![(Own::Login.path().to_owned(), Message::SignIn)],
    };
    render(shared, flow, sheet, typed, Input::email("email", &typed.email))
}

fn welcome(shared: &Shared, flow: &Flow, token: &Secret<String>, invited: &Invited, typed: &Typed) -> View {
    let csrf = shared.keyring.form_token(flow.binding());
    let mut texts = vec![say(Message::InviteText)];
    if !invited.groups.is_empty() {
        let groups = invited.groups.join(", ");
        texts.push(Message::InviteGroups.fill(Language::default(), &[("groups", &groups)]));
    }
    let sheet = Sheet {
        title: Message::InviteTitle,
        texts,
        action: "/invite",
        carried: vec![(TOKEN, csrf.as_str()), ("token", token.expose())],
        inputs: Vec::new(),
        button: Message::SetupDo,
        links: Vec::new(),
    };
    render(shared, flow, sheet, typed, Input::email("email", &invited.email).fixed())
}

fn render(shared: &Shared, flow: &Flow, sheet: Sheet<'_>, typed: &Typed, email: Input<'_>) -> View {
    let people = shared.actions.settings().people.clone();
    let least = least_length(shared);
    let mut inputs = vec![
        email,
        Input::text("username", Message::Username, &typed.username, "username", 64),
        Input::text("display_name", Message::DisplayName, &typed.display_name, "name", 128).optional(),
        Input::new_password("password", Message::NewPassword, Some(&least)),
        Input::new_password("password_again", Message::NewPasswordAgain, None),
    ];
    if let Some(terms) = &people.terms {
        inputs.push(Input::tick("terms", say(Message::TermsAccept), &terms.version, Some(&terms.url)));
    }
    let end = Way::default().end(shared);
    Sheet { inputs, ..sheet }.view().leading_to(end.origin()).with_cookies([flow.cookie(shared)])
}
