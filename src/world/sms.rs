//! SMS: a text, and the HTTP gateway that takes it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use super::{
    outgoing::{HttpClient, Outgoing},
    outlet::{Doing, SendError},
};
use crate::values::{id::MessageId, secret::Secret};

/// A text to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its id: the same however often it is tried.
    pub id: MessageId,
    /// The number, E.164.
    pub to: String,
    /// The words.
    pub text: String,
}

/// Sends texts.
pub trait SmsSender: Send + Sync {
    /// Hands a text over. It may arrive twice when the answer was lost.
    fn send<'a>(&'a self, text: &'a Text) -> Doing<'a, Result<(), SendError>>;

    /// Where texts go, for the operator.
    fn describe(&self) -> String;

    /// Whether texts go anywhere.
    fn is_set_up(&self) -> bool {
        true
    }
}

/// A gateway as its operator describes it. In headers, form and JSON `{to}`, `{text}`, `{id}` and `{secret}` are filled in.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where to; fixed, nothing is filled in here.
    pub url: url::Url,
    /// `POST`, `PUT` or `GET`.
    pub method: Method,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// What is sent.
    pub body: GatewayBody,
    /// What `{secret}` stands for.
    pub secret: Option<Secret<String>>,
    /// The statuses that mean "taken".
    pub success: Vec<StatusCode>,
}

/// What a gateway is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayBody {
    /// Fields of a form; with `GET` they go into the address.
    Form(Vec<(String, String)>),
    /// JSON, filled in inside its texts only, so that no message changes its shape.
    Json(Value),
}

/// The sender that these settings describe.
pub(super) fn sender(settings: Option<Gateway>, http: &Arc<dyn HttpClient>) -> Arc<dyn SmsSender> {
    match settings {
        Some(settings) => Arc::new(HttpGateway { settings, http: http.clone() }),
        None => Arc::new(Nowhere),
    }
}

/// No SMS.
pub(super) struct Nowhere;

impl SmsSender for Nowhere {
    fn send<'a>(&'a self, _: &'a Text) -> Doing<'a, Result<(), SendError>> {
        Box::pin(async { Err(SendError::Never("no SMS gateway is configured".to_owned())) })
    }

    fn describe(&self) -> String {
        "nowhere".to_owned()
    }

    fn is_set_up(&self) -> bool {
        false
    }
}

struct HttpGateway {
    settings: Gateway,
    http: Arc<dyn HttpClient>,
}

impl SmsSender for HttpGateway {
    fn send<'a>(&'a self, text: &'a Text) -> Doing<'a, Result<(), SendError>> {
        Box::pin(async move {
            let request = self.settings.request(text)?;
            let answer = self.http.send(request).await.map_err(SendError::later)?;
            if self.settings.success.contains(&answer.status) {
                Ok(())
            } else {
                Err(SendError::of_status(answer.status))
            }
        })
    }

    fn describe(&self) -> String {
        format!("the SMS gateway at {}", self.settings.url.origin().ascii_serialization())
    }
}

impl Gateway {
    fn request(&self, text: &Text) -> Result<Outgoing, SendError> {
        // A number is a plus and digits, so it cannot hold a line break; the words may hold several lines.
        if text.to.chars().any(char::is_control) || text.to.is_empty() {
            return Err(SendError::Never("the number is empty or holds a control character".to_owned()));
        }
        let mut url = self.url.clone();
        let mut headers = HeaderMap::new();
        for (name, pattern) in &self.headers {
            let mut value = HeaderValue::try_from(self.fill(pattern, text)).map_err(|_| {
                SendError::Never(format!(
                    "the header {name} would hold a line break or another control character"
                ))
            })?;
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
        let body = match &self.body {
            GatewayBody::Form(fields) if self.method == Method::GET => {
                for (name, pattern) in fields {
                    url.query_pairs_mut().append_pair(name, &self.fill(pattern, text));
                }
                Bytes::new()
            }
            GatewayBody::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, pattern) in fields {
                    form.append_pair(name, &self.fill(pattern, text));
                }
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.entry(header::CONTENT_TYPE).or_insert(kind);
                Bytes::from(form.finish())
            }
            GatewayBody::Json(pattern) => {
                let kind = HeaderValue::from_static("application/json");
                headers.entry(header::CONTENT_TYPE).or_insert(kind);
                Bytes::from(self.fill_json(pattern, text).to_string())
            }
        };
        Ok(Outgoing { method: self.method.clone(), url, headers, body, wants: None })
    }

    fn fill_json(&self, pattern: &Value, text: &Text) -> Value {
        match pattern {
            Value::String(pattern) => Value::String(self.fill(pattern, text)),
            Value::Array(items) => items.iter().map(|item| self.fill_json(item, text)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.fill_json(value, text))).collect()
            }
            other => other.clone(),
        }
    }

    /// One pass from the left: what was filled in is not looked at again, so a message cannot ask for the secret.
    fn fill(&self, pattern: &str, text: &Text) -> String {
        let mut out = String::with_capacity(pattern.len() + text.text.len());
        let mut rest = pattern;
        while let Some(at) = rest.find('{') {
            let (before, from_brace) = rest.split_at(at);
            out.push_str(before);
            let known = [
                ("{to}", text.to.as_str()),
                ("{text}", text.text.as_str()),
                ("{id}", &text.id.to_string()),
                ("{secret}", self.secret.as_ref().map_or("", |secret| secret.expose().as_str())),
            ]
            .into_iter()
            .find_map(|(name, value)| Some((value.to_owned(), from_brace.strip_prefix(name)?)));
            if let Some((value, after)) = known {
                out.push_str(&value);
                rest = after;
            } else {
                out.push('{');
                rest = from_brace.strip_prefix('{').unwrap_or_default();
            }
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests;
