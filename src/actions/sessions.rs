//! Listing and ending sessions.

use crate::{
    actions::Actions,
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        challenge, factor,
        fault::{Fault, Field, Reason},
        rights::{Authority, Permit},
        session::{self, Liveness, SessionHash, SessionRecord},
    },
    store::WriteTx,
    values::id::{AccountId, SessionId},
};

impl Actions {
    /// Ends the sessions a browser has, in one step. Returns how many there were.
    pub async fn sign_out(&self, call: &Call, hashes: Vec<SessionHash>) -> Result<usize, Fault> {
        if hashes.is_empty() {
            return Ok(0);
        }
        let call = call.clone();
        self.0
            .store
            .write(move |tx| {
                let mut count = 0;
                for hash in &hashes {
                    let Some(ended) = session::end(tx, hash)? else { continue };
                    let entry =
                        Entry::done(Event::SignedOut, ended.account.to_string(), &call).about(ended.account);
                    audit::append(tx, &entry.detail(format!("session {}", ended.id)))?;
                    count += 1;
                }
                Ok::<_, Fault>(count)
            })
            .await
    }

    /// The live sessions of an account, newest first.
    pub fn sessions_of(&self, call: &Call, account: AccountId) -> Result<Vec<SessionRecord>, Fault> {
        let limits = &self.settings().limits;
        let epoch = self.0.store.epoch();
        let mut sessions: Vec<_> = self
            .0
            .store
            .read(|tx| session::of_account(tx, account))?
            .into_iter()
            .map(|(_, session)| session)
            .filter(|session| {
                let live = limits.liveness(call.now, session.last_seen, session.ends, session.remembered);
                session.epoch == epoch && matches!(live, Liveness::Live { .. })
            })
            .collect();
        sessions.reverse();
        Ok(sessions)
    }

    /// Ends one of the account's sessions by its public id.
    pub async fn end_session(&self, call: &Call, authority: Authority, id: SessionId) -> Result<(), Fault> {
        self.end_where(call, authority.account(), authority.actor().to_owned(), Some(id)).await
    }

    /// Ends all sessions of the account, except the one that asks, if any, and whatever else could begin one without all proofs.
    pub async fn end_all_sessions(
        &self,
        call: &Call,
        authority: Authority,
        except: Option<SessionHash>,
    ) -> Result<usize, Fault> {
        let call = call.clone();
        self.0
            .store
            .write(move |tx| {
                end_everything(tx, authority.account(), authority.actor(), except.as_ref(), &call)
            })
            .await
    }

    /// The operator ends one session, or all, of an account.
    pub async fn operator_ends_sessions(
        &self,
        call: &Call,
        permit: &Permit,
        account: AccountId,
        id: Option<SessionId>,
    ) -> Result<(), Fault> {
        self.end_where(call, account, permit.actor().to_owned(), id).await
    }

    async fn end_where(
        &self,
        call: &Call,
        account: AccountId,
        actor: String,
        id: Option<SessionId>,
    ) -> Result<(), Fault> {
        let call = call.clone();
        self.0
            .store
            .write(move |tx| {
                let Some(id) = id else {
                    return end_everything(tx, account, &actor, None, &call).map(|_| ());
                };
                let sessions = session::of_account(tx, account)?;
                let Some((hash, _)) = sessions.iter().find(|(_, session)| session.id == id) else {
                    return Err(
                        Fault::new(Reason::NotFound).with_flaw(Field::Session, "there is no such session")
                    );
                };
                session::end(tx, hash)?;
                let entry = Entry::done(Event::SessionEnded, &actor, &call).about(account);
                audit::append(tx, &entry.detail(format!("session {id}")))?;
                Ok(())
            })
            .await
    }
}

/// All sessions; the devices that are trusted, and links and codes that are open, too: whoever wants to be signed out everywhere wants nobody to
/// come back by what they left behind (security.md SES-9).
fn end_everything(
    tx: &mut WriteTx,
    account: AccountId,
    actor: &str,
    except: Option<&SessionHash>,
    call: &Call,
) -> Result<usize, Fault> {
    let ended = session::end_all(tx, account, except)?;
    factor::forget_devices(tx, account)?;
    challenge::void_account(tx, account)?;
    let entry = Entry::done(Event::SessionsEnded, actor, call).about(account);
    audit::append(tx, &entry.detail(format!("{ended} ended")))?;
    Ok(ended)
}
