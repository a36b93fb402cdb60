//! What goes in and out: options, credentials, verdicts.

/// Whether the authenticator has to know its user, by a PIN, a finger, a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It has to.
    Required,
    /// It should if it can. What did so when it was made has to from then on.
    Preferred,
}

impl Verification {
    /// The word of the standard.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
        }
    }
}

/// For whom a credential is made.
#[derive(Clone, Copy, Debug)]
pub struct UserEntity<'a> {
    /// The user handle: says nothing to anybody but us.
    pub handle: &'a [u8],
    /// The name to sign in with, as the authenticator lists it.
    pub name: &'a str,
    /// What people call the person.
    pub display_name: &'a str,
}

/// A ceremony that began.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// What the page hands to `navigator.credentials`, as JSON (`{"publicKey":{…}}`).
    pub options: String,
    /// What is needed to judge the answer. Not secret, but to be kept where nobody can change it.
    pub state: Vec<u8>,
}

/// A credential that may answer.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// How it can be reached, as it said when it was made.
    pub transports: &'a [String],
}

/// A credential that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id, 1023 bytes at most.
    pub id: Vec<u8>,
    /// The signature counter; zero for those that do not count.
    pub counter: u32,
    /// Whether the user was verified.
    pub verified: bool,
    /// Whether it may be synchronised (BE); this never changes.
    pub backup_eligible: bool,
    /// Whether it is synchronised now (BS).
    pub backed_up: bool,
    /// The model of the authenticator, all zero when it does not tell.
    pub aaguid: [u8; 16],
    /// How it can be reached: words of the standard only.
    pub transports: Vec<String>,
    /// Whether the authenticator finds it without being told its id, as far as the browser knows.
    pub discoverable: Option<bool>,
    /// The public key as the authenticator wrote it, a COSE key (RFC 9052, section 7).
    pub key: Vec<u8>,
}

/// A credential as it is known at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// Its public key, a COSE key.
    pub key: &'a [u8],
    /// The signature counter of its last use.
    pub counter: u32,
    /// Whether its user was verified when it was made, and has to be from then on.
    pub verified: bool,
    /// Whether it may be synchronised.
    pub backup_eligible: bool,
}

/// That the holder of a credential answered. Only [`RelyingParty::finish_assertion`](super::RelyingParty::finish_assertion) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asserted {
    pub(super) credential: Vec<u8>,
    pub(super) counter: u32,
    pub(super) verified: bool,
    pub(super) backed_up: bool,
}

impl Asserted {
    /// Which credential.
    pub fn credential(&self) -> &[u8] {
        &self.credential
    }

    /// Its counter now.
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// Whether the user was verified.
    pub const fn verified(&self) -> bool {
        self.verified
    }

    /// Whether it is synchronised now.
    pub const fn backed_up(&self) -> bool {
        self.backed_up
    }
}

/// Why an answer is refused. It repeats nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// It was made for another site.
    #[error("made for another origin")]
    Origin,
    /// The signature counter did not rise: there may be a copy of the credential.
    #[error("the signature counter did not rise")]
    Counter,
    /// The user was not verified, and had to be.
    #[error("the user was not verified")]
    Unverified,
    /// Something else is wrong with it.
    #[error("{0}")]
    Wrong(&'static str),
}
