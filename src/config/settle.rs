//! Raw values → [`Settings`], with every complaint on the way.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use super::{
    complaint::Complaints,
    ledger::Ledger,
    raw::Raw,
    sections::{accounts, apps, clients, people, session::is_public_suffix},
    settings::{AppSettings, Settings, Site},
};
use crate::{
    actions,
    domain::{
        letters::Letters,
        policy::{ContinueUrl, RuleSet},
    },
    store,
    values::{pattern::Hosts, url::WebUrl},
    world::{Outlets, mail::Delivery},
};

/// Settles each section, then what concerns several of them.
#[expect(clippy::too_many_lines, reason = "one line for each section")]
pub(crate) fn settle(raw: Raw, mut ledger: Ledger) -> Result<Settings, Complaints> {
    let book = &mut ledger;
    let data_dir = data_dir(&raw, book);
    let gateway = raw.gateway.settle(book);
    let api = raw.api.settle(&raw.gateway, book);
    let portal_url = gateway.as_ref().map(|site| &site.public_url);
    let control_socket = raw.control.settle(&data_dir, book);
    let metrics = raw.metrics.settle(book);
    let proxies = raw.proxies.settle(book);
    let (lifetimes, cookie) = raw.session.settle(portal_url, book);
    let password = raw.password.settle(book);
    let throttle = raw.throttle.settle(book);
    let factors = raw.second_factors.settle(&raw.portal.title, book);
    let passkeys = raw.passkeys.settle(portal_url, &raw.portal.title, book);
    let vouch = raw.vouch.settle(book);
    let portal = raw.portal.settle(book);
    let places = raw.portal.places(book);
    let simple = raw.simple.settle(book);
    let (cache, store_cache) = raw.cache.settle(book);
    let log = raw.log.settle(book);
    let audit_keep = raw.audit.settle(book);
    let limits = raw.limits.settle(book);
    let messages = messages(&raw, &data_dir, &portal.title, portal_url, book);
    let reach = messages.as_ref().map_or_else(actions::Outlets::default, |(outlets, _)| actions::Outlets {
        mail: !matches!(outlets.mail.delivery, Delivery::Nowhere),
        sms: outlets.sms.is_some(),
    });
    let people = people::settle(&raw.registration, &raw.recovery, &raw.terms, reach, book);
    let accounts = accounts::settle(&raw.accounts, book);
    let oauth2 = raw.oauth2.settle(portal_url, (&throttle, &lifetimes), book);
    let clients = clients::settle(&raw.clients, book);
    if let (Some((_, hashing)), Some(accounts)) = (&password, &accounts) {
        accounts::check_costs(&raw.accounts, accounts, hashing, book);
    }
    let guarded = guarded(&raw, portal_url, cookie.domain.as_deref(), places, book);
    one_address_each(gateway.as_ref(), api.as_ref(), metrics, book);
    let store = store::Settings { cache_bytes: store_cache, ..store::Settings::at(data_dir.join(STORE)) };
    let settled = (|| {
        let (passwords, hashing) = password?;
        let (rules, apps) = guarded?;
        let portal_url = gateway.as_ref()?.public_url.clone();
        let (outlets, letters) = messages?;
        Some(Settings {
            data_dir,
            store,
            gateway: gateway?,
            api: api?,
            control_socket,
            metrics,
            limits,
            largest_body: raw.limits.body.0,
            proxies: proxies?,
            actions: actions::Settings {
                limits: lifetimes,
                throttle,
                passwords,
                letters,
                factors,
                passkeys,
                portal: portal_url,
                outlets: reach,
                people,
            },
            outlets,
            hashing,
            cookie,
            vouch: vouch?,
            portal,
            simple,
            cache,
            log,
            audit_keep,
            rules,
            apps,
            accounts: accounts?,
            oauth2: oauth2?,
            clients: clients?,
            warnings: Vec::new(),
            raw: Box::new(raw),
        })
    })();
    let (settings, warnings) = ledger.close(settled)?;
    Ok(Settings { warnings, ..settings })
}

/// The apps and their rules, and what portal and cookie have to do with them.
fn guarded(
    raw: &Raw,
    portal: Option<&WebUrl>,
    cookie_domain: Option<&str>,
    places: Vec<ContinueUrl>,
    ledger: &mut Ledger,
) -> Option<(RuleSet, Vec<AppSettings>)> {
    // Without a portal the rules are still worth looking at.
    let stand_in = WebUrl::parse("https://portal.invalid").ok();
    let (rules, apps) = apps::settle(&raw.apps, portal.or(stand_in.as_ref())?, places, ledger)?;
    raw.portal.check_home(&rules, ledger);
    if let Some(portal) = portal {
        where_the_cookie_goes(portal, cookie_domain, &rules, ledger);
    }
    Some((rules, apps))
}

/// How people are reached, and in whose words.
fn messages(
    raw: &Raw,
    data_dir: &Path,
    title: &str,
    portal: Option<&WebUrl>,
    ledger: &mut Ledger,
) -> Option<(Outlets, Letters)> {
    let outgoing = raw.outgoing.settle(ledger);
    let mail = raw.mail.settle(data_dir, &outgoing.reach, ledger);
    let sms = raw.sms.settle(&outgoing.reach, ledger);
    // Without a portal the words are still worth looking at.
    let stand_in = WebUrl::parse("https://portal.invalid").ok();
    let letters = raw.mail.letters(title, portal.or(stand_in.as_ref())?, ledger);
    Some((Outlets { mail: mail?, sms: sms?, outgoing }, letters?))
}

/// The store's file in the data folder.
const STORE: &str = "vouchsafe.redb";

fn data_dir(raw: &Raw, ledger: &mut Ledger) -> PathBuf {
    if raw.data_dir.is_empty() || raw.data_dir.contains('\0') {
        ledger.refuse_with("data_dir", "must name a folder", "the default is \"vouchsafe-data\"");
    }
    ledger.path("data_dir", &raw.data_dir)
}

/// An app whose host never gets the session cookie would send people round in circles between itself and
/// the login page.
fn where_the_cookie_goes(portal: &WebUrl, domain: Option<&str>, rules: &RuleSet, ledger: &mut Ledger) {
    let own = portal.host().as_str();
    for (index, app) in rules.apps().enumerate() {
        for (at, pattern) in app.hosts.iter().enumerate() {
            let (Hosts::Exact(host) | Hosts::Below(host)) = pattern.hosts();
            let host = host.as_str();
            let gets_it = host == own || domain.is_some_and(|domain| is_within(host, domain));
            if !gets_it {
                let hint = match shared_parent(own, host) {
                    Some(parent) => format!("session.cookie.domain = \"{parent}\" shares it"),
                    None => "the portal and its apps need a parent domain in common".to_owned(),
                };
                let message = format!(
                    "browsers do not send the session cookie of {own} to {pattern}: nobody can sign in there"
                );
                ledger.warn(&format!("apps[{index}].hosts[{at}]"), message, hint);
            }
        }
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// The longest domain that both names lie in and that one can own.
fn shared_parent<'a>(one: &str, other: &'a str) -> Option<&'a str> {
    let mut parent = Some(other);
    while let Some(name) = parent {
        if is_within(one, name)
            && !is_public_suffix(name)
            && !name.starts_with('[')
            && name.parse::<IpAddr>().is_err()
        {
            return Some(name);
        }
        parent = name.split_once('.').map(|(_, rest)| rest);
    }
    None
}

/// Two listeners on one address: the second would fail to start, with a message that names neither key.
fn one_address_each(
    gateway: Option<&Site>,
    api: Option<&Site>,
    metrics: Option<SocketAddr>,
    ledger: &mut Ledger,
) {
    let fixed = |listen: &SocketAddr| listen.port() != 0;
    let gateway = gateway.map(|site| site.listen).filter(fixed);
    let api = api.map(|site| site.listen).filter(fixed);
    let metrics = metrics.filter(fixed);
    if api.is_some() && api == gateway {
        ledger.refuse("api.listen", "is the address of gateway.listen as well");
    }
    if metrics.is_some() && (metrics == gateway || metrics == api) {
        ledger.refuse("metrics.listen", "is the address of another listener as well");
    }
}
