//! The operator's commands about joining and coming back: stipulations, invitations, one-time links.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Operator, Reply};
use crate::{
    actions::Which,
    domain::{
        call::Call,
        fault::{Fault, Field},
        rights::Permit,
        stipulation::{Open, Stipulation, StipulationError},
    },
    values::{email::EmailAddress, name::GroupName},
};

/// One thing to do. `who` is a user name, an e-mail address or an account id.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PeopleCommand {
    /// Show what is asked of an account.
    Stipulations {
        /// Which.
        who: String,
    },
    /// Ask something of an account.
    Stipulate {
        /// Which.
        who: String,
        /// `confirm-email`, `manual-approval`, `accept-terms=VERSION` or `change-password`.
        what: String,
    },
    /// Ask something no more, or anything.
    Unstipulate {
        /// Which.
        who: String,
        /// What; everything when absent.
        what: Option<String>,
    },
    /// Open an account that waits for approval.
    Approve {
        /// Which.
        who: String,
    },
    /// Make a link that signs somebody in.
    OneTime {
        /// Whom.
        who: String,
        /// How long it is good, in seconds.
        seconds: u64,
    },
    /// Invite an address.
    Invite {
        /// The address.
        email: String,
        /// The groups of the account to be.
        groups: Vec<String>,
        /// How long it is good, in seconds; a day when absent.
        seconds: Option<u64>,
    },
}

/// Something that is asked of an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StipulationView {
    /// What, with the version of the terms.
    pub what: String,
    /// Since when.
    pub since: String,
    /// Whether nobody can sign in before it is satisfied.
    pub blocks: bool,
    /// The address that waits to be confirmed.
    pub address: Option<String>,
    /// When the account goes unless it is satisfied.
    pub lapses: Option<String>,
}

impl From<&Open> for StipulationView {
    fn from(open: &Open) -> Self {
        Self {
            what: open.what.to_string(),
            since: open.since.rfc3339(),
            blocks: open.what.blocks(),
            address: open.address.clone(),
            lapses: open.lapses.map(crate::values::time::Timestamp::rfc3339),
        }
    }
}

impl Operator {
    /// Carries a command about people out.
    pub(super) async fn people(
        &self,
        call: &Call,
        permit: &Permit,
        command: PeopleCommand,
    ) -> Result<Reply, Fault> {
        let done = |text: &str| Ok(Reply::Done(text.to_owned()));
        match command {
            PeopleCommand::Stipulations { who } => {
                let id = self.find(permit, &who)?.id;
                let open = self.actions.stipulations_of(permit, id)?;
                Ok(Reply::Stipulations(open.iter().map(StipulationView::from).collect()))
            }
            PeopleCommand::Stipulate { who, what } => {
                let id = self.find(permit, &who)?.id;
                let what = stipulation(&what)?;
                if what == Stipulation::AcceptTerms(String::new()) {
                    return Err(Fault::malformed(
                        Field::Body,
                        "accept-terms needs a version, accept-terms=VERSION",
                    ));
                }
                self.actions.stipulate(call, permit, id, what).await?;
                done("It is asked from the next sign-in on; the sessions of the account are ended.")
            }
            PeopleCommand::Unstipulate { who, what } => {
                let id = self.find(permit, &who)?.id;
                let what = what.as_deref().map(stipulation).transpose()?;
                let gone = self.actions.unstipulate(call, permit, id, what).await?;
                let gone: Vec<_> = gone.iter().map(ToString::to_string).collect();
                Ok(Reply::Done(format!("No longer asked: {}.", gone.join(", "))))
            }
            PeopleCommand::Approve { who } => {
                let id = self.find(permit, &who)?.id;
                self.actions.approve(call, permit, id).await?;
                done("The account is approved.")
            }
            PeopleCommand::OneTime { who, seconds } => {
                let lifetime = Duration::from_secs(seconds);
                let link = self.actions.make_link(call, permit, &Which::from(who.as_str()), lifetime).await?;
                Ok(Reply::Link(link.expose().clone()))
            }
            PeopleCommand::Invite { email, groups, seconds } => {
                let email = EmailAddress::parse(&email)
                    .map_err(|error| Fault::malformed(Field::Email, error.to_string()))?;
                let group = |name: &String| {
                    GroupName::parse(name).map_err(|error| Fault::malformed(Field::Group, error.to_string()))
                };
                let groups = groups.iter().map(group).collect::<Result<_, _>>()?;
                let lifetime = seconds.map(Duration::from_secs);
                let link = self.actions.invite(call, permit, email, groups, lifetime).await?;
                let link = link.expose().clone();
                Ok(Reply::Invited(InvitedView { link, mailed: self.actions.wants_mail() }))
            }
        }
    }
}

/// An invitation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InvitedView {
    /// The link, which is a secret.
    pub link: String,
    /// Whether it is on its way to the address by mail, too.
    pub mailed: bool,
}

fn stipulation(text: &str) -> Result<Stipulation, Fault> {
    text.parse().map_err(|error: StipulationError| Fault::malformed(Field::Body, error.to_string()))
}
