//! Both ceremonies with an authenticator of another make, and everything that must not pass.

use serde_json::{Value, json};

use super::{
    Allowed, Asserted, Known, LONGEST_RESPONSE, Refusal, Registered, RelyingParty, UserEntity, Verification,
    testing::{Device, asking_for, known},
};
use crate::{
    crypto::text,
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
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1)).unwrap();
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
    let begun = party().begin_assertion(&[allowed], Verification::Preferred, chance(2)).unwrap();
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
    let begun = party().begin_assertion(&[], Verification::Required, chance(3)).unwrap();
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
    let begun = party().begin_registration(&user(), &[allowed], Verification::Required, chance(1)).unwrap();
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    let options = &options["publicKey"];
    assert_eq!(options["rp"], json!({"id": "example.com", "name": "The house"}));
    assert_eq!(options["challenge"], text::encode(&[1; 32]));
    assert_eq!(options["timeout"], 300_000);
    assert_eq!(options["attestation"], "none");
    let offered: Vec<_> =
        options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(offered, [-7, -257]);
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "preferred");
    let listed = json!([{"type": "public-key", "id": text::encode(&id), "transports": ["usb"]}]);
    assert_eq!(options["excludeCredentials"], listed);
    let begun = party().begin_assertion(&[], Verification::Required, chance(4)).unwrap();
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    assert_eq!(options["publicKey"]["rpId"], "example.com");
    assert_eq!(options["publicKey"]["allowCredentials"], json!([]), "nobody is named (THR-9)");
}

/// Proves: WAN-1
#[tokio::test]
async fn a_challenge_is_good_for_its_own_ceremony() {
    let mut device = Device::new(ORIGIN);
    let made = registered(&mut device).await;
    let first = party().begin_assertion(&[], Verification::Required, chance(5)).unwrap();
    let second = party().begin_assertion(&[], Verification::Required, chance(6)).unwrap();
    let claim = RelyingParty::read_claim(&device.get(&first.options).await).unwrap();
    assert!(party().finish_assertion(&second.state, &claim, &known(&made)).is_err());
    assert!(party().finish_assertion(&first.state, &claim, &known(&made)).is_ok());
    // Nor does one kind of ceremony answer the other.
    let kind = |data: &mut Value| data["type"] = "webauthn.create".into();
    let refused = asserted(&mut device, &made, |response| client_data(response, kind)).await;
    assert_eq!(refused, Err(Refusal::Wrong("made in another ceremony".to_owned())));
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
        assert_eq!(
            refused,
            Err(Refusal::Wrong("made inside a page of another origin".to_owned())),
            "{member}"
        );
    }
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1)).unwrap();
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
        let begun = party().begin_assertion(&[], Verification::Required, chance(7)).unwrap();
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
    let begun = party().begin_assertion(&[], Verification::Required, chance(8)).unwrap();
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
    let begun = party().begin_assertion(&[], Verification::Required, chance(9)).unwrap();
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
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1)).unwrap();
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
    let begun = party().begin_registration(&user(), &[], Verification::Preferred, chance(1)).unwrap();
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
    assert_eq!(refused, Err(Refusal::Wrong("two ids for one credential".to_owned())));
    for nonsense in ["", "{}", "[]", "null", "{\"id\":1}"] {
        assert!(party().finish_registration(&begun.state, nonsense).is_err());
        assert!(RelyingParty::read_claim(nonsense).is_err());
    }
}
