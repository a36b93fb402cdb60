//! Codes that were sent, as a second factor.

use std::sync::Arc;

use crate::{
    actions::{
        accounts::Wanted,
        factors::codes::Waiting,
        login::{SignInOutcome, SignedIn, second::SecondFactor},
        testing::{Desk, PASSWORD, Plan, counting, race, tally, the_winner, unhindered, wanted},
        tests::mailbox::by_password,
    },
    domain::{
        audit::Event,
        factor::{self, AddressFactor, Channel},
        fault::{Fault, Reason},
        login::pending::PendingHash,
        outbox::Template,
    },
    values::{id::AccountId, phone::Phone, secret::Secret},
};

const NUMBER: &str = "+4930123456";

/// Alice in a login transaction, and the code that was sent to her.
async fn asked(plan: Plan, channel: Channel) -> (Arc<Desk>, AccountId, PendingHash, SecondFactor) {
    let desk = Arc::new(Desk::with(plan));
    let id = desk.create(Wanted { mobile: Phone::parse(NUMBER).ok(), ..wanted("alice") }).await.unwrap();
    // SMS counts beside another factor only.
    desk.with_totp(id).await;
    let (address, template) = match channel {
        Channel::Email => ("alice@example.com", Template::EmailCode),
        Channel::Sms => (NUMBER, Template::SmsCode),
    };
    let factor = AddressFactor { address: address.to_owned(), since: desk.call().now };
    let add = move |tx: &mut _| factor::set_address(tx, id, channel, Some(factor.clone()));
    desk.store.write(add).await.unwrap();
    let hash = by_password(&desk, PASSWORD).await.key.hash();
    desk.actions.send_code(&desk.call(), Waiting::Pending(hash), channel).await.unwrap();
    let code = Secret::new(desk.sent_value(template, "code").unwrap());
    (desk, id, hash, SecondFactor { factor: channel.factor(), code, trust: false, device: None })
}

async fn answer(desk: Arc<Desk>, hash: PendingHash, answer: SecondFactor) -> Result<SignedIn, Fault> {
    match desk.actions.second_factor(&desk.call(), hash, answer).await? {
        SignInOutcome::SignedIn(signed_in) => Ok(signed_in),
        SignInOutcome::Next(next) => panic!("more was asked: {next:?}"),
    }
}

/// Races: code by e-mail, second factor; code by SMS, second factor
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_of_a_sent_code_one_succeeds() {
    for channel in [Channel::Email, Channel::Sms] {
        let (desk, id, hash, right) = asked(unhindered(), channel).await;
        let outcomes = race(&desk, |desk, _| answer(desk, hash, right.clone()));
        the_winner(outcomes.await, &[Reason::Expired]);
        assert_eq!((desk.live(id), desk.count(Event::SignedIn)), (1, 1));
    }
}

/// Races: guesses at a code by e-mail; guesses at a code by SMS
/// Proves: THR-2, THR-7
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_guesses_at_a_sent_code_five_are_looked_at() {
    for channel in [Channel::Email, Channel::Sms] {
        let (desk, id, hash, right) = asked(counting(), channel).await;
        let wrong = SecondFactor { code: Secret::from("00000000"), ..right.clone() };
        let outcomes = race(&desk, |desk, _| answer(desk, hash, wrong.clone()));
        // The fifth ends the login transaction, which is what its sender is told.
        let tally = tally(&outcomes.await, [Reason::SecondFactorWrong, Reason::Expired]);
        assert_eq!(tally, (0, [4, 60]));
        assert_eq!((desk.count(Event::SecondFactorFailed), desk.second_failures(id)), (5, 5));
        assert_eq!(answer(desk, hash, right).await.unwrap_err().reason, Reason::Expired);
    }
}
