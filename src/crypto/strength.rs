//! Whether a new password is good enough: long enough, not on everybody's list, not made of the
//! owner's own name (security.md PWD-1, PWD-7).
//!
//! No composition rules: "one digit and one special character" makes passwords worse, and the
//! standards forbid it (ASVS 6.2.5). The list of common passwords is that of zxcvbn, some thirty thousand of
//! them with their usual disguises (capitals, `p4ssw0rd`, reversed, repeated).

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::matching::patterns::{DictionaryPattern, MatchPattern};

use super::password::{self, PasswordError};
use crate::values::{name::canonical, secret::Secret};

/// What is wrong with a new password. Each message is one sentence that says what to do; none
/// repeats any part of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer code points than the rules ask.
    #[error("Use at least {minimum} characters.")]
    TooShort {
        /// How many are asked.
        minimum: usize,
    },
    /// It cannot be hashed at all: too long, or with a NUL.
    #[error(transparent)]
    Unusable(#[from] PasswordError),
    /// It is one of the most common passwords, or one in disguise.
    #[error("This password is on lists of common passwords that attackers try first.")]
    Common,
    /// It consists of the user name, the e-mail address or the name of this service, with little else.
    #[error("This password is too close to your own name, your e-mail address or the name of this service.")]
    Personal,
    /// Neither, but a guesser who knows the usual patterns finds it soon: a word and a year, a row
    /// of keys, the same thing three times.
    #[error(
        "This password is easy to guess: it follows a simple pattern. Several unrelated words make a good one."
    )]
    Guessable,
}

/// What a new password has to be. A value of this type is within the bounds of security.md section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    min_length: usize,
}

/// A minimum below eight was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the minimum length of passwords cannot be below 8 or above 64 characters")]
pub struct RulesError;

impl Rules {
    /// Length that no setting goes below, and the default where a second factor is always asked.
    pub const FLOOR: usize = 8;

    /// The longest minimum. Password managers stop at 64 now and then, and so must our demands.
    pub const CEILING: usize = 64;

    /// Fifteen code points: the password may be the only factor.
    pub const SOLE_FACTOR: Self = Self { min_length: 15 };

    /// Eight code points: a second factor is always asked as well.
    pub const WITH_SECOND_FACTOR: Self = Self { min_length: Self::FLOOR };

    /// Rules with another minimum, in code points.
    pub const fn new(min_length: usize) -> Result<Self, RulesError> {
        if min_length < Self::FLOOR || min_length > Self::CEILING {
            return Err(RulesError);
        }
        Ok(Self { min_length })
    }

    /// The minimum, in code points.
    pub const fn min_length(&self) -> usize {
        self.min_length
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::SOLE_FACTOR
    }
}

/// Names of this program, which nobody should have to configure to be refused as a password.
const OWN_WORDS: &[&str] = &["vouchsafe"];

/// Below this many guesses a password follows a pattern that guessers know. Eight random letters
/// count a hundred million; zxcvbn calls less than one million "very guessable".
const MIN_GUESSES: u64 = 10_000_000;

/// Time is quadratic and worse in the length, so only so much of a password is looked at; what
/// comes after can only make it better.
const LOOKED_AT: usize = 64;

/// The most words that are considered, and the longest of them, so that a long profile costs no more time than
/// a short one.
const MAX_WORDS: usize = 32;
const MAX_WORD: usize = 64;

/// Words shorter than this are in too many innocent passwords.
const MIN_WORD: usize = 4;

/// Everything that is wrong with a new password; empty when it is good.
///
/// `words` are those an attacker who knows the person would try: user name, e-mail address, display
/// name, organization and product names. Takes up to a few milliseconds, so it belongs beside the hashing,
/// not on
/// the async executor (security.md OPS-3).
pub fn check(password: &Secret<String>, words: &[&str], rules: &Rules) -> Vec<Weakness> {
    if let Err(error) = password::check_usable(password) {
        return vec![Weakness::Unusable(error)];
    }
    let mut found = Vec::new();
    // Counted after the one normalisation, as it will be hashed.
    let text: Zeroizing<String> = Zeroizing::new(password.expose().nfc().collect());
    if text.chars().count() < rules.min_length {
        found.push(Weakness::TooShort { minimum: rules.min_length });
    }
    let words = split_words(words);
    if is_mostly(&text, &words) {
        found.push(Weakness::Personal);
    } else if let Some(weakness) = guess(&text, &words) {
        found.push(weakness);
    }
    found
}

/// The words and their parts, in canonical form: `ann.miller@example.org` is `ann.miller` and
/// `miller` and `example` to a guesser.
fn split_words(words: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for word in words.iter().chain(OWN_WORDS).take(MAX_WORDS) {
        let word = canonical(&word.chars().take(MAX_WORD).collect::<String>());
        let parts = word.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        all.extend(parts.chain(word.split('@').map(str::to_owned)));
        all.push(word);
    }
    all.retain(|word| word.chars().count() >= MIN_WORD);
    // Longest first: "miller" is taken out of "millerson" only after "millerson" was looked for.
    all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

/// Whether the words are all there is: fewer than [`Rules::FLOOR`] code points remain without them,
/// forwards or backwards.
fn is_mostly(password: &str, words: &[String]) -> bool {
    let folded = Zeroizing::new(canonical(password));
    let mut rest = Zeroizing::new(folded.clone().to_string());
    for word in words {
        let reversed: String = word.chars().rev().collect();
        // A separator keeps the pieces on both sides from forming a new word.
        *rest = rest.replace(word.as_str(), "\0").replace(&reversed, "\0");
    }
    let left = rest.chars().filter(|c| *c != '\0').count();
    *rest != *folded && left < Rules::FLOOR
}

fn guess(password: &str, words: &[String]) -> Option<Weakness> {
    let looked_at = bounded(password);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(&looked_at, &words);
    if estimate.guesses() >= MIN_GUESSES {
        return None;
    }
    let whole = match estimate.sequence() {
        [only] => Some(&only.pattern),
        _ => None,
    };
    let listed = whole.is_some_and(|pattern| match pattern {
        MatchPattern::Dictionary(found) => {
            // The type of this field has no public name; its default is the list of passwords.
            found.dictionary_name == DictionaryPattern::default().dictionary_name
        }
        _ => false,
    });
    Some(if listed { Weakness::Common } else { Weakness::Guessable })
}

/// What zxcvbn tries for disguised letters, from its table. It tries every combination of those
/// present, so a password made of all of them takes it a second.
const DISGUISES: [&str; 12] = ["4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];

/// The most combinations of disguises we pay for. Digits alone make sixteen.
const MAX_DISGUISES: usize = 32;

/// The part of a password that is looked at, with the rarest disguises made harmless until the
/// combinations are few. A password with that many different symbols is no disguised word.
fn bounded(password: &str) -> Zeroizing<String> {
    let mut text: Zeroizing<String> = Zeroizing::new(password.chars().take(LOOKED_AT).collect());
    for symbol in "{[<(|+%!$@".chars() {
        if disguises(&text) <= MAX_DISGUISES {
            break;
        }
        *text = text.replace(symbol, "#");
    }
    text
}

/// An upper bound of the combinations: the choices for each letter, and two for each symbol that stands
/// for two letters.
fn disguises(text: &str) -> usize {
    let present = |symbol: &char| text.contains(*symbol);
    let choices: usize =
        DISGUISES.iter().map(|symbols| symbols.chars().filter(present).count().max(1)).product();
    choices << "1|7".chars().filter(present).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Rules, RulesError, Weakness, check};
    use crate::{crypto::password::PasswordError, values::secret::Secret};

    fn judge(password: &str, words: &[&str], rules: Rules) -> Vec<Weakness> {
        check(&Secret::from(password), words, &rules)
    }

    /// Proves: PWD-1
    #[test]
    fn length_is_counted_in_code_points_and_nothing_else_is_asked_of_characters() {
        let fine = "\u{fc}\u{6f22}\u{1f980} unwillig";
        assert_eq!(fine.chars().count(), 12);
        assert_eq!(judge(fine, &[], Rules::new(12).unwrap()), []);
        assert_eq!(judge(fine, &[], Rules::new(13).unwrap()), [Weakness::TooShort { minimum: 13 }]);
        for no_classes_needed in ["lantern otter quarrel mint", "73920184650 1829375", "LANTERNOTTERQUARREL"]
        {
            assert_eq!(judge(no_classes_needed, &[], Rules::default()), [], "{no_classes_needed}");
        }
        assert_eq!(judge("lantern otter", &[], Rules::default()), [Weakness::TooShort { minimum: 15 }]);
        // Composed and decomposed count alike.
        assert_eq!(
            judge("e\u{301}", &[], Rules::WITH_SECOND_FACTOR),
            judge("\u{e9}", &[], Rules::WITH_SECOND_FACTOR)
        );
    }

    /// Proves: PWD-1
    #[test]
    fn no_setting_goes_below_eight() {
        assert_eq!(Rules::new(7), Err(RulesError));
        assert_eq!(Rules::new(65), Err(RulesError));
        assert_eq!(Rules::new(8).map(|rules| rules.min_length()), Ok(8));
        assert_eq!(Rules::default().min_length(), 15);
    }

    /// Proves: PWD-7
    #[test]
    fn common_passwords_are_refused_also_in_disguise() {
        for common in [
            "password",
            "12345678",
            "123456789",
            "baseball",
            "football",
            "qwertyuiop",
            "1234567890",
            "superman",
            "1qaz2wsx",
            "trustno1",
            "jennifer",
            "sunshine",
            "iloveyou",
            "starwars",
            "computer",
            "michelle",
            "11111111",
            "princess",
            "987654321",
            "corvette",
            "letmein1",
            "password1",
            "whatever",
            "mercedes",
            "Password",
            "PASSWORD",
            "p4ssw0rd",
            "drowssap",
            "P@ssw0rd",
            "1q2w3e4r5t6y",
            "unbelievable",
        ] {
            let found = judge(common, &[], Rules::WITH_SECOND_FACTOR);
            assert!(matches!(found[..], [Weakness::Common | Weakness::Guessable]), "{common}: {found:?}");
        }
        assert_eq!(judge("superman", &[], Rules::WITH_SECOND_FACTOR), [Weakness::Common]);
        for long in [
            "passwordpassword",
            "aaaaaaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "123456789123456789",
            "abcdefghijklmnopqrst",
            "iloveyouiloveyou",
            "password12345678",
        ] {
            let found = judge(long, &[], Rules::default());
            assert!(matches!(found[..], [Weakness::Common | Weakness::Guessable]), "{long}: {found:?}");
        }
    }

    /// Proves: PWD-7
    #[test]
    fn the_persons_own_words_are_refused() {
        let words = [
            "kjell.angstrom",
            "kjell.angstrom@zubrowka.example",
            "Kjell \u{c5}ngstr\u{f6}m",
            "Zubrowka Holdings",
        ];
        for own in [
            "kjell.angstrom",
            "Kjell.Angstrom!",
            "kjell.angstrom2026",
            "angstrom-zubrowka",
            "ZubrowkaHoldings1",
            "kjell.angstrom@zubrowka.example",
            "zubrowka.example",
            "mortsgna.llejk",
            "VouchSafe-2026",
            "\u{e5}ngstr\u{f6}mKJELL12",
        ] {
            assert_eq!(judge(own, &words, Rules::WITH_SECOND_FACTOR), [Weakness::Personal], "{own}");
        }
        assert_eq!(judge("kjell.angstrom", &words, Rules::default()).len(), 2, "every complaint at once");
        assert_eq!(judge("kjell likes lantern otters", &words, Rules::default()), []);
        assert_eq!(judge("lantern otter quarrel", &["a", "or", ""], Rules::default()), []);
        assert!(!judge("kjell1234567890", &words, Rules::default()).is_empty(), "own word and a common one");
    }

    /// Proves: PWD-1, PWD-3
    #[test]
    fn what_cannot_be_hashed_is_said_at_once() {
        let long = "x".repeat(1025);
        assert_eq!(judge(&long, &[], Rules::default()), [Weakness::Unusable(PasswordError::TooLong)]);
        assert_eq!(
            judge("lantern\0otter quarrel", &[], Rules::default()),
            [Weakness::Unusable(PasswordError::Nul)]
        );
        assert_eq!(
            judge(&"lantern otter quarrel ".repeat(46), &[], Rules::default()),
            [],
            "1012 bytes are fine"
        );
    }

    #[test]
    fn disguises_are_counted_and_kept_few() {
        use super::{MAX_DISGUISES, bounded, disguises};
        assert_eq!(disguises("no disguise"), 1);
        assert_eq!(disguises("p4ssw0rd"), 1);
        assert_eq!(disguises("0123456789"), 16);
        assert_eq!(bounded("P@$$w0rd{1}").as_str(), "P@$$w0rd{1}");
        let all = bounded("4@8({[<369|!17$50+%2 and on");
        assert!(disguises(&all) <= MAX_DISGUISES, "{}", *all);
        assert_eq!(all.chars().count(), 27);
        assert!(all.contains("369"), "digits stay");
    }

    /// Proves: OPS-3
    #[test]
    fn the_worst_inputs_take_milliseconds() {
        // The word lists are read once, at the first use.
        let _ = judge("warm up", &[], Rules::default());
        let worst = [
            "a".repeat(1024),
            "ab".repeat(512),
            "4@8({[<369|!17$50+%2".repeat(51),
            "p4$$w0rd1!".repeat(102),
            "qwertyuiop[]asdfghjkl;'zxcvbnm,./".repeat(31),
            "1/1/2001-".repeat(113),
            "\u{1d41a}".repeat(256),
        ];
        let word = "4@8({[<369|!17$50+%2".repeat(500);
        let words = vec![word.as_str(); 500];
        for password in worst {
            let begun = std::time::Instant::now();
            let _ = judge(&password, &words, Rules::default());
            let took = begun.elapsed();
            // Without the bounds the third takes a second and a half even in the quickest build.
            assert!(took < std::time::Duration::from_millis(400), "{took:?}");
        }
    }

    #[test]
    fn messages_are_sentences_without_the_password() {
        for weakness in judge("superman", &[], Rules::default()) {
            let message = weakness.to_string();
            assert!(message.ends_with('.') && !message.contains("superman"), "{message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_input_panics(password in "\\PC{0,40}", word in "\\PC{0,20}") {
            let _ = judge(&password, &[&word], Rules::default());
        }
    }
}
