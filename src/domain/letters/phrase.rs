//! Small phrases: how long, when, and what a factor is called.

use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use crate::{domain::outbox::Language, values::agent::told};

/// `30` → "30 minutes", `1440` → "24 hours". What is no number stays as it is.
pub(super) fn span(language: Language, minutes: &str) -> String {
    let Ok(count) = minutes.parse::<u32>() else { return minutes.to_owned() };
    let (count, hours) =
        if count >= 120 && count.is_multiple_of(60) { (count / 60, true) } else { (count, false) };
    match (language, hours, count) {
        (Language::English, true, _) => format!("{count} hours"),
        (Language::English, false, 1) => "1 minute".to_owned(),
        (Language::English, false, _) => format!("{count} minutes"),
        (Language::Chinese, true, _) => format!("{count} 小时"),
        (Language::Chinese, false, _) => format!("{count} 分钟"),
    }
}

const ENGLISH: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
const CHINESE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]年[month padding:none]月[day padding:none]日 [hour]:[minute] UTC");

/// RFC 3339 → as people write it. What is no time stays as it is.
pub(super) fn moment(language: Language, time: &str) -> String {
    let format = match language {
        Language::English => ENGLISH,
        Language::Chinese => CHINESE,
    };
    let at = OffsetDateTime::parse(time, &Rfc3339).ok().map(|at| at.to_offset(time::UtcOffset::UTC));
    at.and_then(|at| at.format(format).ok()).unwrap_or_else(|| time.to_owned())
}

/// The word of a factor → what people call it. Any other text (a name that its owner gave it) stays as it is.
pub(super) fn factor(language: Language, word: &str) -> String {
    let [english, chinese] = match word {
        "totp" => ["An authenticator app", "身份验证器应用"],
        "recovery" | "recovery-code" => ["A set of recovery codes", "恢复码"],
        "email" | "email-code" => ["A code by e-mail", "邮件验证码"],
        "sms" | "sms-code" => ["A code by SMS", "短信验证码"],
        "passkey" => ["A passkey", "通行密钥"],
        "device" | "trusted-device" => ["A trusted device", "受信任的设备"],
        other => [other, other],
    };
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
    .to_owned()
}

/// A `User-Agent` → "Firefox on Linux", in words of ours only: whoever signs in writes the original, and could have its owner read
/// whatever they like. Nothing when nothing is recognised.
pub(super) fn device(language: Language, agent: &str) -> String {
    match (language, told(agent)) {
        (Language::English, (Some(browser), Some(system))) => format!("{browser} on {system}"),
        (Language::Chinese, (Some(browser), Some(system))) => format!("{system} 上的 {browser}"),
        (_, (Some(only), None) | (None, Some(only))) => only.to_owned(),
        (_, (None, None)) => String::new(),
    }
}

/// Without the gaps that parts leave which were not needed: no more than one empty line at a time, and none at the ends.
pub(super) fn tidied(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim_matches(['\r', '\n']).lines() {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// For a place in HTML, quoted attributes among them.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
