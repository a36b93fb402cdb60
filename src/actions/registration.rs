//! Making one's own account (simple-auth.md 1.3, 9.C1, 9.A7).
//!
//! Everything is checked first; account, password, stipulations and letters are then one transaction. Where addresses are confirmed by
//! mail, an address belongs to nobody before its owner has confirmed it: the new account has none until then, whether or not somebody has it
//! already. So nothing that can be asked before (this answer, the user name, a sign-in) tells the two apart (security.md THR-8); the
//! difference is which letter goes to the address. Accounts that are never confirmed lapse.

use std::sync::Arc;

use super::{
    Actions, Settings,
    accounts::own_words,
    confirmation::Confirmation,
    letters::{Envelope, Letter},
    people::switched_off,
};
use crate::{
    crypto::password::Hash,
    domain::{
        account::{self, ACCOUNTS, AccountRecord, NewAccount, Status},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, Kind, Pace, Receiver},
        credential,
        directory::{self, Home},
        factor,
        fault::{Fault, Field, Reason},
        login::{self, throttle},
        outbox::Template,
        session::{self, NewSession, SessionHash, SessionKey, SessionRecord},
        stipulation::{self, Open, Stipulation},
        token,
    },
    store::{Reading, WriteTx},
    values::{
        email::EmailAddress,
        id::{AccountId, SessionId},
        name::{DisplayName, GroupName, Username},
        secret::Secret,
    },
};

/// Who wants an account.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The login name.
    pub username: Username,
    /// What people call the person; the login name when absent.
    pub display_name: Option<DisplayName>,
    /// The e-mail address.
    pub email: EmailAddress,
    /// The password.
    pub password: Secret<String>,
    /// The version of the terms that was accepted.
    pub accepts: Option<String>,
    /// Whether a session is wanted at once.
    pub session: bool,
    /// The session this browser has now; a new one takes its place.
    pub replaces: Option<SessionHash>,
}

/// An account that was made by its owner.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its id.
    pub id: AccountId,
    /// The session that began, if one was wanted and nothing is asked first.
    pub session: Option<(SessionKey, SessionRecord)>,
    /// Whether something is asked before the account can be used (in full).
    pub stipulated: bool,
}

/// What one registration needs, drawn and computed before its transaction.
struct Draft {
    id: AccountId,
    newcomer: Newcomer,
    hash: Hash,
    session: NewSession,
    confirmation: Confirmation,
    welcome: Envelope,
    to_admins: Vec<Envelope>,
    settings: Arc<Settings>,
    call: Call,
}

impl Actions {
    /// Whether anybody may make an account here. Confirmation by mail needs mail.
    pub fn offers_registration(&self) -> bool {
        let rules = &self.settings().people.registration;
        rules.open && (!rules.confirm_email || self.wants_mail())
    }

    /// Makes an account for whoever asks.
    ///
    /// # Errors
    /// `SwitchedOff`, `Throttled`, `Busy`; `Malformed` and `WeakPassword` with all flaws; `Taken` for the user name; `EmailTaken` only
    /// where addresses need no confirmation.
    pub async fn register(&self, call: &Call, newcomer: Newcomer) -> Result<Registered, Fault> {
        if !self.offers_registration() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let settings = self.settings();
        settings.people.registration.admits(&newcomer.email)?;
        let home = self.0.home;
        self.0.store.read(|tx| {
            // Counted with the registration itself; asked already here, because a refusal must not cost a hash (security.md THR-12).
            if let Some(wait) = challenge::source_waits(tx, &settings.people.pace, Kind::Confirm, call)? {
                return Err(Fault::new(Reason::Throttled).retry_after(wait));
            }
            account::name_is_free(tx, home, &newcomer.username, call.now)
        })?;
        let own = own_words(&newcomer.username, newcomer.display_name.as_ref(), Some(&newcomer.email));
        self.check_password_words(&newcomer.password, own, Field::Password).await?;
        let hash = self.hashed(newcomer.password.clone()).await?;
        let id = AccountId::mint(call.now, self.0.world.random());
        let key = SessionKey::mint(call.now, self.0.world.random());
        let draft = Draft {
            id,
            session: NewSession {
                hash: key.hash(),
                id: SessionId::mint(call.now, self.0.world.random()),
                account: id,
                strength: Strength::of(Factor::Password, call.now),
                remembered: false,
                replaces: newcomer.replaces,
                restricted: false,
            },
            newcomer,
            hash,
            confirmation: self.confirmation(),
            welcome: self.envelope(),
            to_admins: (0..MOST_ADMINISTRATORS).map(|_| self.envelope()).collect(),
            settings,
            call: call.clone(),
        };
        let actions = self.clone();
        let (begun, stipulated) = self.0.store.write(move |tx| actions.write_down(tx, &draft)).await??;
        Ok(Registered { id, session: begun.map(|session| (key, session)), stipulated })
    }

    /// The transaction of a registration. What is refused within is to be committed: that the source asked stays counted, so that it cannot ask
    /// about others' addresses without end. Which user names are taken is no secret here, and refused before this; how often that is asked,
    /// the raw attempts of the source bound.
    fn write_down(
        &self,
        tx: &mut WriteTx,
        draft: &Draft,
    ) -> Result<Result<(Option<SessionRecord>, bool), Fault>, Fault> {
        let (id, call, people) = (draft.id, &draft.call, &draft.settings.people);
        let (newcomer, home) = (&draft.newcomer, self.0.home);
        if let Some(wait) = challenge::pace_source(tx, &people.pace, Kind::Confirm, call)? {
            return Err(Fault::new(Reason::Throttled).retry_after(wait));
        }
        let confirmed_later = people.registration.confirm_email;
        let new = NewAccount {
            username: newcomer.username.clone(),
            display_name: newcomer.display_name.clone(),
            email: (!confirmed_later).then(|| newcomer.email.clone()),
            mobile: None,
            groups: Vec::new(),
            managed: false,
        };
        // Asked before anything is written.
        match account::is_free(tx, home, id, &new, call.now) {
            Ok(()) => {}
            Err(fault) if fault.reason == Reason::Taken => return Ok(Err(of_address(fault))),
            Err(fault) => return Err(fault),
        }
        // Only now: who is refused uses up nothing of what somebody else's address may receive.
        let receiver = Receiver::Address(newcomer.email.canonical());
        let may_mail = challenge::pace_of(tx, &people.pace, Kind::Confirm, receiver, call.now)? == Pace::Go;
        let account = account::create(tx, home, id, &new, call.now)?;
        credential::set_password(tx, id, &draft.hash, call.now, false)?;
        let entry = Entry::done(Event::Registered, "nobody", call).about(id);
        audit::append(tx, &entry.detail(newcomer.username.as_str()))?;
        let stipulated = self.ask_newcomer(tx, draft, &account)?;
        if may_mail {
            challenge::posted(tx, Kind::Confirm, call.now)?;
            if confirmed_later {
                self.send_confirmation(tx, (id, &account), &newcomer.email, &draft.confirmation, call)?;
            } else {
                self.tell(tx, (id, &account), Template::Welcome, Vec::new(), draft.welcome, call.now)?;
            }
        }
        if stipulated || !newcomer.session {
            return Ok(Ok((None, stipulated)));
        }
        let begun = session::begin(tx, &draft.session, call, &draft.settings.limits, self.0.store.epoch())?;
        login::remember_place(tx, id, call)?;
        let entry = Entry::done(Event::SignedIn, id.to_string(), call).about(id);
        audit::append(tx, &entry.detail(format!("registration; session {}", begun.session.id)))?;
        Ok(Ok((Some(begun.session), false)))
    }

    /// Asks what is to be asked of a new account; says whether anything is.
    fn ask_newcomer(&self, tx: &mut WriteTx, draft: &Draft, account: &AccountRecord) -> Result<bool, Fault> {
        let (id, call, people) = (draft.id, &draft.call, &draft.settings.people);
        let ask = |tx: &mut WriteTx, asked: &Open| stipulation::add(tx, id, asked, "vouchsafe", call);
        if people.registration.confirm_email {
            let asked = Open {
                lapses: Some(call.now + people.registration.lapses_after),
                address: Some(draft.newcomer.email.as_str().to_owned()),
                ..Open::new(Stipulation::ConfirmEmail, call.now)
            };
            ask(tx, &asked)?;
        }
        if people.registration.approval {
            ask(tx, &Open::new(Stipulation::ManualApproval, call.now))?;
            self.ask_for_approval(tx, draft, account)?;
        }
        let terms = people.terms.as_ref().map(|terms| terms.version.as_str());
        if let Some(version) = terms.filter(|version| draft.newcomer.accepts.as_deref() == Some(version)) {
            stipulation::accept_terms(tx, id, version, &id.to_string(), call)?;
        }
        let blocked = !stipulation::blocking(tx, id)?.is_empty();
        Ok(blocked || !stipulation::interactive(tx, id, terms)?.is_empty())
    }

    /// The administrators with an address learn that somebody waits; not of each one when many come.
    fn ask_for_approval(
        &self,
        tx: &mut WriteTx,
        draft: &Draft,
        account: &AccountRecord,
    ) -> Result<(), Fault> {
        let (rules, now) = (&draft.settings.people.pace, draft.call.now);
        for ((id, admin), envelope) in administrators(tx, self.0.home)?.iter().zip(&draft.to_admins) {
            let Some(to) = &admin.email else { continue };
            let receiver = Receiver::Account(*id);
            if challenge::pace_of(tx, rules, Kind::Approval, receiver, now)? != Pace::Go {
                continue;
            }
            challenge::posted(tx, Kind::Approval, now)?;
            let values = vec![("email", draft.newcomer.email.as_str().to_owned())];
            let template = Template::ApprovalWanted;
            let account = Some((draft.id, account));
            let letter = Letter { template, to, account, values, not_after: None };
            self.post(tx, &letter, *envelope, now)?;
        }
        Ok(())
    }

    /// Removes accounts that had to be confirmed by now and were not: at most `limit` are looked at, behind `cursor`. The next cursor, `None`
    /// at the end, and how many went.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn remove_lapsed(
        &self,
        cursor: Option<AccountId>,
        limit: usize,
    ) -> Result<(Option<AccountId>, usize), Fault> {
        let call = self.inside();
        self.0
            .store
            .write(move |tx| {
                let lapsed = stipulation::lapse(tx, cursor, limit, call.now)?;
                let mut removed = 0;
                for id in &lapsed.accounts {
                    // A declared account is the configuration's, whatever was asked of it before.
                    if let Some(account) = ACCOUNTS.get(tx, id)?.filter(|account| !account.managed) {
                        removed += 1;
                        forget_belongings(tx, *id)?;
                        account::remove_unused(tx, *id)?;
                        let entry = Entry::done(Event::RegistrationLapsed, "vouchsafe", &call).about(*id);
                        audit::append(tx, &entry.detail(&account.username))?;
                    }
                    stipulation::forget(tx, *id)?;
                }
                Ok::<_, Fault>((lapsed.next, removed))
            })
            .await
    }
}

/// A refused address has a reason of its own in this family.
fn of_address(fault: Fault) -> Fault {
    let is_address = fault.flaws.iter().any(|flaw| flaw.field == Field::Email);
    if fault.reason == Reason::Taken && is_address {
        Fault { reason: Reason::EmailTaken, ..fault }
    } else {
        fault
    }
}

/// What goes with an account.
pub(super) fn forget_belongings(tx: &mut WriteTx, id: AccountId) -> Result<(), Fault> {
    session::end_all(tx, id, None)?;
    token::forget_account(tx, id)?;
    credential::forget(tx, id)?;
    challenge::void_account(tx, id)?;
    stipulation::forget(tx, id)?;
    login::forget_places(tx, id)?;
    factor::erase(tx, id)?;
    throttle::pardon(tx, id)?;
    Ok(())
}

/// So many administrators are told of somebody who waits.
const MOST_ADMINISTRATORS: usize = 20;

fn administrators(tx: &impl Reading, home: Home) -> Result<Vec<(AccountId, AccountRecord)>, Fault> {
    let name = GroupName::parse(directory::ADMINS).map_err(Fault::broken)?;
    let Some((admins, _)) = directory::group_named(tx, home.tenant, &name)? else { return Ok(Vec::new()) };
    let mut members = account::members_of(tx, admins, MOST_ADMINISTRATORS)?;
    members.retain(|(_, account)| account.status == Status::Active);
    Ok(members)
}
