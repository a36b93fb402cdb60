//! One-time secrets bound to a purpose and to somebody: links (256 random bits) and codes (digits that a person types).
//!
//! **Responsibility.** Minting, storing by digest, redeeming at most once, dying after too many wrong tries.
//!
//! **Invariants.** The secret itself is never stored. A redeemed challenge is gone; a new one of the same purpose for the same subject
//! voids the older (security.md OTP-1 to OTP-3). A challenge is good for its purpose, its subject and the address it was sent to, and for
//! nothing else. A challenge of an earlier restore epoch is dead (OPS-14). A wrong code is counted in the transaction that judges it.
//!
//! **Not here.** How the secret reaches its person (`outbox`), what it is good for (`actions`).
//!
//! **Start reading at** [`NewLink`] and [`redeem`], then [`NewCode`] and [`try_code`].

mod codes;
mod links;
mod pace;

use std::time::Duration;

use minicbor::{Decode, Encode};

#[cfg(test)]
pub(crate) use self::pace::asked;
pub use self::{
    codes::{CodeFor, MOST_TRIES, NewCode, Tried, offer_code, sweep_codes, tidied, try_code, void_code},
    links::{Link, NewLink, offer, open, peek, redeem, sweep_links, void},
    pace::{Kind, Pace, PaceRules, Receiver, pace, pace_of, pace_source, posted, source_waits, sweep_paces},
};
use crate::{
    store::{KeyBuf, StoreError, WriteTx},
    values::id::AccountId,
};

/// What a challenge may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// Link: creating the first account.
    #[n(0)]
    Setup,
    /// Link or code: the address given at registration is the person's own.
    #[n(1)]
    ConfirmEmail,
    /// Link: choosing a new password without the old one.
    #[n(2)]
    ResetPassword,
    /// Link: a session without a password, made by the operator or asked for by `POST /auth/onetime`.
    #[n(3)]
    SignIn,
    /// Link: joining as somebody who was invited.
    #[n(4)]
    Invitation,
    /// Link: the new address of an account is the person's own.
    #[n(5)]
    ChangeEmail,
    /// Code: the new mobile number of an account is the person's own.
    #[n(6)]
    ChangeMobile,
    /// Code: second factor by e-mail.
    #[n(7)]
    EmailFactor,
    /// Code: second factor by SMS.
    #[n(8)]
    SmsFactor,
    // Passkeys: what a ceremony needs to be judged, under a handle for its page.
    /// Making a passkey, by a session.
    #[n(9)]
    PasskeyAdd,
    /// Showing a passkey as second factor, in a login transaction or by a session.
    #[n(10)]
    PasskeyProof,
    /// Signing in with nothing but a passkey, by a browser's flow.
    #[n(11)]
    PasskeySignIn,
}

impl Purpose {
    /// How long a challenge of this purpose lives unless the operator says otherwise (security.md section 2).
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Setup | Self::ConfirmEmail | Self::Invitation | Self::ChangeEmail => {
                Duration::from_hours(24)
            }
            Self::ResetPassword | Self::SignIn => Duration::from_mins(30),
            Self::ChangeMobile
            | Self::EmailFactor
            | Self::SmsFactor
            | Self::PasskeyAdd
            | Self::PasskeyProof
            | Self::PasskeySignIn => Duration::from_mins(5),
        }
    }

    const fn number(self) -> u8 {
        self as u8
    }
}

/// Whom a challenge is about. One purpose has one open challenge for one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Subject {
    /// The house as a whole: setup.
    #[n(0)]
    House,
    /// An account.
    #[n(1)]
    Account(#[n(0)] AccountId),
    /// Something without an account yet, such as an invited address, by its digest.
    #[n(2)]
    Other(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
}

impl Subject {
    /// As part of a key.
    fn write(self, out: &mut KeyBuf) {
        match self {
            Self::House => out.u8(0),
            Self::Account(id) => out.u8(1).id(id.bytes()),
            Self::Other(digest) => out.u8(2).bytes(&digest),
        };
    }

    fn bytes(self) -> Vec<u8> {
        let mut out = KeyBuf::new();
        self.write(&mut out);
        out.as_bytes().to_vec()
    }
}

/// Voids whatever is open about an account, links and codes of every purpose: after a change of password or address, and when it is
/// closed or deleted (security.md ENR-2).
pub fn void_account(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    let subject = Subject::Account(account);
    for purpose in [
        Purpose::ConfirmEmail,
        Purpose::ResetPassword,
        Purpose::SignIn,
        Purpose::ChangeEmail,
        Purpose::ChangeMobile,
        Purpose::EmailFactor,
        Purpose::SmsFactor,
    ] {
        void(tx, purpose, subject)?;
        void_code(tx, purpose, subject)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
