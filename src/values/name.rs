//! Names of people and groups: what they may be made of, and when two of them are the same.
//!
//! Source: security.md ENR-5 (identifiers), forward-auth.md 15.3 (what a header can carry).

use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use super::script;

/// Why a text is not a name. Each message is one sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("A name cannot be empty.")]
    Empty,
    /// More code points than allowed, as typed or in the canonical form.
    #[error("A name can have at most {0} characters.")]
    TooLong(usize),
    /// White space at either end. It is not trimmed silently.
    #[error("A name cannot begin or end with a space.")]
    OuterSpace,
    /// Two spaces in a row, which most screens show as one.
    #[error("A name cannot have two spaces in a row.")]
    DoubleSpace,
    /// A control, line break, direction mark, zero-width or other character that does not show.
    #[error("A name cannot contain invisible or control characters.")]
    Invisible,
    /// A character that shows but is not allowed here.
    #[error("A name cannot contain the character {0:?}.")]
    Forbidden(char),
    /// It does not begin with a letter, a digit or an underscore.
    #[error("A name must begin with a letter, a digit or an underscore.")]
    BadStart,
    /// It has neither a letter nor a digit.
    #[error("A name must contain a letter or a digit.")]
    NoLetter,
    /// Letters of scripts that are not written together and look alike (Latin and Cyrillic, say).
    #[error("A name cannot mix letters of different alphabets.")]
    MixedScripts,
}

/// The most code points a user or group name can have (ENR-5), as typed and in canonical form.
pub const MAX_NAME: usize = 64;

/// The most code points a display name can have.
pub const MAX_DISPLAY_NAME: usize = 128;

/// Punctuation of ASCII that user and group names may have. It leaves out everything that some
/// reader takes for structure: `@` (a login name is tried as an e-mail address first), the list
/// separators `,` `;` `|`, `:` of Basic authentication, path, query, markup and shell characters.
const PUNCTUATION: &[char] = &[' ', '_', '-', '.', '+', '\'', '~', '!', '$'];

macro_rules! canonical_names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            typed: Box<str>,
            canonical: Box<str>,
        }

        impl $name {
            /// Checks a name. What is stored is the NFC form of exactly what was typed: nothing is
            /// trimmed, dropped or replaced.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let typed = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
                let canonical = canonical(&typed);
                check_identifier(&typed)?;
                // Compatibility forms can unfold into what the rules forbid (U+037A becomes a space
                // and a letter, U+FF20 an @), so the canonical form has to pass them as well.
                check_identifier(&canonical)?;
                if !script::written_together(&canonical) {
                    return Err(NameError::MixedScripts);
                }
                Ok(Self { typed: typed.into(), canonical: canonical.into() })
            }

            /// The name as its owner spells it.
            pub fn as_str(&self) -> &str {
                &self.typed
            }

            /// The form that is compared and indexed: NFKC with case folded away (see [`canonical`]).
            pub fn canonical(&self) -> &str {
                &self.canonical
            }

            /// Reads back what [`Self::as_str`] gave and a store kept, without judging it by today's rules:
            /// an account does not become unreadable because a rule became stricter.
            pub fn from_stored(text: &str) -> Self {
                Self { typed: text.into(), canonical: canonical(text).into() }
            }
        }

        same_when_canonical!($name);
        stored_as_text!($name);
    )*};
}

/// Equality, order and hash by canonical form, so that no map or rule can tell spellings apart.
macro_rules! same_when_canonical {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.canonical() == other.canonical()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.canonical().cmp(other.canonical())
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.canonical().hash(state);
            }
        }
    };
}
pub(super) use same_when_canonical;

/// Text in and out: `Display`, `Debug`, and the stored form. Needs `as_str` and `from_stored`.
macro_rules! stored_as_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(self.as_str())?;
                Ok(())
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Ok(Self::from_stored(d.str()?))
            }
        }
    };
}
pub(super) use stored_as_text;

canonical_names! {
    /// The name a person signs in with, unique in its user domain by canonical form.
    ///
    /// At most 64 code points; letters, marks and decimal digits of one way of writing, single
    /// inner spaces and a little punctuation. Never an `@`, so that it cannot pose as somebody's
    /// e-mail address. Two spellings with one canonical form are equal.
    Username;
    /// The name of a group, unique by canonical form. Same care as [`Username`]: it travels in
    /// comma-separated header lists, so it holds no separator of any kind.
    GroupName;
}

impl FromStr for Username {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl FromStr for GroupName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

/// What a person is called on a page or in a `Remote-Name` header. Any language, emoji included;
/// not unique, never compared.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DisplayName(Box<str>);

impl DisplayName {
    /// Checks a display name: 1 to 128 code points, no control, direction mark, line break or
    /// unassigned character, no space at the ends. Kept in NFC.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let typed: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
        check_ends(&typed, MAX_DISPLAY_NAME)?;
        match typed.chars().find(|&c| !script::shows(c) && !script::shapes_text(c)) {
            Some(_) => Err(NameError::Invisible),
            None if !typed.chars().any(script::shows) => Err(NameError::Invisible),
            None => Ok(Self(typed.into())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads back a stored name without judging it by today's rules.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl FromStr for DisplayName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

stored_as_text!(DisplayName);

/// The form in which names are compared (ENR-5): NFKC and full case folding, repeated until
/// nothing changes, so that it is idempotent.
///
/// Folding is `lowercase(uppercase(c))` per character: at least as coarse as Unicode's full case
/// folding (`ß` and `SS` meet, so do `ς` and `σ`) and without its locale and position exceptions. A
/// coarser fold can only make two names collide that Unicode would keep apart (`ı` and `i`), which
/// is the safe direction for a login name.
pub fn canonical(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut form = fold(text);
    // One more round settles nearly everything; the bound only makes the end of the loop evident.
    for _ in 0..8 {
        let next = fold(&form);
        if next == form {
            break;
        }
        form = next;
    }
    form
}

fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

fn check_ends(text: &str, longest: usize) -> Result<(), NameError> {
    // Bytes first: nobody makes us count a megabyte of code points.
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.len() > longest * 4 || text.chars().count() > longest {
        Err(NameError::TooLong(longest))
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        Err(NameError::OuterSpace)
    } else {
        Ok(())
    }
}

fn check_identifier(text: &str) -> Result<(), NameError> {
    check_ends(text, MAX_NAME)?;
    for c in text.chars() {
        if !script::shows(c) {
            return Err(NameError::Invisible);
        }
        if !(PUNCTUATION.contains(&c) || script::is_word(c)) {
            return Err(NameError::Forbidden(c));
        }
    }
    if text.contains("  ") {
        return Err(NameError::DoubleSpace);
    }
    // A leading mark would attach to whatever a page prints before it; a leading dot or dash is
    // a hidden file, a parent folder or an option to somebody's shell script.
    if !text.starts_with(|c| c == '_' || script::is_letter_or_digit(c)) {
        return Err(NameError::BadStart);
    }
    if !text.chars().any(script::is_letter_or_digit) {
        return Err(NameError::NoLetter);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
