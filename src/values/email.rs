//! E-mail addresses, read strictly: one unquoted `@`, nothing that another reader could split
//! differently.

use std::str::FromStr;

use idna::{AsciiDenyList, uts46};

use super::name::{same_when_canonical, stored_as_text};

/// Why a text is not an e-mail address we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing there.
    #[error("An e-mail address cannot be empty.")]
    Empty,
    /// Longer than 254 bytes, or more than 64 before the `@` (RFC 5321, 4.5.3.1).
    #[error("This e-mail address is too long.")]
    TooLong,
    /// No `@`, or more than one.
    #[error("An e-mail address has exactly one @.")]
    At,
    /// The part before the `@` is not a dot-atom of RFC 5322, 3.2.3: quoted, spaced, not ASCII, or
    /// with a dot at an end or two in a row.
    #[error("The part of the e-mail address before the @ is not valid.")]
    Local,
    /// The part after the `@` is not a host name (RFC 5890 for other scripts).
    #[error("The part of the e-mail address after the @ is not a valid domain name.")]
    Domain,
}

/// The longest address, in bytes with the domain in ASCII (RFC 5321 as amended by erratum 1690).
pub const MAX_EMAIL: usize = 254;

const MAX_LOCAL: usize = 64;

/// An e-mail address: `local@domain` with an unquoted ASCII local part as typed, and the domain
/// in ASCII (IDNA) and lower case.
///
/// Quoted local parts, comments, address literals and local parts beyond ASCII are refused: each
/// has been read differently by two programs before (security.md section 20, oauth2-proxy GHSA-c5c4). Two
/// addresses are equal when their canonical forms are.
#[derive(Clone)]
pub struct EmailAddress {
    text: Box<str>,
    canonical: Box<str>,
    at: usize,
}

impl EmailAddress {
    /// Checks an address. Nothing is trimmed.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        // A domain only gets longer in ASCII when it was short, but it must not cost us a megabyte.
        if text.len() > 4 * MAX_EMAIL {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailError::At)?;
        if domain.contains('@') {
            return Err(EmailError::At);
        }
        check_local(local)?;
        let domain = domain_to_ascii(domain)?;
        let text = format!("{local}@{domain}");
        if text.len() > MAX_EMAIL {
            return Err(EmailError::TooLong);
        }
        Ok(Self { canonical: text.to_ascii_lowercase().into(), at: local.len(), text: text.into() })
    }

    /// The address: local part as typed, domain in lower-case ASCII.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that is compared and indexed: all lower case. The standards let a mail host tell
    /// `Ann@` from `ann@`; none that matters does, and two accounts must not differ by it.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The part before the `@`, as typed. Password checks take it as a word about the person.
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The domain in lower-case ASCII.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// Reads back a stored address without judging it by today's rules.
    pub fn from_stored(text: &str) -> Self {
        Self {
            text: text.into(),
            canonical: text.to_ascii_lowercase().into(),
            at: text.find('@').unwrap_or(text.len()),
        }
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

same_when_canonical!(EmailAddress);
stored_as_text!(EmailAddress);

fn check_local(local: &str) -> Result<(), EmailError> {
    if local.len() > MAX_LOCAL {
        return Err(EmailError::TooLong);
    }
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext));
    if dot_atom { Ok(()) } else { Err(EmailError::Local) }
}

fn domain_to_ascii(domain: &str) -> Result<String, EmailError> {
    let ascii = uts46::Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            uts46::Hyphens::CheckFirstLast,
            uts46::DnsLength::Verify,
        )
        .map_err(|_| EmailError::Domain)?;
    // A last label of digits only is an IPv4 address to many resolvers (WHATWG URL, 3.5).
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EmailError::Domain);
    }
    Ok(ascii.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EmailAddress, EmailError};

    #[test]
    fn addresses_meet_in_lower_case_ascii() {
        let typed = EmailAddress::parse("Ann.O'Neill+x@B\u{fc}cher.Example").unwrap();
        assert_eq!(typed.as_str(), "Ann.O'Neill+x@xn--bcher-kva.example");
        assert_eq!(typed.canonical(), "ann.o'neill+x@xn--bcher-kva.example");
        assert_eq!((typed.local_part(), typed.domain()), ("Ann.O'Neill+x", "xn--bcher-kva.example"));
        assert_eq!(typed, EmailAddress::parse("ANN.o'neill+X@xn--bcher-KVA.example").unwrap());
        assert!(EmailAddress::parse("admin@localhost").is_ok());
    }

    #[test]
    fn only_one_reading_is_accepted() {
        for (text, error) in [
            ("", EmailError::Empty),
            ("ann", EmailError::At),
            ("ann@evil.example@good.example", EmailError::At),
            ("\"ann@evil.example\"@good.example", EmailError::At),
            ("\"ann\"@good.example", EmailError::Local),
            ("@good.example", EmailError::Local),
            (".ann@good.example", EmailError::Local),
            ("ann.@good.example", EmailError::Local),
            ("a..n@good.example", EmailError::Local),
            ("an n@good.example", EmailError::Local),
            (" ann@good.example", EmailError::Local),
            ("ann\r\nBcc: x@good.example", EmailError::Local),
            ("ann(c)@good.example", EmailError::Local),
            ("ann,bob@good.example", EmailError::Local),
            ("Ann <ann@good.example>", EmailError::Local),
            ("\u{e4}nn@good.example", EmailError::Local),
            ("ann@", EmailError::Domain),
            ("ann@.example", EmailError::Domain),
            ("ann@good..example", EmailError::Domain),
            ("ann@good.example.", EmailError::Domain),
            ("ann@good.example ", EmailError::Domain),
            ("ann@good.example\n", EmailError::Domain),
            ("ann@good_host.example", EmailError::Domain),
            ("ann@-good.example", EmailError::Domain),
            ("ann@go%6fd.example", EmailError::Domain),
            ("ann@[127.0.0.1]", EmailError::Domain),
            ("ann@127.0.0.1", EmailError::Domain),
            ("ann@good.example,evil.example", EmailError::Domain),
            ("ann@xn--zzzzzz-.example", EmailError::Domain),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_those_of_smtp() {
        let local = "a".repeat(64);
        let domain = |n: usize| format!("{}.example", vec!["b".repeat(60); 4].join(".").split_at(n).0);
        assert!(EmailAddress::parse(&format!("{local}@{}", domain(180))).is_ok());
        assert_eq!(EmailAddress::parse(&format!("{local}@{}", domain(182))), Err(EmailError::TooLong));
        assert_eq!(EmailAddress::parse(&format!("a{local}@b.example")), Err(EmailError::TooLong));
        assert_eq!(EmailAddress::parse(&"a@".repeat(1 << 20)), Err(EmailError::TooLong));
    }

    proptest! {
        #[test]
        fn accepted_addresses_are_plain_and_stable(text in "[ -~\u{e4}]{0,12}@[ -~\u{e4}]{0,14}") {
            if let Ok(email) = EmailAddress::parse(&text) {
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()));
                let again = EmailAddress::parse(email.canonical()).expect("canonical form is an address");
                prop_assert_eq!(again.canonical(), email.canonical());
            }
        }

        #[test]
        fn no_input_panics(text in any::<String>()) {
            let _ = EmailAddress::parse(&text);
            let _ = EmailAddress::parse(&format!("a@{text}"));
        }
    }
}
