//! A short label for a `User-Agent`, so that people recognise their own sessions. Nothing is ever decided on it.

use super::catalogue::{Language, Message};
use crate::values::agent::told;

/// "Firefox on Linux". The label holds words of ours only, whatever was sent.
pub(super) fn label(language: Language, agent: &str) -> String {
    match told(agent) {
        (Some(browser), Some(system)) => {
            Message::AgentOn.fill(language, &[("browser", browser), ("system", system)])
        }
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => Message::AgentUnknown.fill(language, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, label};

    #[test]
    fn browsers_are_told_from_their_imitators() {
        for (agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
                 Safari/537.36 Edg/126.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
                 Safari/537.36",
                "Chrome on macOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 \
                 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 CriOS/126.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) SamsungBrowser/25.0 Chrome/121.0",
                "Samsung Internet on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
            ("", "Unknown program"),
        ] {
            assert_eq!(label(Language::English, agent), expected, "{agent}");
        }
    }

    /// Proves: WEB-6
    #[test]
    fn nothing_of_what_was_sent_is_in_the_label() {
        let hostile = "<script>alert(1)</script>\u{202e}\" Firefox/1 onload='x' Linux";
        assert_eq!(label(Language::English, hostile), "Firefox on Linux");
        assert_eq!(label(Language::English, "<script>\u{202e}"), "Unknown program");
    }
}
