//! What a page sends when the authenticator has answered: the JSON of `PublicKeyCredential` (specification, section 5.1), bytes as
//! base64url. Members that are of no use here are passed over; of the others none is there twice.

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

use super::model::Refusal;
use crate::crypto::text;

/// Longest answer of a browser that is looked at, in bytes of its JSON text. Attestation certificates, which nobody asks for, would be
/// the largest part.
pub const LONGEST_RESPONSE: usize = 24 * 1024;

/// Longest credential id (specification, section 4).
const LONGEST_ID: usize = 1023;

/// How an authenticator can be reached, in the words of the standard (section 5.8.4).
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// An answer of either ceremony.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Answer<R> {
    id: String,
    #[serde(rename = "rawId")]
    pub(super) raw_id: Bytes,
    #[serde(rename = "type")]
    kind: String,
    pub(super) response: R,
    #[serde(rename = "clientExtensionResults", default)]
    extensions: Extensions,
}

/// Of a credential that was made.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Attestation {
    #[serde(rename = "attestationObject")]
    pub(super) object: Bytes,
    #[serde(rename = "clientDataJSON")]
    pub(super) client_data: Bytes,
    #[serde(default)]
    transports: Option<Vec<String>>,
}

/// Of a credential that was shown.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Assertion {
    #[serde(rename = "authenticatorData")]
    pub(super) authenticator_data: Bytes,
    #[serde(rename = "clientDataJSON")]
    pub(super) client_data: Bytes,
    pub(super) signature: Bytes,
    #[serde(rename = "userHandle", default)]
    pub(super) user_handle: Option<Bytes>,
}

/// Nothing signs these. One is worth showing to the owner, none is believed.
#[derive(Clone, Debug, Default, Deserialize)]
struct Extensions {
    #[serde(rename = "credProps", default)]
    properties: Option<Properties>,
}

#[derive(Clone, Debug, Deserialize)]
struct Properties {
    #[serde(default)]
    rk: Option<bool>,
}

impl<R: DeserializeOwned> Answer<R> {
    pub(super) fn read(json: &str) -> Result<Self, Refusal> {
        if json.len() > LONGEST_RESPONSE {
            return Err(Refusal::Malformed("too long"));
        }
        let answer: Self = serde_json::from_str(json).map_err(|_| Refusal::Malformed("no credential"))?;
        let id = &answer.raw_id.0;
        let named = !id.is_empty() && id.len() <= LONGEST_ID && answer.id == text::encode(id);
        if named && answer.kind == "public-key" {
            Ok(answer)
        } else {
            Err(Refusal::Malformed("its id or type"))
        }
    }

    /// Whether it can be found without being named, as far as the browser knows.
    pub(super) fn discoverable(&self) -> Option<bool> {
        self.extensions.properties.as_ref()?.rk
    }
}

impl Attestation {
    /// The words of the standard among what it says, each once.
    pub(super) fn transports(&self) -> Vec<String> {
        let said = self.transports.as_deref().unwrap_or_default();
        let known = TRANSPORTS.iter().filter(|word| said.iter().any(|said| said == *word));
        known.map(|word| (*word).to_owned()).collect()
    }
}

/// Bytes as base64url without padding.
#[derive(Clone, Debug)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text::decode_up_to(&text, LONGEST_RESPONSE).map(Self).ok_or_else(|| D::Error::custom("not base64url"))
    }
}
