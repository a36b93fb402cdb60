//! The algorithms, what is stored, and what one account has.

use super::{
    AddressFactor, Channel, Confirmation, Enrolment, FACTORS, FactorsRecord, Kinds, RecoveryCodes, Rules,
    TotpFactor, confirm, enrolling,
    enrolment::EnrolmentRecord,
    erase, follow_address, forget, import_totp, of_account, offer, options,
    passkey::PasskeyRecord,
    recovery::{self, COUNT},
    remove_totp, set_address, set_recovery,
    totp::{TotpSecret, code_at},
    use_recovery, use_totp,
};
use crate::{
    crypto::keys::MasterKey,
    domain::{
        account::{AccountRecord, Status},
        caller::Factor,
        fault::Fault,
        keyring::Keyring,
    },
    store::{Store, WriteTx, golden::check},
    values::{
        id::{AccountId, SessionId, TenantId, UserDomainId},
        random::Random,
        secret::Secret,
        time::Timestamp,
    },
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

fn id(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

fn session(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

fn keyring() -> Keyring {
    Keyring::new(&MasterKey::generate(Random::new([9; 32])))
}

fn secret() -> TotpSecret {
    TotpSecret::mint(Random::new(*b"12345678901234567890"))
}

fn typed(code: &str) -> Secret<String> {
    Secret::from(code)
}

/// Runs a transaction on a fresh store in memory and more on the same one.
struct Shelf(Store, std::sync::Arc<Keyring>);

impl Shelf {
    fn new() -> Self {
        Self(Store::in_memory(), std::sync::Arc::new(keyring()))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut WriteTx, &Keyring) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        let keyring = self.1.clone();
        self.0.write_blocking(move |tx| work(tx, &keyring)).unwrap()
    }

    fn factors(&self, account: AccountId) -> FactorsRecord {
        self.0.read(|tx| of_account(tx, account)).unwrap()
    }

    fn with_totp(self) -> Self {
        self.write(|tx, keys| {
            Ok(import_totp(tx, keys.factors(), id(1), &secret(), Random::new([3; 32]), at(0))?)
        });
        self
    }

    fn totp(&self, code: &str, now: Timestamp) -> bool {
        let code = typed(code);
        self.write(move |tx, keys| use_totp(tx, keys.factors(), id(1), &code, &Rules::default(), now))
    }

    fn recovery(&self, account: AccountId, code: &Secret<String>) -> bool {
        let code = code.clone();
        self.write(move |tx, _| Ok(use_recovery(tx, account, &code)?))
    }
}

/// RFC 6238, appendix B: the last six of the eight digits.
///
/// Proves: OTP-4
#[test]
fn codes_are_those_of_the_rfc() {
    for (seconds, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(code_at(&secret(), Timestamp::from_secs(seconds)), code);
    }
}

/// Proves: OTP-4, OTP-10
#[test]
fn only_the_steps_around_now_and_after_the_last_are_right() {
    let now = at(0);
    let step = now.secs() / 30;
    let found = |offset: i64, drift: u64, last: Option<u64>| {
        let then = Timestamp::from_secs(now.secs().saturating_add_signed(offset * 30));
        secret().step_of(&typed(&code_at(&secret(), then)), now, drift, last)
    };
    for offset in -3..=3_i64 {
        let wanted = (offset.abs() <= 1).then(|| step.saturating_add_signed(offset));
        assert_eq!(found(offset, 1, None), wanted, "{offset}");
    }
    assert_eq!(found(0, 0, None), Some(step));
    assert_eq!(found(-1, 0, None), None);
    assert_eq!(found(0, 1, Some(step)), None, "used");
    assert_eq!(found(-1, 1, Some(step)), None, "before a used one");
    assert_eq!(found(1, 1, Some(step)), Some(step + 1));
    let code = code_at(&secret(), now);
    for other in ["", "0", &code[1..], &format!("0{code}"), &format!("+{}", &code[1..]), "９９９９９９"]
    {
        assert_eq!(secret().step_of(&typed(other), now, 1, None), None, "{other}");
    }
}

/// simple-auth.md 9.A6
///
/// Proves: OTP-5
#[test]
fn secrets_are_read_as_people_copy_them() {
    let text = secret().base32();
    assert_eq!(text.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    for spelling in [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        "GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ",
    ] {
        assert!(TotpSecret::parse(spelling).is_some_and(|read| read.is(&secret())), "{spelling}");
    }
    // Twelve bytes with padding: what the original makes.
    assert_eq!(TotpSecret::parse("GEZDGNBVGY3TQOJQGEZA====").unwrap().bytes(), b"123456789012");
    for wrong in ["", "====", "0189", "GEZDGNBVGY3TQOJQ1", &"A".repeat(200)] {
        assert!(TotpSecret::parse(wrong).is_none(), "{wrong}");
    }
    assert_eq!(format!("{:?}", secret()), "TotpSecret([secret])");
}

/// A colon in a name made every later sign-in of the original fail (simple-auth.md 9.A6).
#[test]
fn no_name_breaks_the_address_in_the_qr_code() {
    for (issuer, name) in [
        ("Example", "alice@example.com"),
        ("Acme: the house", "a:b:c"),
        (":", ":"),
        ("", ""),
        ("Ünïcode & Co?", "al ice/../#x"),
    ] {
        let url = secret().url(issuer, name).unwrap();
        let url = url::Url::parse(url.expose()).unwrap();
        assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")));
        let label = url.path();
        assert_eq!(label.matches(':').count(), 1, "{label}");
        assert!(!label.to_ascii_lowercase().contains("%3a"), "{label}");
        let query: Vec<_> = url.query_pairs().collect();
        assert_eq!(query.iter().filter(|(key, _)| key == "secret").count(), 1);
        assert!(
            query.iter().any(|(key, value)| key == "secret" && value == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        );
        assert!(query.iter().any(|(key, value)| key == "issuer" && !value.contains(':')));
    }
}

/// simple-auth.md 9.A6
///
/// Proves: OTP-4
#[test]
fn a_code_is_right_once_and_nothing_before_it_afterwards() {
    let shelf = Shelf::new().with_totp();
    let (before, now, after) = (at(0), at(30), at(60));
    let code = |then| code_at(&secret(), then);
    assert!(shelf.totp(&format!(" {} {} ", &code(now)[..3], &code(now)[3..]), now), "as people type it");
    assert!(!shelf.totp(&code(now), now));
    assert!(!shelf.totp(&code(before), now), "an earlier step that would be in the window");
    assert!(shelf.totp(&code(after), now), "the clock of the app is ahead");
    assert!(!shelf.totp(&code(now), after));
}

/// Proves: OTP-5, OPS-9
#[test]
fn the_secret_is_sealed_for_its_account() {
    let shelf = Shelf::new().with_totp();
    let record = shelf.factors(id(1));
    let sealed = record.totp.clone().unwrap().sealed;
    assert!(memchr::memmem::find(&sealed, secret().bytes()).is_none());
    // Moved to another account it does not open.
    shelf.write(move |tx, _| Ok(FACTORS.set(tx, &id(2), &record)?));
    let keys = shelf.1.clone();
    let moved = shelf.0.write_blocking(move |tx| {
        use_totp(tx, keys.factors(), id(2), &typed("000000"), &Rules::default(), at(0))
    });
    assert!(moved.is_err());
}

/// simple-auth.md 9.A6
///
/// Proves: OTP-5
#[test]
fn an_enrolment_is_no_factor_before_its_own_session_confirms_it_in_time() {
    let begin = |shelf: &Shelf| {
        shelf.write(|tx, keys| {
            let chance = (Random::new([5; 20]), Random::new([6; 32]));
            Ok(offer(tx, keys.factors(), id(1), Some(session(1)), chance, at(0), 1)?)
        })
    };
    let end = |shelf: &Shelf, by: u8, secret: Option<TotpSecret>, code: String, now, epoch| {
        shelf.write(move |tx, keys| {
            let given = Confirmation {
                account: id(1),
                session: Some(session(by)),
                secret: secret.clone(),
                code: Secret::new(code.clone()),
            };
            confirm(tx, keys.factors(), &Rules::default(), &given, Random::new([7; 32]), now, epoch)
        })
    };
    let shelf = Shelf::new();
    let pending = begin(&shelf);
    let code = |now| code_at(&pending, now);
    assert_eq!(shelf.factors(id(1)), FactorsRecord::default());
    assert_eq!(end(&shelf, 2, None, code(at(1)), at(1), 1), Enrolment::Nothing, "another session");
    assert_eq!(end(&shelf, 1, None, code(at(600)), at(600), 1), Enrolment::Nothing, "too late");
    assert_eq!(end(&shelf, 1, None, code(at(1)), at(1), 2), Enrolment::Nothing, "after a restore");
    assert_eq!(
        end(&shelf, 1, Some(secret()), code_at(&secret(), at(1)), at(1), 1),
        Enrolment::Nothing,
        "another secret"
    );
    assert_eq!(end(&shelf, 1, None, "000000".to_owned(), at(1), 1), Enrolment::Wrong);
    assert_eq!(end(&shelf, 1, Some(pending.clone()), code(at(599)), at(599), 1), Enrolment::Confirmed);
    assert!(shelf.factors(id(1)).totp.is_some());
    assert!(!shelf.totp(&code(at(599)), at(599)), "the code that confirmed is used up");
    assert_eq!(end(&shelf, 1, None, code(at(629)), at(629), 1), Enrolment::Nothing, "confirmed once");

    // Five wrong codes, and the right one is too late.
    let shelf = Shelf::new();
    let pending = begin(&shelf);
    for _ in 0..5 {
        assert_eq!(end(&shelf, 1, None, "000000".to_owned(), at(1), 1), Enrolment::Wrong);
    }
    assert_eq!(end(&shelf, 1, None, code_at(&pending, at(1)), at(1), 1), Enrolment::Nothing);
    let keys = shelf.1.clone();
    let left = shelf.0.read(|tx| enrolling(tx, keys.factors(), id(1), Some(session(1)), at(1), 1)).unwrap();
    assert!(left.is_none());
}

/// Proves: OTP-9
#[test]
fn recovery_codes_are_good_once_each_and_a_new_set_voids_the_old() {
    let shelf = Shelf::new().with_totp();
    let fresh = |shelf: &Shelf, seed: u8| {
        shelf.write(move |tx, _| {
            let chance: [Random<10>; COUNT] =
                std::array::from_fn(|n| Random::new([seed + u8::try_from(n).unwrap(); 10]));
            Ok(set_recovery(tx, id(1), &chance, at(0))?)
        })
    };
    let first = fresh(&shelf, 1);
    assert_eq!(first.len(), 10);
    assert!(first.iter().all(|code| code.expose().len() == 17 && recovery::looks_like_one(code.expose())));
    let stored = format!("{:?}", shelf.factors(id(1)).recovery);
    assert!(first.iter().all(|code| !stored.contains(code.expose().as_str())));
    assert!(shelf.recovery(id(1), &first[0]));
    assert!(!shelf.recovery(id(1), &first[0]));
    assert!(shelf.factors(id(1)).review, "their owner is to look at the factors");
    let shouted = Secret::new(format!("  {} ", first[1].expose().to_ascii_uppercase()));
    assert!(shelf.recovery(id(1), &shouted));
    assert!(!shelf.recovery(id(2), &first[2]), "of somebody else");
    assert_eq!(shelf.factors(id(1)).recovery_left(), 8);
    let second = fresh(&shelf, 100);
    assert!(!shelf.recovery(id(1), &first[2]), "void");
    assert!(shelf.recovery(id(1), &second[9]));
    assert!(!recovery::looks_like_one("123456") && !recovery::looks_like_one("12345678"));
}

fn account(email: Option<&str>, mobile: Option<&str>) -> AccountRecord {
    AccountRecord {
        tenant: TenantId::from_bytes([1; 16]),
        domain: UserDomainId::from_bytes([1; 16]),
        username: "alice".to_owned(),
        canonical: "alice".to_owned(),
        display_name: "Alice".to_owned(),
        email: email.map(str::to_owned),
        email_canonical: email.map(str::to_owned),
        mobile: mobile.map(str::to_owned),
        groups: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        status: Status::Active,
        created: at(0),
        managed: false,
        email_confirmed: None,
        mobile_confirmed: None,
    }
}

/// Proves: OTP-2, OTP-6
#[test]
fn an_address_is_a_factor_only_while_it_is_the_accounts_own_and_sms_never_alone() {
    let all = Rules { kinds: Kinds { totp: true, email: true, sms: true }, ..Rules::default() };
    let shelf = Shelf::new();
    let proven = |address: &str| Some(AddressFactor { address: address.to_owned(), since: at(0) });
    shelf.write(move |tx, _| {
        set_address(tx, id(1), Channel::Email, proven("alice@example.com"))?;
        set_address(tx, id(1), Channel::Sms, proven("+4915112345678"))?;
        Ok(())
    });
    let mine = account(Some("alice@example.com"), Some("+4915112345678"));
    let has = |shelf: &Shelf, account: &AccountRecord, rules: &Rules| {
        options(&shelf.factors(id(1)), account, rules)
    };
    assert_eq!(has(&shelf, &mine, &all), [Factor::EmailCode]);
    assert_eq!(has(&shelf, &account(Some("other@example.com"), None), &all), []);
    assert_eq!(has(&shelf, &mine, &Rules::default()), [], "switched off");
    let shelf = shelf.with_totp();
    assert_eq!(has(&shelf, &mine, &all), [Factor::Totp, Factor::SmsCode, Factor::EmailCode]);
    assert_eq!(has(&shelf, &account(None, Some("+4915100000000")), &all), [Factor::Totp]);
    let none = Rules { kinds: Kinds { totp: false, email: false, sms: false }, ..Rules::default() };
    assert_eq!(has(&shelf, &mine, &none), [Factor::Totp], "who has one keeps needing it");
    // A proven change of address takes the factor along.
    shelf.write(|tx, _| Ok(follow_address(tx, id(1), Channel::Email, "new@example.com")?));
    let moved = account(Some("new@example.com"), None);
    assert_eq!(has(&shelf, &moved, &all), [Factor::Totp, Factor::EmailCode]);
}

#[test]
fn what_is_removed_is_gone_and_no_device_stays_trusted() {
    let shelf = Shelf::new().with_totp();
    let chance: [Random<10>; COUNT] = std::array::from_fn(|n| Random::new([u8::try_from(n).unwrap(); 10]));
    let codes = shelf.write(move |tx, _| Ok(set_recovery(tx, id(1), &chance, at(0))?));
    let before = shelf.factors(id(1)).trust;
    assert!(shelf.write(|tx, _| Ok(remove_totp(tx, id(1))?)));
    assert!(!shelf.write(|tx, _| Ok(remove_totp(tx, id(1))?)), "twice");
    let after = shelf.factors(id(1));
    assert!(after.totp.is_none() && after.recovery.is_none() && after.trust > before);
    assert!(!shelf.recovery(id(1), &codes[0]));
    let shelf = shelf.with_totp();
    let before = shelf.factors(id(1)).trust;
    assert!(shelf.write(|tx, _| Ok(forget(tx, id(1))?)));
    assert_eq!(shelf.factors(id(1)), FactorsRecord { trust: before + 1, ..FactorsRecord::default() });
    assert!(!shelf.write(|tx, _| Ok(forget(tx, id(1))?)));
    shelf.write(|tx, _| Ok(erase(tx, id(1))?));
    assert_eq!(shelf.0.read(|tx| FACTORS.get(tx, &id(1))), Ok(None));
}

/// What is stored keeps its shape: a change here needs a migration.
///
/// Proves: OPS-15
#[test]
fn golden_records() {
    let factors = FactorsRecord {
        totp: Some(TotpFactor { sealed: vec![1, 2, 3], since: at(1), last_step: 60_000_000 }),
        recovery: Some(RecoveryCodes { digests: [[1; 32], [2; 32]].concat(), made: at(2) }),
        email: Some(AddressFactor { address: "alice@example.com".to_owned(), since: at(3) }),
        sms: Some(AddressFactor { address: "+4915112345678".to_owned(), since: at(4) }),
        trust: 7,
        review: true,
        passkeys: None,
        mail_only: None,
    };
    check("src/domain/factor/golden/factors.v1.hex", &factors);
    let later = FactorsRecord { passkeys: Some(2), mail_only: Some(at(5)), ..factors };
    check("src/domain/factor/golden/mail-only.v1.hex", &later);
    check("src/domain/factor/golden/none.v1.hex", &FactorsRecord::default());
    let enrolment = EnrolmentRecord {
        sealed: vec![4, 5, 6],
        session: Some(session(1)),
        expires: at(600),
        epoch: 3,
        wrong: 1,
    };
    check("src/domain/factor/golden/enrolment.v1.hex", &enrolment);
    let passkey = PasskeyRecord {
        account: id(1),
        name: "the key on the ring".to_owned(),
        credential: vec![7; 20],
        key: vec![0xa0],
        counter: 6,
        verified: true,
        backup_eligible: true,
        backed_up: false,
        aaguid: [8; 16],
        transports: vec!["internal".to_owned(), "usb".to_owned()],
        discoverable: Some(true),
        created: at(7),
        used: Some(at(8)),
    };
    check("src/domain/factor/golden/passkey.v1.hex", &passkey);
}
