//! Every text that the pages show, in one place and by language.

use std::time::Duration;

/// A language the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Language {
    /// English.
    #[default]
    English,
}

impl Language {
    /// The tag of BCP 47, for `lang`.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
        }
    }
}

macro_rules! messages {
    ($($name:ident, $key:literal, $english:literal;)*) => {
        /// One text. `{name}` in it stands for a value that is filled in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Message {
            $(#[doc = concat!("`", $key, "`")] $name,)*
        }

        impl Message {
            /// All of them.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What templates call it.
            pub(super) const fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)*
                }
            }

            /// The text, its placeholders still in it.
            pub(super) const fn pattern(self, language: Language) -> &'static str {
                match language {
                    Language::English => match self {
                        $(Self::$name => $english,)*
                    },
                }
            }
        }
    };
}

messages! {
    // What is on several pages.
    SignIn, "sign-in", "Sign in";
    SignOut, "sign-out", "Sign out";
    TryAgain, "try-again", "Try again";
    ToAccount, "to-account", "Your account";
    Cancel, "cancel", "Cancel";
    Problems, "problems", "Please check this:";
    Reference, "reference", "If you ask for help, mention the reference {request}.";

    // Signing in.
    SignInTo, "sign-in-to", "Sign in to continue to {place}.";
    Login, "login", "User name or e-mail address";
    Password, "password", "Password";
    Remember, "remember", "Stay signed in on this device";
    BadCredentials, "bad-credentials", "The user name or the password is wrong.";
    Locked, "locked", "This account is locked. Ask whoever runs this service to unlock it.";
    Disabled, "disabled", "This account is disabled. Ask whoever runs this service why.";
    Throttled, "throttled", "There were too many attempts. Try again in {wait}.";
    AgainNote, "again-note", "Please sign in again: what you are about to do needs a recent sign-in.";
    ReturnRefused, "return-refused", "The address you were to be sent back to is not one that this portal knows. After signing in you will see your own page.";
    ReturnRefusedTitle, "return-refused-title", "This address is not known here";
    ReturnRefusedText, "return-refused-text", "You were to be sent to an address that this portal does not know, so it did not. If you followed a link, it may be a trap; if you set this service up, declare the address as an app.";
    FormLost, "form-lost", "The form you last sent did not arrive, because your session had ended. After signing in, go back and send it again.";
    SignInLost, "sign-in-lost", "You signed in a moment ago, but your browser did not bring our cookie back. If this happens again, allow cookies for this site, or ask whoever runs this service to check its cookie domain.";

    // No cookie came with a form.
    NoCookieTitle, "no-cookie-title", "Your browser did not send our cookie";
    NoCookieText, "no-cookie-text", "Signing in needs a cookie that this page set and that did not come back. Allow cookies for this site, then try again. If the page was open for a long time, trying again is enough.";

    // Second factor.
    SecondFactorTitle, "second-factor-title", "A second factor is needed";
    SameMailboxText, "same-mailbox-text", "You came by a link in a mail, and a code by e-mail would only show the same mailbox again. There is nothing else left that you could show here: whoever runs this service can help.";
    SameMailboxHereText, "same-mailbox-here-text", "You came by a link in a mail, or one has set your password, and a code by e-mail would only show the same mailbox again. Sign in with your password; if that leads back here, whoever runs this service can help.";
    SecondFactorText, "second-factor-text", "You are signed in as {name}, but {place} asks for a second factor, and your account has none yet. Add one to your account, then try again.";
    SecondStepTitle, "second-step-title", "One more step";
    AskTotp, "ask-totp", "Enter the code that your authenticator app shows.";
    AskRecovery, "ask-recovery", "Enter one of your recovery codes. Each works once.";
    Code, "code", "Code";
    CodeWrong, "code-wrong", "This code is wrong, was used before, or is too old.";
    TrustDevice, "trust-device", "Do not ask again on this device for a while";
    GoOn, "go-on", "Continue";
    OtherWays, "other-ways", "Other ways";
    WithTotp, "with-totp", "Authenticator app";
    WithRecovery, "with-recovery", "Recovery code";
    WithEmail, "with-email", "Code by e-mail";
    WithSms, "with-sms", "Code by SMS";
    SendCode, "send-code", "Send a code to {address}";
    CodeWasSent, "code-was-sent", "A code is on its way to {address}. It is good for a few minutes, and only here.";
    AskSent, "ask-sent", "Have a code sent, then enter it here.";
    FactorsTitle, "factors-title", "Second factors";
    FactorsOn, "factors-on", "Signing in asks for a second factor after your password.";
    FactorsOff, "factors-off", "Signing in asks for your password only. A second factor keeps others out who have learned it.";
    FactorsReview, "factors-review", "A recovery code was used. If you have lost a device, replace or remove it here, and make new recovery codes.";
    FactorsReviewed, "factors-reviewed", "Everything here is as it should be";
    FactorNone, "factor-none", "not set up";
    FactorAdd, "factor-add", "Set up";
    FactorReplace, "factor-replace", "Replace";
    FactorRemove, "factor-remove", "Remove";
    FactorRemoveLabel, "factor-remove-label", "Remove: {factor}";
    FactorEmailWeak, "factor-email-weak", "weaker than an app: whoever reads your mail has it";
    FactorAddedDone, "factor-added-done", "The second factor is set up.";
    FactorRemovedDone, "factor-removed-done", "The second factor is removed. Your other sessions have ended.";
    DevicesForget, "devices-forget", "Ask again on all trusted devices";
    DevicesForgotten, "devices-forgotten", "All your devices will be asked for a second factor again.";
    EnrolmentOver, "enrolment-over", "That took too long, or too many codes were wrong. Please begin again.";
    EnrolTitle, "enrol-title", "Set up your authenticator app";
    EnrolScan, "enrol-scan", "Scan this with the app.";
    EnrolPicture, "enrol-picture", "QR code with the key below";
    EnrolType, "enrol-type", "If you cannot scan it, type this key into the app:";
    EnrolCode, "enrol-code", "The code that the app shows now";
    RecoveryCodes, "recovery-codes", "Recovery codes";
    RecoveryLeft, "recovery-left", "{count} left";
    RecoveryMake, "recovery-make", "Make new ones";
    RecoveryOnce, "recovery-once", "Each of these codes opens your account once in place of the second factor. Print them or write them down, and keep them apart from your password: they are never shown again.";
    SignInOver, "sign-in-over", "That took too long, or too many codes were wrong. Please begin again.";

    // Passkeys.
    PasskeySignIn, "passkey-sign-in", "Sign in with a passkey";
    PasskeyUse, "passkey-use", "Use a passkey";
    WithPasskey, "with-passkey", "Passkey";
    AskPasskey, "ask-passkey", "Show one of your passkeys.";
    PasskeyScript, "passkey-script", "Passkeys need scripts, which are switched off in this browser.";
    PasskeyFailed, "passkey-failed", "Your browser did not show a passkey. Try again, or choose another way.";
    PasskeyWrong, "passkey-wrong", "This passkey was not accepted.";
    PasskeyLate, "passkey-late", "That took too long. Try again.";
    PasskeyTaken, "passkey-taken", "This passkey belongs to an account already.";
    PasskeysTitle, "passkeys-title", "Passkeys";
    PasskeysText, "passkeys-text", "A passkey is kept by your device, your password manager or a security key. It proves who you are without anything to remember, and no other site can ask for it.";
    PasskeysOff, "passkeys-off", "Passkeys cannot be added here.";
    PasskeyCreated, "passkey-created", "since {time}";
    PasskeyUnused, "passkey-unused", "not used yet";
    PasskeyBackedUp, "passkey-backed-up", "kept in more than one place";
    PasskeyBeside, "passkey-beside", "only beside a password";
    PasskeyName, "passkey-name", "Name";
    PasskeyRename, "passkey-rename", "Give it another name";
    PasskeyRenameDo, "passkey-rename-do", "Save";
    PasskeyRemove, "passkey-remove", "Remove";
    PasskeyRemoveLabel, "passkey-remove-label", "Remove the passkey {name}";
    PasskeyAddTitle, "passkey-add-title", "Add a passkey";
    PasskeyAdd, "passkey-add", "Add a passkey";
    PasskeyAdded, "passkey-added", "The passkey is added.";
    PasskeyRenamed, "passkey-renamed", "The passkey has another name.";
    PasskeyRemoved, "passkey-removed", "The passkey is removed. Your other sessions have ended.";
    PasskeyLastOne, "passkey-last-one", "This passkey is the only way into your account, so it has to stay.";

    // The documents of the API families.
    DocumentsTitle, "documents-title", "API documents";
    DocumentJson, "document-json", "The same for programs (OpenAPI 3.1)";
    DocumentServers, "document-servers", "Addresses";
    DocumentSchemes, "document-schemes", "Ways of proving who calls";
    DocumentAccess, "document-access", "who may call";
    DocumentAnybody, "document-anybody", "anybody";
    DocumentNeeded, "document-needed", "required";
    DocumentBody, "document-body", "body";
    DocumentShapes, "document-shapes", "Shapes";

    // Redirects in a circle.
    LoopTitle, "loop-title", "You are being sent in circles";
    LoopText, "loop-text", "You are signed in here as {name}, but {place} sends you back again and again. The portal has stopped. One of these is probably the cause:";
    LoopLikely, "loop-likely", "Most likely:";
    LoopDomain, "loop-domain", "The application's host is not below the domain of our session cookie, so your browser never shows the cookie there.";
    LoopSecure, "loop-secure", "The application is reached over http, but our cookie travels over https only.";
    LoopBlocked, "loop-blocked", "Your browser does not store the cookie, or blocks it for this application.";
    LoopStale, "loop-stale", "An old cookie of the same name with a wider domain hides the right one. Deleting this site's cookies helps.";
    LoopClock, "loop-clock", "The clock of a server is wrong, so that fresh sessions look expired.";
    LoopProxies, "loop-proxies", "Two proxies stand in front of the application and ask different portals, or one of them drops the cookie.";

    // Signing out.
    SignOutTitle, "sign-out-title", "Sign out?";
    SignOutText, "sign-out-text", "You are signed in as {name}. Signing out ends your session here and for every application behind this portal.";
    SignedOutTitle, "signed-out-title", "You are signed out";
    SignedOutText, "signed-out-text", "Your session has ended. On a shared device, close the browser as well.";
    NotSignedInTitle, "not-signed-in-title", "You are not signed in";
    NotSignedInText, "not-signed-in-text", "There is no session to end.";

    // First run.
    SetupTitle, "setup-title", "Create the first account";
    SetupText, "setup-text", "This account will be in the group admins. The link that brought you here works once.";
    SetupDo, "setup-do", "Create account";
    SetupDeadTitle, "setup-dead-title", "This setup link does not work";
    SetupDeadText, "setup-dead-text", "It was used, is more than a day old, or is incomplete. If there is no account yet, restart the server: it prints a new link.";
    Username, "username", "User name";
    DisplayName, "display-name", "Name shown to others (optional)";
    Email, "email", "E-mail address (optional)";
    NewPassword, "new-password", "New password";
    NewPasswordAgain, "new-password-again", "New password again";
    PasswordHint, "password-hint", "A few unrelated words make a good one. At least {least} characters; spaces are fine.";
    PasswordsDiffer, "passwords-differ", "The two new passwords are not the same.";

    // Joining.
    RegisterTitle, "register-title", "Create an account";
    RegisterText, "register-text", "You choose the user name; it cannot be changed later.";
    RegisterTextConfirm, "register-text-confirm", "You choose the user name; it cannot be changed later. We send a link to your address, and the account opens when you have followed it.";
    RegisteredTitle, "registered-title", "Nearly there";
    RegisteredConfirm, "registered-confirm", "We have sent you mail. Follow the link in it within a day; then sign in.";
    RegisteredConfirmApprove, "registered-confirm-approve", "We have sent you mail. Follow the link in it within a day. After that, whoever runs this service looks at your account and opens it.";
    RegisteredApprove, "registered-approve", "Your account is made. Whoever runs this service looks at it and opens it.";
    RegisteredSignIn, "registered-sign-in", "Your account is made. Sign in to go on.";
    InviteTitle, "invite-title", "You are invited";
    InviteText, "invite-text", "Choose a user name and a password. The account is for the address below.";
    InviteGroups, "invite-groups", "You will be in: {groups}.";
    InviteDeadText, "invite-dead-text", "The invitation was used, is too old, or is incomplete. Ask whoever invited you for another one.";
    Forgotten, "forgotten", "Forgot your password?";

    // Confirming an address.
    ConfirmTitle, "confirm-title", "Confirm your e-mail address";
    ConfirmText, "confirm-text", "Press the button to confirm that this address is yours.";
    ConfirmDo, "confirm-do", "Confirm";
    ConfirmedTitle, "confirmed-title", "Your address is confirmed";
    ConfirmedText, "confirmed-text", "You can sign in with it from now on.";
    ConfirmDeadText, "confirm-dead-text", "The link was used, is too old, or is incomplete, or the address is somebody else's by now. If you have confirmed already, just sign in; if not, have another letter sent.";
    ConfirmAgain, "confirm-again", "Send the letter again";
    ConfirmAgainTitle, "confirm-again-title", "Another confirmation letter";
    ConfirmAgainText, "confirm-again-text", "Type the user name that you chose. The letter goes to the address you gave with it.";
    SentIfKnown, "sent-if-known", "If there is an account to send mail about, it is on its way. It can take a few minutes; look into the folder for unwanted mail, too.";

    // Without the password.
    ForgotTitle, "forgot-title", "Forgot your password?";
    ForgotText, "forgot-text", "We send a link to your e-mail address with which you can choose a new password.";
    ForgotDo, "forgot-do", "Send the link";
    RecoverTitle, "recover-title", "Choose a new password";
    RecoverText, "recover-text", "All your sessions will end. If you use a second factor, it is asked for afterwards.";
    RecoveredTitle, "recovered-title", "Your password is changed";
    RecoveredWaits, "recovered-waits", "Something is still asked of this account before it can be used.";
    OnetimeTitle, "onetime-title", "Sign in with this link";
    OnetimeText, "onetime-text", "Press the button to sign in. The link works once.";
    LinkDeadText, "link-dead-text", "It was used, is too old, or is incomplete. Ask for another one.";

    // Terms.
    TermsTitle, "terms-title", "Terms of use";
    TermsText, "terms-text", "Before you go on, please read and accept the terms of this service.";
    TermsAccept, "terms-accept", "I have read the terms and accept them:";
    TermsDo, "terms-do", "Go on";
    TermsNeeded, "terms-needed", "The terms must be accepted.";

    // The own profile.
    ProfileTitle, "profile-title", "Your profile";
    ProfileSave, "profile-save", "Save the name";
    ProfileSaved, "profile-saved", "Saved.";
    ProfileSent, "profile-sent", "If the address can be used, mail is on its way to it. It takes effect when you follow the link; until then the old one stays.";
    ProfileStopped, "profile-stopped", "The change was stopped: the e-mail address stays as it is.";
    ProfileStopHint, "profile-stop-hint", "{email} is to become the e-mail address of this account as soon as the link that we sent there is followed.";
    ProfileStopDo, "profile-stop-do", "Stop this change";
    ProfileEmailHint, "profile-email-hint", "A new address takes effect when you have followed the link we send there. The old one gets a notice.";
    ProfileEmailOpen, "profile-email-open", "This address is not confirmed yet.";
    ProfileEmailDo, "profile-email-do", "Send the link";
    ProfileMobileHint, "profile-mobile-hint", "With the country code, as in +49 30 123456. We send a code there.";
    ProfileMobileDo, "profile-mobile-do", "Send a code";
    ProfileCode, "profile-code", "Code that was sent to {number}";
    CodeOver, "code-over", "This code is over. Have another one sent.";
    StipulatedSignIn, "stipulated-sign-in", "Something is still asked of this account: follow the link in the mail we sent, or wait until whoever runs this service has opened it.";

    // Changing the password.
    ChangeTitle, "change-title", "Change your password";
    ChangeForced, "change-forced", "Your password was set by somebody else. Choose your own before you go on.";
    ChangeText, "change-text", "All your other sessions will end.";
    ChangeDo, "change-do", "Change password";
    OldPassword, "old-password", "Present password";
    WrongPassword, "wrong-password", "The present password is wrong.";
    ManagedAccount, "managed-account", "Your account is declared in the configuration file; its password can only be changed there.";
    NoPassword, "no-password", "Your account has no password.";

    // Who am I.
    MeTitle, "me-title", "Your account";
    MeUsername, "me-username", "User name";
    MeName, "me-name", "Name";
    MeEmail, "me-email", "E-mail address";
    MeGroups, "me-groups", "Groups";
    MeLevel, "me-level", "Signed in with";
    LevelOne, "level-one", "one factor";
    LevelTwo, "level-two", "two factors";
    None, "none", "none";
    Sessions, "sessions", "Where you are signed in";
    SessionHere, "session-here", "this session";
    SessionStarted, "session-started", "since {time}";
    SessionSeen, "session-seen", "last used {time}";
    SessionFrom, "session-from", "from {address}";
    SessionEnd, "session-end", "End";
    SessionEndLabel, "session-end-label", "End the session {session}";
    SessionsEndOthers, "sessions-end-others", "End all other sessions";
    Moment, "moment", "{date}, {clock} UTC";
    AgentOn, "agent-on", "{browser} on {system}";
    AgentUnknown, "agent-unknown", "Unknown program";
    DoneChanged, "done-changed", "Your password is changed. Your other sessions have ended.";
    DoneEnded, "done-ended", "The session has ended.";
    DoneEndedOthers, "done-ended-others", "Your other sessions have ended.";
    DoneRefused, "done-refused", "You were not sent back to where you came from, because this portal does not know that address.";

    // Time spans.
    OneSecond, "one-second", "a second";
    Seconds, "seconds", "{count} seconds";
    OneMinute, "one-minute", "a minute";
    Minutes, "minutes", "{count} minutes";
    Hours, "hours", "{count} hours";
    Days, "days", "{count} days";

    // Refusals as pages of their own.
    FaultUnauthenticated, "fault-unauthenticated", "You are not signed in";
    FaultUnauthenticatedText, "fault-unauthenticated-text", "Sign in first.";
    FaultCodeText, "fault-code-text", "The code is wrong, was used before, or is too old.";
    FaultStipulatedText, "fault-stipulated-text", "Something is still asked of you before this account can be used.";
    FaultFresh, "fault-fresh", "Please sign in again";
    FaultSecondText, "fault-second-text", "This needs your second factor, given in the last minutes.";
    FaultFreshText, "fault-fresh-text", "This needs a sign-in of the last minutes, so that nobody can do it at a device you left open.";
    FaultForbidden, "fault-forbidden", "You may not see this";
    FaultForbiddenText, "fault-forbidden-text", "Your account has no access here. If it should have, ask whoever runs this service.";
    FaultCrossSite, "fault-cross-site", "This form is not valid any more";
    FaultCrossSiteText, "fault-cross-site-text", "It was open for too long, you signed in or out in another tab, or it did not come from our own page. Nothing was done. Open the page again and repeat it.";
    FaultNotFound, "fault-not-found", "There is nothing here";
    FaultNotFoundText, "fault-not-found-text", "The address may be mistyped, or the link may be old.";
    FaultMethod, "fault-method", "This cannot be done here";
    FaultMethodText, "fault-method-text", "The page exists, but it does not take this kind of request.";
    FaultConflict, "fault-conflict", "This is not possible";
    FaultConflictText, "fault-conflict-text", "It collides with something that is there already.";
    FaultMalformed, "fault-malformed", "This request cannot be understood";
    FaultMalformedText, "fault-malformed-text", "Something in it is missing, doubled or damaged. Go back, reload the page and try again.";
    FaultMediaType, "fault-media-type", "This is not a form";
    FaultMediaTypeText, "fault-media-type-text", "Pages take forms only (application/x-www-form-urlencoded).";
    FaultTooLarge, "fault-too-large", "This is too large";
    FaultTooLargeText, "fault-too-large-text", "The request is larger than a form can be.";
    FaultInvalid, "fault-invalid", "This link does not work";
    FaultInvalidText, "fault-invalid-text", "It was used, is too old, or is incomplete.";
    FaultMisdirected, "fault-misdirected", "This address is not served here";
    FaultMisdirectedText, "fault-misdirected-text", "The request came for a host that this server does not know. If you run this service, compare the address in your browser with public_url and with the hosts of the apps.";
    FaultThrottled, "fault-throttled", "Too many attempts";
    FaultThrottledText, "fault-throttled-text", "Wait for {wait}, then try again.";
    FaultBusy, "fault-busy", "Too much is going on";
    FaultBusyText, "fault-busy-text", "Nothing was done. Try again in {wait}.";
    FaultUnavailable, "fault-unavailable", "This cannot be saved at the moment";
    FaultUnavailableText, "fault-unavailable-text", "Nothing was changed. Try again in {wait}.";
    FaultBroken, "fault-broken", "Something went wrong on our side";
    FaultBrokenText, "fault-broken-text", "It is in the log. Trying again may help.";
    FaultLocked, "fault-locked", "This account cannot be used";

    // Fields, before what is wrong with them.
    FieldOf, "field-of", "{field}: {flaw}";
    FieldIs, "field-is", "{field} {flaw}.";
    FieldBody, "field-body", "The form";
    FieldGroup, "field-group", "Group";
    FieldMobile, "field-mobile", "Mobile number";
    FieldCode, "field-code", "Code";
    FieldToken, "field-token", "Token";
    FieldSession, "field-session", "Session";
    FieldContinue, "field-continue", "Address";
    FieldDisplayName, "field-display-name", "Name";
    FieldEmail, "field-email", "E-mail address";

    // OAuth 2.0: agreeing, and what was agreed to.
    ConsentTitle, "consent-title", "Let an application in?";
    ConsentHeading, "consent-heading", "{client} wants to know who you are";
    ConsentText, "consent-text", "If you agree, {client} may act with your account {account} and learn or do this:";
    ConsentNoScopes, "consent-no-scopes", "That you have an account here, and nothing else";
    ConsentLasts, "consent-lasts", "It ends when you sign out here, and after {time} at the latest.";
    ConsentLastsOffline, "consent-lasts-offline", "It goes on after you sign out here, and ends after {time} at the latest.";
    ConsentPlace, "consent-place", "You will be sent to {place}.";
    ConsentAuthor, "consent-author", "Made by";
    ConsentAllow, "consent-allow", "Allow";
    ConsentOther, "consent-other", "Use another account";
    ConsentBadTitle, "consent-bad-title", "The application asked in a way that is not right";
    ConsentBadText, "consent-bad-text", "An application sent you here, but it is not known or its request is wrong, so you are not sent back to it. If you run it, compare its settings with its registration here.";
    ConsentBadWhat, "consent-bad-what", "({error}: {what})";
    ScopeOpenid, "scope-openid", "Recognise you when you come back";
    ScopeProfile, "scope-profile", "Your name and user name";
    ScopeEmail, "scope-email", "Your e-mail address";
    ScopeOffline, "scope-offline", "Do so while you are signed out";
    AppsTitle, "apps-title", "Connected applications";
    AppsText, "apps-text", "You have let these applications act with your account. Taking it back ends their access at once.";
    AppsNone, "apps-none", "You have not let any application act with your account.";
    AppsSince, "apps-since", "since {time}";
    AppsActive, "apps-active", "has access now";
    AppsRevoke, "apps-revoke", "Take back";
    AppsRevokeLabel, "apps-revoke-label", "Take back what {app} may do";
    AppsEnded, "apps-ended", "The application has no access any more.";
}

impl Message {
    /// The message that templates call so.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|message| message.key() == key)
    }

    /// The text with values filled in. Values are put in as they are and not looked at again, so a value with
    /// braces in it stays what it is. A placeholder without value stays visible.
    pub(super) fn fill(self, language: Language, values: &[(&str, &str)]) -> String {
        let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let mut text = String::new();
        let mut rest = self.pattern(language);
        while let Some((before, name, after)) = next_placeholder(rest) {
            text.push_str(before);
            if let Some(value) = value(name) {
                text.push_str(value);
            } else {
                text.extend(["{", name, "}"]);
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }

    /// The names of the placeholders.
    pub(super) fn placeholders(self, language: Language) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut rest = self.pattern(language);
        while let Some((_, name, after)) = next_placeholder(rest) {
            names.push(name);
            rest = after;
        }
        names
    }
}

fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// How long to wait, in words, rounded up.
pub(super) fn waiting(language: Language, wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    let counted = |message: Message, count: u128| message.fill(language, &[("count", &count.to_string())]);
    match seconds {
        1 => counted(Message::OneSecond, 1),
        2..=59 => counted(Message::Seconds, seconds),
        60 => counted(Message::OneMinute, 1),
        61..=7200 => counted(Message::Minutes, seconds.div_ceil(60)),
        _ if seconds > 172_800 && seconds.is_multiple_of(86_400) => counted(Message::Days, seconds / 86_400),
        _ => counted(Message::Hours, seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use super::{Language, Message, waiting};

    #[test]
    fn every_message_has_its_own_key_and_a_text() {
        let keys: HashSet<_> = Message::ALL.iter().map(|message| message.key()).collect();
        assert_eq!(keys.len(), Message::ALL.len());
        for message in Message::ALL {
            let text = message.pattern(Language::English);
            assert!(!text.is_empty() && text.trim() == text, "{message:?}");
            assert!(!text.contains(['<', '>', '&']), "{message:?} is text, not HTML");
            assert_eq!(Message::of_key(message.key()), Some(*message));
        }
        assert_eq!(Message::of_key("no-such-key"), None);
    }

    /// Proves: WEB-6
    #[test]
    fn a_value_cannot_bring_in_other_values() {
        let values = [("browser", "{system}"), ("system", "{browser}")];
        assert_eq!(Message::AgentOn.fill(Language::English, &values), "{system} on {browser}");
        assert_eq!(Message::AgentOn.fill(Language::English, &[]), "{browser} on {system}");
        assert_eq!(Message::AgentOn.placeholders(Language::English), ["browser", "system"]);
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let said = |millis| waiting(Language::English, Duration::from_millis(millis));
        assert_eq!(said(0), "a second");
        assert_eq!(said(1001), "2 seconds");
        assert_eq!(said(59_500), "a minute");
        assert_eq!(said(61_000), "2 minutes");
        assert_eq!(said(7_200_001), "3 hours");
        assert_eq!(said(172_800_000), "48 hours");
        assert_eq!(said(172_800_001), "49 hours");
        assert_eq!(said(30 * 86_400_000), "30 days");
    }
}
