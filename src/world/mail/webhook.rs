//! Letters as JSON to an address of the operator's.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;

use super::{Letter, MailSender, Webhook, letter::Heading};
use crate::world::{
    outgoing::{HttpClient, Outgoing},
    outlet::{Doing, SendError},
};

pub(super) struct Hook {
    settings: Webhook,
    heading: Heading,
    http: Arc<dyn HttpClient>,
}

/// What the other side reads.
#[derive(Serialize)]
struct Body<'a> {
    id: String,
    message_id: String,
    template: &'a str,
    language: &'a str,
    from: String,
    reply_to: Option<String>,
    to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    date: String,
}

impl Hook {
    pub(super) fn new(settings: Webhook, heading: Heading, http: Arc<dyn HttpClient>) -> Self {
        Self { settings, heading, http }
    }

    async fn deliver(&self, letter: &Letter) -> Result<(), SendError> {
        let parts = letter.parts();
        let body = Body {
            id: parts.id.to_string(),
            message_id: self.heading.message_id(letter),
            template: parts.kind,
            language: parts.language,
            from: self.heading.from.to_string(),
            reply_to: self.heading.reply_to.as_ref().map(ToString::to_string),
            to: &parts.to,
            subject: &parts.subject,
            text: &parts.text,
            html: &parts.html,
            date: parts.at.rfc3339(),
        };
        let body = serde_json::to_vec(&body).map_err(|error| SendError::Never(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(secret) = &self.settings.secret {
            let mut value = HeaderValue::try_from(format!("Bearer {}", secret.expose()))
                .map_err(|_| SendError::Later("the secret cannot be written into a header".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let request = Outgoing {
            method: Method::POST,
            url: self.settings.url.clone(),
            headers,
            body: Bytes::from(body),
            wants: None,
        };
        let answer = self.http.send(request).await.map_err(SendError::later)?;
        if answer.status.is_success() { Ok(()) } else { Err(SendError::of_status(answer.status)) }
    }
}

impl MailSender for Hook {
    fn send<'a>(&'a self, letter: &'a Letter) -> Doing<'a, Result<(), SendError>> {
        Box::pin(self.deliver(letter))
    }

    fn describe(&self) -> String {
        // Without its query, which may hold a key.
        format!("the webhook at {}", self.settings.url.origin().ascii_serialization())
    }
}
