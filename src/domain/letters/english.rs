//! What each message says in English.

use super::copy::{
    Copy,
    Part::{Code, Facts, Link, Say},
    Words,
};
use crate::domain::outbox::Template;

pub(super) const WORDS: Words = Words {
    greeting: "Hello{% if name %} {{ name }}{% endif %},",
    facts: ["Time", "Device", "Address"],
    closing: "{{ service }}, {{ portal }}",
};

const NOT_YOU: &str =
    "If this was not you, set a new password at {{ portal }} now, and tell whoever runs {{ service }}.";
const DO_NOTHING: &str = "The link works once, for {{ lasts }}. If you did not ask for this, do nothing.";

#[expect(clippy::too_many_lines, reason = "a catalogue: one entry for each message")]
pub(super) const fn copy(template: Template) -> Copy {
    let (subject, parts): (_, &'static [_]) = match template {
        Template::Welcome => (
            "Welcome to {{ service }}",
            &[
                Say("Your account{% if username %} {{ username }}{% endif %} at {{ service }} is ready."),
                Say("You sign in at {{ portal }}."),
            ],
        ),
        Template::ConfirmEmail => (
            "Confirm your e-mail address for {{ service }}",
            &[
                Say(
                    "Somebody, probably you, gave this e-mail address for an account at {{ service }}. Please confirm that it is yours.",
                ),
                Link("Confirm this address"),
                Say(
                    "The link works once, for {{ lasts }}. If you did not ask for an account, do nothing: the address is not used without you.",
                ),
            ],
        ),
        Template::ResetPassword => (
            "Set a new password for {{ service }}",
            &[
                Say(
                    "somebody, probably you, asked to set a new password for your account{% if username %} {{ username }}{% endif %} at {{ service }}.",
                ),
                Link("Set a new password"),
                Facts,
                Say(
                    "The link works once, for {{ lasts }}. If it was not you, do nothing: your password stays as it is.",
                ),
            ],
        ),
        Template::SignInLink => (
            "Sign in to {{ service }}",
            &[
                Say(
                    "with this link you sign in to {{ service }}{% if username %} as {{ username }}{% endif %}.",
                ),
                Link("Sign in"),
                Facts,
                Say(DO_NOTHING),
            ],
        ),
        Template::Invitation => (
            "You are invited to {{ service }}",
            &[
                Say(
                    "{% if inviter %}{{ inviter }} invites you{% else %}You are invited{% endif %} to open an account at {{ service }}.",
                ),
                Link("Accept the invitation"),
                Say("The link works once, for {{ lasts }}. If you do not want an account, do nothing."),
            ],
        ),
        Template::ChangeEmailConfirm => (
            "Confirm your new e-mail address for {{ service }}",
            &[
                Say(
                    "This is to become the e-mail address of an account at {{ service }}. Please confirm that it is yours.",
                ),
                Link("Confirm this address"),
                Say(DO_NOTHING),
            ],
        ),
        Template::ChangeEmailNotice => (
            "Your e-mail address at {{ service }} is changing",
            &[
                Say(
                    "the e-mail address of your account at {{ service }} is to be replaced{% if email %} by {{ email }}{% endif %}.",
                ),
                Link("Stop this change"),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::EmailCode => (
            "Your code for {{ service }}",
            &[
                Say("this is your code for {{ service }}:"),
                Code,
                Facts,
                Say(
                    "It works once, for {{ lasts }}. Type it only on the page that asked for it; nobody at {{ service }} will ever ask you to tell it. If you did not ask for a code, somebody knows your password: set a new one at {{ portal }}.",
                ),
            ],
        ),
        Template::SmsCode => (
            "",
            &[Say(
                "{{ service }}: {{ code }} is your code. It works for {{ lasts }}. Never tell it to anybody.",
            )],
        ),
        Template::FactorAdded => (
            "A second factor was added at {{ service }}",
            &[
                Say("{{ what }} can now be used as the second step when you sign in to {{ service }}."),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::FactorRemoved => (
            "A second factor was removed at {{ service }}",
            &[
                Say("{{ what }} can no longer be used when you sign in to {{ service }}."),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::RecoveryUsed => (
            "A recovery code was used at {{ service }}",
            &[
                Say(
                    "one of your recovery codes was used to sign in to {{ service }}.{% if left %} Codes left: {{ left }}.{% endif %}",
                ),
                Facts,
                Say(
                    "Please look at your second factors at {{ portal }}: replace what is lost, and make new recovery codes when few are left.",
                ),
                Say(NOT_YOU),
            ],
        ),
        Template::NewDevice => (
            "New sign-in to {{ service }}",
            &[
                Say(
                    "your account{% if username %} {{ username }}{% endif %} at {{ service }} was signed in to from a device that we had not seen before.",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::AfterFailures => (
            "Sign-in to {{ service }} after failed attempts",
            &[
                Say(
                    "your account{% if username %} {{ username }}{% endif %} at {{ service }} was signed in to after {% if count %}{{ count }} {% endif %}failed attempts.",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::PasswordChanged => (
            "Your password at {{ service }} was changed",
            &[
                Say(
                    "the password of your account{% if username %} {{ username }}{% endif %} at {{ service }} was changed.",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::PasswordReset => (
            "Your password at {{ service }} was replaced",
            &[
                Say(
                    "the password of your account{% if username %} {{ username }}{% endif %} at {{ service }} was replaced without the old one: by a link sent to you, or by whoever runs {{ service }}. All sessions have ended.",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::AccountExists => (
            "You have an account at {{ service }}",
            &[
                Say(
                    "Somebody, probably you, tried to open an account at {{ service }} with this e-mail address. There is one already: you sign in at {{ portal }}.",
                ),
                Link("Set a new password"),
                Say("If you did not try to open an account, do nothing."),
            ],
        ),
        Template::AccountApproved => (
            "Your account at {{ service }} is open",
            &[
                Say(
                    "your account{% if username %} {{ username }}{% endif %} at {{ service }} was approved. You sign in at {{ portal }}.",
                ),
                Link("Sign in"),
            ],
        ),
        Template::ApprovalWanted => (
            "An account at {{ service }} waits for approval",
            &[
                Say(
                    "{% if username %}{{ username }}{% else %}Somebody{% endif %}{% if email %} ({{ email }}){% endif %} opened an account at {{ service }} that waits for approval.",
                ),
                Link("Look at it"),
                Facts,
            ],
        ),
        Template::Test => (
            "Test message from {{ service }}",
            &[Say("This is a test. {{ service }} can send you mail."), Facts],
        ),
        Template::MobileChanged => (
            "Your mobile number at {{ service }} was changed",
            &[
                Say(
                    "the mobile number of your account{% if username %} {{ username }}{% endif %} at {{ service }} was changed. Codes by SMS go to the new number from now on.",
                ),
                Facts,
                Say(NOT_YOU),
            ],
        ),
        Template::SmsTest => ("", &[Say("{{ service }}: this is a test.")]),
    };
    Copy { subject, parts }
}
