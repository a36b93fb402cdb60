//! Invitations: a link that makes an account for one address, in the groups the operator named, and for nobody else (security.md ENR-8).

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::{
    Actions,
    accounts::{groups_by_name, own_words},
    confirmation::minutes,
    letters::Letter,
    registration::Registered,
};
use crate::{
    crypto::{digest::sha256, mac::framed},
    domain::{
        account::{self, NewAccount},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, Link, NewLink, Purpose, Subject},
        credential, directory,
        fault::{Fault, Field, Reason},
        login,
        outbox::Template,
        rights::Permit,
        session::{self, NewSession, SessionHash, SessionKey},
        stipulation,
    },
    store::WriteTx,
    values::{
        email::EmailAddress,
        id::{AccountId, GroupId, SessionId, TenantId},
        name::{DisplayName, GroupName, Username},
        secret::Secret,
    },
};

/// What an invitation binds besides its address: the invited person cannot change it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Bound {
    #[n(0)]
    groups: Vec<GroupId>,
}

/// No invitation is good for longer (security.md section 2).
pub const LONGEST_INVITATION: Duration = Duration::from_hours(72);

/// Who was invited, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// The address the account will have.
    pub email: String,
    /// The groups it will be in, sorted.
    pub groups: Vec<String>,
}

/// What the invited person chooses.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The login name.
    pub username: Username,
    /// What people call the person; the login name when absent.
    pub display_name: Option<DisplayName>,
    /// The password.
    pub password: Secret<String>,
    /// The version of the terms that was accepted.
    pub accepts: Option<String>,
    /// The session this browser has now; the new one takes its place.
    pub replaces: Option<SessionHash>,
}

impl Actions {
    /// Invites an address. The link goes there by mail, when mail can be sent, and to the operator. An older one for the same address
    /// stops working.
    ///
    /// # Errors
    /// `Taken` when the address has an account; `Malformed` for a lifetime of nothing or of more than [`LONGEST_INVITATION`].
    pub async fn invite(
        &self,
        call: &Call,
        permit: &Permit,
        email: EmailAddress,
        groups: Vec<GroupName>,
        lifetime: Option<Duration>,
    ) -> Result<Secret<String>, Fault> {
        let lifetime = lifetime.unwrap_or(Purpose::Invitation.lifetime());
        if lifetime.is_zero() || lifetime > LONGEST_INVITATION {
            return Err(Fault::malformed(Field::Named("duration"), "is between a second and 72 hours"));
        }
        let (actions, call, actor) = (self.clone(), call.clone(), permit.actor().to_owned());
        let (chance, envelope) = (self.0.world.random(), self.envelope());
        let fresh = self.fresh_group_ids(&call, groups.len());
        // Stands in for the account that is not there yet.
        let nobody = AccountId::mint(call.now, self.0.world.random());
        let link = self
            .0
            .store
            .write(move |tx| {
                let home = actions.0.home;
                account::email_is_free(tx, home.tenant, nobody, email.canonical(), call.now)?;
                let groups = groups_by_name(tx, home, &groups, &fresh, &actor, &call)?;
                let new = NewLink {
                    purpose: Purpose::Invitation,
                    subject: subject(home.tenant, &email),
                    address: Some(email.as_str().to_owned()),
                    data: minicbor::to_vec(Bound { groups }).map_err(Fault::broken)?,
                    lifetime,
                };
                let token = challenge::offer(tx, &new, chance, call.now, actions.0.store.epoch())?;
                let entry = Entry::done(Event::Invited, &actor, &call);
                audit::append(tx, &entry.detail(email.as_str()))?;
                let link = actions.token_link("/invite", &token);
                let letter = Letter {
                    template: Template::Invitation,
                    to: email.as_str(),
                    account: None,
                    values: vec![("link", link.clone()), minutes(lifetime)],
                    not_after: Some(call.now + lifetime),
                };
                actions.post(tx, &letter, envelope, call.now)?;
                Ok::<_, Fault>(link)
            })
            .await?;
        Ok(Secret::new(link))
    }

    /// Whom an invitation is for. Consumes nothing.
    ///
    /// # Errors
    /// `InvalidToken`, `Expired`, `Throttled`.
    pub fn check_invitation(&self, call: &Call, token: &Secret<String>) -> Result<Invited, Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let epoch = self.0.store.epoch();
        self.0.store.read(|tx| {
            let link = challenge::peek(tx, Purpose::Invitation, token, call.now, epoch)?;
            let (email, bound) = read(&link)?;
            let groups = directory::names_of(tx, &bound.groups)?.typed;
            Ok(Invited { email: email.as_str().to_owned(), groups })
        })
    }

    /// Redeems an invitation: makes the account it is for and signs it in.
    ///
    /// # Errors
    /// `InvalidToken`, `Expired`, `Throttled`, `Busy`; `Taken`, `Malformed` and `WeakPassword` leave the invitation as it was.
    pub async fn accept_invitation(
        &self,
        call: &Call,
        token: Secret<String>,
        guest: Guest,
    ) -> Result<Registered, Fault> {
        let invited = match self.check_invitation(call, &token) {
            Err(fault) if matches!(fault.reason, Reason::InvalidToken | Reason::Expired) => {
                self.record_refused(call, Event::LinkRefused).await?;
                return Err(fault);
            }
            other => other?,
        };
        let email = EmailAddress::from_stored(&invited.email);
        let own = own_words(&guest.username, guest.display_name.as_ref(), Some(&email));
        self.check_password_words(&guest.password, own, Field::Password).await?;
        let hash = self.hashed(guest.password.clone()).await?;
        let id = AccountId::mint(call.now, self.0.world.random());
        let key = SessionKey::mint(call.now, self.0.world.random());
        let session = NewSession {
            hash: key.hash(),
            id: SessionId::mint(call.now, self.0.world.random()),
            account: id,
            strength: Strength::of(Factor::Password, call.now),
            remembered: false,
            replaces: guest.replaces,
            restricted: false,
        };
        let (actions, call, epoch) = (self.clone(), call.clone(), self.0.store.epoch());
        let (limits, door) = (self.settings().limits.clone(), self.door());
        let begun = self
            .0
            .store
            .write(move |tx| {
                let link = challenge::redeem(tx, Purpose::Invitation, &token, call.now, epoch)?;
                actions.join(tx, id, &link, &guest, &call)?;
                credential::set_password(tx, id, &hash, call.now, false)?;
                let account = account::ACCOUNTS.get(tx, &id)?.ok_or_else(super::no_account)?;
                let accepted = guest.accepts.as_ref().filter(|version| door.terms.as_ref() == Some(version));
                if let Some(version) = accepted {
                    stipulation::accept_terms(tx, id, version, &id.to_string(), &call)?;
                }
                let restricted = !door.tasks(tx, id, &account, call.now)?.is_empty();
                let new = NewSession { restricted, ..session.clone() };
                let begun = session::begin(tx, &new, &call, &limits, epoch)?;
                login::remember_place(tx, id, &call)?;
                let entry = Entry::done(Event::SignedIn, id.to_string(), &call).about(id);
                audit::append(tx, &entry.detail(format!("invitation; session {}", begun.session.id)))?;
                Ok::<_, Fault>(begun)
            })
            .await?;
        Ok(Registered { id, stipulated: begun.session.restricted, session: Some((key, begun.session)) })
    }

    /// The account of an invitation: its address and groups are the invitation's, whatever was asked for.
    fn join(
        &self,
        tx: &mut WriteTx,
        id: AccountId,
        link: &Link,
        guest: &Guest,
        call: &Call,
    ) -> Result<(), Fault> {
        let (email, bound) = read(link)?;
        if link.subject != subject(self.0.home.tenant, &email) {
            return Err(Fault::new(Reason::InvalidToken));
        }
        let mut groups = bound.groups;
        // One that was deleted since is not brought back by this.
        groups.retain(|group| directory::GROUPS.contains(tx, group).unwrap_or(false));
        let new = NewAccount {
            username: guest.username.clone(),
            display_name: guest.display_name.clone(),
            email: Some(email.clone()),
            mobile: None,
            groups,
            managed: false,
        };
        account::create(tx, self.0.home, id, &new, call.now)?;
        account::confirm_email(tx, id, &email, call.now)?;
        let entry = Entry::done(Event::InvitationAccepted, id.to_string(), call).about(id);
        audit::append(tx, &entry.detail(guest.username.as_str()))?;
        Ok(())
    }
}

/// One address has one open invitation.
fn subject(tenant: TenantId, email: &EmailAddress) -> Subject {
    Subject::Other(sha256(&framed(&[b"invitation", tenant.bytes(), email.canonical().as_bytes()])))
}

fn read(link: &Link) -> Result<(EmailAddress, Bound), Fault> {
    let address = link.address.as_ref().ok_or(Fault::new(Reason::InvalidToken))?;
    let bound = minicbor::decode(&link.data).map_err(|error| Fault::broken(error.to_string()))?;
    Ok((EmailAddress::from_stored(address), bound))
}
