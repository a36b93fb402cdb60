//! What was granted to OAuth clients, and the codes and tokens that stand for it.
//!
//! **Responsibility.** One authorization per agreement: it begins as a code, is redeemed once, and from then on is the root of a
//! family: one refresh token at a time, and the access tokens made from it. Also what a person has agreed to, for the next time.
//!
//! **Invariants.** No code and no token is stored, only digests (security.md OAU-4, OAU-11). A code or a refresh token that was
//! good once and comes again ends its whole family (OAU-5, OAU-10); all of this happens inside one transaction, so of any number
//! of takers one succeeds. Whatever ends a session, age and eviction too, ends its families in the same transaction
//! (SES-9): `session` calls [`end_of_account`] and [`end_of_session`]. A family of an earlier restore epoch is dead (OPS-14).
//!
//! **Not here.** Who may ask (`domain::client`), the protocol's words (`idp::oauth2`).
//!
//! **Start reading at** [`AuthorizationRecord`], then [`redeem()`] and [`rotate()`].

mod access;
mod authorization;
mod consent;
mod ending;
mod redeem;
mod rotate;
mod text;

pub(crate) use self::redeem::open_family;
pub use self::{
    access::{ACCESS, AccessRecord, NewAccess, access_of, issue},
    authorization::{
        AUTHORIZATIONS, AuthorizationRecord, Granted, Leaf, Live, NewLeaf, State, all_of_account,
        challenge_of, grant, was_granted_since,
    },
    consent::{CONSENTS, ConsentRecord, agree, agreed, consents_of, withdraw},
    ending::{
        end, end_of_account, end_of_app, end_of_client, end_of_session, forget_account, move_session,
        sweep_access, sweep_authorizations,
    },
    redeem::{Redeemed, Redemption, foresee_redemption, redeem},
    rotate::{Rotated, Rotation, foresee_rotation, rotate},
    text::{AccessHash, AccessKey, Kind, Presented, Ticket},
};

#[cfg(test)]
mod tests;
