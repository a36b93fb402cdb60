//! Commands about second factors.

use serde::{Deserialize, Serialize};

use super::{command::Reply, execute::Operator};
use crate::{
    actions::factors::Factors,
    domain::{call::Call, fault::Fault, rights::Permit},
    values::time::Timestamp,
};

/// What to do about second factors. `who` is a user name, an e-mail address or an account id.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FactorCommand {
    /// Show those of an account.
    Show {
        /// Whose.
        who: String,
    },
    /// Take all of them away, for somebody who lost them.
    Reset {
        /// Whose.
        who: String,
    },
}

/// The second factors of an account as the operator sees them; each with the time since when.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FactorsView {
    /// Whether signing in asks for one.
    pub required: bool,
    /// How many passkeys there are.
    pub passkeys: u32,
    /// An authenticator app.
    pub totp: Option<String>,
    /// Codes by e-mail.
    pub email: Option<String>,
    /// Codes by SMS.
    pub sms: Option<String>,
    /// How many recovery codes are left.
    pub recovery_left: usize,
    /// A recovery code was used and the owner has not looked since.
    pub review: bool,
    /// Since when codes by e-mail do not count beside the password, because a link in a mail set it.
    pub mail_only: Option<String>,
}

impl Operator {
    pub(super) async fn factor(
        &self,
        call: &Call,
        permit: &Permit,
        command: FactorCommand,
    ) -> Result<Reply, Fault> {
        let (who, reset) = match command {
            FactorCommand::Show { who } => (who, false),
            FactorCommand::Reset { who } => (who, true),
        };
        let account = self.find(permit, &who)?;
        if !reset {
            return Ok(Reply::Factors(self.actions.factors_of(account.id)?.into()));
        }
        self.actions.reset_factors(call, permit, account.id).await?;
        let said = "All second factors are removed, and all sessions are ended. The first factor alone opens the account now.";
        Ok(Reply::Done(said.to_owned()))
    }
}

impl From<Factors> for FactorsView {
    fn from(factors: Factors) -> Self {
        let since = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
        Self {
            required: factors.required,
            passkeys: factors.held.passkeys.unwrap_or_default(),
            totp: since(factors.held.totp),
            email: since(factors.held.email),
            sms: since(factors.held.sms),
            recovery_left: factors.held.recovery.map_or(0, |(left, _)| left),
            review: factors.held.review,
            mail_only: since(factors.held.mail_only),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FactorCommand, FactorsView};
    use crate::{
        domain::{audit::Event, fault::Reason, outbox::Template},
        web::{
            control::{Command, Operator, Reply},
            testing::House,
        },
    };

    async fn factor(house: &House, verb: FactorCommand) -> Result<Reply, Reason> {
        let (actions, oauth2) = (house.shared.actions.clone(), house.shared.oauth2.clone());
        let operator = Operator::new(actions, oauth2, house.shared.gate.clone(), None);
        operator.execute(&house.desk.call(), Command::Factor { verb }).await.map_err(|fault| fault.reason)
    }

    async fn shown(house: &House, who: &str) -> FactorsView {
        match factor(house, FactorCommand::Show { who: who.to_owned() }).await {
            Ok(Reply::Factors(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    /// By name, address or id; with what the person is told and the trail keeps.
    ///
    /// Proves: SES-9, THR-13
    #[tokio::test]
    async fn the_operator_sees_factors_and_takes_them_away() {
        let house = House::open();
        let id = house.desk.add("alice").await;
        let since = house.desk.call().now.rfc3339();
        house.desk.with_totp(id).await;
        house.desk.add("bob").await;
        house.session("bob").await;
        let view = shown(&house, "alice").await;
        assert_eq!((view.required, view.totp, view.passkeys), (true, Some(since.clone()), 0));
        let (now, distrust) = (house.desk.call().now, crate::domain::factor::distrust_mail);
        assert_eq!(view.mail_only, None);
        house.desk.store.write_blocking(move |tx| distrust(tx, id, now)).unwrap();
        assert_eq!(shown(&house, "alice").await.mail_only, Some(since));
        assert!(!shown(&house, "bob").await.required);
        let reset = async |who: &str| factor(&house, FactorCommand::Reset { who: who.to_owned() }).await;
        assert!(matches!(reset("alice@example.com").await, Ok(Reply::Done(_))));
        let view = shown(&house, &id.to_string()).await;
        assert_eq!((view.required, view.totp, view.recovery_left), (false, None, 0));
        assert_eq!(house.desk.count(Event::FactorsReset), 1);
        assert_eq!(house.desk.letters_of(Template::FactorRemoved), 1);
        assert_eq!(reset("bob").await.unwrap_err(), Reason::NothingToDo);
        assert_eq!(reset("nobody").await.unwrap_err(), Reason::NotFound);
        assert_eq!(house.desk.live(house.desk.account_id("bob")), 1);
    }

    /// `explain` judges by the age it is told, as a check would.
    #[tokio::test]
    async fn explain_tells_how_old_the_second_factor_is() {
        let house = House::open();
        house.desk.add("alice").await;
        let (actions, oauth2) = (house.shared.actions.clone(), house.shared.oauth2.clone());
        let operator = Operator::new(actions, oauth2, house.shared.gate.clone(), None);
        for (second_factor, second_factor_age, fact) in [
            (false, None, "no"),
            (true, None, "yes, 0 seconds ago"),
            (false, Some(90), "yes, 90 seconds ago"),
            (true, Some(90), "yes, 90 seconds ago"),
        ] {
            let command = Command::Explain {
                user: Some("alice".to_owned()),
                url: "https://safe.example.com/".to_owned(),
                method: "GET".to_owned(),
                client: None,
                second_factor,
                second_factor_age,
            };
            let told = operator.execute(&house.desk.call(), command).await.unwrap();
            let Reply::Explanation(told) = told else { panic!("{told:?}") };
            assert!(told.to_string().contains(&format!("\"{fact}\"")), "{told}");
        }
    }
}
