//! Carrying commands out.

use std::{fmt::Display, net::IpAddr, path::Path, pin::Pin, str::FromStr, sync::Arc, time::Duration};

use super::clients;
use super::command::{AccountView, AuditView, Command, GroupView, Reply, SessionView};
use crate::{
    actions::{
        Actions, Which,
        accounts::{Described, StatusChange, Wanted},
        groups::Membership,
    },
    domain::{
        account::Status,
        audit::{AuditRecord, Outcome},
        call::Call,
        caller::Caller,
        fault::{Fault, Field},
        policy::Subject,
        rights::Permit,
        session::SessionRecord,
    },
    gate::Gate,
    idp::oauth2,
    values::{
        email::EmailAddress,
        id::AccountId,
        name::{DisplayName, GroupName, Username},
        phone::Phone,
        secret::Secret,
        target::Target,
    },
};

/// Loads the configuration anew; says what changed, or what is wrong with it.
pub type Reload = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync>;

/// The machine's owner, acting through the command line.
#[derive(Clone)]
pub struct Operator {
    pub(super) actions: Actions,
    oauth2: oauth2::Engine,
    gate: Arc<Gate>,
    reload: Option<Reload>,
}

impl Operator {
    /// `reload` is absent when no server runs.
    pub const fn new(
        actions: Actions,
        oauth2: oauth2::Engine,
        gate: Arc<Gate>,
        reload: Option<Reload>,
    ) -> Self {
        Self { actions, oauth2, gate, reload }
    }

    /// Carries a command out.
    pub async fn execute(&self, call: &Call, command: Command) -> Result<Reply, Fault> {
        let permit = Permit::to_manage(&Caller::Operator)?;
        match command {
            Command::AccountAdd { .. }
            | Command::AccountList { .. }
            | Command::AccountShow { .. }
            | Command::AccountPasswd { .. }
            | Command::AccountDisable { .. }
            | Command::AccountEnable { .. }
            | Command::AccountLock { .. }
            | Command::AccountUnlock { .. }
            | Command::AccountDelete { .. } => self.account(call, &permit, command).await,
            Command::SessionList { who } => {
                let account = self.find(&permit, &who)?;
                let sessions = self.actions.sessions_of(call, account.id)?;
                Ok(Reply::Sessions(sessions.iter().map(SessionView::from).collect()))
            }
            Command::SessionEnd { who, session } => {
                let account = self.find(&permit, &who)?;
                let id = session.map(|id| parsed(&id, Field::Session)).transpose()?;
                self.actions.operator_ends_sessions(call, &permit, account.id, id).await?;
                Ok(Reply::Done(
                    if id.is_some() { "The session is ended." } else { "All sessions are ended." }.to_owned(),
                ))
            }
            Command::GroupList
            | Command::GroupAdd { .. }
            | Command::GroupRename { .. }
            | Command::GroupDelete { .. }
            | Command::GroupJoin { .. }
            | Command::GroupLeave { .. } => self.group(call, &permit, command).await,
            Command::Client { verb } => clients::execute(&self.oauth2, call, &permit, *verb).await,
            Command::Audit { who, before, limit } => {
                let subject = who.map(|who| self.subject_of_audit(&permit, &who)).transpose()?;
                let entries = self.actions.audit(&permit, subject, before, limit.min(MOST_ROWS))?;
                Ok(Reply::Audit(entries.iter().map(AuditView::from).collect()))
            }
            Command::AuditVerify => match self.actions.verify_audit(&permit)? {
                Ok(number) => Ok(Reply::Done(format!("The trail holds; its last entry is number {number}."))),
                Err(number) => Err(Fault::broken(format!("the trail is broken at entry {number}"))),
            },
            Command::Explain { user, url, method, client, second_factor, second_factor_age } => {
                let age = second_factor_age.map(Duration::from_secs);
                let second_factor = age.or(second_factor.then_some(Duration::ZERO));
                self.explain(&permit, user.as_deref(), &url, &method, client.as_deref(), second_factor)
            }
            Command::Backup { path } => {
                let bytes = self.actions.backup(&permit, Path::new(&path)).await?;
                Ok(Reply::Done(format!(
                    "Wrote {bytes} bytes to {path}. It holds password hashes: keep it secret."
                )))
            }
            Command::People { verb } => self.people(call, &permit, verb).await,
            Command::ApiKey { verb } => self.api_key(call, &permit, verb).await,
            Command::Factor { verb } => self.factor(call, &permit, verb).await,
            Command::Import { account, dry_run } => self.import(call, &permit, *account, dry_run).await,
            Command::MailTest { .. } | Command::MailQueue { .. } | Command::MailRetry { .. } => {
                super::mail::run(&self.actions, call, &permit, command).await
            }
            Command::Reload => match &self.reload {
                Some(reload) => {
                    reload().await.map(Reply::Done).map_err(|wrong| Fault::malformed(Field::Body, wrong))
                }
                None => {
                    Err(Fault::malformed(Field::Body, "no server is running, so there is nothing to reload"))
                }
            },
        }
    }

    pub(super) const fn actions(&self) -> &Actions {
        &self.actions
    }

    async fn account(&self, call: &Call, permit: &Permit, command: Command) -> Result<Reply, Fault> {
        let (who, change) = match command {
            Command::AccountAdd { username, name, email, mobile, groups, password, temporary } => {
                let wanted = Wanted {
                    username: Username::parse(&username).map_err(|error| flaw(Field::Username, error))?,
                    display_name: name
                        .map(|name| {
                            DisplayName::parse(&name).map_err(|error| flaw(Field::DisplayName, error))
                        })
                        .transpose()?,
                    email: email
                        .map(|email| EmailAddress::parse(&email).map_err(|error| flaw(Field::Email, error)))
                        .transpose()?,
                    mobile: mobile
                        .map(|mobile| Phone::parse(&mobile).map_err(|error| flaw(Field::Mobile, error)))
                        .transpose()?,
                    groups: groups.iter().map(|name| group_name(name)).collect::<Result<_, _>>()?,
                    password: password.map(Secret::new),
                    temporary,
                };
                let id = self.actions.create_account(call, permit, wanted).await?;
                return Ok(Reply::Account(self.find(permit, &id.to_string())?.into()));
            }
            Command::AccountList { after } => {
                let after = after.map(|id| parsed(&id, Field::Page)).transpose()?;
                let accounts = self.actions.list_accounts(permit, after, MOST_ROWS)?;
                return Ok(Reply::Accounts(accounts.into_iter().map(AccountView::from).collect()));
            }
            Command::AccountShow { who } => return Ok(Reply::Account(self.find(permit, &who)?.into())),
            Command::AccountPasswd { who, password, temporary } => {
                let account = self.find(permit, &who)?;
                self.actions.set_password(call, permit, account.id, Secret::new(password), temporary).await?;
                return Ok(Reply::Done(
                    "The password is set; all sessions of the account are ended.".to_owned(),
                ));
            }
            Command::AccountDelete { who } => {
                let account = self.find(permit, &who)?;
                self.actions.delete_account(call, permit, account.id).await?;
                return Ok(Reply::Done("The account is deleted.".to_owned()));
            }
            Command::AccountDisable { who, reason } => (who, StatusChange::Disable(reason)),
            Command::AccountEnable { who } => (who, StatusChange::Enable),
            Command::AccountLock { who, reason } => (who, StatusChange::Lock(reason)),
            Command::AccountUnlock { who } => (who, StatusChange::Unlock),
            _ => return Err(Fault::broken("not a command about accounts")),
        };
        let account = self.find(permit, &who)?;
        self.actions.change_status(call, permit, account.id, change).await?;
        Ok(Reply::Account(self.find(permit, &account.id.to_string())?.into()))
    }

    async fn group(&self, call: &Call, permit: &Permit, command: Command) -> Result<Reply, Fault> {
        let (group, who, membership) = match command {
            Command::GroupList => {
                let groups = self.actions.list_groups(permit)?;
                let view = |group: crate::actions::groups::GroupSummary| GroupView {
                    id: group.id.to_string(),
                    name: group.name,
                    members: group.members,
                };
                return Ok(Reply::Groups(groups.into_iter().map(view).collect()));
            }
            Command::GroupAdd { group } => {
                self.actions.create_group(call, permit, group_name(&group)?).await?;
                return Ok(Reply::Done("The group is created.".to_owned()));
            }
            Command::GroupRename { group, to } => {
                self.actions.rename_group(call, permit, group_name(&group)?, group_name(&to)?).await?;
                return Ok(Reply::Done("The group is renamed.".to_owned()));
            }
            Command::GroupDelete { group } => {
                self.actions.delete_group(call, permit, group_name(&group)?).await?;
                return Ok(Reply::Done("The group is deleted.".to_owned()));
            }
            Command::GroupJoin { group, who } => (group, who, Membership::Joins),
            Command::GroupLeave { group, who } => (group, who, Membership::Leaves),
            _ => return Err(Fault::broken("not a command about groups")),
        };
        let account = self.find(permit, &who)?;
        self.actions.change_membership(call, permit, account.id, group_name(&group)?, membership).await?;
        Ok(Reply::Account(self.find(permit, &account.id.to_string())?.into()))
    }

    fn explain(
        &self,
        permit: &Permit,
        user: Option<&str>,
        url: &str,
        method: &str,
        client: Option<&str>,
        second_factor: Option<Duration>,
    ) -> Result<Reply, Fault> {
        let target = Target::parse_url(method, url).map_err(|error| flaw(Field::Continue, error))?;
        let client = client
            .map(|client| {
                client.parse::<IpAddr>().map_err(|_| flaw(Field::Body, "the client is not an IP address"))
            })
            .transpose()?;
        let account = user.map(|user| self.find(permit, user)).transpose()?;
        let rules = self.gate.rules();
        let explained = match &account {
            Some(Described { account, groups, .. }) if account.status == Status::Active => {
                let subject =
                    Subject { username: &account.canonical, groups: &groups.canonical, second_factor };
                rules.explain(Some(&subject), &target, client)
            }
            // A closed account has no live session: it is judged as nobody.
            _ => rules.explain(None, &target, client),
        };
        serde_json::to_value(explained).map(Reply::Explanation).map_err(Fault::broken)
    }

    pub(super) fn find(&self, permit: &Permit, who: &str) -> Result<Described, Fault> {
        self.actions.find_account(permit, &Which::from(who))
    }

    /// The trail outlives its accounts, so an id need not exist any more.
    fn subject_of_audit(&self, permit: &Permit, who: &str) -> Result<AccountId, Fault> {
        match Which::from(who) {
            Which::Id(id) => Ok(id),
            named @ Which::Named(_) => Ok(self.actions.find_account(permit, &named)?.id),
        }
    }
}

/// No answer lists more.
pub(super) const MOST_ROWS: usize = 1000;

pub(super) fn flaw(field: Field, error: impl Display) -> Fault {
    Fault::malformed(field, error.to_string())
}

fn group_name(name: &str) -> Result<GroupName, Fault> {
    GroupName::parse(name).map_err(|error| flaw(Field::Group, error))
}

pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str, field: Field) -> Result<T, Fault> {
    text.parse().map_err(|error| flaw(field, error))
}

impl From<Described> for AccountView {
    fn from(described: Described) -> Self {
        let Described { id, account, groups, has_password } = described;
        let status = account.status.as_str().to_owned();
        let status_reason = match account.status {
            Status::Active => None,
            Status::Locked { reason, .. } | Status::Disabled { reason, .. } => Some(reason),
        };
        Self {
            id: id.to_string(),
            username: account.username,
            name: account.display_name,
            email: account.email,
            mobile: account.mobile,
            groups: groups.typed,
            status,
            status_reason,
            created: account.created.rfc3339(),
            declared: account.managed,
            has_password,
        }
    }
}

impl From<&SessionRecord> for SessionView {
    fn from(session: &SessionRecord) -> Self {
        Self {
            id: session.id.to_string(),
            created: session.created.rfc3339(),
            last_seen: session.last_seen.rfc3339(),
            ends: session.ends.rfc3339(),
            client: session.client.clone(),
            agent: session.agent.clone(),
        }
    }
}

impl From<&AuditRecord> for AuditView {
    fn from(record: &AuditRecord) -> Self {
        let (at, module, level, message) = record.told();
        Self {
            number: record.number,
            at: at.rfc3339(),
            level: level.as_str().to_owned(),
            module: module.to_owned(),
            message: message.to_owned(),
            outcome: match record.outcome {
                Outcome::Done => "done",
                Outcome::Refused => "refused",
            }
            .to_owned(),
            actor: record.actor.clone(),
            subject: record.subject.map(|subject| subject.to_string()),
            client: record.client.clone(),
            request: record.request.clone(),
            detail: record.detail.clone(),
        }
    }
}
