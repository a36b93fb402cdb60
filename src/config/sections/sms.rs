//! `[sms]`: the HTTP gateway that takes texts, as its own manual describes it.

use std::collections::BTreeMap;

use http::{HeaderName, Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::outgoing::address;
use crate::{
    config::{fields::Hidden, ledger::Ledger, secret_files},
    world::{
        outgoing::Reach,
        sms::{Gateway, GatewayBody},
    },
};

/// `[sms]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SmsSection {
    pub(crate) delivery: SmsWord,
    pub(crate) url: String,
    pub(crate) method: MethodWord,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) json: String,
    pub(crate) secret: Hidden,
    pub(crate) secret_file: String,
    pub(crate) success: Vec<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SmsWord {
    #[default]
    None,
    Http,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MethodWord {
    #[default]
    Post,
    Put,
    Get,
}

impl Default for SmsSection {
    fn default() -> Self {
        Self {
            delivery: SmsWord::None,
            url: String::new(),
            method: MethodWord::Post,
            headers: BTreeMap::new(),
            form: BTreeMap::new(),
            json: String::new(),
            secret: Hidden::default(),
            secret_file: String::new(),
            success: vec![200, 201, 202, 204],
        }
    }
}

impl SmsSection {
    /// The gateway, if there is one; the outer `None` after a complaint.
    #[expect(clippy::option_option, reason = "no gateway is a setting, a complaint is none")]
    pub(crate) fn settle(&self, reach: &Reach, ledger: &mut Ledger) -> Option<Option<Gateway>> {
        let secret = secret_files::secret("sms", "secret", &self.secret, &self.secret_file, ledger);
        let headers = self.headers(ledger);
        let success = self.success(ledger);
        if self.delivery == SmsWord::None {
            return Some(None);
        }
        let url = address("sms.url", &self.url, reach, ledger);
        let body = self.body(ledger);
        let method = match self.method {
            MethodWord::Post => Method::POST,
            MethodWord::Put => Method::PUT,
            MethodWord::Get => Method::GET,
        };
        let said = [self.headers.values(), self.form.values()].into_iter().flatten().chain([&self.json]);
        if secret.is_none() && said.into_iter().any(|text| text.contains("{secret}")) {
            ledger.refuse("sms.secret", "is missing, but {secret} is to be filled in");
        }
        Some(Some(Gateway { url: url?, method, headers: headers?, body: body?, secret, success: success? }))
    }

    fn body(&self, ledger: &mut Ledger) -> Option<GatewayBody> {
        let body = match (self.form.is_empty(), self.json.is_empty()) {
            (false, true) => GatewayBody::Form(self.form.clone().into_iter().collect()),
            (true, false) => {
                if self.method == MethodWord::Get {
                    ledger.refuse_with(
                        "sms.json",
                        "a GET has no body",
                        "use sms.form, which then goes into the address",
                    );
                }
                match serde_json::from_str(&self.json) {
                    Ok(json) => GatewayBody::Json(json),
                    Err(error) => {
                        ledger.refuse("sms.json", format!("is not JSON: {error}"));
                        return None;
                    }
                }
            }
            _ => {
                ledger.refuse_with(
                    "sms.form",
                    "one of sms.form and sms.json says what is sent",
                    "like { to = \"{to}\", text = \"{text}\" }",
                );
                return None;
            }
        };
        let said = format!("{:?} {}", self.form, self.json);
        for name in ["{to}", "{text}"] {
            if !said.contains(name) {
                let key = if self.json.is_empty() { "sms.form" } else { "sms.json" };
                ledger.refuse(key, format!("{name} is nowhere in it"));
            }
        }
        Some(body)
    }

    fn headers(&self, ledger: &mut Ledger) -> Option<Vec<(HeaderName, String)>> {
        let mut headers = Vec::new();
        let mut good = true;
        for (name, value) in &self.headers {
            let key = format!("sms.headers.{name}");
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(header) if !value.chars().any(char::is_control) => headers.push((header, value.clone())),
                Ok(_) => {
                    ledger.refuse(&key, "holds a line break or another control character");
                    good = false;
                }
                Err(_) => {
                    ledger.refuse(&key, "is not the name of a header");
                    good = false;
                }
            }
        }
        good.then_some(headers)
    }

    fn success(&self, ledger: &mut Ledger) -> Option<Vec<StatusCode>> {
        let list =
            self.success.iter().map(|code| StatusCode::from_u16(*code).ok().filter(StatusCode::is_success));
        match list.collect::<Option<Vec<_>>>() {
            Some(list) if !list.is_empty() => Some(list),
            _ => {
                ledger.refuse("sms.success", "must list statuses from 200 to 299");
                None
            }
        }
    }
}
