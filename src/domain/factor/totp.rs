//! Codes of authenticator apps (RFC 6238): SHA-1, six digits, thirty seconds, as every app understands.

use data_encoding::{BASE32, BASE32_NOPAD};
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Totp};

use crate::values::{random::Random, secret::Secret, time::Timestamp};

/// Seconds a code is shown.
pub const STEP: u64 = 30;
/// Bytes of a new secret (RFC 4226 section 4, R6).
pub const LENGTH: usize = 20;
/// Longest secret that is taken over from elsewhere, in bytes.
const LONGEST: usize = 64;

/// What an authenticator app and we share. It does not print.
#[derive(Clone, Debug)]
pub struct TotpSecret(Secret<Vec<u8>>);

impl TotpSecret {
    /// A new one: 160 bits.
    pub fn mint(chance: Random<LENGTH>) -> Self {
        Self(Secret::new(chance.bytes().to_vec()))
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: Secret<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// From base32 text as people copy it: padding, spaces and small letters are forgiven. `None` when it is none, or
    /// nothing, or longer than any authenticator app makes them.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
        let plain = Secret::new(plain);
        let bytes = BASE32_NOPAD
            .decode(plain.expose().trim_end_matches('=').as_bytes())
            .or_else(|_| BASE32.decode(plain.expose().as_bytes()))
            .ok()?;
        (1..=LONGEST).contains(&bytes.len()).then(|| Self(Secret::new(bytes)))
    }

    /// As base32 without padding, which is what people type into their apps.
    pub fn base32(&self) -> Secret<String> {
        Secret::new(BASE32_NOPAD.encode(self.0.expose()))
    }

    /// The bytes, for sealing.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    /// Whether both are the same, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }

    /// The address that QR codes carry (`otpauth://totp/issuer:name?…`). A colon in either name would part it at the wrong place and
    /// is written as a space (simple-auth.md 9.A6); an empty name becomes `-`.
    pub fn url(&self, issuer: &str, name: &str) -> Option<Secret<String>> {
        let plain = |text: &str| {
            let text = text.replace(':', " ");
            let text = text.trim();
            if text.is_empty() { "-".to_owned() } else { text.to_owned() }
        };
        let totp = Builder::new()
            .with_secret(self.bytes())
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(name))
            .build_noncompliant();
        totp.to_url().ok().map(Secret::new)
    }

    /// The code of one step.
    fn code(&self, step: u64) -> Secret<String> {
        Secret::new(self.algorithm().generate(step.saturating_mul(STEP)).to_string())
    }

    fn algorithm(&self) -> Totp {
        // Secrets of other programs may be shorter than the RFC wants; they are good enough until replaced.
        Builder::new().with_secret(self.bytes()).with_step_duration(STEP).build_noncompliant()
    }

    /// The step that a typed code belongs to: one of `drift` steps around now, later than `last`. Every step is looked at in full,
    /// whichever is right (security.md OTP-4). `typed` is compared as text (OTP-10).
    pub fn step_of(
        &self,
        typed: &Secret<String>,
        now: Timestamp,
        drift: u64,
        last: Option<u64>,
    ) -> Option<u64> {
        let current = now.secs() / STEP;
        let mut found = None;
        for step in current.saturating_sub(drift)..=current.saturating_add(drift) {
            let right = self.code(step).matches(typed.expose());
            if right && last.is_none_or(|last| step > last) && found.is_none() {
                found = Some(step);
            }
        }
        found
    }
}

/// The code at a moment, for tests of other rooms.
#[cfg(test)]
pub(crate) fn code_at(secret: &TotpSecret, now: Timestamp) -> String {
    secret.code(now.secs() / STEP).expose().clone()
}
