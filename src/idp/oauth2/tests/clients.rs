//! Clients of the operator and of the configuration.

use super::super::testing::{Bench, CALLBACK, SECRET, asked, basic, code_of, operator, wiki, with_grants};
use crate::domain::fault::OAuthCode as Code;
use crate::{
    domain::{
        client::{CLIENTS, ClientId, Grant, Registration},
        fault::Reason,
    },
    idp::oauth2::{Declared, Reconciled, Wanted},
    values::secret::Secret,
};

fn wanted() -> Wanted {
    Wanted {
        name: "Wiki".to_owned(),
        redirect_uris: vec![CALLBACK.to_owned()],
        pkce: true,
        algorithm: Some("ES256".to_owned()),
        ..Wanted::default()
    }
}

/// Proves: OAU-8
#[tokio::test]
async fn a_secret_is_shown_once_and_replaced_without_a_gap() {
    let bench = Bench::open();
    let machine = Wanted {
        id: Some("machine".to_owned()),
        grants: vec!["client_credentials".to_owned()],
        redirect_uris: Vec::new(),
        ..wanted()
    };
    let made = bench.engine.add_client(&bench.call(), &operator(), machine.clone()).await.unwrap();
    let first = made.secret.unwrap();
    assert!(first.expose().len() >= 43);
    let works = async |secret: &Secret<String>| {
        bench
            .token_as(&basic("machine", secret.expose()), &[("grant_type", "client_credentials")])
            .await
            .is_ok()
    };
    assert!(works(&first).await);
    let stored = bench.engine.find_client(&operator(), "machine").unwrap().client;
    assert!(!format!("{stored:?}").contains(first.expose()));
    let another = async |only| {
        bench
            .engine
            .new_client_secret(&bench.call(), &operator(), "machine", only)
            .await
            .unwrap()
            .secret
            .unwrap()
    };
    let second = another(false).await;
    assert!(works(&first).await && works(&second).await);
    let third = another(false).await;
    assert!(works(&second).await && works(&third).await && !works(&first).await);
    let only = another(true).await;
    assert!(works(&only).await && !works(&third).await);
    let taken = bench.engine.add_client(&bench.call(), &operator(), machine).await.unwrap_err();
    assert_eq!(taken.reason, Reason::Taken);
}

#[tokio::test]
async fn the_operator_is_told_what_is_wrong() {
    let bench = Bench::open();
    let add = async |wanted: Wanted| bench.engine.add_client(&bench.call(), &operator(), wanted).await;
    for bad in [
        Wanted { name: String::new(), ..wanted() },
        Wanted { redirect_uris: Vec::new(), ..wanted() },
        Wanted { redirect_uris: vec!["http://wiki.example.com/".to_owned()], ..wanted() },
        Wanted { grants: vec!["implicit".to_owned()], ..wanted() },
        Wanted { consent: Some("never".to_owned()), ..wanted() },
        Wanted { algorithm: Some("none".to_owned()), ..wanted() },
        Wanted { algorithm: Some("HS256".to_owned()), ..wanted() },
        Wanted { public: true, pkce: false, ..wanted() },
        Wanted { id: Some("a b".to_owned()), ..wanted() },
    ] {
        let fault = add(bad.clone()).await.unwrap_err();
        assert!(fault.reason == Reason::Malformed && !fault.flaws.is_empty(), "{bad:?}");
    }
    let made = add(wanted()).await.unwrap();
    assert!(made.id.as_str().starts_with("c-"));
    let public = add(Wanted { public: true, ..wanted() }).await.unwrap();
    assert!(public.secret.is_none());
    let refused = bench.engine.new_client_secret(&bench.call(), &operator(), public.id.as_str(), false).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NothingToDo);
    let nobody = bench.engine.find_client(&operator(), "nobody").unwrap_err();
    assert_eq!(nobody.reason, Reason::NotFound);
    assert_eq!(bench.engine.list_clients(&operator(), None).unwrap().len(), 3);
}

#[tokio::test]
async fn declared_clients_are_kept_as_the_configuration_says() {
    let bench = Bench::open();
    let entry = |id: &str, registration: Registration| Declared {
        id: ClientId::parse(id).unwrap(),
        registration,
        secrets: vec![Secret::from(SECRET)],
    };
    let reconcile =
        async |entries: Vec<Declared>| bench.engine.reconcile(&bench.call(), entries).await.unwrap();
    let both = vec![entry("wiki", wiki()), entry("machine", with_grants(&[Grant::ClientCredentials]))];
    let done = reconcile(both.clone()).await;
    assert_eq!(done, Reconciled { created: 1, changed: 1, disabled: 0 }, "wiki was there and is taken over");
    assert_eq!(reconcile(both.clone()).await, Reconciled::default());
    let grantor = bench.sign_in(bench.add("alice"));
    let tokens = bench.tokens(&grantor).await;
    for refused in [
        bench.engine.new_client_secret(&bench.call(), &operator(), "wiki", false).await.map(|_| ()),
        bench.engine.delete_client(&bench.call(), &operator(), "wiki").await,
    ] {
        assert_eq!(refused.unwrap_err().reason, Reason::Managed);
    }
    // Taken out of the file, it is switched off and all it had has ended; put back, it works again.
    assert_eq!(reconcile(both[1..].to_vec()).await, Reconciled { created: 0, changed: 0, disabled: 1 });
    assert!(bench.request_with(&[]).is_err());
    assert_eq!(reconcile(both).await, Reconciled { created: 0, changed: 1, disabled: 0 });
    assert!(bench.request_with(&[]).is_ok());
    assert_eq!(code_of(bench.refresh(tokens.refresh.unwrap().expose()).await), Code::InvalidGrant);
    let kept = bench.store.read(|tx| CLIENTS.get(tx, &ClientId::parse("machine").unwrap())).unwrap();
    assert!(kept.unwrap().managed);
    let pairs = asked(&[("grant_type", "client_credentials")]);
    assert!(bench.engine.token(&bench.call(), &basic("machine", SECRET), &pairs).await.is_ok());
}
