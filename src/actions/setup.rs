//! The first account: a one-time link instead of a default password (security.md PWD-9).

use crate::{
    actions::{
        Actions,
        accounts::{Wanted, groups_by_name},
    },
    domain::{
        account,
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, NewLink, Purpose, Subject},
        credential, directory,
        fault::{Fault, Field, Reason},
        session::{self, NewSession, SessionHash, SessionKey, SessionRecord},
    },
    values::{
        id::{AccountId, SessionId},
        name::GroupName,
        secret::Secret,
    },
};

impl Actions {
    /// Makes a setup token when there is no account yet; an older one stops working.
    pub async fn offer_setup(&self, call: &Call) -> Result<Option<Secret<String>>, Fault> {
        let chance = self.0.world.random();
        let (call, epoch) = (call.clone(), self.0.store.epoch());
        self.0
            .store
            .write(move |tx| {
                if account::any_account(tx)? {
                    challenge::void(tx, Purpose::Setup, Subject::House)?;
                    return Ok(None);
                }
                let link = NewLink {
                    purpose: Purpose::Setup,
                    subject: Subject::House,
                    address: None,
                    data: Vec::new(),
                    lifetime: Purpose::Setup.lifetime(),
                };
                let token = challenge::offer(tx, &link, chance, call.now, epoch)?;
                audit::append(tx, &Entry::done(Event::SetupOffered, "vouchsafe", &call))?;
                Ok::<_, Fault>(Some(token))
            })
            .await
    }

    /// Whether a setup token would be accepted now. Consumes nothing.
    pub fn check_setup(&self, call: &Call, token: &Secret<String>) -> Result<(), Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let epoch = self.0.store.epoch();
        self.0.store.read(|tx| {
            if account::any_account(tx)? {
                return Err(Fault::new(Reason::InvalidToken));
            }
            challenge::peek(tx, Purpose::Setup, token, call.now, epoch).map(|_| ())
        })
    }

    /// Redeems the setup token: creates the first account in the administrators' group and signs it in.
    pub async fn complete_setup(
        &self,
        call: &Call,
        token: Secret<String>,
        wanted: Wanted,
        replaces: Option<SessionHash>,
    ) -> Result<(SessionKey, SessionRecord), Fault> {
        // Before any work: without a good token there is nothing to hash for.
        if let Err(fault) = self.check_setup(call, &token) {
            if matches!(fault.reason, Reason::InvalidToken | Reason::Expired) {
                self.record_refused(call, Event::SetupRefused).await?;
            }
            return Err(fault);
        }
        let Some(password) = wanted.password.clone() else {
            return Err(Fault::malformed(Field::Password, "is required"));
        };
        self.check_password_words(&password, wanted.own_words(), Field::Password).await?;
        let hash = self.hashed(password).await?;
        let id = AccountId::mint(call.now, self.0.world.random());
        let key = SessionKey::mint(call.now, self.0.world.random());
        let session = NewSession {
            hash: key.hash(),
            id: SessionId::mint(call.now, self.0.world.random()),
            account: id,
            strength: Strength::of(Factor::Password, call.now),
            remembered: false,
            replaces,
            restricted: false,
        };
        let new = wanted.account();
        let admins = GroupName::parse(directory::ADMINS).map_err(Fault::broken)?;
        let fresh = self.fresh_group_ids(call, 1);
        let (home, call, epoch) = (self.0.home, call.clone(), self.0.store.epoch());
        let limits = self.settings().limits.clone();
        let begun = self
            .0
            .store
            .write(move |tx| {
                if account::any_account(tx)? {
                    return Err(Fault::new(Reason::InvalidToken));
                }
                challenge::redeem(tx, Purpose::Setup, &token, call.now, epoch)?;
                let mut new = new.clone();
                new.groups = groups_by_name(tx, home, std::slice::from_ref(&admins), &fresh, "setup", &call)?;
                account::create(tx, home, id, &new, call.now)?;
                credential::set_password(tx, id, &hash, call.now, false)?;
                let entry = Entry::done(Event::SetupDone, "setup", &call).about(id);
                audit::append(tx, &entry.detail(new.username.as_str()))?;
                Ok(session::begin(tx, &session, &call, &limits, epoch)?)
            })
            .await?;
        Ok((key, begun.session))
    }
}
