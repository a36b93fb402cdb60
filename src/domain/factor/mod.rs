//! Second factors: what an account has beside its first one, and whether an answer is right.
//!
//! **Responsibility.** The stored factors of an account, enrolment until it is confirmed, the algorithms that judge a code, and the
//! marks by which a trusted device is known.
//!
//! **Invariants.** A secret is sealed at rest, bound to its table, column and account (security.md OTP-5). An enrolment is no factor before a
//! right code came from the session that began it. A code is right once: the step of an authenticator app only ever rises
//! (OTP-4), a recovery code is gone when used (OTP-9). A factor bound to an address is worth nothing when the account has another.
//!
//! **Not here.** Counting tries and what follows a right answer (`login`), codes sent by message themselves (`challenge`).
//!
//! **Start reading at** [`FactorsRecord`], then [`totp`] and [`recovery`].

mod dossier;
mod enrolment;
mod mailbox;
pub mod passkey;
mod records;
pub mod recovery;
pub mod totp;

pub use self::{
    dossier::{Dossier, Held},
    enrolment::{Confirmation, ENROLMENT_LIFETIME, Enrolment, confirm, enrolling, offer, sweep_enrolments},
    mailbox::{distrust_mail, password_by_operator, provable, trust_mail},
    records::{
        AddressFactor, Channel, FACTORS, FactorsRecord, Kinds, RecoveryCodes, Rules, TotpFactor, erase,
        follow_address, forget, forget_devices, import_totp, of_account, options, remove_totp, reviewed,
        set_address, set_recovery, use_recovery, use_totp,
    },
};

#[cfg(test)]
mod tests;
