//! Bytes as text for URLs and cookies: base64url without padding (RFC 4648, section 5), read
//! strictly.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes to base64url, without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Exactly `N` bytes from base64url. `None` for any other length, alphabet or padding, and for
/// spare bits that are not zero: one value has one spelling, so nobody gets a second key for the
/// same door past a list of used ones.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    // The length is settled before anything is decoded or allocated.
    if text.len() != encoded_len(N) {
        return None;
    }
    let mut out = [0; N];
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut out).ok()?;
    (written == N).then_some(out)
}

/// At most `max` bytes from base64url, as strictly as [`decode`].
pub fn decode_up_to(text: &str, max: usize) -> Option<Vec<u8>> {
    if text.len() > encoded_len(max) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// How many characters `bytes` bytes become.
pub const fn encoded_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, decode_up_to, encode};

    #[test]
    fn one_value_has_one_spelling() {
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode::<2>("-_8"), Some([0xfb, 0xff]));
        for other in ["-_9", "-_8=", "+/8", "-_8 ", "-_", "-_8A", "", "-\u{e9}"] {
            assert_eq!(decode::<2>(other), None, "{other:?}");
        }
        assert_eq!(decode::<0>(""), Some([]));
        assert_eq!(decode_up_to("-_8", 2), Some(vec![0xfb, 0xff]));
        assert_eq!(decode_up_to("-_8", 1), None);
        assert_eq!(decode_up_to("-_9", 2), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(bytes in any::<[u8; 17]>(), text in "[A-Za-z0-9_=-]{20,24}") {
            prop_assert_eq!(decode::<17>(&encode(&bytes)), Some(bytes));
            if let Some(read) = decode::<17>(&text) {
                prop_assert_eq!(encode(&read), text);
            }
        }
    }
}
