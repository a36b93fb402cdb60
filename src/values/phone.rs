//! Mobile numbers in the one international form (ITU-T E.164).

use std::str::FromStr;

use super::name::stored_as_text;

/// The text is not `+`, a country code and 8 to 15 digits in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A phone number is written as + and 8 to 15 digits, country code first, without spaces.")]
pub struct PhoneError;

/// A phone number in E.164: `+`, then 8 to 15 digits of which the first is not zero. There is only
/// one spelling, so equality of text is equality of numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(Box<str>);

impl Phone {
    /// Checks a number. Spaces and dashes are not accepted here: an interface that allows them
    /// (`+86-13800001111`) removes them first.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let digits = text.strip_prefix('+').ok_or(PhoneError)?;
        let sound = (8..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if sound { Ok(Self(text.into())) } else { Err(PhoneError) }
    }

    /// The number, `+` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is indexed; the same text.
    pub fn canonical(&self) -> &str {
        &self.0
    }

    /// Reads back a stored number without judging it by today's rules.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

stored_as_text!(Phone);

#[cfg(test)]
mod tests {
    use super::{Phone, PhoneError};

    #[test]
    fn one_spelling_only() {
        assert_eq!(Phone::parse("+8613800001111").unwrap().as_str(), "+8613800001111");
        assert!(Phone::parse("+12345678").is_ok() && Phone::parse("+123456789012345").is_ok());
        for bad in [
            "",
            "+",
            "13800001111",
            "+1234567",
            "+1234567890123456",
            "+0123456789",
            "+86-13800001111",
            "+86 13800001111",
            " +8613800001111",
            "+8613800001111\n",
            "+\u{661}\u{662}345678",
            "++12345678",
        ] {
            assert_eq!(Phone::parse(bad), Err(PhoneError), "{bad:?}");
        }
    }
}
