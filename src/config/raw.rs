//! The file as it is written: one struct per table, every default in it, unknown keys refused.
//! What the values mean is decided in each section's `settle`.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{
    sections::{
        accounts::AccountSection,
        apps::AppSection,
        cache::CacheSection,
        clients::ClientSection,
        gateway::{ApiSection, GatewaySection},
        limits::LimitsSection,
        listeners::{ControlSection, MetricsSection},
        log::{AuditSection, LogSection},
        // Messages.
        mail::MailSection,
        oauth2::OAuth2Section,
        outgoing::OutgoingSection,
        passkeys::PasskeysSection,
        password::PasswordSection,
        people::{RecoverySection, RegistrationSection, TermsSection},
        portal::PortalSection,
        proxies::ProxiesSection,
        second_factors::SecondFactorsSection,
        session::SessionSection,
        simple::SimpleSection,
        sms::SmsSection,
        throttle::ThrottleSection,
        vouch::VouchSection,
    },
    source::join,
};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) data_dir: String,
    pub(crate) gateway: GatewaySection,
    pub(crate) api: ApiSection,
    pub(crate) control: ControlSection,
    pub(crate) metrics: MetricsSection,
    pub(crate) proxies: ProxiesSection,
    pub(crate) session: SessionSection,
    pub(crate) password: PasswordSection,
    pub(crate) throttle: ThrottleSection,
    pub(crate) second_factors: SecondFactorsSection,
    pub(crate) passkeys: PasskeysSection,
    // Joining and coming back.
    pub(crate) registration: RegistrationSection,
    pub(crate) recovery: RecoverySection,
    pub(crate) terms: TermsSection,
    pub(crate) vouch: VouchSection,
    pub(crate) portal: PortalSection,
    pub(crate) simple: SimpleSection,
    pub(crate) cache: CacheSection,
    pub(crate) log: LogSection,
    pub(crate) audit: AuditSection,
    pub(crate) limits: LimitsSection,
    pub(crate) mail: MailSection,
    pub(crate) sms: SmsSection,
    pub(crate) outgoing: OutgoingSection,
    pub(crate) apps: Vec<AppSection>,
    pub(crate) accounts: Vec<AccountSection>,
    // OAuth 2.0.
    pub(crate) oauth2: OAuth2Section,
    pub(crate) clients: Vec<ClientSection>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            data_dir: "vouchsafe-data".to_owned(),
            gateway: GatewaySection::default(),
            api: ApiSection::default(),
            control: ControlSection::default(),
            metrics: MetricsSection::default(),
            proxies: ProxiesSection::default(),
            session: SessionSection::default(),
            password: PasswordSection::default(),
            throttle: ThrottleSection::default(),
            second_factors: SecondFactorsSection::default(),
            passkeys: PasskeysSection::default(),
            registration: RegistrationSection::default(),
            recovery: RecoverySection::default(),
            terms: TermsSection::default(),
            vouch: VouchSection::default(),
            portal: PortalSection::default(),
            simple: SimpleSection::default(),
            cache: CacheSection::default(),
            log: LogSection::default(),
            audit: AuditSection::default(),
            limits: LimitsSection::default(),
            mail: MailSection::default(),
            sms: SmsSection::default(),
            outgoing: OutgoingSection::default(),
            apps: Vec::new(),
            accounts: Vec::new(),
            oauth2: OAuth2Section::default(),
            clients: Vec::new(),
        }
    }
}

impl Raw {
    /// Every key with its default, as plain values. Arrays of tables are empty.
    pub(crate) fn defaults() -> Table {
        Table::try_from(Self::default()).unwrap_or_default()
    }
}

/// The paths of all keys in a tree, those of tables and lists included.
pub(crate) fn paths(table: &Table) -> Vec<String> {
    fn walk(path: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Table(table) => {
                for (key, value) in table {
                    let here = join(path, key);
                    walk(&here, value, found);
                    found.push(here);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    walk(&format!("{path}[{index}]"), value, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (key, value) in table {
        walk(key, value, &mut found);
        found.push(key.clone());
    }
    found
}
