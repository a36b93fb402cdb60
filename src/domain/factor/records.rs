//! The stored factors of an account, and using them up.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::{
    enrolment, passkey,
    recovery::{self, CodeDigest},
    totp::TotpSecret,
};
use crate::{
    crypto::seal::{Place, SealKey},
    domain::{
        account::AccountRecord,
        caller::Factor,
        challenge::{Purpose, tidied},
        fault::Fault,
    },
    store::{Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, random::Random, secret::Secret, time::Timestamp},
};

/// All second factors, by account.
pub const FACTORS: Table<FactorsRecord> = Table::new();

/// Which kinds may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Authenticator apps. Switched off, nobody gets a new one; those there are stay needed.
    pub totp: bool,
    /// Codes by e-mail: weaker than the others (security.md OTP-6).
    pub email: bool,
    /// Codes by SMS: only beside a stronger one.
    pub sms: bool,
}

/// What the operator decided about second factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What authenticator apps call this house.
    pub issuer: String,
    /// Which kinds may be used.
    pub kinds: Kinds,
    /// How many steps of thirty seconds an app's clock may be off, either way.
    pub drift: u64,
    /// How long a device may be trusted; zero when that is not offered.
    pub trusted: Duration,
    /// Digits of a code sent by message.
    pub digits: u8,
    /// How long such a code lives.
    pub lifetime: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            issuer: "vouchsafe".to_owned(),
            kinds: Kinds { totp: true, email: false, sms: false },
            drift: 1,
            trusted: Duration::ZERO,
            digits: 8,
            lifetime: Duration::from_mins(5),
        }
    }
}

/// The second factors of an account as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct FactorsRecord {
    /// An authenticator app.
    #[n(0)]
    pub totp: Option<TotpFactor>,
    /// Recovery codes.
    #[n(1)]
    pub recovery: Option<RecoveryCodes>,
    /// Codes to the account's e-mail address.
    #[n(2)]
    pub email: Option<AddressFactor>,
    /// Codes to the account's mobile number.
    #[n(3)]
    pub sms: Option<AddressFactor>,
    /// Raised when devices trusted so far are strangers again.
    #[n(4)]
    pub trust: u64,
    /// A recovery code was used since its owner last looked at the factors (security.md OTP-9).
    #[n(5)]
    pub review: bool,
    /// How many passkeys there are; `None` for none. [`passkey`] alone writes it.
    #[n(6)]
    pub passkeys: Option<u32>,
    /// Since when the password is one that was set by a link in a mail, with nothing more than reading the mail proven beside it since. `mailbox` alone
    /// writes it.
    #[n(7)]
    pub mail_only: Option<Timestamp>,
}

/// An authenticator app.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TotpFactor {
    /// Its secret, sealed.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
    /// When it was confirmed.
    #[n(1)]
    pub since: Timestamp,
    /// The step of the last code that was accepted; only later ones are.
    #[n(2)]
    pub last_step: u64,
}

/// A set of recovery codes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecoveryCodes {
    /// Digests of those that are left, one after the other.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) digests: Vec<u8>,
    /// When the set was made.
    #[n(1)]
    pub made: Timestamp,
}

impl RecoveryCodes {
    /// How many are left.
    pub fn left(&self) -> usize {
        self.digests.len() / size_of::<CodeDigest>()
    }
}

/// Codes to an address.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AddressFactor {
    /// The address that was proven, as compared. With another address of the account this is no factor (security.md OTP-2).
    #[n(0)]
    pub address: String,
    /// When it was proven.
    #[n(1)]
    pub since: Timestamp,
}

impl Record for FactorsRecord {
    type Key = AccountId;
    const SPACE: &'static str = "factors";
}

/// A way a code travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By e-mail.
    Email,
    /// By SMS.
    Sms,
}

impl Channel {
    /// The factor such a code proves.
    pub const fn factor(self) -> Factor {
        match self {
            Self::Email => Factor::EmailCode,
            Self::Sms => Factor::SmsCode,
        }
    }

    /// What such a code is good for.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Email => Purpose::EmailFactor,
            Self::Sms => Purpose::SmsFactor,
        }
    }

    /// The address of an account that codes go to, as compared.
    pub fn address(self, account: &AccountRecord) -> Option<&str> {
        match self {
            Self::Email => account.email_canonical.as_deref(),
            Self::Sms => account.mobile.as_deref(),
        }
    }
}

impl FactorsRecord {
    /// The address factor of a channel, whether or not the account still has that address.
    pub const fn address_factor(&self, channel: Channel) -> Option<&AddressFactor> {
        match channel {
            Channel::Email => self.email.as_ref(),
            Channel::Sms => self.sms.as_ref(),
        }
    }

    /// Recovery codes that are left.
    pub fn recovery_left(&self) -> usize {
        self.recovery.as_ref().map_or(0, RecoveryCodes::left)
    }
}

/// What the account has, nothing when nothing is stored.
pub fn of_account(tx: &impl Reading, account: AccountId) -> Result<FactorsRecord, StoreError> {
    Ok(FACTORS.get(tx, &account)?.unwrap_or_default())
}

/// The second factors this account can prove now: see [`Held::options`](super::Held::options).
pub fn options(record: &FactorsRecord, account: &AccountRecord, rules: &Rules) -> Vec<Factor> {
    record.held(account).options(rules)
}

fn place(account: &AccountId) -> Place<'_> {
    Place { table: FactorsRecord::SPACE, column: "totp", row: account.bytes() }
}

/// Seals a secret for its place in the record of an account.
pub(super) fn seal_totp(
    key: &SealKey,
    account: AccountId,
    secret: &TotpSecret,
    chance: Random<32>,
) -> Vec<u8> {
    key.seal(chance, &place(&account), secret.bytes())
}

/// Puts a secret from elsewhere into force: for imports alone, which prove nothing about it.
pub fn import_totp(
    tx: &mut WriteTx,
    key: &SealKey,
    account: AccountId,
    secret: &TotpSecret,
    chance: Random<32>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut record = of_account(tx, account)?;
    record.totp =
        Some(TotpFactor { sealed: seal_totp(key, account, secret, chance), since: now, last_step: 0 });
    record.trust += 1;
    FACTORS.set(tx, &account, &record)
}

/// Uses a code of the authenticator app up. Right once: its step, and all before it, are spent (security.md OTP-4).
pub fn use_totp(
    tx: &mut WriteTx,
    key: &SealKey,
    account: AccountId,
    typed: &Secret<String>,
    rules: &Rules,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(mut record) = FACTORS.get(tx, &account)? else { return Ok(false) };
    let Some(totp) = &mut record.totp else { return Ok(false) };
    let opened = key.open(&place(&account), &totp.sealed).map_err(Fault::broken)?;
    let secret = TotpSecret::from_bytes(opened);
    let typed = Secret::new(tidied(typed.expose()));
    let Some(step) = secret.step_of(&typed, now, rules.drift, Some(totp.last_step)) else { return Ok(false) };
    totp.last_step = step;
    FACTORS.set(tx, &account, &record)?;
    Ok(true)
}

/// Makes a new set of recovery codes; the one before is void. Returns them: they are never seen again.
pub fn set_recovery(
    tx: &mut WriteTx,
    account: AccountId,
    chance: &[Random<10>; recovery::COUNT],
    now: Timestamp,
) -> Result<Vec<Secret<String>>, StoreError> {
    let codes = recovery::mint(chance);
    let digests = codes.iter().filter_map(|code| recovery::digest(account, code)).flatten().collect();
    let mut record = of_account(tx, account)?;
    record.recovery = Some(RecoveryCodes { digests, made: now });
    record.review = false;
    FACTORS.set(tx, &account, &record)?;
    Ok(codes)
}

/// Uses a recovery code up (security.md OTP-9). From now on its owner is asked to look at the factors.
pub fn use_recovery(
    tx: &mut WriteTx,
    account: AccountId,
    typed: &Secret<String>,
) -> Result<bool, StoreError> {
    let Some(mut record) = FACTORS.get(tx, &account)? else { return Ok(false) };
    let (Some(codes), Some(digest)) = (&mut record.recovery, recovery::digest(account, typed)) else {
        return Ok(false);
    };
    // Digests are looked for, not secrets, so the time taken says nothing about a code.
    let mut left: Vec<&[u8]> = codes.digests.chunks_exact(size_of::<CodeDigest>()).collect();
    let Some(at) = left.iter().position(|stored| *stored == digest) else { return Ok(false) };
    left.remove(at);
    codes.digests = left.concat();
    record.review = true;
    FACTORS.set(tx, &account, &record)?;
    Ok(true)
}

/// Its owner has looked at the factors after a recovery.
pub fn reviewed(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    if let Some(mut record) = FACTORS.get(tx, &account)?.filter(|record| record.review) {
        record.review = false;
        FACTORS.set(tx, &account, &record)?;
    }
    Ok(())
}

/// Makes a proven address a factor, or takes it away. Returns whether anything changed.
pub fn set_address(
    tx: &mut WriteTx,
    account: AccountId,
    channel: Channel,
    proven: Option<AddressFactor>,
) -> Result<bool, StoreError> {
    let mut record = of_account(tx, account)?;
    let removed = proven.is_none();
    let slot = match channel {
        Channel::Email => &mut record.email,
        Channel::Sms => &mut record.sms,
    };
    if removed && slot.is_none() {
        return Ok(false);
    }
    *slot = proven;
    if removed {
        record.trust += 1;
    }
    FACTORS.set(tx, &account, &record)?;
    Ok(true)
}

/// An address of the account was changed and the new one is proven: the factor goes along with it. Without this it is no factor
/// any more.
pub fn follow_address(
    tx: &mut WriteTx,
    account: AccountId,
    channel: Channel,
    to: &str,
) -> Result<(), StoreError> {
    let record = of_account(tx, account)?;
    match record.address_factor(channel) {
        Some(factor) if factor.address != to => {
            let moved = AddressFactor { address: to.to_owned(), ..factor.clone() };
            set_address(tx, account, channel, Some(moved)).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// Takes the authenticator app away, and with it what may only stand beside it. Returns whether there was one.
pub fn remove_totp(tx: &mut WriteTx, account: AccountId) -> Result<bool, StoreError> {
    enrolment::void(tx, account)?;
    let mut record = of_account(tx, account)?;
    if record.totp.take().is_none() {
        return Ok(false);
    }
    record.sms = None;
    record.trust += 1;
    if record.email.is_none() && record.passkeys.is_none() {
        record.recovery = None;
    }
    FACTORS.set(tx, &account, &record)?;
    Ok(true)
}

/// All trusted devices of the account are strangers from now on.
pub fn forget_devices(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    let mut record = of_account(tx, account)?;
    record.trust += 1;
    FACTORS.set(tx, &account, &record)
}

/// Takes every second factor away: the operator's reset, or the end of the account. The generation of trusted devices stays, so that no
/// old mark comes back to life. Returns whether there was any.
pub fn forget(tx: &mut WriteTx, account: AccountId) -> Result<bool, StoreError> {
    enrolment::void(tx, account)?;
    passkey::clear(tx, account)?;
    let Some(record) = FACTORS.get(tx, &account)? else { return Ok(false) };
    let trust = record.trust + 1;
    let had_any = record != FactorsRecord { trust: record.trust, ..FactorsRecord::default() };
    FACTORS.set(tx, &account, &FactorsRecord { trust, ..FactorsRecord::default() })?;
    Ok(had_any)
}

/// The account is gone: so is all this.
pub fn erase(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    enrolment::void(tx, account)?;
    passkey::clear(tx, account)?;
    FACTORS.take(tx, &account)?;
    Ok(())
}
