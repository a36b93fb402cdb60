//! What is wrong with fields, in words.

use super::catalogue::{Language, Message};
use crate::domain::fault::{Fault, Field};

/// One sentence for each flaw.
pub(super) fn complaints(fault: &Fault) -> Vec<String> {
    let language = Language::default();
    let sentence = |field: Field, flaw: &str| {
        let label = label(field).fill(language, &[]);
        // Some flaws are sentences of their own, others continue one that begins with the field's name.
        let whole = flaw.chars().next().is_some_and(char::is_uppercase);
        let pattern = if whole { Message::FieldOf } else { Message::FieldIs };
        pattern.fill(language, &[("field", &label), ("flaw", flaw)])
    };
    fault.flaws.iter().map(|flaw| sentence(flaw.field, &flaw.message)).collect()
}

const fn label(field: Field) -> Message {
    match field {
        Field::Body | Field::Client | Field::Account | Field::Named(_) => Message::FieldBody,
        Field::Username => Message::Username,
        Field::Password => Message::Password,
        Field::OldPassword => Message::OldPassword,
        Field::NewPassword => Message::NewPassword,
        Field::Email => Message::FieldEmail,
        Field::Mobile => Message::FieldMobile,
        Field::DisplayName => Message::FieldDisplayName,
        Field::Group => Message::FieldGroup,
        Field::Totp | Field::Secret => Message::FieldCode,
        Field::Token => Message::FieldToken,
        Field::Session => Message::FieldSession,
        Field::Continue | Field::Page => Message::FieldContinue,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Field, complaints};
    use crate::domain::fault::Reason;

    #[test]
    fn each_flaw_is_a_sentence() {
        let fault = Fault::new(Reason::Malformed)
            .with_flaw(Field::Username, "A name cannot be empty.")
            .with_flaw(Field::OldPassword, "is required");
        assert_eq!(
            complaints(&fault),
            ["User name: A name cannot be empty.", "Present password is required."]
        );
    }
}
