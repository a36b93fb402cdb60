//! The SMS gateway.

use super::*;
use crate::{
    values::{random::Random, time::Timestamp},
    world::FakeHttp,
};

fn text() -> Text {
    Text {
        id: MessageId::mint(Timestamp::from_secs(1), Random::new([7; 10])),
        to: "+491701234567".to_owned(),
        text: "Example: 83920175 \"now\" & {secret} 密码\nnever tell".to_owned(),
    }
}

fn gateway(method: Method, body: GatewayBody) -> Gateway {
    Gateway {
        url: "https://sms.example.com/send?account=7".parse().unwrap(),
        method,
        headers: vec![
            (HeaderName::from_static("authorization"), "Bearer {secret}".to_owned()),
            (HeaderName::from_static("idempotency-key"), "{id}".to_owned()),
        ],
        body,
        secret: Some(Secret::from("planted-secret")),
        success: vec![StatusCode::OK, StatusCode::ACCEPTED],
    }
}

fn form() -> GatewayBody {
    GatewayBody::Form(vec![
        ("to".to_owned(), "{to}".to_owned()),
        ("body".to_owned(), "{text}".to_owned()),
        ("plain".to_owned(), "{other} {".to_owned()),
    ])
}

async fn sent(gateway: Gateway) -> Outgoing {
    let fake = Arc::new(FakeHttp::default());
    let http: Arc<dyn HttpClient> = fake.clone();
    sender(Some(gateway), &http).send(&text()).await.unwrap();
    fake.take().remove(0)
}

#[tokio::test]
async fn json_is_filled_in_inside_its_texts_only() {
    let pattern = serde_json::json!({ "to": ["{to}"], "msg": { "text": "{text}", "n": 1 } });
    let asked = sent(gateway(Method::POST, GatewayBody::Json(pattern))).await;
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body, serde_json::json!({ "to": [text().to], "msg": { "text": text().text, "n": 1 } }));
    assert_eq!(asked.headers["content-type"], "application/json");
    assert_eq!(asked.headers["authorization"], "Bearer planted-secret");
    assert_eq!(asked.headers["idempotency-key"], text().id.to_string().as_str());
    assert_eq!(asked.url.as_str(), "https://sms.example.com/send?account=7");
}

/// What a message says never asks for the secret, and never makes another field.
#[tokio::test]
async fn a_form_is_encoded_in_the_body_or_the_address() {
    let asked = sent(gateway(Method::POST, form())).await;
    let body: Vec<_> = url::form_urlencoded::parse(&asked.body).into_owned().collect();
    let expected = [("to", text().to), ("body", text().text), ("plain", "{other} {".to_owned())];
    assert_eq!(body, expected.clone().map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let asked = sent(gateway(Method::GET, form())).await;
    let query: Vec<_> = asked.url.query_pairs().into_owned().collect();
    assert_eq!(query[0], ("account".to_owned(), "7".to_owned()));
    assert_eq!(query[1..], expected.map(|(name, value)| (name.to_owned(), value)));
    assert!(asked.body.is_empty());
}

#[tokio::test]
async fn only_the_listed_statuses_are_success() {
    let fake = Arc::new(FakeHttp::default());
    let http: Arc<dyn HttpClient> = fake.clone();
    let sender = sender(Some(gateway(Method::POST, form())), &http);
    for (status, outcome) in
        [(200, None), (202, None), (204, Some(true)), (400, Some(true)), (500, Some(false))]
    {
        fake.answer(status, "");
        let error = sender.send(&text()).await.err();
        assert_eq!(error.map(|error| matches!(error, SendError::Never(_))), outcome, "{status}");
    }
    fake.refuse(crate::world::outgoing::HttpError::Slow);
    assert!(matches!(sender.send(&text()).await, Err(SendError::Later(_))));
}

/// Proves: OUT-4
#[tokio::test]
async fn a_line_break_in_a_number_or_header_is_refused() {
    let fake = Arc::new(FakeHttp::default());
    let http: Arc<dyn HttpClient> = fake.clone();
    let mut described = gateway(Method::POST, form());
    described.headers.push((HeaderName::from_static("x-text"), "{text}".to_owned()));
    let sender = sender(Some(described), &http);
    assert!(matches!(sender.send(&text()).await, Err(SendError::Never(_))));
    let number = Text { to: "+49170\r\nX: y".to_owned(), text: "x".to_owned(), ..text() };
    assert!(matches!(sender.send(&number).await, Err(SendError::Never(_))));
    assert!(fake.take().is_empty());
}
