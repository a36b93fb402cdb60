//! What the operator can ask, and the answers, as they travel over the control socket.

use serde::{Deserialize, Serialize};

use super::{
    apikeys::{KeyCommand, KeyView},
    clients::{ClientCommand, ClientSecretView, ClientView},
    factors::{FactorCommand, FactorsView},
    import::{ForeignAccount, ImportView},
    people::{InvitedView, PeopleCommand, StipulationView},
};

/// One thing to do. `who` is a user name, an e-mail address or an account id.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Create an account.
    AccountAdd {
        /// The login name.
        username: String,
        /// What people call the person.
        name: Option<String>,
        /// An e-mail address.
        email: Option<String>,
        /// A mobile number, E.164.
        mobile: Option<String>,
        /// Groups by name.
        groups: Vec<String>,
        /// The password.
        password: Option<String>,
        /// The password must be replaced at the first sign-in.
        temporary: bool,
    },
    /// List accounts in order of creation, at most 1000.
    AccountList {
        /// The id after which to go on.
        after: Option<String>,
    },
    /// Show one account.
    AccountShow {
        /// Which.
        who: String,
    },
    /// Set a password.
    AccountPasswd {
        /// Whose.
        who: String,
        /// The password.
        password: String,
        /// It must be replaced at the next sign-in.
        temporary: bool,
    },
    /// Close an account until enabled.
    AccountDisable {
        /// Which.
        who: String,
        /// Why.
        reason: String,
    },
    /// Open a disabled account.
    AccountEnable {
        /// Which.
        who: String,
    },
    /// Close an account for now.
    AccountLock {
        /// Which.
        who: String,
        /// Why.
        reason: String,
    },
    /// Open a locked account and forget its failed sign-ins.
    AccountUnlock {
        /// Which.
        who: String,
    },
    /// Remove an account.
    AccountDelete {
        /// Which.
        who: String,
    },
    /// List the live sessions of an account.
    SessionList {
        /// Whose.
        who: String,
    },
    /// End one session of an account, or all.
    SessionEnd {
        /// Whose.
        who: String,
        /// Which; all when absent.
        session: Option<String>,
    },
    /// List groups.
    GroupList,
    /// Create a group.
    GroupAdd {
        /// Its name.
        group: String,
    },
    /// Rename a group.
    GroupRename {
        /// Its name.
        group: String,
        /// Its new name.
        to: String,
    },
    /// Remove a group.
    GroupDelete {
        /// Its name.
        group: String,
    },
    /// Put a person into a group.
    GroupJoin {
        /// The group.
        group: String,
        /// The person.
        who: String,
    },
    /// Take a person out of a group.
    GroupLeave {
        /// The group.
        group: String,
        /// The person.
        who: String,
    },
    /// Read the audit trail, newest first.
    Audit {
        /// Only about this account.
        who: Option<String>,
        /// Only entries with a smaller number.
        before: Option<u64>,
        /// How many, at most 1000.
        limit: usize,
    },
    /// Check the audit trail's hash chain.
    AuditVerify,
    /// Say how a request would be judged.
    Explain {
        /// The signed-in person; nobody when absent.
        user: Option<String>,
        /// The URL asked for.
        url: String,
        /// The method.
        method: String,
        /// The client's address.
        client: Option<String>,
        /// Judge as if a second factor had been given.
        second_factor: bool,
        /// How many seconds ago it was given; just now when absent.
        #[serde(default)]
        second_factor_age: Option<u64>,
    },
    /// Write a consistent copy of the store while it is in use.
    Backup {
        /// Where to; an absolute path that does not exist yet.
        path: String,
    },
    /// Joining and coming back.
    People {
        /// What to do.
        verb: PeopleCommand,
    },
    /// Load the configuration anew.
    Reload,
    /// Take an account over from another program.
    Import {
        /// The account as it was there.
        account: Box<ForeignAccount>,
        /// Try it without keeping anything.
        dry_run: bool,
    },
    /// Do something about API keys.
    ApiKey {
        /// What.
        verb: KeyCommand,
    },
    /// Do something about second factors.
    Factor {
        /// What.
        verb: FactorCommand,
    },
    /// Do something about OAuth clients.
    Client {
        /// What.
        verb: Box<ClientCommand>,
    },

    // Messages.
    /// Send a test message now.
    MailTest {
        /// Where to: an address, or a number.
        to: String,
        /// In which language; the configured one when absent.
        language: Option<String>,
    },
    /// List messages, at most 1000.
    MailQueue {
        /// Those that were delivered, too.
        all: bool,
        /// The id after which to go on.
        after: Option<String>,
    },
    /// Have messages tried again now.
    MailRetry {
        /// Which; all that wait or were given up when absent.
        message: Option<String>,
    },
}

/// The answer to a command.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done; the text says what, for a person.
    Done(String),
    /// An account.
    Account(AccountView),
    /// Accounts.
    Accounts(Vec<AccountView>),
    /// Sessions.
    Sessions(Vec<SessionView>),
    /// Groups.
    Groups(Vec<GroupView>),
    /// Audit entries.
    Audit(Vec<AuditView>),
    /// What is asked of an account.
    Stipulations(Vec<StipulationView>),
    /// A link, which is a secret.
    Link(String),
    /// An invitation.
    Invited(InvitedView),
    /// An OAuth client.
    Client(ClientView),
    /// OAuth clients.
    Clients(Vec<ClientView>),
    /// A client's new secret.
    ClientSecret(ClientSecretView),
    /// API keys.
    ApiKeys(Vec<KeyView>),
    /// Second factors.
    Factors(FactorsView),
    /// What became of an account that was taken over.
    Imported(ImportView),
    /// A judgement, as the domain explains it.
    Explanation(serde_json::Value),
    /// Messages.
    Messages(Vec<MessageView>),
}

/// Why a command was not carried out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Refused {
    /// The machine's word.
    pub reason: String,
    /// What to tell the person.
    pub message: String,
}

/// An account as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AccountView {
    /// Its id.
    pub id: String,
    /// The login name.
    pub username: String,
    /// What people call the person.
    pub name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The mobile number.
    pub mobile: Option<String>,
    /// Groups, sorted.
    pub groups: Vec<String>,
    /// `active`, `locked` or `disabled`.
    pub status: String,
    /// Why it is not active.
    pub status_reason: Option<String>,
    /// When it was created.
    pub created: String,
    /// Declared in the configuration.
    pub declared: bool,
    /// Whether it can sign in with a password.
    pub has_password: bool,
}

/// A session as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SessionView {
    /// Its id; it opens nothing.
    pub id: String,
    /// When it began.
    pub created: String,
    /// Its last written use.
    pub last_seen: String,
    /// When it is over at the latest.
    pub ends: String,
    /// The client's address at sign-in.
    pub client: Option<String>,
    /// The browser at sign-in.
    pub agent: String,
}

/// A group as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct GroupView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// User names of its members.
    pub members: Vec<String>,
}

/// A message as the operator sees it: never what it says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// What it says.
    pub template: String,
    /// `mail` or `sms`.
    pub channel: String,
    /// Where to.
    pub to: String,
    /// `waiting`, `sending`, `delivered` or `given up`.
    pub state: String,
    /// When it was queued.
    pub created: String,
    /// When it is tried next, was delivered or was given up.
    pub at: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// An audit entry as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AuditView {
    /// Its place in the trail.
    pub number: u64,
    /// When.
    pub at: String,
    /// How much it should worry.
    pub level: String,
    /// The part of the house.
    pub module: String,
    /// What happened.
    pub message: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Who did it.
    pub actor: String,
    /// To which account.
    pub subject: Option<String>,
    /// From where.
    pub client: Option<String>,
    /// In which request.
    pub request: String,
    /// More.
    pub detail: String,
}
