//! Both ceremonies with an authenticator of another make, and everything that must not pass.

use serde_json::{Value, json};

use super::{
    Allowed, Asserted, Claim, Known, LONGEST_RESPONSE, Refusal, Registered, RelyingParty, UserEntity,
    Verification,
    key::tests::pairs,
    testing::{Device, asking_for, known},
};
use crate::{
    crypto::{digest::sha256, text},
    values::{random::Random, url::WebUrl},
};

const ORIGIN: &str = "https://auth.example.com";
const HANDLE: &[u8] = b"sixteen bytes...";

fn party() -> RelyingParty {
    RelyingParty::new("The house", "example.com", &[WebUrl::parse(ORIGIN).unwrap()])
}

fn user() -> UserEntity<'static> {
    UserEntity { handle: HANDLE, name: "alice", display_name: "Alice Liddell" }
}

fn chance(number: u8) -> Random<32> {
    Random::new([number; 32])
}

async fn registered(device: &mut Device) -> Registered {
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1));
    let response = device.create(&begun.options).await;
    party().finish_registration(&begun.state, &response).unwrap()
}

/// Judges what a changed answer of the device amounts to.
async fn asserted(
    device: &mut Device,
    made: &Registered,
    change: impl FnOnce(&mut Value),
) -> Result<Asserted, Refusal> {
    let allowed = Allowed { id: &made.id, transports: &made.transports };
    let begun = party().begin_assertion(&[allowed], Verification::Preferred, chance(2));
    let mut response: Value = serde_json::from_str(&device.get(&begun.options).await).unwrap();
    change(&mut response);
    let claim = RelyingParty::read_claim(&response.to_string())?;
    party().finish_assertion(&begun.state, &claim, &known(made))
}

fn bytes(value: &Value) -> Vec<u8> {
    text::decode_up_to(value.as_str().unwrap(), 100_000).unwrap()
}

/// Changes what the browser says about the ceremony.
fn client_data(response: &mut Value, change: impl FnOnce(&mut Value)) {
    let place = &mut response["response"]["clientDataJSON"];
    let mut data: Value = serde_json::from_slice(&bytes(place)).unwrap();
    change(&mut data);
    *place = text::encode(data.to_string().as_bytes()).into();
}

fn changed(place: &mut Value, change: impl FnOnce(&mut Vec<u8>)) {
    let mut data = bytes(place);
    change(&mut data);
    *place = text::encode(&data).into();
}

#[tokio::test]
async fn what_was_made_here_is_known_here() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    assert!(made.verified && !made.id.is_empty() && made.id.len() <= 1023);
    assert_eq!(made.discoverable, Some(true));
    let shown = asserted(&mut device, &made, |_| ()).await.unwrap();
    assert_eq!(shown.credential(), made.id);
    assert!(shown.verified() && shown.counter() > made.counter);
    // Without naming anybody: the authenticator finds it by itself, and says whose it is.
    let begun = party().begin_assertion(&[], Verification::Required, chance(3));
    let claim = RelyingParty::read_claim(&device.get(&begun.options).await).unwrap();
    assert_eq!(claim.user_handle(), Some(HANDLE));
    assert!(party().finish_assertion(&begun.state, &claim, &known(&made)).unwrap().verified());
}

/// Proves: WAN-1, WAN-3, WAN-5
#[test]
fn options_ask_for_what_is_checked() {
    let id = [9; 16];
    let words = ["usb".to_owned()];
    let allowed = Allowed { id: &id, transports: &words };
    let begun = party().begin_registration(&user(), &[allowed], Verification::Required, chance(1));
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    let options = &options["publicKey"];
    assert_eq!(options["rp"], json!({"id": "example.com", "name": "The house"}));
    assert_eq!(options["challenge"], text::encode(&[1; 32]));
    assert_eq!(options["timeout"], 300_000);
    assert_eq!(options["attestation"], "none");
    let offered: Vec<_> =
        options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(offered, [-7, -8, -257]);
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "preferred");
    let listed = json!([{"type": "public-key", "id": text::encode(&id), "transports": ["usb"]}]);
    assert_eq!(options["excludeCredentials"], listed);
    let begun = party().begin_assertion(&[], Verification::Required, chance(4));
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    assert_eq!(options["publicKey"]["rpId"], "example.com");
    assert_eq!(options["publicKey"]["allowCredentials"], json!([]), "nobody is named (THR-9)");
}

/// Proves: WAN-1
#[tokio::test]
async fn a_challenge_is_good_for_its_own_ceremony() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let first = party().begin_assertion(&[], Verification::Required, chance(5));
    let second = party().begin_assertion(&[], Verification::Required, chance(6));
    let claim = RelyingParty::read_claim(&device.get(&first.options).await).unwrap();
    assert!(party().finish_assertion(&second.state, &claim, &known(&made)).is_err());
    assert!(party().finish_assertion(&first.state, &claim, &known(&made)).is_ok());
    // Nor does one kind of ceremony answer the other.
    let kind = |data: &mut Value| data["type"] = "webauthn.create".into();
    let refused = asserted(&mut device, &made, |response| client_data(response, kind)).await;
    assert_eq!(refused, Err(Refusal::Wrong("made in another ceremony")));
}

/// Proves: WAN-1, WAN-5
#[tokio::test]
async fn another_origin_is_refused_however_near() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    // A sibling under the same domain can ask for the same passkey; its answer is signed and right but for where it was made.
    let mut sibling = Device { origin: "https://evil.example.com".to_owned(), ..device.clone() };
    assert_eq!(asserted(&mut sibling, &made, |_| ()).await, Err(Refusal::Origin));
    for near in [
        "https://auth.example.com/",
        "https://auth.example.com:443",
        "https://AUTH.example.com",
        "http://auth.example.com",
        "https://auth.example.com:8443",
        "https://x.auth.example.com",
        "null",
    ] {
        let origin = |data: &mut Value| data["origin"] = near.into();
        let refused = asserted(&mut device, &made, |response| client_data(response, origin)).await;
        assert_eq!(refused, Err(Refusal::Origin), "{near}");
    }
    for (member, value) in [("crossOrigin", json!(true)), ("topOrigin", json!("https://evil.example"))] {
        let inside = |data: &mut Value| data[member] = value.clone();
        let refused = asserted(&mut device, &made, |response| client_data(response, inside)).await;
        assert_eq!(refused, Err(Refusal::Wrong("made inside a page of another origin")), "{member}");
    }
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1));
    let response = sibling.create(&begun.options).await;
    assert_eq!(party().finish_registration(&begun.state, &response), Err(Refusal::Origin));
}

/// Proves: WAN-2
#[tokio::test]
async fn a_counter_has_to_rise() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let copy = device.clone();
    assert!(asserted(&mut device, &made, |_| ()).await.is_ok());
    for (counter, fine) in [(0, true), (1, false), (2, false), (u32::MAX, false)] {
        let begun = party().begin_assertion(&[], Verification::Required, chance(7));
        let claim = RelyingParty::read_claim(&copy.clone().get(&begun.options).await).unwrap();
        let known = Known { counter, ..known(&made) };
        let judged = party().finish_assertion(&begun.state, &claim, &known);
        assert_eq!(judged.err(), (!fine).then_some(Refusal::Counter), "{counter}");
    }
}

/// Proves: WAN-1, WAN-6
#[tokio::test]
async fn a_user_who_was_not_verified_is_not_verified() {
    let mut device = Device { verifies: false, ..Device::new(ORIGIN) };
    let made = registered(&mut device).await;
    assert!(!made.verified);
    assert!(!asserted(&mut device, &made, |_| ()).await.unwrap().verified());
    let begun = party().begin_assertion(&[], Verification::Required, chance(8));
    let claim =
        RelyingParty::read_claim(&device.get(&asking_for("discouraged", &begun.options)).await).unwrap();
    let refused = party().finish_assertion(&begun.state, &claim, &known(&made));
    assert_eq!(refused, Err(Refusal::Unverified));
    // What verified its user when it was made has to go on doing so.
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    device.verifies = false;
    assert_eq!(asserted(&mut device, &made, |_| ()).await, Err(Refusal::Unverified));
}

/// Proves: WAN-1
#[tokio::test]
async fn another_credential_or_signature_is_refused() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let other = registered(&mut Device::new(ORIGIN)).await;
    let begun = party().begin_assertion(&[], Verification::Required, chance(9));
    let response = device.get(&begun.options).await;
    let claim = RelyingParty::read_claim(&response).unwrap();
    assert!(party().finish_assertion(&begun.state, &claim, &known(&other)).is_err(), "the id of another");
    let mut forged: Value = serde_json::from_str(&response).unwrap();
    forged["id"] = text::encode(&other.id).into();
    forged["rawId"] = text::encode(&other.id).into();
    let claim = RelyingParty::read_claim(&forged.to_string()).unwrap();
    assert!(party().finish_assertion(&begun.state, &claim, &known(&other)).is_err(), "the key of another");
    let flip = |response: &mut Value| changed(&mut response["response"]["signature"], |bytes| bytes[20] ^= 1);
    assert!(asserted(&mut device, &made, flip).await.is_err());
    // Another domain's hash in front.
    let hash =
        |response: &mut Value| changed(&mut response["response"]["authenticatorData"], |data| data[0] ^= 1);
    assert!(asserted(&mut device, &made, hash).await.is_err());
    // Nobody was there.
    let flags =
        |response: &mut Value| changed(&mut response["response"]["authenticatorData"], |data| data[32] &= !1);
    assert!(asserted(&mut device, &made, flags).await.is_err());
}

/// Proves: WAN-3
#[tokio::test]
async fn whether_it_may_be_synchronised_never_changes_and_has_to_make_sense() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let flip = |response: &mut Value| {
        changed(&mut response["response"]["authenticatorData"], |data| data[32] ^= 0x08);
    };
    let said = asserted(&mut device, &made, flip).await.unwrap_err().to_string();
    assert!(said.contains("backup") || said.contains("Backup"), "{said}");
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1));
    let response = Device::new(ORIGIN).create(&begun.options).await;
    for (flags, fine) in [(0x00, true), (0x08, true), (0x18, true), (0x10, false)] {
        let mut response: Value = serde_json::from_str(&response).unwrap();
        changed(&mut response["response"]["attestationObject"], |object| {
            let start = object.windows(8).position(|part| part == b"authData").unwrap() + 8;
            // A byte string with one or two bytes of length.
            let start = start + if object[start] == 0x58 { 2 } else { 3 };
            object[start + 32] = object[start + 32] & !0x18 | flags;
        });
        let judged = party().finish_registration(&begun.state, &response.to_string());
        assert_eq!(judged.is_ok(), fine, "{flags:#x}: {judged:?}");
    }
}

/// Proves: WAN-7
#[tokio::test]
async fn nothing_may_trail_and_nothing_is_too_long() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let trail =
        |response: &mut Value| changed(&mut response["response"]["authenticatorData"], |data| data.push(0));
    let refused = asserted(&mut device, &made, trail).await;
    assert_eq!(refused, Err(Refusal::Malformed("the authenticator data")));
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1));
    let response = Device::new(ORIGIN).create(&begun.options).await;
    let mut trailing: Value = serde_json::from_str(&response).unwrap();
    changed(&mut trailing["response"]["attestationObject"], |object| object.push(0));
    let refused = party().finish_registration(&begun.state, &trailing.to_string());
    assert_eq!(refused, Err(Refusal::Malformed("the attestation object")));
    let long = format!("{response}{}", " ".repeat(LONGEST_RESPONSE));
    assert_eq!(party().finish_registration(&begun.state, &long), Err(Refusal::Malformed("too long")));
    let mut named: Value = serde_json::from_str(&response).unwrap();
    named["id"] = "AAAA".into();
    let refused = party().finish_registration(&begun.state, &named.to_string());
    assert_eq!(refused, Err(Refusal::Malformed("its id or type")));
    let mut renamed: Value = serde_json::from_str(&response).unwrap();
    let id = text::encode(&[5; 16]);
    (renamed["id"], renamed["rawId"]) = (id.clone().into(), id.into());
    let refused = party().finish_registration(&begun.state, &renamed.to_string());
    assert_eq!(refused, Err(Refusal::Wrong("two ids for one credential")));
    for nonsense in ["", "{}", "[]", "null", "{\"id\":1}"] {
        assert!(party().finish_registration(&begun.state, nonsense).is_err());
        assert!(RelyingParty::read_claim(nonsense).is_err());
    }
}

/// What a browser says about a ceremony of ours.
fn said(kind: &str, challenge: u8) -> Vec<u8> {
    let challenge = text::encode(&[challenge; 32]);
    json!({"type": kind, "challenge": challenge, "origin": ORIGIN, "crossOrigin": false}).to_string().into()
}

/// Authenticator data for our domain.
fn data(flags: u8, counter: u32, tail: &[u8]) -> Vec<u8> {
    [&sha256(b"example.com")[..], &[flags], &counter.to_be_bytes(), tail].concat()
}

/// What a browser sends that made a credential with this key.
fn made_by_hand(id: &[u8], cose: &[u8], format: &str) -> String {
    let attested = [&[0; 16][..], &u16::try_from(id.len()).unwrap().to_be_bytes(), id, cose].concat();
    let data = data(0x45, 0, &attested);
    let mut object = minicbor::Encoder::new(Vec::new());
    object.map(3).unwrap().str("fmt").unwrap().str(format).unwrap();
    object.str("attStmt").unwrap().map(0).unwrap().str("authData").unwrap().bytes(&data).unwrap();
    let response = json!({
        "attestationObject": text::encode(&object.into_writer()),
        "clientDataJSON": text::encode(&said("webauthn.create", 1)),
    });
    json!({"id": text::encode(id), "rawId": text::encode(id), "type": "public-key", "response": response})
        .to_string()
}

/// What a browser sends that shows a credential.
fn shown_by_hand(id: &[u8], data: &[u8], client: &[u8], signature: &[u8]) -> Claim {
    let response = json!({
        "authenticatorData": text::encode(data),
        "clientDataJSON": text::encode(client),
        "signature": text::encode(signature),
        "userHandle": null,
    });
    let claim = json!({"id": text::encode(id), "rawId": text::encode(id), "type": "public-key", "response": response});
    RelyingParty::read_claim(&claim.to_string()).unwrap()
}

/// Every kind of key that is offered goes through both ceremonies; whose it is decides.
///
/// Proves: WAN-1, WAN-3
#[test]
fn each_kind_of_key_that_is_offered_signs_in() {
    let pairs = pairs();
    let begun = party().begin_registration(&user(), &[], Verification::Required, chance(1));
    let asked = party().begin_assertion(&[], Verification::Required, chance(2));
    let finish = |id: &[u8], cose: &[u8], format| {
        party().finish_registration(&begun.state, &made_by_hand(id, cose, format))
    };
    let made: Vec<_> =
        pairs.iter().zip(0..).map(|(pair, id)| finish(&[id; 20], &pair.cose, "none").unwrap()).collect();
    for (at, made) in made.iter().enumerate() {
        assert_eq!(made.key, pairs[at].cose);
        for (by, pair) in pairs.iter().enumerate() {
            let (data, client) = (data(0x05, 0, &[]), said("webauthn.get", 2));
            let signature = (pair.sign)(&[&data[..], &sha256(&client)].concat());
            let claim = shown_by_hand(&made.id, &data, &client, &signature);
            let judged = party().finish_assertion(&asked.state, &claim, &known(made));
            let expected = if by == at { None } else { Some(Refusal::Wrong("the signature is not its own")) };
            assert_eq!(judged.err(), expected, "{by} for {at}");
            // The signature is over both: neither can be put in another's place.
            let bare = (pair.sign)(&data);
            let claim = shown_by_hand(&made.id, &data, &client, &bare);
            assert!(party().finish_assertion(&asked.state, &claim, &known(made)).is_err());
        }
    }
    // Who made the authenticator is not asked, and what it says of that changes nothing.
    assert_eq!(finish(&[0; 20], &pairs[0].cose, "packed").unwrap(), made[0]);
    // What was not offered is not taken.
    let mut es384 = pairs[0].cose.clone();
    let at = es384.windows(2).position(|pair| pair == [3, 0x26]).unwrap();
    es384[at + 1] = 0x22;
    let refused = finish(&[0; 20], &es384, "none");
    assert_eq!(refused, Err(Refusal::Wrong("no key of a kind that was offered")));
}

/// What is signed as it should be, and still has to be refused.
///
/// Proves: WAN-1, WAN-2, WAN-3, WAN-6
#[test]
fn a_right_signature_is_not_enough() {
    let pair = &pairs()[0];
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1));
    let made =
        party().finish_registration(&begun.state, &made_by_hand(&[7; 20], &pair.cose, "none")).unwrap();
    let asked = party().begin_assertion(&[], Verification::Preferred, chance(2));
    let judged = |id: &[u8], data: &[u8], client: &[u8], known: &Known<'_>| {
        let signature = (pair.sign)(&[data, &sha256(client)].concat());
        party().finish_assertion(&asked.state, &shown_by_hand(id, data, client, &signature), known)
    };
    let (client, known) = (said("webauthn.get", 2), known(&made));
    let unverified = Known { verified: false, ..known };
    let synchronised = Known { backup_eligible: true, ..known };
    let counted = Known { counter: 5, ..known };
    assert!(judged(&made.id, &data(0x05, 0, &[]), &client, &known).is_ok());
    assert!(!judged(&made.id, &data(0x01, 0, &[]), &client, &unverified).unwrap().verified());
    assert!(judged(&made.id, &data(0x1d, 0, &[]), &client, &synchronised).unwrap().backed_up());
    assert_eq!(judged(&made.id, &data(0x05, 6, &[]), &client, &counted).unwrap().counter(), 6);
    assert!(
        judged(&made.id, &data(0x85, 0, &[0xa0]), &client, &known).is_ok(),
        "an extension nobody asked for"
    );

    let attested = [&[0; 16][..], &[0, 1, 9, 0xa0]].concat();
    let mut elsewhere = data(0x05, 0, &[]);
    elsewhere[0] ^= 1;
    for (data, known, refusal) in [
        (data(0x45, 0, &attested), known, Refusal::Malformed("the authenticator data")),
        (data(0x05, 0, &[0]), known, Refusal::Malformed("the authenticator data")),
        (elsewhere, known, Refusal::Wrong("made for another domain")),
        (data(0x04, 0, &[]), known, Refusal::Wrong("nobody was there")),
        (data(0x01, 0, &[]), known, Refusal::Unverified),
        (data(0x15, 0, &[]), known, Refusal::Wrong("a backup of what has no backup eligibility")),
        (data(0x0d, 0, &[]), known, Refusal::Wrong("its backup eligibility has changed")),
        (data(0x05, 0, &[]), synchronised, Refusal::Wrong("its backup eligibility has changed")),
        (data(0x05, 5, &[]), counted, Refusal::Counter),
        (data(0x05, 0, &[]), counted, Refusal::Counter),
    ] {
        assert_eq!(judged(&made.id, &data, &client, &known), Err(refusal), "{data:?}");
    }
    let fine = data(0x05, 0, &[]);
    assert_eq!(judged(&[8; 20], &fine, &client, &known), Err(Refusal::Wrong("another credential")));
    let other = said("webauthn.get", 3);
    let refused = judged(&made.id, &fine, &other, &known);
    assert_eq!(refused, Err(Refusal::Wrong("made for another challenge")));
    let other = said("webauthn.create", 2);
    assert_eq!(judged(&made.id, &fine, &other, &known), Err(Refusal::Wrong("made in another ceremony")));
    // Whoever cannot sign makes nobody doubt the credential.
    let forged = shown_by_hand(&made.id, &data(0x05, 5, &[]), &client, b"no signature");
    let refused = party().finish_assertion(&asked.state, &forged, &counted);
    assert_eq!(refused, Err(Refusal::Wrong("the signature is not its own")));
}

/// Proves: WAN-3, WAN-7
#[test]
fn an_id_has_one_to_1023_bytes_and_one_spelling() {
    let pair = &pairs()[0];
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1));
    let judged = |response: &str| party().finish_registration(&begun.state, response);
    assert!(judged(&made_by_hand(&[7; 1023], &pair.cose, "none")).is_ok());
    let named = Refusal::Malformed("its id or type");
    assert_eq!(judged(&made_by_hand(&[7; 1024], &pair.cose, "none")), Err(named.clone()));
    assert_eq!(judged(&made_by_hand(&[], &pair.cose, "none")), Err(named.clone()));
    let good = made_by_hand(&[7; 20], &pair.cose, "none");
    assert_eq!(judged(&good.replace("public-key", "password")), Err(named));
    let padded = good.replace("\",\"rawId", "=\",\"rawId");
    assert!(padded != good && judged(&padded).is_err());
}

/// Proves: WAN-1
#[tokio::test]
async fn what_began_as_one_ceremony_does_not_end_as_the_other() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let begun = party().begin_assertion(&[], Verification::Required, chance(3));
    let claim = RelyingParty::read_claim(&device.get(&begun.options).await).unwrap();
    let other = party().begin_registration(&user(), &[], Verification::Required, chance(3));
    for state in [&other.state[..], &begun.state[1..], &[begun.state.as_slice(), &[0]].concat(), b"{}", b""] {
        let refused = party().finish_assertion(state, &claim, &known(&made));
        assert_eq!(refused, Err(Refusal::Malformed("what was kept of it")), "{state:?}");
    }
    assert!(party().finish_assertion(&begun.state, &claim, &known(&made)).is_ok());
    let key = Known { key: b"{\"cred_id\":", ..known(&made) };
    assert_eq!(
        party().finish_assertion(&begun.state, &claim, &key),
        Err(Refusal::Malformed("what was kept of it"))
    );
}

/// Proves: WAN-3, WAN-6
#[tokio::test]
async fn a_registration_is_checked_as_strictly_as_a_sign_in() {
    let begun = party().begin_registration(&user(), &[], Verification::Required, chance(1));
    let response = Device::new(ORIGIN).create(&begun.options).await;
    let judged = |change: &dyn Fn(&mut Value)| {
        let mut response: Value = serde_json::from_str(&response).unwrap();
        change(&mut response);
        party().finish_registration(&begun.state, &response.to_string())
    };
    assert!(judged(&|_| ()).is_ok());
    let flags = |response: &mut Value, change: &dyn Fn(&mut u8)| {
        changed(&mut response["response"]["attestationObject"], |object| {
            let start = object.windows(8).position(|part| part == b"authData").unwrap() + 8;
            let start = start + if object[start] == 0x58 { 2 } else { 3 };
            change(&mut object[start + 32]);
        });
    };
    assert_eq!(judged(&|response| flags(response, &|flags| *flags &= !4)), Err(Refusal::Unverified));
    let absent = judged(&|response| flags(response, &|flags| *flags &= !1));
    assert_eq!(absent, Err(Refusal::Wrong("nobody was there")));
    let elsewhere = judged(&|response| {
        changed(&mut response["response"]["attestationObject"], |object| {
            let hash = sha256(b"example.com");
            let at = object.windows(32).position(|part| part == hash).unwrap();
            object[at] ^= 1;
        });
    });
    assert_eq!(elsewhere, Err(Refusal::Wrong("made for another domain")));
    let challenge =
        judged(&|response| client_data(response, |data| data["challenge"] = text::encode(&[9; 32]).into()));
    assert_eq!(challenge, Err(Refusal::Wrong("made for another challenge")));
    let kind = judged(&|response| client_data(response, |data| data["type"] = "webauthn.get".into()));
    assert_eq!(kind, Err(Refusal::Wrong("made in another ceremony")));
    let words =
        judged(&|response| response["response"]["transports"] = json!(["usb", "x", "usb", "internal"]));
    assert_eq!(words.unwrap().transports, ["internal", "usb"]);
}
