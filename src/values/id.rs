//! Typed identifiers. One id cannot be passed for another, and ids sort by time of birth.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{random::Random, time::Timestamp};

/// The text was not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id (UUID version 7, RFC 9562): 48 bits of `now`, 74 bits of chance.
            pub fn mint(now: Timestamp, chance: Random<10>) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(now.millis(), chance.bytes()).into_uuid())
            }

            /// From the sixteen bytes of a stored id.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes, as stored.
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.bytes())?;
                Ok(())
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                <[u8; 16]>::try_from(d.bytes()?)
                    .map(Self::from_bytes)
                    .map_err(|_| minicbor::decode::Error::message("an id has sixteen bytes"))
            }
        }
    )*};
}

ids! {
    /// A tenant: the outermost fence around people and applications.
    TenantId;
    /// A directory of people inside a tenant; user names are unique in it.
    UserDomainId;
    /// A group of people; its name may change, its id does not.
    GroupId;
    /// One person's account.
    AccountId;
    /// What logs and records call a session. It opens nothing.
    SessionId;
    /// One entry of the audit trail.
    AuditId;
    /// A purpose-bound one-time secret, such as the first-run setup link.
    ChallengeId;
    /// What a person (or a client for itself) granted to an OAuth client: the root of a family of tokens.
    AuthorizationId;
    /// A message to a person, from its queueing to its `Message-ID`.
    MessageId;
}

#[cfg(test)]
mod tests {
    use super::{AccountId, Random, Timestamp};

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = AccountId::mint(Timestamp::from_secs(1), Random::new([0xff; 10]));
        let late = AccountId::mint(Timestamp::from_secs(2), Random::new([0; 10]));
        assert!(early < late);
        assert_eq!(late.to_string().parse(), Ok(late));
    }
}
